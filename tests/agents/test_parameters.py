"""Arms differ by what they learn for, not by how much they can hold when they act."""

from __future__ import annotations

import pytest

from empathy_loop.agents.arm import build_network
from empathy_loop.agents.registry import list_agents, load_agent
from empathy_loop.envs.params import WorldParams
from empathy_loop.train.config import as_seen_by

LEARNED = [name for name in list_agents() if load_agent(name).kind == "learned"]


def test_every_learned_arm_acts_with_as_many_weights_as_the_baseline() -> None:
    arms = {name: load_agent(name) for name in LEARNED}
    found = {
        name: build_network(arm, as_seen_by(arm, WorldParams()), seed=0).acting_weights()
        for name, arm in arms.items()
    }
    baseline = found["ippo_gru"]
    for name, count in found.items():
        print(f"{name:<20} {count:>7} {count / baseline - 1.0:+7.1%}")
    assert baseline == pytest.approx(48_600, abs=50)
    # Others' true needs are more to read: 3 features for 64 units of an embedding, and for an
    # encoder with 3 gates of 32 units.
    assert found["oracle_ppo"] - baseline == 3 * (64 + 3 * 32)
    assert {name for name, count in found.items() if abs(count / baseline - 1.0) > 0.05} == set()


def test_a_network_for_each_seat_counts_once() -> None:
    apart = load_agent("cognitive", {"network": {"shared": False}})
    shared = load_agent("cognitive")
    counts = [build_network(c, WorldParams(), seed=0).acting_weights() for c in (apart, shared)]
    assert counts[0] == counts[1]
