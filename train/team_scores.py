"""What a comparison says of teams, lesions and continued training, beside self-play."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from empathy_loop.train.adaptability import level
from empathy_loop.train.cells import cell_name
from empathy_loop.train.continued import shift_of
from empathy_loop.train.contrasts import ALL_SHIFTS, Scored
from empathy_loop.train.evidence import (
    Adapted,
    Evidence,
    adapt_all,
    scored_shifts,
    terms_of,
)
from empathy_loop.train.measures import (
    Score,
    mean_score,
    score_families,
    score_overall,
    score_shift,
)
from empathy_loop.train.plan import Shift
from empathy_loop.train.teams import CONTINUED, CROSS_PLAY, SELF_PLAY, beside

ByCondition = Mapping[str, Evidence]
"""Condition to what is there of it, self-play first."""


def adapt_teams(found: ByCondition) -> dict[str, Scored]:
    """Return the evidence of each team and what shifts did there, self-play first.

    Args:
        found: Condition to its evidence.
    """
    teams = [one for one in found if one in found[SELF_PLAY].comparison.teams]
    return {team: (found[team], adapt_all(found[team])) for team in teams}


def score_team(evidence: Evidence, adapted: Adapted) -> dict[str, Any]:
    """Return the measures of every arm in one team.

    Args:
        evidence: What is there of the team.
        adapted: Of `adapt_all`.

    Returns:
        scores, overall and families, as `train.schema` documents them.
    """
    arms, shifts = list(evidence.cells), evidence.comparison.shifts
    return {
        "scores": {
            arm: {shift.name: score_shift(evidence, adapted, arm, shift) for shift in shifts}
            for arm in arms
        },
        "overall": {arm: score_overall(evidence, adapted, arm) for arm in arms},
        "families": {arm: score_families(evidence, adapted, arm) for arm in arms},
    }


def score_lesions(found: ByCondition) -> dict[str, Any]:
    """Return what each lesion costs each arm: its deficit with the lesion minus its own.

    Both deficits are measured from the same twin, that of the intact arm, so that

        share = (n_twin - n_lesioned) - (n_twin - n_intact) = n_intact - n_lesioned

    over the steps from the shift to the end: what of the level after the shift is owed to what
    was taken. With a twin that has the lesion too, what memory is worth without any shift would
    be taken off, and an arm that lives by its memory throughout could seem to need none. That
    worth is given beside it, as "none": n_intact - n_lesioned of the twins, over the same steps.

    Args:
        found: Condition to its evidence.

    Returns:
        As `train.schema` documents `lesions`.
    """
    intact = found[SELF_PLAY]
    comparison, scored = intact.comparison, scored_shifts(intact, adapt_all(intact))
    scores: dict[str, dict[str, dict[str, Score]]] = {}
    for lesion in comparison.lesions:
        lesioned = found[lesion]
        for arm in _learned(lesioned):
            shares = {
                cell_name(shift): {
                    seed: _lost(intact, lesioned, arm, seed, shift) for seed in lesioned.cells[arm]
                }
                for shift in (*comparison.shifts, None)
            }
            if len(scored) > 1:
                shares[ALL_SHIFTS] = {
                    seed: _mean([shares[shift.name][seed] for shift in scored])
                    for seed in lesioned.cells[arm]
                }
            scores.setdefault(arm, {})[lesion] = {
                name: mean_score(intact, values) for name, values in shares.items()
            }
    return scores


def cross_play_matrix(found: ByCondition) -> dict[str, Any]:
    """Return the level of each pair of seeds, over whole episodes without a shift.

    Args:
        found: Condition to its evidence.

    Returns:
        As `train.schema` documents `cross_play`.
    """
    alone = found[SELF_PLAY]
    comparison = alone.comparison
    if CROSS_PLAY not in comparison.teams:
        return {}

    def entry(arm: str, home: int, partner: int) -> float | None:
        evidence = alone if home == partner else found[beside(partner)]
        is_there = home in evidence.cells.get(arm, {})
        terms = terms_of(evidence, arm, home, None) if is_there else None
        return None if terms is None else level(terms, -terms.shift, terms.shift)

    matrices = {
        arm: [[entry(arm, home, one) for one in comparison.seeds] for home in comparison.seeds]
        for arm in _learned(alone)
    }
    return {
        arm: {"seeds": list(comparison.seeds), "level": matrix, **pair_means(matrix)}
        for arm, matrix in matrices.items()
    }


def pair_means(matrix: Sequence[Sequence[float | None]]) -> dict[str, float | None]:
    """Return the mean level among copies of a seed and with another, and what lies between.

    Args:
        matrix: As `train.schema` documents the level of `cross_play`.

    Returns:
        with_copies, with_another and gap; None where no such pair is known.
    """
    level = np.array(matrix, np.float64)
    is_copy, is_known = np.eye(len(level), dtype=bool), np.isfinite(level)
    own, other = (
        float(level[which].mean()) if which.any() else None
        for which in (is_copy & is_known, ~is_copy & is_known)
    )
    gap = None if own is None or other is None else own - other
    return {"with_copies": own, "with_another": other, "gap": gap}


def score_continued(found: ByCondition) -> dict[str, Any] | None:
    """Return the level on a held-out shift before and after training went on under it.

    Args:
        found: Condition to its evidence.

    Returns:
        As `train.schema` documents `continued`; None where no training went on.
    """
    comparison = found[SELF_PLAY].comparison
    if not comparison.continued_steps:
        return None
    shift = shift_of(comparison)
    one_shift = replace(comparison, shifts=(shift,))
    before, after = (found[one]._replace(comparison=one_shift) for one in (SELF_PLAY, CONTINUED))
    levels = {"before": adapt_all(before), "after": adapt_all(after)}
    scores = {
        arm: {
            measure: {
                name: mean_score(
                    before,
                    {
                        seed: getattr(adapted[arm][shift.name][seed], measure, None)
                        for seed in after.cells[arm]
                    },
                )
                for name, adapted in levels.items()
            }
            for measure in ("aurc", "deficit")
        }
        for arm in _learned(after)
    }
    return {"steps": comparison.continued_steps, "shift": shift.name, "arms": scores}


def _lost(
    intact: Evidence, lesioned: Evidence, arm: str, seed: int, shift: Shift | None
) -> float | None:
    """Return by how much a lesion lowers the level from the shift to the end."""
    levels = []
    for evidence in (intact, lesioned):
        terms = terms_of(evidence, arm, seed, shift)
        levels.append(None if terms is None else level(terms, 0, terms.shift))
    own, without = levels
    return None if own is None or without is None else own - without


def _learned(evidence: Evidence) -> list[str]:
    """Return the learned arms that have cells; under any condition, these are their own."""
    return [arm for arm in evidence.cells if arm in evidence.learned]


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None
