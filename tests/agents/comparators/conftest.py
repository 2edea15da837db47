"""What the tests of comparators share: an arm, and something that it might have experienced."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.objective import Objective
from empathy_loop.agents.registry import load_agent
from empathy_loop.agents.streams import StreamTable, other_blocks
from empathy_loop.agents.types import Batch, Experience, Inputs, Memory
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams

T, E = 5, 3


class Case(NamedTuple):
    """An arm and its one objective, with random experience that no world has made."""

    params: WorldParams
    table: StreamTable
    arm: Arm
    objective: Objective
    experience: Experience
    batch: Batch


def make_case(name: str, seed: int = 0, num_agents: int = 3, num_kinds: int = 3) -> Case:
    view = {"view_radius": 1} if seed % 2 else {}
    params = WorldParams(num_agents=num_agents, num_kinds=num_kinds, coordination=0.0, **view)
    config = load_agent(
        name, {"ppo": {"num_worlds": E, "minibatches": 1}, "network": {"hidden_size": 12}}
    )
    arm = Arm(config, params, seed)
    table = arm.table
    generator = torch.Generator().manual_seed(seed)
    inputs = random_inputs(params, generator)
    mask = inputs.action_mask[:-1]
    per_agent = mask.shape[:-1]

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    actions = (torch.rand(mask.shape, generator=generator) * mask).argmax(-1)
    need = torch.rand(*per_agent, num_kinds, generator=generator)
    memory = Memory(*(noise(*part.shape) for part in arm.network.first_memory(E, table)))
    rewards, truncated = noise(*per_agent), torch.zeros(T, E, dtype=torch.bool)
    truncated[-1, 0] = True
    experience = Experience(
        inputs, memory, actions, rewards, need, need.square().sum(-1), truncated
    )
    batch = Batch(
        inputs,
        memory,
        actions,
        torch.full(per_agent, -1.5),
        noise(*per_agent),
        noise(*per_agent),
        need,
        rewards,
    )
    return Case(params, table, arm, arm.objectives[0], experience, batch)  # type: ignore[arg-type]


def random_inputs(params: WorldParams, generator: torch.Generator) -> Inputs:
    """Return T + 1 random observations in which most others are seen, and staying is legal."""
    layout = ObservationLayout.of(params)
    rows = (T + 1, E, params.num_agents)
    features = 2.0 * torch.rand(*rows, layout.size, generator=generator) - 1.0
    visible = other_blocks(features, layout)[..., layout.other_block["visible"]]
    seen = (torch.rand(visible.shape, generator=generator) < 0.8).float()
    blocks = other_blocks(features, layout).clone()
    blocks[..., layout.other_block["visible"]] = seen
    features = torch.cat([features[..., : layout.self_size], blocks.flatten(-2)], dim=-1)
    exterior = 2.0 * torch.rand(*rows, layout.other_size, generator=generator) - 1.0
    mask = torch.rand(*rows, params.num_actions, generator=generator) < 0.6
    mask[..., 0] = True
    return Inputs(features, exterior, mask)


@pytest.fixture(scope="session")
def case() -> Callable[..., Case]:
    """Return a function that makes a case: name of the arm, seed, agents, kinds."""
    return make_case
