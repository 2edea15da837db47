"""The comparators as arms: what they declare, and that a run of them can be taken up again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.registry import load_agent
from empathy_loop.envs.params import WorldParams
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.learner import Learner

ARMS = ("inequity_aversion", "svo", "social_influence", "liam", "lase")
TINY = {
    "network": {"hidden_size": 8, "belief_size": 6},
    "ppo": {"num_worlds": 4, "rollout_steps": 8, "minibatches": 2, "epochs": 1},
}


def make_learner(name: str) -> Learner:
    world = WorldParams(horizon=16, total_hazard=0.3, coordination=0.0)
    return Learner(TrainConfig(agent=load_agent(name, TINY), world=world, steps=1000, seed=7))


@pytest.mark.parametrize("name", ARMS)
def test_a_comparator_is_the_baseline_but_for_its_objective(name: str) -> None:
    params, config = WorldParams(), load_agent(name)
    assert config.objectives == (name,)
    assert config.privilege == "training" and not config.empathy.belief_input
    mine, baseline = (Arm(c, params, 3).network for c in (config, load_agent("ippo_gru")))
    for one, other in zip(mine.parameters(), baseline.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", ARMS)
def test_privilege_must_be_admitted(name: str) -> None:
    config = load_agent(name, {"privilege": "none"})
    with pytest.raises(ValueError, match="set privilege to 'training'"):
        Arm(config, WorldParams(), 0)


@pytest.mark.parametrize("name", ARMS)
def test_a_run_that_is_taken_up_again_goes_on_bit_by_bit(name: str, tmp_path: Path) -> None:
    whole, first = make_learner(name), make_learner(name)
    for _ in range(5):
        whole.advance()
    for _ in range(2):
        first.advance()
    torch.save(first.snapshot(), tmp_path / "saved.pt")
    second = make_learner(name)
    second.restore(torch.load(tmp_path / "saved.pt", weights_only=True), tmp_path)
    for _ in range(3):
        second.advance()
    one, other = whole.snapshot(), second.snapshot()
    for part in ("network", "objectives", "memory"):
        found, expected = list(other[part].values()), list(one[part].values())
        assert len(found) == len(expected)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("name", ["inequity_aversion", "svo"])
def test_traces_are_cleared_in_the_worlds_whose_episode_ends(name: str) -> None:
    # Episodes of two rollouts; worlds begin in turn at their first and their second.
    learner = make_learner(name)
    for ended in (1, 0, 1):
        learner.advance()
        trace = learner.arm.objectives[0].trace
        assert not trace[ended::2].any() and trace[1 - ended :: 2].any()
