"""How an episode begins: a board, agents with hidden traits, and no needs yet."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.inputs import whole_numbers
from empathy_loop.envs.kernel import rare
from empathy_loop.envs.params import WorldParams
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


def check_first_steps(
    params: WorldParams, num_worlds: int, first_step: NDArray[np.int_] | None
) -> NDArray[np.int32]:
    """Return the step at which each world wakes: int32 [E], in [0, horizon).

    Args:
        params: The rules.
        num_worlds: Number of worlds E.
        first_step: int [E], or None for 0.

    Raises:
        ValueError: they are no such array, or one lies outside the episode.
    """
    if first_step is None:
        return np.zeros(num_worlds, np.int32)
    steps = whole_numbers("first_step", first_step, (num_worlds,), ", one for each world")
    if steps.min() < 0 or steps.max() >= params.horizon:
        raise ValueError(
            f"first_step must be in [0, {params.horizon - 1}], got {steps.min()} to {steps.max()}"
        )
    return steps.astype(np.int32)


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
        for k in range(world.need.shape[1]):
            world.need[i, k] = 0.0
            world.severe[i, k] = 0
            world.first_helper[i, k] = NOTHING
            world.help_left[i, k] = 0
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
    for i in range(num_kinds + num_agents):
        cell = _cell_of(rules, step_key, i)
        row, column = cell // rules.grid_size, cell % rules.grid_size
        if i < num_kinds:
            world.station[i, 0] = row
            world.station[i, 1] = column
        else:
            world.position[i - num_kinds, 0] = row
            world.position[i - num_kinds, 1] = column


@rare
def _cell_of(rules, step_key, number):
    """Return the cell of the station or agent of some number, following the swaps back."""
    num_cells = rules.grid_size * rules.grid_size
    cell = number + below(draw(step_key, 0, PLACE, number), num_cells - number)
    for i in range(number - 1, -1, -1):
        if cell == i + below(draw(step_key, 0, PLACE, i), num_cells - i):
            cell = i
    return cell
