"""How observations are written, in the layout of `empathy_loop.envs.observation`.

Nothing here reads hidden state except an agent's OWN needs, which go into its own self block
and nowhere else; unless `show_needs` is set, for the upper bound that it is. Where `show_trust`
is set, room is left for what persons know of themselves, which `envs.introspection` writes.
"""

from __future__ import annotations

import numpy as np
from numba import uint32

from empathy_loop.envs.kernel import hot
from empathy_loop.envs.rules.helping import in_reach
from empathy_loop.envs.rules.sight import is_visible, shown_act, shown_cue, shown_thanks
from empathy_loop.envs.state import (
    EAST,
    HELP_BASE,
    NEUTRAL,
    NO_ACT,
    NORTH,
    NOTHING,
    OFFER,
    SOUTH,
    STAY,
    THANK,
    USE,
    WEST,
    agent_after,
)


@hot
def observe(rules, world, features, exterior, action_mask):
    """Write what each agent of one world sees.

    Args:
        rules: Rules.
        world: record. One world of a batch. Only what is shown, and each agent's own needs, is
            read.
        features: float32 [A, D]. Written.
        exterior: float32 [A, X]. Written.
        action_mask: bool [A, N]. Written.
    """
    # Called with constants, so that the plain view has every column at a known place.
    if rules.show_needs or rules.show_trust:
        num_shown = world.need.shape[1] if rules.show_needs else 0
        num_felt = 2 if rules.show_trust else 0
        _write_rows(rules, world, features, exterior, action_mask, num_shown, num_felt)
    else:
        _write_rows(rules, world, features, exterior, action_mask, 0, 0)


@hot
def _write_rows(rules, world, features, exterior, action_mask, num_shown, num_felt):
    """Write each agent's row.

    At the end of an other-block are `num_shown` needs, 0 or K, and `num_felt` zeros, 0 or 2.

    Loops over columns stand where their length is known. In a function of their own, which is
    compiled before it is put into this one, they made an observation take twice as long.
    """
    num_agents, num_kinds = world.carried.shape[0], world.need.shape[1]
    per_cell = 1.0 / (rules.grid_size - 1)
    # Columns of an other-block, as ObservationLayout lays them.
    width = 13 + 3 * num_kinds + num_shown + num_felt
    for i in range(num_agents):
        for column in range(width):
            exterior[i, column] = 0.0
        _write_looks(rules, world, i, exterior[i], num_shown)
    for i in range(num_agents):
        _write_mask(rules, world, i, action_mask[i])
        start = _write_self(rules, world, i, features[i], per_cell)
        for d in range(1, num_agents):
            j = agent_after(i, d, num_agents)
            visible, reaches = is_visible(rules, world, i, j), in_reach(rules, world, i, j)
            action_mask[i, HELP_BASE + d] = reaches & (world.carried[i] != NOTHING)
            if visible:
                for column in range(width):
                    features[i, start + column] = exterior[j, column]
                _write_relation(rules, world, i, j, features[i], start, per_cell, reaches)
            else:
                for column in range(start, start + width):
                    features[i, column] = 0.0
            start += width


@hot
def _write_one_hot(row, start, size, code, spare):
    """Set entry `code` of a zeroed block of a row and return the block's end.

    A negative code leaves the block zero, and writes 1 into a spare column instead: a branch
    would cost more, for the processor could not foresee it.
    """
    row[uint32(start + code if code >= 0 else spare)] = 1.0
    return start + size


@hot
def _write_self(rules, world, i, row, per_cell):
    """Write agent i's self block and return where the next block starts."""
    num_kinds, num_actions = world.need.shape[1], HELP_BASE + world.carried.shape[0]
    for column in range(num_kinds, 4 * num_kinds + 6 + num_actions):
        row[column] = 0.0
    start = _write_one_hot(row, num_kinds, num_kinds, world.carried[i], 0)
    for axis in range(2):
        row[start + axis] = (2 * world.position[i, axis] - (rules.grid_size - 1)) * per_cell
    cue = shown_cue(rules, world, i)
    start = _write_one_hot(row, start + 2, 4 + num_kinds, cue - NEUTRAL - 1, 0)
    start = _write_one_hot(row, start, num_actions, world.last_action[i], 0)
    start = _write_one_hot(row, start, num_kinds, world.received[i], 0)
    for k in range(num_kinds):
        for axis in range(2):
            offset = world.station[k, axis] - world.position[i, axis]
            row[start + 2 * k + axis] = offset * per_cell
    # Last, for column 0 was the spare one.
    for k in range(num_kinds):
        row[k] = world.need[i, k]
    return start + 2 * num_kinds


@hot
def _write_looks(rules, world, j, row, num_shown):
    """Write into a zeroed other-block how agent j looks, the same for every viewer."""
    num_kinds, visible = world.need.shape[1], 0
    start = _write_one_hot(row, 4, num_kinds, world.carried[j], visible)
    cue, act = shown_cue(rules, world, j), shown_act(rules, world, j)
    start = _write_one_hot(row, start, 4 + num_kinds, cue - NEUTRAL - 1, visible)
    start = _write_one_hot(row, start, 3, act - NO_ACT - 1, visible)
    start = _write_one_hot(row, start, num_kinds, world.received[j], visible)
    row[visible] = 1.0
    for k in range(num_shown):
        row[start + 2 + k] = world.need[j, k]


@hot
def _write_relation(rules, world, i, j, row, start, per_cell, reaches):
    """Write what agent j is to agent i: where, whether in reach, and what it did to i."""
    num_kinds = world.need.shape[1]
    for axis in range(2):
        offset = world.position[j, axis] - world.position[i, axis]
        row[start + 1 + axis] = offset * per_cell
    row[start + 3] = np.float32(reaches)
    row[start + 11 + 3 * num_kinds] = world.helped[j, i]
    row[start + 12 + 3 * num_kinds] = shown_thanks(rules, world, j, i)


@hot
def _write_mask(rules, world, i, mask):
    """Write which of agent i's actions, but for helps, have their condition fulfilled now."""
    row, column, last = world.position[i, 0], world.position[i, 1], rules.grid_size - 1
    mask[STAY] = True
    mask[NORTH] = row > 0
    mask[SOUTH] = row < last
    mask[WEST] = column > 0
    mask[EAST] = column < last
    mask[USE] = world.carried[i] != NOTHING
    mask[THANK] = world.last_helper[i] != NOTHING
    mask[OFFER] = rules.offers
