"""What the tests of training share: a run so small that an update takes milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from empathy_loop.agents.registry import load_agent
from empathy_loop.envs.params import WorldParams
from empathy_loop.train.config import TrainConfig

TINY = {"network": {"hidden_size": 8, "belief_size": 6}}
TINY_PPO = {"num_worlds": 5, "rollout_steps": 8, "minibatches": 2, "epochs": 2}
STEPS_PER_UPDATE = 5 * 8 * 3

MakeConfig = Callable[..., TrainConfig]


@pytest.fixture
def make_config() -> MakeConfig:
    """Return a function that makes a tiny run: name of the arm, updates, and more overrides."""
    return tiny_config


def tiny_config(
    name: str = "cognitive",
    updates: int = 6,
    overrides: dict[str, Any] | None = None,
    world: dict[str, Any] | None = None,
    **options: Any,
) -> TrainConfig:
    merged = TINY | {"ppo": TINY_PPO} | (overrides or {})
    return TrainConfig(
        agent=load_agent(name, merged),
        world=WorldParams(**({"horizon": 16, "total_hazard": 0.3} | (world or {}))),
        **(
            {"steps": updates * STEPS_PER_UPDATE, "seed": 7, "checkpoint_every": 2, "device": "cpu"}
            | options
        ),
    )
