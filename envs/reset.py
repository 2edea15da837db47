"""How an episode begins: a board, agents with hidden traits, and no needs yet."""

from __future__ import annotations

import numpy as np

from empathy_loop.envs.kernel import rare
from empathy_loop.envs.random import (
    HAZARD,
    IDIOSYNCRATIC,
    PLACE,
    STYLE,
    below,
    draw,
    fold,
    world_key,
)
from empathy_loop.envs.rules.helping import clear_ledger
from empathy_loop.envs.rules.shifts import draw_shift_step
from empathy_loop.envs.rules.traits import draw_hazard, draw_style
from empathy_loop.envs.state import NEUTRAL, NOTHING


@rare
def reset_world(rules, world, seed, number):
    """Begin the episode numbered `world.episode` in one world.

    Writes: every field but `episode`.

    Args:
        rules: Rules.
        world: record. One world of a batch.
        seed: int64. Seed of the batch.
        number: int64. Number of the world, which need not be its row.
    """
    world.key = world_key(seed, number, world.episode)
    world.step = 0
    step_key = fold(world.key, 0)
    world.shift_step = draw_shift_step(rules, step_key)
    _place(rules, world, step_key)
    clear_ledger(world)
    for i in range(world.carried.shape[0]):
        draw_hazard(rules, step_key, i, HAZARD, world.hazard[i])
        draw_style(rules, step_key, i, IDIOSYNCRATIC, STYLE, world.style[i])
        world.expressivity[i] = rules.expressivity
        world.need[i, :] = 0.0
        world.severe[i, :] = 0
        world.first_helper[i, :] = NOTHING
        world.help_left[i, :] = 0
        world.drive_before[i] = 0.0
        world.drive[i] = 0.0
        world.carried[i] = NOTHING
        world.cue[i] = NEUTRAL
        world.last_action[i] = NOTHING
        world.last_helper[i] = NOTHING


@rare
def _place(rules, world, step_key):
    """Put stations, then agents, on distinct random cells (Fisher and Yates, from the front)."""
    num_kinds, num_agents = world.station.shape[0], world.carried.shape[0]
    cells = np.arange(rules.grid_size * rules.grid_size)
    for i in range(num_kinds + num_agents):
        j = i + below(draw(step_key, 0, PLACE, i), cells.shape[0] - i)
        cells[i], cells[j] = cells[j], cells[i]
        row, column = cells[i] // rules.grid_size, cells[i] % rules.grid_size
        if i < num_kinds:
            world.station[i, 0] = row
            world.station[i, 1] = column
        else:
            world.position[i - num_kinds, 0] = row
            world.position[i - num_kinds, 1] = column
