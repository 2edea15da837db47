"""What the tests of watching share: worlds in which agents act at random, but legally."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.types import Batch, Inputs, Memory
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.world import World

T, E = 24, 12


class Played(NamedTuple):
    """What happened in T steps of E worlds.

    Attributes:
        params: The rules.
        layout: Where things stand.
        inputs: Inputs with T + 1 rows.
        actions: int64 [T, E, A].
        need: float32 [T, E, A, K]. Before each step.
        helped: uint8 [T, E, A, A]. Who helped whom in the step.
        relief: float64 [T, E, A]. Need that help removed in the step.
        hurt: float64 [T, E, A]. Hurt that the step brought.
    """

    params: WorldParams
    layout: ObservationLayout
    inputs: Inputs
    actions: Tensor
    need: Tensor
    helped: Tensor
    relief: Tensor
    hurt: Tensor


def play(
    num_agents: int = 3, num_kinds: int = 3, seed: int = 0, warm_up: int = 0, **rules: object
) -> Played:
    rules = {"horizon": 64, "total_hazard": 0.3, "offers": True, "shift": "none"} | rules
    params = WorldParams(num_agents=num_agents, num_kinds=num_kinds, **rules)  # type: ignore[arg-type]
    # Helps are legal too seldom to be left to chance, and use makes them rarer.
    liking = np.array([1.0, 2.0, 2.0, 2.0, 2.0, 0.4, 2.0, 1.0, *[6.0] * (num_agents - 1)])
    rng, world = np.random.default_rng(seed), World(params, E, seed=seed)
    found: dict[str, list[np.ndarray]] = {}
    rows = []
    for t in range(warm_up + T + 1):
        rows.append([part.copy() for part in world.observation])
        before = {"need": world.state.need.astype(np.float32)}
        mask = world.observation.action_mask
        actions = np.where(mask, rng.random(mask.shape) * liking, -1.0).argmax(-1)
        world.step(actions)
        after = {name: getattr(world.state, name).copy() for name in ("helped", "relief", "hurt")}
        if warm_up <= t < warm_up + T:
            for name, array in {"actions": actions, **before, **after}.items():
                found.setdefault(name, []).append(array)
    inputs = Inputs(
        *(torch.from_numpy(np.stack(part)) for part in zip(*rows[warm_up:], strict=True))
    )
    arrays = {name: torch.from_numpy(np.stack(parts)) for name, parts in found.items()}
    return Played(params, ObservationLayout.of(params), inputs, **arrays)


@pytest.fixture(scope="session")
def played() -> Callable[..., Played]:
    """Return a function that plays: agents, kinds, seed, steps to leave out first, and rules."""
    return play


@pytest.fixture
def batch_of() -> Callable[[Played, Arm], Batch]:
    """Return a function that makes a batch of what was played, for an arm."""
    return make_batch


def make_batch(game: Played, arm: Arm) -> Batch:
    """Return a batch in which what PPO needs is noise."""
    torch.manual_seed(0)
    num_worlds, num_focal = game.actions.shape[1], len(arm.table.own)
    first = arm.network.first_memory(num_worlds, arm.table)
    noise = torch.randn(*game.actions.shape[:2], num_focal)
    return Batch(
        inputs=game.inputs,
        memory=Memory(*(torch.randn_like(part) for part in first)),
        actions=game.actions,
        logp=noise,
        adv=noise,
        returns=noise,
        need=game.need,
        rewards=torch.zeros(game.actions.shape),
    )
