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
def reset_world(rules, state, e, seed, world):
    """Begin the episode numbered `state.episode[e]` in one world.

    Writes: every array of row e but `episode`.

    Args:
        rules: Rules.
        state: State.
        e: int64. Row of the batch.
        seed: int64. Seed of the batch.
        world: int64. Number of the world, which need not be its row.
    """
    state.key[e] = world_key(seed, world, state.episode[e])
    state.step[e] = 0
    step_key = fold(state.key[e], 0)
    state.shift_step[e] = draw_shift_step(rules, step_key)
    _place(rules, state, e, step_key)
    clear_ledger(state, e)
    for i in range(state.carried.shape[1]):
        draw_hazard(rules, step_key, i, HAZARD, state.hazard[e, i])
        draw_style(rules, step_key, i, IDIOSYNCRATIC, STYLE, state.style[e, i])
        state.expressivity[e, i] = rules.expressivity
        state.need[e, i, :] = 0.0
        state.severe[e, i, :] = 0
        state.first_helper[e, i, :] = NOTHING
        state.help_left[e, i, :] = 0
        state.drive_before[e, i] = 0.0
        state.drive[e, i] = 0.0
        state.carried[e, i] = NOTHING
        state.cue[e, i] = NEUTRAL
        state.last_action[e, i] = NOTHING
        state.last_helper[e, i] = NOTHING


@rare
def _place(rules, state, e, step_key):
    """Put stations, then agents, on distinct random cells (Fisher and Yates, from the front)."""
    num_kinds, num_agents = state.station.shape[1], state.carried.shape[1]
    cells = np.arange(rules.grid_size * rules.grid_size)
    for i in range(num_kinds + num_agents):
        j = i + below(draw(step_key, 0, PLACE, i), cells.shape[0] - i)
        cells[i], cells[j] = cells[j], cells[i]
        row, column = cells[i] // rules.grid_size, cells[i] % rules.grid_size
        if i < num_kinds:
            state.station[e, i, 0] = row
            state.station[e, i, 1] = column
        else:
            state.position[e, i - num_kinds, 0] = row
            state.position[e, i - num_kinds, 1] = column
