"""What all agents of a world show each other, PettingZoo's `state`; and what they hide."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.people import People
from empathy_loop.envs.world import World


def shared_size(params: WorldParams, privileged: bool) -> int:
    """Return the number of columns S of `shared_state`."""
    layout, agents, kinds = ObservationLayout.of(params), params.num_agents, params.num_kinds
    per_agent = 2 + layout.other_size + 2 * params.num_others + (kinds if privileged else 0)
    return agents * per_agent + 2 * kinds


def shared_state(world: World, privileged: bool) -> NDArray[np.float32]:
    """Return all that agents show each other, and no more unless asked for.

    For each agent in turn: position [2], exterior view [X], and which others it saw help it [O]
    and thank it [O] in the last step, in its own order of them. Then the row and column of each
    station [K, 2], from -1 to 1 across the board.

    Args:
        world: A batch of E worlds.
        privileged: Whether the true needs [A, K] follow.

    Returns:
        float32 [E, S] in [-1, 1]: a new array.
    """
    num_worlds, layout = world.num_worlds, world.layout
    columns = [np.r_[layout.self_block["position"]]]
    for name in ("helped_me", "thanked_me"):
        first = layout.self_size + layout.other_block[name].start
        columns.append(first + layout.other_size * np.arange(layout.num_others))
    seen = world.observation.features[:, :, np.concatenate(columns)]
    position, ties = np.split(seen, [2], axis=2)
    agents = np.concatenate([position, world.observation.exterior, ties], axis=2)
    stations = world.state.station / (world.params.grid_size - 1) * 2.0 - 1.0
    parts = [agents, stations] + ([world.state.need] if privileged else [])
    rows = [part.reshape(num_worlds, -1) for part in parts]
    return np.concatenate(rows, axis=1).astype(np.float32)


def truth_of(world: World, i: int, people: People | None = None) -> dict[str, Any]:
    """Return what is hidden of agent i in the first world, for training targets and scoring only.

    Args:
        world: The worlds.
        i: The agent.
        people: The people among the agents, if there are any.

    Returns:
        need, hazard, style and severe, arrays [K] of the state's types, newly made; expressivity,
        a number; and, beside people, float64 [A] arrays of entries of persons, 0 for others: trust,
        in this agent, and willingness, toward AI.
    """
    state, names = world.state, ("need", "hazard", "style", "severe")
    by_kind = {name: getattr(state, name)[0, i].copy() for name in names}
    truth = by_kind | {"expressivity": float(state.expressivity[0, i])}
    if people is not None:
        truth["trust"] = people.state.trust[0, :, i].copy()
        truth["willingness"] = people.state.willingness[0].copy()
    return truth
