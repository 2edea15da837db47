"""Severe crises: those that only the help of two different agents ends, soon after each other."""

from __future__ import annotations

from empathy_loop.envs.kernel import hot
from empathy_loop.envs.random import SEVERE, draw
from empathy_loop.envs.state import NOTHING


@hot
def draw_severity(rules, state, e, i, kind, step_key):
    """Draw whether the crisis of agent i that begins now is severe. Writes: severe."""
    is_severe = draw(step_key, i, SEVERE, kind) < rules.severe_share
    state.severe[e, i, kind] = 1 if is_severe else 0


@hot
def is_enough(rules, state, e, i, j, kind):
    """Return whether a help of agent i ends the crisis of agent j; if not, it is remembered.

    Writes: first_helper, help_left.

    Args:
        rules: Rules.
        state: State.
        e: int64. The world.
        i: int64. The agent that helps.
        j: int64. The agent in crisis.
        kind: int64. Kind of the crisis and of the help.
    """
    first = state.first_helper[e, j, kind]
    if state.severe[e, j, kind] == 0 or (first != NOTHING and first != i):
        return True
    state.first_helper[e, j, kind] = i
    # The present step is counted off before the next one begins.
    state.help_left[e, j, kind] = rules.severe_window + 1
    return False


@hot
def fade_helps(state, e):
    """Forget first helps whose time is over, and all about crises that are.

    Writes: severe, first_helper, help_left.

    Args:
        state: State.
        e: int64. The world.
    """
    for i in range(state.need.shape[1]):
        for k in range(state.need.shape[2]):
            if state.need[e, i, k] == 0.0:
                state.severe[e, i, k] = 0
                state.help_left[e, i, k] = 0
            elif state.help_left[e, i, k] > 0:
                state.help_left[e, i, k] -= 1
            if state.help_left[e, i, k] == 0:
                state.first_helper[e, i, k] = NOTHING
