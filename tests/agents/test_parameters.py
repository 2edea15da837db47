"""Arms differ by what they learn for, not by how much they can hold when they act."""

from __future__ import annotations

import pytest

from empathy_loop.agents.arm import build_network
from empathy_loop.agents.registry import list_agents, load_agent
from empathy_loop.envs.params import WorldParams

LEARNED = [name for name in list_agents() if load_agent(name).kind == "learned"]


def test_every_learned_arm_acts_with_as_many_weights_as_the_baseline() -> None:
    params = WorldParams()
    found = {
        name: build_network(load_agent(name), params, seed=0).acting_weights() for name in LEARNED
    }
    baseline = found["ippo_gru"]
    for name, count in found.items():
        print(f"{name:<20} {count:>7} {count / baseline - 1.0:+7.1%}")
    assert baseline == pytest.approx(48_600, abs=50)
    assert {name for name, count in found.items() if abs(count / baseline - 1.0) > 0.05} == set()


def test_a_network_for_each_seat_counts_once() -> None:
    apart = load_agent("cognitive", {"network": {"shared": False}})
    shared = load_agent("cognitive")
    counts = [build_network(c, WorldParams(), seed=0).acting_weights() for c in (apart, shared)]
    assert counts[0] == counts[1]
