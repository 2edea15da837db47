"""The measures of a comparison, and how each is made from cells and summed up over seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from empathy_loop.train.adaptability import (
    RECOVERY_SHARES,
    RETAINED_STEPS,
    SMOOTHING,
    STAY,
    WORST_SHARE,
    Recovery,
    gini,
    worst_family,
)
from empathy_loop.train.cells import Cell
from empathy_loop.train.evidence import (
    Adapted,
    Evidence,
    recovery_limit,
    rows_of,
    scored_shifts,
)
from empathy_loop.train.plan import Shift
from empathy_loop.train.statistics import (
    Floats,
    bootstrap_interval,
    mean_of_typical_runs,
    restricted_mean,
)

Score = dict[str, Any]
"""mean, low, high, runs and note, as `train.schema_parts` documents them; and watched."""


class Measure(NamedTuple):
    """One column of the tables.

    Attributes:
        title: Short name for a table.
        meaning: What it is, in a sentence without a full stop.
        digits: Decimals to show.
        is_normalised: Whether it is about levels between random and oracle; the others tell in
            their own units how the agents fare.
    """

    title: str
    meaning: str
    digits: int = 2
    is_normalised: bool = False


_REACHED = (
    f"steps until the level, smoothed over {SMOOTHING} steps, reaches {{share:.0%}} of the twin's "
    f"and stays for {STAY} steps; Kaplan-Meier mean up to the limit that is stated where a seed "
    "did not come back within it"
)

MEASURES: dict[str, Measure] = {
    "aurc": Measure(
        "AURC", "level from the shift to the end: 0 is random, 1 is oracle", is_normalised=True
    ),
    "deficit": Measure(
        "deficit", "level of the no-shift twin minus AURC: what the shift cost", is_normalised=True
    ),
    "before": Measure("P", "level over everything before the shift", is_normalised=True),
    "retained": Measure(
        "retained",
        f"level as a share of the twin's over {RETAINED_STEPS} steps after the shift",
        is_normalised=True,
    ),
    "recovery_50": Measure("T(.5)", _REACHED.format(share=RECOVERY_SHARES[0]), 1, True),
    "recovery_90": Measure("T(.9)", _REACHED.format(share=RECOVERY_SHARES[1]), 1, True),
    "welfare": Measure("welfare", "unshaped welfare of an episode, the score"),
    "drive": Measure("drive", "sum over kinds of squared need, mean over agents and steps"),
    "worst_off": Measure("worst-off", "mean drive of the agent of each world that fares worst"),
    "gini": Measure("Gini", "inequality of mean drives within a world, 0 for equal"),
    "helps": Measure("helps", "helps in one world's episode", 1),
    "help_precision": Measure("precision", "share of helps that were not misattuned"),
    "auroc": Measure("AUROC", "beliefs about who of the others needs what; 0.5 is chance"),
    "calibration_error": Measure("ECE", "calibration error of these beliefs, 0 for calibrated"),
}
"""Name and description of each measure of an arm on a shift, in the order of the tables."""

OVERALL: dict[str, Measure] = {
    "cas": Measure(
        "CAS",
        "collective adaptability score: AURC, mean over shifts, interquartile mean over seeds",
        is_normalised=True,
    ),
    "deficit": Measure(
        "deficit", "mean over shifts, interquartile mean over seeds", is_normalised=True
    ),
    "worst_family": Measure(
        "worst family",
        f"mean AURC of the worst {WORST_SHARE:.0%} of shift families (CVaR)",
        is_normalised=True,
    ),
    "worst_off": MEASURES["worst_off"],
    "gini": MEASURES["gini"],
}
"""Name and description of each measure of an arm over all scored shifts."""

_RECOVERIES = ("recovery_50", "recovery_90")


def score_shift(evidence: Evidence, adapted: Adapted, arm: str, shift: Shift) -> dict[str, Score]:
    """Return every measure of an arm on a shift.

    Args:
        evidence: What is there.
        adapted: Of `adapt_all`.
        arm: Name of an arm that has runs.
        shift: Which.

    Returns:
        Name of MEASURES to score.
    """
    values: dict[str, dict[int, float | None]] = {name: {} for name in MEASURES}
    recoveries: dict[str, dict[int, Recovery | None]] = {name: {} for name in _RECOVERIES}
    for seed, cells in evidence.cells[arm].items():
        one = adapted[arm][shift.name][seed]
        for name, value in _values_of(cells[shift.name]).items():
            values[name][seed] = value
        for name in ("aurc", "deficit", "before", "retained"):
            values[name][seed] = getattr(one, name) if one else None
        for name, recovery in zip(_RECOVERIES, one.recovery if one else (None, None), strict=True):
            recoveries[name][seed] = recovery
    limit = recovery_limit(adapted, shift)
    return {
        name: _recovery_score(evidence, recoveries[name], limit)
        if name in _RECOVERIES
        else mean_score(evidence, values[name])
        for name in MEASURES
    }


def score_overall(evidence: Evidence, adapted: Adapted, arm: str) -> dict[str, Score]:
    """Return the measures of an arm over all scored shifts.

    Args:
        evidence: What is there.
        adapted: Of `adapt_all`.
        arm: Name of an arm that has runs.

    Returns:
        Name of OVERALL to score; a seed's own value is the same statistic of its row.
    """
    shifts = scored_shifts(evidence, adapted)
    families = [shift.family for shift in shifts]
    tables = {
        "cas": rows_of(adapted, arm, "aurc", shifts),
        "deficit": rows_of(adapted, arm, "deficit", shifts),
        "worst_family": rows_of(adapted, arm, "aurc", shifts),
        "worst_off": _rows_of_cells(evidence, arm, "worst_off", shifts),
        "gini": _rows_of_cells(evidence, arm, "gini", shifts),
    }
    statistics: dict[str, Callable[[Floats], Floats]] = {
        "cas": mean_of_typical_runs,
        "deficit": mean_of_typical_runs,
        "worst_family": lambda rows: worst_family(rows, families),
        "worst_off": mean_of_all,
        "gini": mean_of_all,
    }
    return {name: _table_score(evidence, statistics[name], arm, tables[name]) for name in OVERALL}


def score_families(evidence: Evidence, adapted: Adapted, arm: str) -> dict[str, Score]:
    """Return the mean AURC of an arm on each scored shift family, over its severities."""
    shifts = scored_shifts(evidence, adapted)
    families = dict.fromkeys(shift.family for shift in shifts)
    return {
        family: _table_score(
            evidence,
            mean_of_all,
            arm,
            rows_of(adapted, arm, "aurc", [shift for shift in shifts if shift.family == family]),
        )
        for family in families
    }


def mean_of_all(rows: Floats) -> Floats:
    """Return the mean over runs and tasks; float64 [..., runs, tasks] to float64 [...]."""
    return np.asarray(rows.mean((-2, -1)))


def mean_score(evidence: Evidence, values: Mapping[int, float | None]) -> Score:
    """Return the mean over the seeds for which a value is known, with its interval."""
    known = {seed: value for seed, value in values.items() if value is not None}
    note = f"{len(known)} of {len(values)} seeds" if 0 < len(known) < len(values) else ""
    rows = np.array(list(known.values()), np.float64)[:, None]
    return sum_up(evidence, mean_of_all, rows, values, note)


def sum_up(
    evidence: Evidence,
    statistic: Callable[[Floats], Floats],
    rows: Floats,
    runs: Mapping[int, float | None],
    note: str = "",
) -> Score:
    """Return a statistic of runs as a score.

    Args:
        evidence: Where the generator comes from.
        statistic: Takes float64 [..., runs, tasks], returns float64 [...].
        rows: float64 [runs, tasks]; without a row, the score is unknown.
        runs: Seed to its own value, or None.
        note: What has to be said beside it.
    """
    interval = None
    if len(rows):
        interval = bootstrap_interval(statistic, rows, generator=evidence.generator())
    low, high = interval or (None, None)
    return {
        "mean": float(statistic(rows)) if len(rows) else None,
        "low": low,
        "high": high,
        "runs": {str(seed): value for seed, value in runs.items()},
        "note": note,
    }


def _table_score(
    evidence: Evidence, statistic: Callable[[Floats], Floats], arm: str, rows: Floats
) -> Score:
    """Return a statistic of [runs, tasks] as a score; without tasks it is unknown."""
    seeds = evidence.cells[arm]
    if not rows.size:
        return sum_up(evidence, statistic, rows[:0], dict.fromkeys(seeds))
    runs = {seed: float(statistic(row[None])) for seed, row in zip(seeds, rows, strict=True)}
    return sum_up(evidence, statistic, rows, runs)


def _rows_of_cells(evidence: Evidence, arm: str, measure: str, shifts: Sequence[Shift]) -> Floats:
    """Return a measure that needs no anchors, float64 [runs, shifts]."""
    return np.array(
        [
            [_values_of(cells[shift.name])[measure] for shift in shifts]
            for cells in evidence.cells[arm].values()
        ],
        np.float64,
    )


def _values_of(cell: Cell) -> dict[str, float | None]:
    """Return the measures of a cell that need no anchors."""
    drive = cell.drive.mean(0, dtype=np.float64)
    helps, misattuned = int(cell.helps.sum()), int(cell.misattuned.sum())
    _, auroc, calibration_error = cell.belief.tolist() or (None, None, None)
    return {
        "welfare": float(cell.welfare.sum(0).mean()),
        "drive": float(drive.mean()),
        "worst_off": float(drive.max(-1).mean()),
        "gini": float(gini(drive).mean()),
        "helps": helps / cell.welfare.shape[1],
        "help_precision": (helps - misattuned) / helps if helps else None,
        "auroc": auroc,
        "calibration_error": calibration_error,
    }


def _recovery_score(
    evidence: Evidence, recoveries: Mapping[int, Recovery | None], limit: int | None
) -> Score:
    """Return the restricted mean of recovery times; a run that was not seen to recover is None.

    With the steps for which each run was watched, and the limit of the shift, it can be made again
    from what is returned.
    """
    known = [one for one in recoveries.values() if one is not None]
    watched = {str(seed): one.watched if one else None for seed, one in recoveries.items()}
    if limit is None or not known:
        return mean_score(evidence, dict.fromkeys(recoveries)) | {"watched": watched}
    open_ended = [one for one in known if one.step is None or one.step >= limit]
    notes = []
    if len(known) < len(recoveries):
        notes.append(f"{len(known)} of {len(recoveries)} seeds")
    if open_ended:
        notes.append(f"{len(open_ended)} not within {limit}")
    score = sum_up(
        evidence,
        lambda drawn: restricted_mean(drawn[..., 0], drawn[..., 1], limit),
        np.array(
            [(one.watched, 0) if one.step is None else (one.step, 1) for one in known], np.float64
        ),
        {seed: one.step if one else None for seed, one in recoveries.items()},
        ", ".join(notes),
    )
    return score | {"watched": watched}
