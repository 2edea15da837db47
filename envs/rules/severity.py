"""Severe crises: those that only the help of two different agents ends, soon after each other."""

from __future__ import annotations

from empathy_loop.envs.kernel import hot
from empathy_loop.envs.random import SEVERE, draw
from empathy_loop.envs.state import NOTHING


@hot
def draw_severity(rules, world, i, kind, step_key):
    """Draw whether the crisis of agent i that begins now is severe. Writes: severe."""
    is_severe = draw(step_key, i, SEVERE, kind) < rules.severe_share
    world.severe[i, kind] = 1 if is_severe else 0


@hot
def is_enough(rules, world, i, j, kind):
    """Return whether a help of agent i ends the crisis of agent j; if not, it is remembered.

    Writes: first_helper, help_left.

    Args:
        rules: Rules.
        world: record. One world of a batch.
        i: int64. The agent that helps.
        j: int64. The agent in crisis.
        kind: int64. Kind of the crisis and of the help.
    """
    first = world.first_helper[j, kind]
    if world.severe[j, kind] == 0 or (first != NOTHING and first != i):
        return True
    world.first_helper[j, kind] = i
    # The present step is counted off before the next one begins.
    world.help_left[j, kind] = rules.severe_window + 1
    return False


@hot
def fade_helps(world):
    """Forget first helps whose time is over, and all about crises that are.

    Writes: severe, first_helper, help_left.

    Args:
        world: record. One world of a batch.
    """
    for i in range(world.need.shape[0]):
        for k in range(world.need.shape[1]):
            if world.need[i, k] == 0.0:
                world.severe[i, k] = 0
                world.help_left[i, k] = 0
            elif world.help_left[i, k] > 0:
                world.help_left[i, k] -= 1
            if world.help_left[i, k] == 0:
                world.first_helper[i, k] = NOTHING
