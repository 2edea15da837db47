"""Arms differ by what they learn for, not by how much they can hold when they act."""

from __future__ import annotations

import pytest

from empathy_loop.agents.arm import build_network
from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.registry import list_agents, load_agent
from empathy_loop.envs.params import WorldParams

LEARNED = [name for name in list_agents() if load_agent(name).kind == "learned"]


def acting_weights(config: AgentConfig, params: WorldParams) -> int:
    """Return the number of weights that acting takes: the network's without those of the value."""
    network = build_network(config, params, seed=0)
    if config.network.kind == "flat":
        return sum(weight.numel() for weight in network.policy.parameters())
    critic = {id(weight) for weight in network.critic.parameters()}
    return sum(w.numel() for w in network.parameters() if id(w) not in critic)


def test_every_learned_arm_acts_with_as_many_weights_as_the_baseline() -> None:
    params = WorldParams()
    found = {name: acting_weights(load_agent(name), params) for name in LEARNED}
    baseline = found["ippo_gru"]
    for name, count in found.items():
        print(f"{name:<20} {count:>7} {count / baseline - 1.0:+7.1%}")
    assert baseline == pytest.approx(48_600, abs=50)
    assert {name for name, count in found.items() if abs(count / baseline - 1.0) > 0.05} == set()
