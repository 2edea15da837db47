"""The planner that all scripted policies share: from a belief about needs to an action.

It weighs every help, of each other agent j with each kind k,

    value = (weight * drive_scale * b^2 - help_cost
             - misattuned_hurt * max(0, 1 - b / SURE_NEED)) / (distance + 1)

with b the believed need and the distance in steps to fetch the item and bring it within reach;
and goes for the largest positive value, or stays. The weight is 1 but for people, who weigh the
needs of some more than those of others. It moves straight, and a random move now and then breaks
jams.
"""

from __future__ import annotations

from empathy_loop.envs.kernel import hot
from empathy_loop.envs.random import JAM, below, draw
from empathy_loop.envs.rules.helping import in_reach
from empathy_loop.envs.rules.movement import is_free, move_offset
from empathy_loop.envs.state import EAST, HELP_BASE, NORTH, SOUTH, STAY, USE, WEST

SURE_NEED = 0.7
"""Believed need from which on the planner no longer fears to hurt; assumed, part of its design."""
P_JAM_BREAK = 0.15
"""Probability that a random move takes the place of a planned one; assumed, part of its design."""


@hot
def plan(rules, world, i, belief, weight, helps, uses, step_key):
    """Choose agent i's action from what it believes.

    Args:
        rules: Rules.
        world: record. One world of a batch. Read of it: places, stations, what i carries and, if
            `uses`, i's own needs.
        i: int64. The agent.
        belief: float64 [A, K], in [0, 1]. Entry [j, k] is the need k that i believes j to have; 0
            where there is nothing to go for.
        weight: float64 [A], in [0, 1]. Weight of each agent's needs.
        helps: bool. Whether helping others is weighed.
        uses: bool. Whether using items on oneself is weighed.
        step_key: uint64. Key of the step; two draws decide about breaking a jam.

    Returns:
        int64. An action whose condition holds.
    """
    best, best_other, best_kind = 0.0, 0, 0
    num_agents, num_kinds = world.carried.shape[0], world.station.shape[0]
    for k in range(num_kinds):
        fetch = _fetch_distance(world, i, k)
        if uses:
            value = _use_value(rules, world.need[i, k]) / (fetch + 1.0)
            if value > best:
                best, best_other, best_kind = value, 0, k
        for d in range(1, num_agents):
            j = (i + d) % num_agents
            if helps and belief[j, k] > 0.0:
                distance = fetch + _bring_distance(rules, world, i, j, k)
                value = _help_value(rules, belief[j, k], weight[j]) / (distance + 1.0)
                if value > best:
                    best, best_other, best_kind = value, d, k
    if best <= 0.0:
        return STAY
    return _pursue(rules, world, i, best_other, best_kind, step_key)


@hot
def _help_value(rules, need, weight):
    """Return what a help is worth under a believed need and its weight, before distance."""
    doubt = max(0.0, 1.0 - need / SURE_NEED)
    worth = weight * (rules.drive_scale * need * need)
    return worth - rules.help_cost - rules.misattuned_hurt * doubt


@hot
def _use_value(rules, need):
    """Return by how much using an item on oneself lowers the drive, in units of reward."""
    left = (1.0 - rules.self_relief) * need
    return rules.drive_scale * (need * need - left * left)


@hot
def _fetch_distance(world, i, kind):
    """Return the steps until agent i holds an item of a kind; 0 if it does."""
    if world.carried[i] == kind:
        return 0
    rows = abs(world.station[kind, 0] - world.position[i, 0])
    columns = abs(world.station[kind, 1] - world.position[i, 1])
    # Items are picked up on entering: who stands there must leave and come back.
    return rows + columns if rows + columns > 0 else 2


@hot
def _bring_distance(rules, world, i, j, kind):
    """Return the steps from holding the item to having agent j within reach."""
    if world.carried[i] == kind:
        row, column = world.position[i, 0], world.position[i, 1]
    else:
        row, column = world.station[kind, 0], world.station[kind, 1]
    rows = abs(world.position[j, 0] - row)
    columns = abs(world.position[j, 1] - column)
    return max(0, rows + columns - rules.help_reach)


@hot
def _pursue(rules, world, i, d, kind, step_key):
    """Return the next action towards giving a kind to other d, or with d = 0 to using it."""
    j = (i + d) % world.carried.shape[0]
    holds_item = world.carried[i] == kind
    if holds_item and d == 0:
        return USE
    if holds_item and in_reach(rules, world, i, j):
        return HELP_BASE + d
    if draw(step_key, i, JAM, 0) < P_JAM_BREAK:
        return _legal_move(rules, world, i, below(draw(step_key, i, JAM, 1), 4))
    if holds_item:
        row, column = world.position[j, 0], world.position[j, 1]
    else:
        row, column = world.station[kind, 0], world.station[kind, 1]
    return _step_towards(rules, world, i, row, column)


@hot
def _step_towards(rules, world, i, row, column):
    """Return a move to a free cell that is nearer to a place, along the longer way first."""
    rows = row - world.position[i, 0]
    columns = column - world.position[i, 1]
    if rows == 0 and columns == 0:
        return _legal_move(rules, world, i, 0)
    along_rows = SOUTH if rows > 0 else NORTH
    along_columns = EAST if columns > 0 else WEST
    rows_first = abs(rows) >= abs(columns)
    first = along_rows if rows_first else along_columns
    second = along_columns if rows_first else along_rows
    if _can_move(rules, world, i, first):
        return first
    if rows != 0 and columns != 0 and _can_move(rules, world, i, second):
        return second
    return STAY


@hot
def _legal_move(rules, world, i, first):
    """Return a move to a free cell, the first in the order from one of the four; or stay."""
    for n in range(4):
        action = NORTH + (first + n) % 4
        if _can_move(rules, world, i, action):
            return action
    return STAY


@hot
def _can_move(rules, world, i, action):
    """Return whether a move leads to a cell on the board that holds no agent now."""
    d_row, d_column = move_offset(action)
    row, column = world.position[i, 0] + d_row, world.position[i, 1] + d_column
    return is_free(rules, world, row, column)
