"""Cells of a comparison made from levels that are known, for tests of what is made of cells.

In each step of each world, random gets a welfare and the oracle one that is better; an arm gets
the mixture of both that its level says. So every normalised number of it is known beforehand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from empathy_loop.train.beliefs import PARTNERS, QUALITIES, SOURCES, sources_of
from empathy_loop.train.cells import Cell, run_folder
from empathy_loop.train.plan import Comparison, Shift, plan_runs

HORIZON, WORLDS, AGENTS = 48, 6, 3
SWAP, REMAP = Shift("partner_swap", 0.3), Shift("cue_remap", 1.0)
MADE = Comparison(
    "made",
    "cells made from known levels",
    arms=("reader", "ippo_gru", "cognitive"),
    seeds=(0, 1, 2),
    shifts=(REMAP, SWAP),
    episodes=WORLDS,
)

Level = Callable[[str, int, Shift | None], tuple[float, float]]
"""Level before and after the shift, of an arm, a seed and a shift or the twin."""

LEVELS: Mapping[str, float] = {
    "random": 0.0,
    "reader": 0.3,
    "ippo_gru": 0.5,
    "cognitive": 0.7,
    "oracle": 1.0,
}


def usual_level(arm: str, seed: int, shift: Shift | None) -> tuple[float, float]:
    """Return the level of LEVELS and .02 for each seed; cue_remap costs 60% of it, a swap 20%."""
    before = LEVELS[arm]
    if arm in ("random", "oracle"):
        return before, before
    before += 0.02 * seed
    return before, before * {None: 1.0, REMAP: 0.4, SWAP: 0.8}[shift]


def make_cells(comparison: Comparison, level: Level = usual_level) -> dict[str, dict[str, Cell]]:
    """Return the cells of every run, by the name of the run and the name of the cell."""
    return {
        run.name: {
            "none" if shift is None else shift.name: make_cell(
                run.config.seed, level(run.arm, run.config.seed, shift), run.arm == "cognitive"
            )
            for shift in (None, *comparison.shifts)
        }
        for run in plan_runs(comparison)
    }


def make_cell(seed: int, levels: tuple[float, float], has_belief: bool = False) -> Cell:
    """Return a cell at a level before and one after the shift; worlds depend on the seed only."""
    draws = np.random.default_rng(seed)
    shift_step = draws.integers(HORIZON // 3, 2 * HORIZON // 3, WORLDS).astype(np.int32)
    floor = -draws.uniform(0.5, 1.5, (HORIZON, WORLDS))
    ceiling = 0.2 * floor
    level = np.where(np.arange(HORIZON)[:, None] >= shift_step, levels[1], levels[0])
    # Drives 1, 2, 3 times (1 - level before); one help a step of agent 0, each fourth misattuned.
    drive = np.broadcast_to((1.0 - levels[0]) * np.arange(1, AGENTS + 1), (HORIZON, WORLDS, AGENTS))
    helps = np.zeros((HORIZON, WORLDS, AGENTS), np.int8)
    helps[..., 0] = levels[0] > 0.0
    misattuned = helps.copy()
    misattuned[np.arange(HORIZON) % 4 > 0] = 0
    return Cell(
        welfare=floor + level * (ceiling - floor),
        drive=drive.astype(np.float32),
        helps=helps,
        misattuned=misattuned,
        shift_step=shift_step,
        belief=np.array([0.3, 0.9, 0.05]) if has_belief else np.zeros(0),
    )


def first_episodes(comparison: Comparison) -> int:
    """Return the agent steps of the first episode of all worlds of a learned run."""
    config = plan_runs(comparison)[0].config
    return 128 * 3 * config.agent.ppo.num_worlds


def write_logs(comparison: Comparison, folder: Path, updates: int = 4) -> None:
    """Write what each learned run logs: its metrics and its report on beliefs.

    Welfare is -10 + update + seed after each 100 steps. These follow the first episodes of the
    worlds, in which it is -1 and must not count.
    """
    begin = first_episodes(comparison)
    for run in plan_runs(comparison):
        if run.is_learned:
            path = run_folder(folder, run) / "metrics.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = [{"step": begin, "charts/welfare": -1.0}]
            lines += [
                {"step": begin + 100 * (i + 1), "charts/welfare": -10.0 + i + run.config.seed}
                for i in range(updates)
            ]
            lines.append({"step": begin + 100 * updates, "evaluation/welfare": -3.0})
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
            report = make_report(run.config.seed, sources_of(run.config.agent))
            path.with_name("evaluation.json").write_text(json.dumps({"belief": report}))


def make_report(seed: int, sources: list[str]) -> dict[str, Any]:
    """Return a report on beliefs: 0.1 for each place of a name in its table, and .01 a seed.

    Of three bins of its reliability diagram the second is empty, but for seed 2.
    """
    reliability = {
        "mean_p": [0.1, 0.5 if seed == 2 else None, 0.9],
        "share_true": [0.1 * (seed + 1), 0.4 if seed == 2 else None, 0.8],
        "num_entries": [10 * (seed + 1), 5 if seed == 2 else 0, 10],
    }
    return {
        partners: {
            source: {
                quality: 0.1 * (i + list(SOURCES).index(source) + k) + 0.01 * seed
                for k, quality in enumerate(QUALITIES)
            }
            | {"reliability": reliability}
            for source in sources
        }
        for i, partners in enumerate(PARTNERS)
    }
