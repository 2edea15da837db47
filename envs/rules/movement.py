"""Moving about the board and picking things up."""

from __future__ import annotations

from empathy_loop.envs.kernel import hot
from empathy_loop.envs.state import EAST, NORTH, SOUTH, WEST, agent_after


@hot
def move_offset(action):
    """Return the row and column change of an action; (0, 0) for one that is no move."""
    if action == NORTH:
        return -1, 0
    if action == SOUTH:
        return 1, 0
    if action == WEST:
        return 0, -1
    if action == EAST:
        return 0, 1
    return 0, 0


@hot
def move_agents(rules, world, actions):
    """Move the agents of one world one after another; who goes first rotates with time.

    An agent that enters a station's cell takes that kind's item in place of what it carries.
    Writes: position, carried.

    Args:
        rules: Rules.
        world: record. One world of a batch.
        actions: integer [A]. Actions asked for.
    """
    num_agents = world.carried.shape[0]
    first = world.step % num_agents
    for n in range(num_agents):
        i = agent_after(first, n, num_agents)
        d_row, d_column = move_offset(actions[i])
        row, column = world.position[i, 0] + d_row, world.position[i, 1] + d_column
        # Who does not move finds its own cell taken, by itself.
        free = is_free(rules, world, row, column)
        world.position[i, 0] = row if free else world.position[i, 0]
        world.position[i, 1] = column if free else world.position[i, 1]
        item = world.carried[i]
        for k in range(world.station.shape[0]):
            found = free & (world.station[k, 0] == row) & (world.station[k, 1] == column)
            item = k if found else item
        world.carried[i] = item


@hot
def is_free(rules, world, row, column):
    """Return whether a cell is on the board and holds no agent."""
    free = (row >= 0) & (column >= 0) & (row < rules.grid_size) & (column < rules.grid_size)
    for j in range(world.carried.shape[0]):
        free &= (world.position[j, 0] != row) | (world.position[j, 1] != column)
    return free
