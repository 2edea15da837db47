"""Faces: the one cue a step that others can see, decided in a fixed order."""

from __future__ import annotations

from empathy_loop.envs.kernel import hot
from empathy_loop.envs.random import EXPRESS, FALSE_DISTRESS, FALSE_SYMBOL, REACTION, below, draw
from empathy_loop.envs.state import (
    ACT_OFFER,
    ACT_THANK,
    ANNOYED,
    DISTRESS,
    GRATITUDE,
    KINDNESS,
    NEUTRAL,
    REFUSED,
    RELIEF,
)


@hot
def express(rules, world, refusals, step_key):
    """Write the cue that each agent of one world shows until the next step.

    Writes: cue.

    Args:
        rules: Rules.
        world: record. One world of a batch.
        refusals: uint8 [A, A] or [0, 0]. REFUSED in row i for each help that i refused.
        step_key: uint64. Key of the step.
    """
    for i in range(world.cue.shape[0]):
        cue = _involuntary_cue(rules, world, i, refusals, step_key)
        if cue == NEUTRAL or cue >= DISTRESS:
            if world.social_act[i] == ACT_THANK:
                cue = GRATITUDE
            elif world.social_act[i] == ACT_OFFER:
                cue = KINDNESS
        world.cue[i] = cue


@hot
def _involuntary_cue(rules, world, i, refusals, step_key):
    """Return what agent i's face shows of itself: a reaction to help, distress, or nothing."""
    if world.relief[i] > rules.relief_threshold:
        return RELIEF if draw(step_key, i, REACTION, 0) < rules.p_show_reaction else NEUTRAL
    if world.misattuned[i] > 0 or has_refused(refusals, i):
        return ANNOYED if draw(step_key, i, REACTION, 0) < rules.p_show_reaction else NEUTRAL
    num_kinds = world.need.shape[1]
    worst = 0
    for k in range(1, num_kinds):
        worst = k if world.need[i, k] > world.need[i, worst] else worst
    # Drawn whether it is needed or not: branches that nobody can foresee would cost more.
    suffers = world.need[i, worst] > rules.distress_threshold
    shows = draw(step_key, i, EXPRESS, 0) < world.expressivity[i]
    symbol = world.style[i, worst]
    if draw(step_key, i, FALSE_DISTRESS, 0) < rules.p_false_distress:
        return DISTRESS + below(draw(step_key, i, FALSE_SYMBOL, 0), num_kinds)
    return DISTRESS + symbol if suffers & shows else NEUTRAL


@hot
def has_refused(refusals, i):
    """Return whether agent i has refused a help in this step."""
    found = False
    for j in range(refusals.shape[0]):
        found = found or refusals[i, j] == REFUSED
    return found
