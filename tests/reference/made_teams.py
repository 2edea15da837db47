"""Cells of a comparison with teams, lesions and continued training, made from known levels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from made_cells import MADE, REMAP, make_cell, usual_level

from empathy_loop.train.cells import Cell, cell_name
from empathy_loop.train.plan import Comparison, Shift, plan_runs
from empathy_loop.train.teams import beside

TEAMS = replace(
    MADE,
    teams=("self_play", "cross_play", "heldout"),
    lesions=("memory_cleared", "shuffled"),
    tests="overall",
    continued_steps=1000,
    continued_shift="cue_remap",
)
HELDOUT_WORLDS = 50
"""Added to the seed of the worlds of held-out partners, whose anchors are others, too."""
Found = dict[str, dict[str, Cell]]


def scaled(run: Any, shift: Shift | None, seed: int, before: float, after: float) -> Cell:
    """Return a cell at the usual levels times a factor before and one after the shift."""
    levels = usual_level(run.arm, run.config.seed, shift)
    if run.arm in ("random", "oracle"):
        before = after = 1.0
    return make_cell(seed, (levels[0] * before, levels[1] * after))


def make_team_cells(comparison: Comparison) -> Found:
    """Return cells with known levels: shares of those of self-play, which are the usual ones.

    Beside held-out partners .5; in cross-play .8; with one partner, .1 lower for each number that
    lies between both seeds. With memory cleared .5 of it is left after a shift and .9 without;
    with beliefs shuffled .7, and all without. After continued training 1.5.
    """
    found: Found = {}
    for run in plan_runs(comparison):
        seed = run.config.seed
        cells = found.setdefault(run.name, {})
        for shift in (None, *comparison.shifts):
            conditions = {"self_play": (1.0, 1.0)}
            cells[cell_name(shift, "heldout")] = scaled(run, shift, seed + HELDOUT_WORLDS, 0.5, 0.5)
            if run.is_learned:
                after = 0.9 if shift is None else 0.5
                conditions |= {"cross_play": (0.8, 0.8), "memory_cleared": (1.0, after)}
            if run.arm == "cognitive":
                conditions["shuffled"] = (1.0, 1.0 if shift is None else 0.7)
            if run.is_learned and shift in (None, REMAP):
                conditions["continued"] = (1.0, 1.0 if shift is None else 1.5)
            for condition, (before, left) in conditions.items():
                cells[cell_name(shift, condition)] = scaled(run, shift, seed, before, left)
        if run.is_learned:
            for other in comparison.seeds:
                level = usual_level(run.arm, seed, None)[0] - 0.1 * abs(other - seed)
                cells[cell_name(None, beside(other))] = make_cell(seed, (level, level))
            del cells[cell_name(None, beside(seed))]
    return found
