"""Needs: how crises begin and grow, and the drive they add up to."""

from __future__ import annotations

from empathy_loop.envs.kernel import hot
from empathy_loop.envs.random import CRISIS, draw
from empathy_loop.envs.rules.severity import draw_severity, fade_helps


@hot
def grow_needs(rules, state, e, step_key):
    """Raise every need in crisis and let new crises begin by their hazards.

    Writes: need; where crises may be severe, also severe, first_helper and help_left.

    Args:
        rules: Rules.
        state: State.
        e: int64. The world.
        step_key: uint64. Key of the step.
    """
    if rules.severe:
        fade_helps(state, e)
    for i in range(state.need.shape[1]):
        for k in range(state.need.shape[2]):
            if state.need[e, i, k] > 0.0:
                state.need[e, i, k] = min(1.0, state.need[e, i, k] + rules.need_growth)
            elif draw(step_key, i, CRISIS, k) < state.hazard[e, i, k]:
                state.need[e, i, k] = rules.crisis_level
                if rules.severe:
                    draw_severity(rules, state, e, i, k, step_key)


@hot
def measure_drive(state, e, drive):
    """Write each agent's drive, the sum over kinds of squared need.

    Drive reduction as in Keramati and Gutkin 2014 (eLife 3:e04811), with exponent 2 and no root.

    Args:
        state: State.
        e: int64. The world.
        drive: float64 [E, A]. Row e is written, in [0, K].
    """
    for i in range(state.need.shape[1]):
        total = 0.0
        for k in range(state.need.shape[2]):
            total += state.need[e, i, k] * state.need[e, i, k]
        drive[e, i] = total
