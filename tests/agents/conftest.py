"""What the tests of agents share: a small world, and something experienced in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from empathy_loop.agents.arm import build_network
from empathy_loop.agents.registry import load_agent
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Batch, Inputs, Memory
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.world import World

T, E, WARM_UP = 6, 4, 5
# Helps are legal too seldom to be left to chance, and using an item makes them rarer.
PREFERENCE = np.array([1.0, 2.0, 2.0, 2.0, 2.0, 0.1, 2.0, 1.0, 9.0, 9.0, 9.0])


@pytest.fixture
def params() -> WorldParams:
    return WorldParams(horizon=16, total_hazard=0.3)


@pytest.fixture
def experience() -> Callable[[WorldParams], Batch]:
    """Return a function that lets agents act at random, and fills the rest with noise."""
    return random_experience


def random_experience(params: WorldParams) -> Batch:
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    world = World(params, E, seed=3)
    rows, actions, needs = [], [], []
    for _ in range(WARM_UP + T + 1):
        rows.append([part.copy() for part in world.observation])
        needs.append(world.state.need.astype(np.float32))
        mask = world.observation.action_mask
        liking = rng.random(mask.shape) * PREFERENCE[: params.num_actions]
        actions.append(np.where(mask, liking, -1.0).argmax(-1))
        world.step(actions[-1])
    rows, actions, needs = rows[WARM_UP:], actions[WARM_UP:], needs[WARM_UP:]
    inputs = Inputs(*(torch.from_numpy(np.stack(parts)) for parts in zip(*rows, strict=True)))
    shape = (T, E, params.num_agents)
    table = StreamTable.of(params.num_agents, params.num_others, params.sees_whole_board)
    network = build_network(load_agent("cognitive"), params, seed=0)
    return Batch(
        inputs=inputs,
        memory=Memory(*(torch.randn_like(part) for part in network.first_memory(E, table))),
        actions=torch.from_numpy(np.stack(actions[:T])),
        logp=torch.full(shape, -1.5),
        adv=torch.randn(shape),
        returns=torch.randn(shape),
        need=torch.from_numpy(np.stack(needs[:T])),
        rewards=torch.randn(shape),
    )
