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
def move_agents(rules, state, e, actions):
    """Move the agents of one world one after another; who goes first rotates with time.

    An agent that enters a station's cell takes that kind's item in place of what it carries.
    Writes: position, carried.

    Args:
        rules: Rules.
        state: State.
        e: int64. The world.
        actions: integer [A]. Actions asked for.
    """
    num_agents = state.carried.shape[1]
    first = state.step[e] % num_agents
    for n in range(num_agents):
        i = agent_after(first, n, num_agents)
        d_row, d_column = move_offset(actions[i])
        if d_row == 0 and d_column == 0:
            continue
        row, column = state.position[e, i, 0] + d_row, state.position[e, i, 1] + d_column
        if not is_free(rules, state, e, row, column):
            continue
        state.position[e, i, 0] = row
        state.position[e, i, 1] = column
        for k in range(state.station.shape[1]):
            if state.station[e, k, 0] == row and state.station[e, k, 1] == column:
                state.carried[e, i] = k


@hot
def is_free(rules, state, e, row, column):
    """Return whether a cell is on the board and holds no agent."""
    if row < 0 or column < 0 or row >= rules.grid_size or column >= rules.grid_size:
        return False
    for j in range(state.carried.shape[1]):
        if state.position[e, j, 0] == row and state.position[e, j, 1] == column:
            return False
    return True
