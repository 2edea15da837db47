"""The curves of a comparison: levels around a shift, and welfare while learning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from empathy_loop.train.adaptability import SMOOTHING, smoothed_levels
from empathy_loop.train.cells import cell_name, run_folder
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.evidence import Evidence, terms_of
from empathy_loop.train.logging import read_metrics
from empathy_loop.train.plan import CEILING, FLOOR, Shift, plan_runs, world_of_cell
from empathy_loop.train.statistics import Floats, bootstrap_band

MAX_BINS = 60
"""Most points of a learning curve."""
STEPS_BEFORE = 32
"""Most steps before the shift that are shown."""

Curve = dict[str, Any]


def recovery_curves(evidence: Evidence, shift: Shift) -> dict[str, Any]:
    """Return the normalised level of each arm around a shift; anchors are 0 and 1 throughout.

    Args:
        evidence: What is there.
        shift: Which.

    Returns:
        As `train.schema` documents `recovery`.
    """
    pairs: dict[str, tuple[Floats, Floats]] = {}
    for arm, runs in evidence.cells.items():
        found = [[terms_of(evidence, arm, seed, one) for seed in runs] for one in (shift, None)]
        levels = [[smoothed_levels(terms) for terms in cell if terms] for cell in found]
        if arm not in (FLOOR, CEILING) and levels[0]:
            pairs[arm] = np.array(levels[0]), np.array(levels[1])
    nothing: Curve = {"offset": [], "smoothing": SMOOTHING, "arms": {}}
    if not pairs:
        return nothing
    size = next(iter(pairs.values()))[0].shape[1]
    is_known = np.zeros(size, np.bool_)
    for shifted, twins in pairs.values():
        is_known |= np.isfinite(shifted).all(0) | np.isfinite(twins).all(0)
    is_known[: max(0, size // 2 - STEPS_BEFORE)] = False
    if not is_known.any():  # episodes too short to tell
        return nothing
    (places,) = np.nonzero(is_known)
    kept = np.s_[:, places[0] : places[-1] + 1]
    offset = (np.arange(size) - size // 2)[kept[1]]
    return {
        "offset": offset.tolist(),
        "smoothing": SMOOTHING,
        "arms": {
            arm: with_band(evidence, shifted[kept]) | {"twin": _plain(twins[kept].mean(0))}
            for arm, (shifted, twins) in pairs.items()
        },
    }


def learning_curves(evidence: Evidence, folder: Path) -> dict[str, Curve]:
    """Return the welfare of training of each learned arm, in bins of agent steps.

    What is logged before every world has ended its first episode is left out: worlds begin
    without needs, so that this welfare is better than that of any episode. The rest of an arm is
    cut into at most MAX_BINS bins of equal width, and no more than updates; a point is the mean
    over the updates in its bin, which all its runs must have.

    Args:
        evidence: What is there; only its runs are read.
        folder: Folder of the comparison, where metrics.jsonl of each run is.

    Returns:
        As `train.schema` documents `learning`.
    """
    logs: dict[str, dict[int, Floats]] = {}
    begin: dict[str, int] = {}
    for run in plan_runs(evidence.comparison):
        if run.is_learned and run.config.seed in evidence.cells.get(run.arm, {}):
            begin[run.arm] = _first_episodes(run.config)
            log = _welfare_of(read_metrics(run_folder(folder, run)), begin[run.arm])
            if len(log):
                logs.setdefault(run.arm, {})[run.config.seed] = log
    return {arm: _learning_curve(evidence, runs, begin[arm]) for arm, runs in logs.items()}


def reference_welfare(evidence: Evidence) -> dict[str, float]:
    """Return the episode welfare of arms that do not learn, in the very world of training.

    Args:
        evidence: What is there.

    Returns:
        Arm to welfare, mean over seeds; empty if no cell has the world of training.
    """
    found: dict[str, list[float]] = {}
    for run in plan_runs(evidence.comparison):
        cells = evidence.cells.get(run.arm, {}).get(run.config.seed)
        for shift in (None, *evidence.comparison.shifts):
            is_training = world_of_cell(run.config.world, shift) == run.config.world
            if is_training and cells is not None and not run.is_learned:
                welfare = cells[cell_name(shift)].welfare.sum(0).mean()
                found.setdefault(run.arm, []).append(float(welfare))
    return {arm: float(np.mean(welfare)) for arm, welfare in found.items()}


def _first_episodes(config: TrainConfig) -> int:
    """Return the agent steps after which every world of a run has ended its first episode."""
    return config.world.horizon * config.world.num_agents * config.agent.ppo.num_worlds


def _welfare_of(metrics: Sequence[Mapping[str, float]], begin: int) -> Floats:
    """Return agent steps and welfare of each update after some steps, [U, 2]."""
    name = "charts/welfare"
    rows = [(line["step"], line[name]) for line in metrics if name in line]
    table = np.array(rows, np.float64).reshape(-1, 2)
    return table[np.isfinite(table).all(1) & (table[:, 0] > begin)]


def _learning_curve(evidence: Evidence, runs: Mapping[int, Floats], begin: int) -> Curve:
    """Return the curve of one arm from agent steps and welfare of its seeds, [U, 2] each."""
    last = max(float(log[-1, 0]) for log in runs.values())
    bins = min(MAX_BINS, *(len(log) for log in runs.values()))
    edges = np.linspace(begin, last, bins + 1)
    means = np.full((len(runs), bins), np.nan)
    for row, log in zip(means, runs.values(), strict=True):
        place = np.searchsorted(edges[1:-1], log[:, 0])
        count = np.bincount(place, minlength=bins)
        total = np.bincount(place, weights=log[:, 1], minlength=bins)
        row[count > 0] = total[count > 0] / count[count > 0]
    is_known = np.isfinite(means).all(0)
    centres = (edges[:-1] + edges[1:])[is_known] / 2.0
    kept = means[:, is_known]
    return {
        "steps": centres.tolist(),
        "seeds": [str(seed) for seed in runs],
        "runs": kept.tolist(),
        **with_band(evidence, kept),
    }


def with_band(evidence: Evidence, curves: Floats) -> Curve:
    """Return mean, low and high of curves, lists with None where a number is not known.

    Args:
        evidence: Where the generator comes from.
        curves: float64 [runs, points].
    """
    band = bootstrap_band(curves, evidence.generator())
    low, high = (None, None) if band is None else (_plain(end) for end in band)
    return {"mean": _plain(curves.mean(0)), "low": low, "high": high}


def _plain(values: Floats) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
