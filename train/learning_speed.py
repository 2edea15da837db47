"""How fast arms learn: agent steps until a level of welfare is reached in training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from empathy_loop.train.evidence import Evidence
from empathy_loop.train.measures import Score, mean_of_all, sum_up
from empathy_loop.train.plan import CEILING, FLOOR

LEVELS = (0.25, 0.5, 0.75)
"""Levels between random (0) and oracle (1) in the world of training."""


def learning_speed(
    evidence: Evidence,
    learning: Mapping[str, Mapping[str, Any]],
    references: Mapping[str, float],
) -> dict[str, Any] | None:
    """Return after how many agent steps each arm reaches each of LEVELS.

    A seed reaches a level at the first point of its learning curve that is at it or above, in
    thousands of agent steps. All seeds are followed up to one limit, the end of the shortest curve,
    so that the restricted mean (Kaplan and Meier) is that of min(steps, limit).

    Args:
        evidence: Where the generators of the intervals come from.
        learning: Of `curves.learning_curves`.
        references: Of `curves.reference_welfare`.

    Returns:
        As `train.schema` documents `speed`; None where nothing was learned or an anchor is missing.
    """
    if not learning or not {FLOOR, CEILING} <= references.keys():
        return None
    floor, gap = references[FLOOR], references[CEILING] - references[FLOOR]
    limit = min(curve["steps"][-1] for curve in learning.values()) / 1000.0
    return {
        "limit": limit,
        "levels": list(LEVELS),
        "welfare": {f"{level:g}": floor + level * gap for level in LEVELS},
        "arms": {
            arm: {
                f"{level:g}": _score(evidence, curve, floor + level * gap, limit)
                for level in LEVELS
            }
            for arm, curve in learning.items()
        },
    }


def _score(evidence: Evidence, curve: Mapping[str, Any], welfare: float, limit: float) -> Score:
    """Return the restricted mean of the steps to a welfare, and those of each seed, or None."""
    steps = np.array(curve["steps"]) / 1000.0
    found: dict[int, float | None] = {}
    for seed, run in zip(curve["seeds"], curve["runs"], strict=True):
        is_there = (np.array(run) >= welfare) & (steps <= limit)
        found[int(seed)] = float(steps[is_there.argmax()]) if is_there.any() else None
    restricted = [limit if one is None else one for one in found.values()]
    never = sum(one is None for one in found.values())
    return sum_up(
        evidence,
        mean_of_all,
        np.array(restricted)[:, None],
        found,
        f"{never} not within {limit:.0f}" if never else "",
    )
