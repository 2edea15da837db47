"""Needs: how crises begin and grow, and the drive they add up to."""

from __future__ import annotations

from empathy_loop.envs.kernel import hot
from empathy_loop.envs.random import CRISIS, draw
from empathy_loop.envs.rules.severity import draw_severity, fade_helps


@hot
def grow_needs(rules, world, step_key):
    """Raise every need in crisis and let new crises begin by their hazards.

    Writes: need; where crises may be severe, also severe, first_helper and help_left.

    Args:
        rules: Rules.
        world: record. One world of a batch.
        step_key: uint64. Key of the step.
    """
    if rules.severe:
        fade_helps(world)
    for i in range(world.need.shape[0]):
        for k in range(world.need.shape[1]):
            need = world.need[i, k]
            begins = draw(step_key, i, CRISIS, k) < world.hazard[i, k]
            first = rules.crisis_level if begins else 0.0
            world.need[i, k] = min(1.0, need + rules.need_growth) if need > 0.0 else first
            if rules.severe and begins and need == 0.0:
                draw_severity(rules, world, i, k, step_key)


@hot
def measure_drive(world, drive):
    """Write each agent's drive, the sum over kinds of squared need.

    Drive reduction as in Keramati and Gutkin 2014 (eLife 3:e04811), with exponent 2 and no root.

    Args:
        world: record. One world of a batch.
        drive: float64 [A]. Written, in [0, K].
    """
    for i in range(world.need.shape[0]):
        total = 0.0
        for k in range(world.need.shape[1]):
            total += world.need[i, k] * world.need[i, k]
        drive[i] = total
