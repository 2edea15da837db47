"""A trained agent in one line: it acts as in its run, alone or in any company of rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from empathy_loop.agents.types import Memory
from empathy_loop.envs import mutual_aid_v0
from empathy_loop.envs.observation import Observation
from empathy_loop.envs.world import World
from empathy_loop.train.actors import LearnedActor
from empathy_loop.train.checkpoint import CheckpointError
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.learned import read_learned
from empathy_loop.train.loop import train
from empathy_loop.train.policy import Policy, load

MakeConfig = Callable[..., TrainConfig]


def trained(folder: Path, config: TrainConfig) -> Path:
    train(config, folder)
    return folder


def rows_of(world: World, order: np.ndarray) -> Observation:
    parts = (part.reshape(-1, part.shape[-1])[order] for part in world.observation)
    return Observation(*parts)


@pytest.mark.parametrize("name", ["cognitive", "mappo_gru", "oracle_ppo", "ippo"])
def test_rows_in_any_order_act_as_in_the_run(
    tmp_path: Path, make_config: MakeConfig, name: str
) -> None:
    overrides = {"network": {"hidden_size": 8, "belief_size": 6}}
    folder = trained(tmp_path / name, make_config(name, updates=1, overrides=overrides))
    policy, actor = load(folder, greedy=True), LearnedActor(*read_learned(folder))
    world = World(policy.params, 4, seed=3)
    actor.begin(policy.params, 4)
    order = np.random.default_rng(0).permutation(12)
    state: Memory | None = None
    for _ in range(10):
        actions, state = policy.act(rows_of(world, order), state)
        expected = actor.act(world, greedy=True).actions
        assert np.array_equal(actions, expected.reshape(-1)[order])
        world.step(expected)


def test_one_agent_of_a_pettingzoo_world_is_a_row_without_the_axis(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    folder = trained(tmp_path, make_config(updates=1, world={"horizon": 128}))
    policy = load(folder)
    env = mutual_aid_v0.parallel_env()
    seen, infos = env.reset(seed=0)
    states: dict[str, Memory | None] = dict.fromkeys(env.agents)
    for _ in range(5):
        actions = {}
        for agent in env.agents:
            info = infos[agent]
            observation = Observation(seen[agent], info["exterior"], info["action_mask"])
            actions[agent], states[agent] = policy.act(observation, states[agent])
            assert isinstance(actions[agent], int)
            assert info["action_mask"][actions[agent]]
        seen, _, _, _, infos = env.step(actions)


def test_the_same_seed_samples_the_same(tmp_path: Path, make_config: MakeConfig) -> None:
    folder = trained(tmp_path, make_config(updates=1))
    world = World(make_config().world, 200, seed=3)
    rows = rows_of(world, np.arange(600))
    one, same, other = (load(folder, seed=seed).act(rows)[0] for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_observations_of_another_world_are_refused(tmp_path: Path, make_config: MakeConfig) -> None:
    policy = load(trained(tmp_path, make_config(updates=1)))
    assert isinstance(policy, Policy)
    rows = rows_of(World(policy.params, 1, seed=0), np.arange(3))
    with pytest.raises(ValueError, match=r"shape \[B, 78\] or \[78\].*got \[3, 77\]"):
        policy.act(rows._replace(features=rows.features[:, :77]))


def test_a_network_for_each_seat_is_not_loaded_without_a_seat(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    overrides = {"network": {"hidden_size": 8, "belief_size": 6, "shared": False}}
    with pytest.raises(ValueError, match="has a network for each seat"):
        load(trained(tmp_path, make_config(updates=1, overrides=overrides)))


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        load(tmp_path)
