"""Rollouts hold what happened, in the right rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from empathy_loop.agents.sampling import logp_of
from empathy_loop.agents.types import Inputs
from empathy_loop.envs.world import World
from empathy_loop.train.buffers import Rollout, empty_rollout
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.learner import Learner
from empathy_loop.train.rollout import Seconds, collect

MakeConfig = Callable[..., TrainConfig]


def collected(learner: Learner, rollout: Rollout) -> None:
    """Collect one rollout into the buffers, moving the learner's worlds and memory on."""
    learner.memory = collect(learner.world, learner.arm, learner.memory, rollout, Seconds())


@pytest.fixture
def learner(make_config: MakeConfig) -> Learner:
    return Learner(make_config())


def test_replaying_the_actions_gives_every_recorded_row(learner: Learner) -> None:
    rollout, twin = empty_rollout(learner.world, 8), World(learner.world.params, 5, seed=7)
    twin.reset(first_step=learner.world.state.step)
    ends = 0
    for _ in range(4):
        collected(learner, rollout)
        for t in range(8):
            for name, rows in rollout.inputs._asdict().items():
                assert np.array_equal(rows[t].numpy(), getattr(twin.observation, name)), name
            assert np.array_equal(rollout.need[t].numpy(), twin.state.need.astype(np.float32))
            transition = twin.step(rollout.actions[t].numpy())
            assert np.array_equal(rollout.rewards[t].numpy(), transition.reward)
            for name in ("reward_terms", "truncated", "welfare", "drive", "helps", "misattuned"):
                assert np.array_equal(getattr(rollout, name)[t].numpy(), getattr(transition, name))
        ended = transition.truncated
        ends += int(ended.sum())
        last = rollout.inputs.features[-1].numpy()
        assert np.array_equal(last[ended], transition.final_observation.features[ended])
        assert np.array_equal(last[~ended], twin.observation.features[~ended])
    assert ends == 2 * 5


def test_worlds_are_staggered_so_that_each_rollout_ends_some_episodes(learner: Learner) -> None:
    rollout = empty_rollout(learner.world, 8)
    for _ in range(3):
        collected(learner, rollout)
        assert not rollout.truncated[:-1].any()
        assert 0 < int(rollout.truncated[-1].sum()) < 5


def test_memory_is_cleared_where_an_episode_ended_and_nowhere_else(learner: Learner) -> None:
    rollout = empty_rollout(learner.world, 8)
    collected(learner, rollout)
    for part in learner.memory:
        cleared = (part == 0.0).flatten(1).all(1)
        assert torch.equal(cleared, rollout.truncated[-1])


def test_one_pass_over_the_chunk_gives_what_acting_step_by_step_gave(learner: Learner) -> None:
    rollout = empty_rollout(learner.world, 8)
    collected(learner, rollout)
    before = learner.memory
    collected(learner, rollout)
    outputs = learner.arm.network(
        Inputs(*(part[:-1] for part in rollout.inputs)), before, learner.arm.table
    )
    logp = logp_of(outputs.logits, rollout.actions)
    torch.testing.assert_close(logp, rollout.logp, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(outputs.values, rollout.values[:-1], rtol=1e-4, atol=1e-5)
    believed = torch.sigmoid(outputs.belief.crisis)[:, :, learner.arm.table.others]
    torch.testing.assert_close(believed, rollout.p_crisis, rtol=1e-4, atol=1e-5)


def test_the_value_after_the_last_step_is_that_of_the_final_observation(learner: Learner) -> None:
    rollout = empty_rollout(learner.world, 8)
    before = learner.memory
    collected(learner, rollout)
    outputs = learner.arm.network(rollout.inputs, before, learner.arm.table)
    torch.testing.assert_close(outputs.values, rollout.values, rtol=1e-4, atol=1e-5)


def test_only_legal_actions_are_taken(learner: Learner) -> None:
    rollout = empty_rollout(learner.world, 8)
    for _ in range(4):
        collected(learner, rollout)
        legal = rollout.inputs.action_mask[:-1].gather(-1, rollout.actions[..., None])
        assert legal.all()


def test_a_rollout_does_not_depend_on_torchs_generator(make_config: MakeConfig) -> None:
    rollouts = []
    for seed in (0, 1):
        learner = Learner(make_config())
        rollouts.append(empty_rollout(learner.world, 8))
        torch.manual_seed(seed)
        collected(learner, rollouts[-1])
    assert torch.equal(rollouts[0].actions, rollouts[1].actions)


def test_a_limited_view_is_collected_with_separate_streams(make_config: MakeConfig) -> None:
    learner = Learner(make_config(world={"view_radius": 1}))
    rollout = empty_rollout(learner.world, 8)
    collected(learner, rollout)
    assert learner.memory.streams.shape == (5, 9, 6)
    assert not torch.equal(rollout.p_crisis[:, :, 0, 1], rollout.p_crisis[:, :, 1, 0])
