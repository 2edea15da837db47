"""What a comparison has found: its cells by arm and seed, and what each shift did to each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from empathy_loop.train.adaptability import (
    Adaptation,
    Aligned,
    Terms,
    adaptation,
    align,
    compare_to_anchors,
)
from empathy_loop.train.cells import Cell, cell_name
from empathy_loop.train.plan import CEILING, FLOOR, Comparison, Shift, identity_of, plan_runs
from empathy_loop.train.statistics import Floats
from empathy_loop.train.teams import SELF_PLAY


class Evidence(NamedTuple):
    """The finished part of a comparison, under one condition.

    Attributes:
        comparison: Its settings.
        cells: Arm to seed to name of a cell to Cell; arms and seeds without cells are absent.
        seed: Of every bootstrap: each starts anew from it, so that no interval depends on
            which others are computed.
        learned: Names of the arms that are trained.
    """

    comparison: Comparison
    cells: Mapping[str, Mapping[int, Mapping[str, Cell]]]
    seed: int
    learned: frozenset[str]

    def generator(self) -> np.random.Generator:
        """Return the generator of one interval."""
        return np.random.default_rng(self.seed)


Adapted = Mapping[str, Mapping[str, Mapping[int, Adaptation | None]]]
"""Arm to name of a shift to seed to what the shift did."""


def gather(comparison: Comparison, found: Mapping[str, Mapping[str, Cell]]) -> Evidence:
    """Sort the cells of self-play by arm and seed.

    Args:
        comparison: The settings.
        found: Name of a run to name of a cell to Cell.
    """
    return gather_all(comparison, found, [SELF_PLAY])[SELF_PLAY]


def gather_all(
    comparison: Comparison,
    found: Mapping[str, Mapping[str, Cell]],
    conditions: Sequence[str],
) -> dict[str, Evidence]:
    """Sort the cells of each condition by arm and seed, under the names they have in self-play.

    An arm that does not learn has nothing to lose and is the same with every seed: where it has no
    cells of its own under a condition, those of its self-play are taken. So the anchors are
    always there, and are those of the same team.

    Args:
        comparison: The settings.
        found: Name of a run to name of a cell to Cell.
        conditions: Teams, lesions or continued training.

    Returns:
        Condition to Evidence.
    """
    runs = {(run.arm, run.config.seed): run for run in plan_runs(comparison)}
    learned = frozenset(run.arm for run in runs.values() if run.is_learned)
    seed = int(identity_of(comparison), 16)
    evidence: dict[str, Evidence] = {}
    for condition in conditions:
        cells: dict[str, dict[int, Mapping[str, Cell]]] = {}
        for arm in comparison.all_arms:
            for one in comparison.seeds:
                of_run = found.get(runs[arm, one].name, {})
                own = cells_under(of_run, condition)
                if not own and arm not in learned:
                    own = cells_under(of_run, SELF_PLAY)
                if own:
                    cells.setdefault(arm, {})[one] = own
        evidence[condition] = Evidence(comparison, cells, seed, learned)
    return evidence


def terms_of(evidence: Evidence, arm: str, seed: int, shift: Shift | None) -> Terms | None:
    """Return what normalised levels of a cell are made of.

    The anchors are the random and the oracle arm with the same seed, which play the same worlds
    under the same shift: what makes these worlds hard or easy is in all three, and cancels. If
    the run of an anchor with that seed is missing, all its other seeds stand in.

    Args:
        evidence: What is there.
        arm: Name of an arm that has this seed.
        seed: Which of its runs.
        shift: Which of its cells; None for the twin.

    Returns:
        Terms, or None if an anchor has no run at all.
    """
    name = cell_name(shift)
    floor, ceiling = (_anchor(evidence, anchor, seed, name) for anchor in (FLOOR, CEILING))
    if floor is None or ceiling is None:
        return None
    return compare_to_anchors(_aligned(evidence.cells[arm][seed][name]), floor, ceiling)


def adapt_all(evidence: Evidence) -> Adapted:
    """Return what each shift did to each run; None where an anchor is missing."""
    return {
        arm: {
            shift.name: {seed: _adaptation(evidence, arm, seed, shift) for seed in runs}
            for shift in evidence.comparison.shifts
        }
        for arm, runs in evidence.cells.items()
    }


def scored_shifts(evidence: Evidence, adapted: Adapted) -> list[Shift]:
    """Return the shifts for which AURC and deficit of every run are known.

    Only these enter sums over shifts and contrasts, so that all arms are compared on the same.
    """
    return [
        shift
        for shift in evidence.comparison.shifts
        if evidence.cells
        and all(
            one is not None and one.deficit is not None
            for shifts in adapted.values()
            for one in shifts[shift.name].values()
        )
    ]


def recovery_limit(adapted: Adapted, shift: Shift) -> int | None:
    """Return the steps after a shift within which every run was watched; None if there are none."""
    watched = [
        recovery.watched
        for shifts in adapted.values()
        for one in shifts[shift.name].values()
        for recovery in (one.recovery if one else ())
        if recovery is not None
    ]
    return min(watched, default=None)


def rows_of(adapted: Adapted, arm: str, measure: str, shifts: Sequence[Shift]) -> Floats:
    """Return AURC or deficit of every run of an arm, float64 [runs, shifts].

    Args:
        adapted: Of `adapt_all`.
        arm: Name of an arm that has runs.
        measure: aurc or deficit.
        shifts: Those of `scored_shifts`, or some of them.
    """
    columns = [
        [getattr(one, measure) for one in adapted[arm][shift.name].values()] for shift in shifts
    ]
    return np.array(columns, np.float64).T


def cells_under(cells: Mapping[str, Cell], condition: str) -> dict[str, Cell]:
    """Return the cells of a condition by the names of their shifts."""
    wanted = "" if condition == SELF_PLAY else condition
    parts = {name: name.rpartition("/")[::2] for name in cells}
    return {shift: cells[name] for name, (prefix, shift) in parts.items() if prefix == wanted}


def _anchor(evidence: Evidence, anchor: str, seed: int, name: str) -> Aligned | None:
    """Return an anchor with the same seed, or all its seeds together, or None."""
    runs = evidence.cells.get(anchor, {})
    chosen = [runs[seed]] if seed in runs else list(runs.values())
    if not chosen:
        return None
    parts = [_aligned(cells[name]) for cells in chosen]
    total, worlds = (np.sum(part, axis=0) for part in zip(*parts, strict=True))
    return Aligned(total, worlds)


def _adaptation(evidence: Evidence, arm: str, seed: int, shift: Shift) -> Adaptation | None:
    shifted, twin = (terms_of(evidence, arm, seed, one) for one in (shift, None))
    return None if shifted is None or twin is None else adaptation(shifted, twin)


def _aligned(cell: Cell) -> Aligned:
    return align(cell.welfare, cell.shift_step)
