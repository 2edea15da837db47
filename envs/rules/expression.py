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
    RELIEF,
)


@hot
def express(rules, state, e, step_key):
    """Write the cue that each agent of one world shows until the next step.

    Writes: cue.

    Args:
        rules: Rules.
        state: State.
        e: int64. The world.
        step_key: uint64. Key of the step.
    """
    for i in range(state.cue.shape[1]):
        cue = _involuntary_cue(rules, state, e, i, step_key)
        if cue == NEUTRAL or cue >= DISTRESS:
            if state.social_act[e, i] == ACT_THANK:
                cue = GRATITUDE
            elif state.social_act[e, i] == ACT_OFFER:
                cue = KINDNESS
        state.cue[e, i] = cue


@hot
def _involuntary_cue(rules, state, e, i, step_key):
    """Return what agent i's face shows of itself: a reaction to help, distress, or nothing."""
    if state.relief[e, i] > rules.relief_threshold:
        return RELIEF if draw(step_key, i, REACTION, 0) < rules.p_show_reaction else NEUTRAL
    if state.misattuned[e, i] > 0:
        return ANNOYED if draw(step_key, i, REACTION, 0) < rules.p_show_reaction else NEUTRAL
    num_kinds = state.need.shape[2]
    if draw(step_key, i, FALSE_DISTRESS, 0) < rules.p_false_distress:
        return DISTRESS + below(draw(step_key, i, FALSE_SYMBOL, 0), num_kinds)
    worst = 0
    for k in range(1, num_kinds):
        if state.need[e, i, k] > state.need[e, i, worst]:
            worst = k
    if state.need[e, i, worst] <= rules.distress_threshold:
        return NEUTRAL
    if draw(step_key, i, EXPRESS, 0) < state.expressivity[e, i]:
        return DISTRESS + state.style[e, i, worst]
    return NEUTRAL
