"""Names and folders become actors, and what cannot act is explained."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from empathy_loop.envs.observation import Observation
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.world import World
from empathy_loop.train.actors import LearnedActor, ScriptedActor, UserActor, load_actor
from empathy_loop.train.checkpoint import CHECKPOINT, CheckpointError
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.loop import train

MakeConfig = Callable[..., TrainConfig]
PARAMS = WorldParams(horizon=16)
USER_MODULE = """
import numpy as np

class Counting:
    "Moves by the number of steps that it has seen, which it keeps in its state."

    def act(self, observation, state):
        steps = 0 if state is None else state
        observation.features[:] = np.nan
        return np.full(len(observation.features), steps % 5), steps + 1

class Wrong:
    def act(self, observation, state):
        return np.zeros((len(observation.features), 2)), state
"""


@pytest.fixture
def user_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "an_actors_module.py").write_text(USER_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "an_actors_module", raising=False)
    return "an_actors_module"


def test_a_run_folder_gives_its_trained_network(tmp_path: Path, make_config: MakeConfig) -> None:
    path = train(make_config(updates=1), tmp_path)
    actor = load_actor(tmp_path)
    assert isinstance(actor, LearnedActor)
    assert actor.name == "cognitive"
    saved = torch.load(path, weights_only=True)["network"]
    for name, weight in actor._network.state_dict().items():
        assert torch.equal(weight, saved[name])


def test_a_scripted_name_gives_its_policy() -> None:
    actor = load_actor("reader")
    assert isinstance(actor, ScriptedActor)
    world = World(PARAMS, 3, seed=0)
    actor.begin(PARAMS, 3)
    actions = actor.act(world, greedy=False).actions
    assert actions.shape == (3, 3)
    assert world.observation.action_mask[np.arange(3)[:, None], np.arange(3), actions].all()


def test_a_users_agent_acts_on_rows_and_keeps_its_state(user_module: str) -> None:
    actor = load_actor(f"{user_module}:Counting")
    assert isinstance(actor, UserActor)
    world = World(PARAMS, 4, seed=0)
    actor.begin(PARAMS, 4)
    for step in range(3):
        assert (actor.act(world, greedy=False).actions == np.full((4, 3), step)).all()
    assert np.isfinite(world.observation.features).all()
    actor.begin(PARAMS, 4)
    assert (actor.act(world, greedy=False).actions == 0).all()
    log = run_episodes(actor, PARAMS, 4, seed=100)
    assert log.belief is None
    assert log.welfare.shape == (16, 4)


def test_a_users_agent_that_returns_something_else_is_explained(user_module: str) -> None:
    actor = load_actor(f"{user_module}:Wrong")
    with pytest.raises(ValueError, match=r"Wrong.*for each of 6 rows, got float64 \(6, 2\)"):
        run_episodes(actor, PARAMS, 2, seed=100)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cognitive", "'cognitive' is learned: give the folder of a run that trained it"),
        ("orcle", r"'orcle' is neither the folder of a run nor a scripted.*did you mean oracle"),
    ],
)
def test_a_name_that_cannot_act_is_explained(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_actor(name)


def test_a_folder_without_a_checkpoint_is_explained(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        load_actor(tmp_path)


def test_a_corrupt_checkpoint_is_not_acted_on(tmp_path: Path, make_config: MakeConfig) -> None:
    train(make_config(updates=1), tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match="corrupt"):
        load_actor(tmp_path)


@pytest.mark.parametrize("view_radius", [32, 1])
def test_states_are_the_stream_of_the_other_and_ones_own_core(
    tmp_path: Path, make_config: MakeConfig, view_radius: int
) -> None:
    config = make_config("ippo_gru", updates=1, world={"view_radius": view_radius})
    train(config, tmp_path)
    actor = load_actor(tmp_path)
    assert isinstance(actor, LearnedActor)
    world = World(config.world, 4, seed=0)
    actor.begin(config.world, 4)
    for _ in range(3):
        world.step(actor.act(world, greedy=False).actions)
    streams, core = (part.numpy() for part in actor._memory)
    states = actor.states
    assert states is not None and states.shape == (4, 3, 2, 6 + 8)
    for viewer in range(3):
        for o in range(2):
            # All streams are shared, or each viewer has its own after the three own ones.
            stream = (viewer + 1 + o) % 3 if view_radius == 32 else 3 + 2 * viewer + o
            assert np.array_equal(states[:, viewer, o, :6], streams[:, stream])
            assert np.array_equal(states[:, viewer, o, 6:], core[:, viewer])


def test_a_network_without_memory_has_no_states(tmp_path: Path, make_config: MakeConfig) -> None:
    train(make_config("ippo", updates=1), tmp_path)
    actor = load_actor(tmp_path)
    assert isinstance(actor, LearnedActor)
    run_episodes(actor, PARAMS, 2, seed=100)
    assert actor.states is None


def test_a_world_of_other_sizes_is_refused(tmp_path: Path, make_config: MakeConfig) -> None:
    train(make_config(updates=1), tmp_path)
    actor = load_actor(tmp_path)
    with pytest.raises(ValueError, match="num_agents=3 and cannot act with num_ag") as refusal:
        run_episodes(actor, WorldParams(num_agents=4, horizon=16), 2, seed=100)
    assert len(set(re.findall(r"\b[0-9a-f]{16}\b", str(refusal.value)))) == 2


def spoil(checkpoint: dict[str, Any], what: str) -> None:
    """Make a checkpoint one of another version, or a damaged one."""
    settings, weights = checkpoint["config"], checkpoint["network"]
    if what == "an unknown rule":
        settings["world"]["gravity"] = 9.8
    elif what == "no world":
        del settings["world"]
    elif what == "an unknown setting":
        settings["agent"]["ppo"]["momentum"] = 0.9
    else:
        name = next(name for name, weight in weights.items() if weight.dim() == 2)
        weights[name] = torch.cat([weights[name], weights[name][:, :1]], dim=1)


@pytest.mark.parametrize(
    ("what", "error", "message", "fingerprints"),
    [
        ("an unknown rule", CheckpointError, "this version has no rule gravity; use the ver", 2),
        ("no world", CheckpointError, "its settings lack 'world'; use the version that", 0),
        ("an unknown setting", ValueError, "unknown key 'ppo.momentum'", 0),
        ("another layout", CheckpointError, r"has the shape \[\d+, \d+\] and would have", 2),
    ],
)
def test_a_run_of_another_version_is_refused_with_both_fingerprints(
    tmp_path: Path,
    make_config: MakeConfig,
    what: str,
    error: type[Exception],
    message: str,
    fingerprints: int,
) -> None:
    path = train(make_config(updates=1), tmp_path)
    checkpoint = torch.load(path, weights_only=True)
    spoil(checkpoint, what)
    torch.save(checkpoint, path)
    with pytest.raises(error, match=message) as refusal:
        load_actor(tmp_path)
    assert str(tmp_path) in str(refusal.value)
    assert len(set(re.findall(r"\b[0-9a-f]{16}\b", str(refusal.value)))) == fingerprints


class Neighbour:
    """An agent that stays, unless the row before it is in need: what no agent can see."""

    def act(self, observation: Observation, state: Any) -> tuple[Any, Any]:
        before = np.roll(observation.features[:, :3].sum(1), 1)
        return np.where(before > 0.0, 5, 0), state


def test_rows_of_one_world_do_not_stand_together_for_a_users_class() -> None:
    # Were they in order, the roll would find the need of the agent before in the same world.
    sys.modules["neighbour"] = types.ModuleType("neighbour")
    sys.modules["neighbour"].Neighbour = Neighbour  # type: ignore[attr-defined]
    params = WorldParams(total_hazard=0.0)
    world, actor = World(params, 50, seed=0), load_actor("neighbour:Neighbour")
    actor.begin(params, 50)
    world.state.need[:, 0] = 0.5
    world.set_state(world.get_state())
    used = np.flatnonzero((actor.act(world, False).actions == 5).any(0))
    assert used.tolist() == [0, 1, 2]


def test_a_folder_cannot_take_the_place_of_an_anchor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_actor("random").name == "random"
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        load_actor(Path("random"))
