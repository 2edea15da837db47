"""The worlds keep the contract of Stable-Baselines3's vector environments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from extras import require

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.vector import AgentVectorEnv
from empathy_loop.envs.world import World


def rows(seed: int | None = 0, **options: Any) -> Any:
    """Return four short worlds as twelve rows, or fewer if partners sit in some seats."""
    require("stable_baselines3", "sb3")
    from empathy_loop.train.sb3 import AgentVecEnv

    return AgentVecEnv(AgentVectorEnv("mutual_aid_v0", 4, horizon=5, **options), seed=seed)


def test_steps_are_those_of_the_worlds_and_ends_are_truncations() -> None:
    env, still = rows(seed=3), World(WorldParams(horizon=5), 4, seed=3, autoreset=False)
    observations = env.reset()
    rng = np.random.default_rng(0)
    for n in range(5):
        assert np.array_equal(observations, still.observation.features.reshape(12, -1))
        actions = rng.integers(0, 10, 12)
        observations, rewards, ends, infos = env.step(actions)
        still.step(actions.reshape(4, 3))
        assert np.array_equal(rewards, still.transition.reward.ravel())
        assert ends.tolist() == [n == 4] * 12
        assert len(infos) == 12
    for row, info in enumerate(infos):
        assert info["TimeLimit.truncated"] is True
        last = still.observation.features.reshape(12, -1)[row]
        assert np.array_equal(info["terminal_observation"], last)
    assert not np.array_equal(observations, still.observation.features.reshape(12, -1))


def test_partners_act_beside_the_rows() -> None:
    seats = ("focal", "focal", "train")
    env = rows(seed=3, seats=seats)
    still = SeatedWorld(World(WorldParams(horizon=5), 4, seed=3, autoreset=False), seats)
    observations = env.reset()
    assert env.num_envs == 8
    rng = np.random.default_rng(0)
    for _ in range(5):
        assert np.array_equal(observations, still.observation.features.reshape(8, -1))
        actions = rng.integers(0, 10, 8)
        observations, rewards, ends, infos = env.step(actions)
        still.step(actions.reshape(4, 2))
        assert np.array_equal(rewards, still.transition.reward.ravel())
    assert ends.all()
    for info, last in zip(infos, still.observation.features.reshape(8, -1), strict=True):
        assert np.array_equal(info["terminal_observation"], last)


def test_a_seed_holds_for_the_next_reset_alone() -> None:
    env = rows(seed=None)
    env.seed(7)
    first = env.reset()
    assert np.array_equal(first, rows(seed=7).reset())
    assert not np.array_equal(first, env.reset())


def test_masks_are_given_as_maskable_algorithms_ask_for_them() -> None:
    env = rows()
    with pytest.raises(ValueError, match=r"call reset\(\) first"):
        env.env_method("action_masks")
    env.reset()
    assert env.has_attr("action_masks")
    masks = np.stack(env.env_method("action_masks"))
    assert masks.shape == (12, 10) and masks.dtype == np.bool_
    assert not masks[:, 5].any()
    _ = env.step(np.zeros(12, np.int64))
    assert np.array_equal(
        np.stack(env.env_method("action_masks", indices=[2])),
        env.env.batch.observation.action_mask.reshape(12, 10)[2:3],
    )


def test_what_rows_do_not_have_is_said() -> None:
    env = rows()
    assert not env.has_attr("gravity")
    with pytest.raises(AttributeError, match="action_masks only, not gravity"):
        env.env_method("gravity")
    with pytest.raises(AttributeError, match="make the AgentVectorEnv with it"):
        env.set_attr("gravity", 1)
    with pytest.raises(ValueError, match=r"call step_async\(\) before step_wait"):
        env.step_wait()
    assert env.env_is_wrapped(object) == [False] * 12
    assert env.get_attr("render_mode") == [None] * 12


def test_a_policy_learns_from_rewards_and_predicts() -> None:
    env = rows()
    from stable_baselines3 import PPO

    model = PPO("MlpPolicy", env, n_steps=16, batch_size=64, seed=0, device="cpu")
    before = [parameter.clone() for parameter in model.policy.parameters()]
    model.learn(total_timesteps=400)
    assert any(
        (old != new).any() for old, new in zip(before, model.policy.parameters(), strict=True)
    )
    actions, _ = model.predict(env.reset())
    assert actions.shape == (12,)
