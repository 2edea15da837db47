"""Many worlds at once: by scenario name without copies, and as rows of a gymnasium environment."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from empathy_loop.envs import scenarios
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.vector import AgentVectorEnv, make_vector
from empathy_loop.envs.world import World

LIVELY: dict[str, Any] = {"horizon": 12, "total_hazard": 0.3}
PARAMS = WorldParams(**LIVELY)
ONE_AND_TWO = ("focal", "filter", "train")
TWO_AND_ONE = ("focal", "focal", "heldout")

with_partners = pytest.mark.parametrize("seats", [ONE_AND_TWO, TWO_AND_ONE])


def rows(num_worlds: int = 4, **options: Any) -> AgentVectorEnv:
    """Return a lively environment of rows."""
    return AgentVectorEnv("mutual_aid_v0", num_worlds, **(LIVELY | options))


def drawn(num_steps: int, num_rows: int = 12, seed: int = 0) -> NDArray[np.int64]:
    """Return actions [T, rows], legal or not."""
    return np.random.default_rng(seed).integers(0, PARAMS.num_actions, (num_steps, num_rows))


# Batches by name.


def test_a_batch_is_made_by_name_or_from_rules() -> None:
    batch = make_vector("self_interest_v0", 3, seed=1, num_agents=4)
    assert batch.params == WorldParams(coordination=0.0, num_agents=4)
    own = make_vector(batch.params, 3, seed=1, num_threads=2)
    assert np.array_equal(own.observation.features, batch.observation.features)
    assert own.num_threads == 2


def test_tensors_made_once_show_every_later_step() -> None:
    batch = make_vector("mutual_aid_v0", 2, seed=0, horizon=5)
    views = [
        torch.from_numpy(array)
        for array in (*batch.observation, batch.transition.reward, *batch.transition[-1])
    ]
    addresses = [view.data_ptr() for view in views]
    before = views[0].clone()
    for actions in np.random.default_rng(0).integers(0, 10, (11, 2, 3)):
        batch.step(actions)  # past two ends of episodes
    arrays = [*batch.observation, batch.transition.reward, *batch.transition[-1]]
    for view, array, address in zip(views, arrays, addresses, strict=True):
        assert array.ctypes.data == address
        assert np.array_equal(view.numpy(), array)
    assert not torch.equal(before, views[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scenario": "mutual_aid"}, "unknown scenario 'mutual_aid'; did you mean mutual_aid_v0"),
        ({"scenario": 7}, "scenario must be one of .*crowd_v0, .* or WorldParams, got 7"),
        ({"num_worlds": 0}, "num_worlds must be a whole number of at least 1, got 0"),
        ({"num_worlds": 2.5}, r"num_worlds must be a whole number of at least 1, got 2\.5"),
        ({"num_threads": "2"}, "num_threads must be a whole number of at least 1, got '2'"),
        ({"horizn": 9}, "unknown key 'horizn'; did you mean horizon"),
        ({"seats": ("focal", "train")}, "one seat for each of 3 agents, got 2"),
        ({"seats": ("focal", "heldot", "train")}, "unknown seat 'heldot'; did you mean heldout"),
        ({"seats": ("train", "train", "focal")}, "seats must begin with the focal ones"),
    ],
)
def test_arguments_that_make_no_batch_are_explained(
    arguments: dict[str, Any], message: str
) -> None:
    given: dict[str, Any] = {"scenario": "mutual_aid_v0", "num_worlds": 2} | arguments
    with pytest.raises(ValueError, match=message):
        make_vector(**given, seed=0)
    with pytest.raises(ValueError, match=message):
        AgentVectorEnv(**given)


@pytest.mark.parametrize("seed", [-1, None, "a", 1.5])
def test_a_batch_needs_a_seed(seed: Any) -> None:
    with pytest.raises(ValueError, match="seed must be "):
        make_vector("mutual_aid_v0", 2, seed=seed)


# Rows.


def test_every_row_is_an_agent_of_a_world() -> None:
    env, world = rows(), World(PARAMS, 4, seed=9)
    observations, infos = env.reset(seed=9)
    assert env.num_envs == 12
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    for actions in drawn(30):
        assert env.observation_space.contains(observations)
        assert env.action_space.contains(actions)
        assert np.array_equal(observations, world.observation.features.reshape(12, -1))
        assert np.array_equal(infos["action_mask"], world.observation.action_mask.reshape(12, -1))
        assert np.array_equal(infos["exterior"], world.observation.exterior.reshape(12, -1))
        observations, rewards, terminations, truncations, infos = env.step(actions)
        transition = world.step(actions.reshape(4, 3))
        assert np.array_equal(rewards, transition.reward.ravel())
        assert np.array_equal(truncations, np.repeat(transition.truncated, 3))
        assert terminations.dtype == truncations.dtype == np.bool_
        assert not terminations.any()


def test_rows_keep_what_gymnasium_documents_of_the_last_observation() -> None:
    env, still = rows(), World(PARAMS, 4, seed=0, autoreset=False)
    env.reset(seed=0)
    for n, actions in enumerate(drawn(12)):
        observations, _, _, truncations, infos = env.step(actions)
        still.step(actions.reshape(4, 3))
        assert ("final_obs" in infos) == (n == 11)
    assert truncations.all()
    assert infos["final_obs"].dtype == object
    assert infos["_final_obs"].all() and infos["_final_info"].all()
    assert np.array_equal(np.stack(infos["final_obs"]), still.observation.features.reshape(12, -1))
    last_masks = still.observation.action_mask.reshape(12, -1)
    assert np.array_equal(infos["final_info"]["action_mask"], last_masks)
    fresh = World(PARAMS, 4, seed=0)
    fresh.reset(episode=1)
    assert np.array_equal(observations, fresh.observation.features.reshape(12, -1))


def test_rows_that_go_on_have_no_last_observation() -> None:
    env = rows()
    env.reset(seed=0)
    env.batch.reset(first_step=np.array([0, 11, 0, 11]))
    *_, truncations, infos = env.step(drawn(1)[0])
    ended = np.repeat([False, True, False, True], 3)
    assert np.array_equal(truncations, ended)
    assert [last is not None for last in infos["final_obs"]] == ended.tolist()
    assert np.array_equal(infos["_final_obs"], ended)
    assert np.array_equal(infos["final_info"]["_action_mask"], ended)
    assert infos["_action_mask"].all()


def test_gymnasiums_wrappers_and_infos_work_as_with_its_own_vector_environments() -> None:
    # SyncVectorEnv in the same mode, made of one environment for each row, says which names and
    # types infos have.
    class Row(gymnasium.Env[NDArray[np.float32], np.int64]):
        observation_space = rows().single_observation_space
        action_space = rows().single_action_space

        def reset(self, **_: Any) -> Any:  # type: ignore[override]
            self.steps = 0
            return self.observation_space.sample(), self.info()

        def step(self, action: Any) -> Any:
            self.steps += 1
            return self.observation_space.sample(), 0.0, False, self.steps == 12, self.info()

        def info(self) -> dict[str, Any]:
            return {"action_mask": np.ones(10, np.bool_), "exterior": np.ones(22, np.float32)}

    made = gymnasium.vector.SyncVectorEnv([Row] * 12, autoreset_mode=AutoresetMode.SAME_STEP)
    ours = rows()
    for env in (made, ours):
        assert gymnasium.wrappers.vector.RecordEpisodeStatistics(env).num_envs == 12
    one, two = made.reset(seed=0)[1], ours.reset(seed=0)[1]
    for actions in drawn(12):
        assert described(one) == described(two)
        one, two = made.step(actions)[-1], ours.step(actions)[-1]
    assert described(one) == described(two)
    counted = gymnasium.wrappers.vector.RecordEpisodeStatistics(rows())
    counted.reset(seed=0)
    for actions in drawn(12):
        infos = counted.step(actions)[-1]
    assert infos["episode"]["l"].tolist() == [12] * 12
    assert gymnasium.wrappers.vector.DictInfoToList(rows()).reset(seed=0)[1][3]["exterior"].size


def described(infos: dict[str, Any]) -> dict[str, Any]:
    """Return the types and shapes of nested infos."""
    return {
        name: described(value) if isinstance(value, dict) else (value.dtype, value.shape)
        for name, value in infos.items()
    }


def test_what_a_step_gives_stays_unless_views_are_asked_for() -> None:
    env, views = rows(), rows(copy=False)
    kept, _ = env.reset(seed=0)
    seen, infos = views.reset(seed=0)
    first = kept.copy()
    env.step(drawn(1)[0])
    views.step(drawn(1)[0])
    assert np.array_equal(kept, first)
    assert not np.array_equal(seen, first)
    assert np.shares_memory(seen, views.batch.observation.features)
    assert np.shares_memory(infos["action_mask"], views.batch.observation.action_mask)


def test_resets_without_a_seed_go_on_to_the_next_episode() -> None:
    env = rows()
    env.reset(seed=5)
    later, _ = env.reset()
    fresh = World(PARAMS, 4, seed=5)
    fresh.reset(episode=1)
    assert np.array_equal(later, fresh.observation.features.reshape(12, -1))
    assert len({rows().reset()[0].tobytes() for _ in range(4)}) == 4


# Masked and refused actions.


def test_actions_in_vain_are_counted_and_do_nothing() -> None:
    env, still = rows(), rows()
    _, infos = env.reset(seed=0)
    still.reset(seed=0)
    masked = np.where(infos["action_mask"][:, 5], 0, 5)  # use, with nothing in hand
    assert (masked == 5).all()
    env.step(masked)
    still.step(np.zeros(12, np.int64))
    env.step(masked)
    still.step(np.zeros(12, np.int64))
    assert env.num_masked_actions.tolist() == [2] * 12
    assert still.num_masked_actions.tolist() == [0] * 12
    assert np.array_equal(env.batch.state.need, still.batch.state.need)
    env.reset()
    assert not env.num_masked_actions.any()


def test_strict_rows_refuse_what_is_masked_and_do_not_move() -> None:
    env = rows(strict=True)
    env.reset(seed=0)
    before = env.get_state()["world"]
    actions = np.zeros(12, np.int64)
    actions[4] = 6
    message = r"action of row 4 \(ai_1 of world 1\) is 6, .*thanking needs .*strict=False"
    with pytest.raises(ValueError, match=message):
        env.step(actions)
    assert all(np.array_equal(before[name], env.get_state()["world"][name]) for name in before)
    env.step(np.zeros(12, np.int64))


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros(11, np.int64), r"whole numbers of shape \(12,\), .* int64 of shape \(11,\)"),
        (np.zeros((4, 3), np.int64), r"got int64 of shape \(4, 3\)"),
        (np.zeros(12), r"got float64 of shape \(12,\)"),
        ([0, [1]], r"of shape \(12,\), one for each row, got rows of different lengths"),
        (np.arange(12), r"action of row 10 \(ai_1 of world 3\) must be in \[0, 9\], got 10"),
        (np.arange(12) - 1, r"action of row 0 .* got -1"),
    ],
)
def test_rows_of_actions_that_do_not_exist_are_explained(
    actions: NDArray[Any], message: str
) -> None:
    env = rows()
    with pytest.raises(ValueError, match=r"no episode was begun; call reset\(\) first"):
        env.step(np.zeros(12, np.int64))
    env.reset(seed=0)
    with pytest.raises(ValueError, match=message):
        env.step(actions)
    with pytest.raises(ValueError, match="copy must be True or False, got 1"):
        rows(copy=1)


# Saved moments.


@pytest.mark.parametrize(
    "duplicate",
    [
        copy.deepcopy,
        lambda env: pickle.loads(pickle.dumps(env)),
        lambda env: restored(pickle.loads(pickle.dumps(env.get_state()))),
    ],
)
@pytest.mark.parametrize("at", [0, 7, 12])
def test_a_copy_or_a_saved_moment_goes_on_identically(
    duplicate: Callable[[AgentVectorEnv], AgentVectorEnv], at: int
) -> None:
    env = rows()
    env.reset(seed=21)
    for actions in drawn(at):
        env.step(actions)
    twin = duplicate(env)
    for actions in drawn(30, seed=1):  # into later episodes
        for one, two in zip(env.step(actions)[:4], twin.step(actions)[:4], strict=True):
            assert np.array_equal(one, two)
    assert np.array_equal(env.num_masked_actions, twin.num_masked_actions)


def restored(saved: dict[str, Any], **options: Any) -> AgentVectorEnv:
    """Return another environment, of another seed, set to a saved moment."""
    env = rows(**options)
    env.reset(seed=99)
    observations, infos = env.set_state(saved)
    features = env.batch.observation.features
    assert np.array_equal(observations, features.reshape(env.num_envs, -1))
    assert infos["action_mask"].shape == (env.num_envs, 10)
    return env


def test_a_saved_moment_goes_on_identically_in_another_process(tmp_path: Path) -> None:
    env = rows()
    env.reset(seed=4)
    for actions in drawn(9):
        env.step(actions)
    (tmp_path / "saved").write_bytes(pickle.dumps(env.get_state()))
    code = (
        "import pickle, numpy as np; from empathy_loop.envs.vector import AgentVectorEnv;"
        f"env = AgentVectorEnv('mutual_aid_v0', 4, **{LIVELY});"
        "env.set_state(pickle.load(open('saved', 'rb')));"
        "actions = np.random.default_rng(3).integers(0, 10, (20, 12));"
        "np.save('out', np.stack([env.step(row)[0] for row in actions]))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    ours = np.stack([env.step(actions)[0] for actions in drawn(20, seed=3)])
    assert np.array_equal(ours, np.load(tmp_path / "out.npy"))


def test_a_saved_moment_of_another_batch_is_refused_and_changes_nothing() -> None:
    env = rows()
    observations, _ = env.reset(seed=0)
    for saved, message in (
        (rows(3), r"num_masked_actions must count 12 agents, from 0 to 11, got 9"),
        (rows(3, num_agents=4), r"state\..* must be .*same params and num_worlds"),
    ):
        saved.reset(seed=0)
        with pytest.raises(ValueError, match=message):
            env.set_state(saved.get_state())
    with pytest.raises(ValueError, match=r"what get_state returned.*got 'x'"):
        env.set_state("x")  # type: ignore[arg-type]
    assert np.array_equal(env.batch.observation.features.reshape(12, -1), observations)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda w: pickle.loads(pickle.dumps(w))])
def test_a_batch_is_copied_and_pickled_with_its_place_in_every_draw(
    duplicate: Callable[[World], World],
) -> None:
    batch = make_vector("mutual_aid_v0", 2, seed=8, num_threads=2, **LIVELY)
    batch.step(np.zeros((2, 3), np.int8))
    twin, other = duplicate(batch), make_vector("mutual_aid_v0", 2, seed=0, **LIVELY)
    other.set_state(batch.get_state())
    assert other.seed == 8
    for actions in drawn(20, 6).reshape(20, 2, 3):
        rewards = [world.step(actions).reward for world in (batch, twin, other)]
        assert np.array_equal(rewards[0], rewards[1])
        assert np.array_equal(rewards[0], rewards[2])
    assert np.array_equal(batch.observation.features, other.observation.features)


# Partners in some of the seats.


@with_partners
def test_where_partners_sit_a_batch_is_of_the_focal_agents(seats: tuple[str, ...]) -> None:
    batch = make_vector("mutual_aid_v0", 4, seed=3, seats=seats, **LIVELY)
    same = SeatedWorld(World(PARAMS, 4, seed=3), seats)
    focal = seats.count("focal")
    assert isinstance(batch, SeatedWorld)
    assert batch.params == PARAMS
    views = [torch.from_numpy(array) for array in (*batch.observation, batch.transition.reward)]
    addresses = [view.data_ptr() for view in views]
    for actions in drawn(30, 4 * focal).reshape(30, 4, focal):
        batch.step(actions)
        same.step(actions)
        arrays = [*batch.observation, batch.transition.reward]
        expected = [*same.observation, same.transition.reward]
        for view, array, other, address in zip(views, arrays, expected, addresses, strict=True):
            assert np.array_equal(view.numpy(), other)
            assert array.ctypes.data == address
    assert batch.state.position.shape == (4, 3, 2)
    assert np.array_equal(batch.state.position, same.world.state.position)


def test_where_all_seats_are_focal_the_batch_and_the_rows_are_those_of_plain_worlds() -> None:
    assert type(make_vector("mutual_aid_v0", 2, seed=0, seats=("focal",) * 3)) is World
    env, plain = rows(seats=("focal",) * 3), rows()
    env.reset(seed=0)
    plain.reset(seed=0)
    for actions in drawn(30):
        for one, two in zip(env.step(actions)[:4], plain.step(actions)[:4], strict=True):
            assert np.array_equal(one, two)
    one, two = env.get_state(), plain.get_state()
    world = World(PARAMS, 4, seed=0)
    assert one["world"].keys() == two["world"].keys() == world.get_state().keys()
    for name, array in one["world"].items():
        assert np.array_equal(array, two["world"][name]), name


def test_seats_are_the_scenarios_unless_others_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    load = scenarios.load_scenario
    monkeypatch.setattr(scenarios, "load_scenario", lambda name: replace(load(name), seats=seats))
    seats = TWO_AND_ONE
    assert rows().seats == seats
    assert rows().num_envs == 8
    assert make_vector("mutual_aid_v0", 2, seed=0).observation.features.shape[:2] == (2, 2)
    assert rows(seats=("focal",) * 3).num_envs == 12
    assert make_vector("mutual_aid_v0", 2, seed=0, seats=ONE_AND_TWO).transition.reward.size == 2
    # Rules of one's own come without seats.
    assert AgentVectorEnv(PARAMS, 4).num_envs == 12


@with_partners
def test_every_row_is_a_focal_agent_and_partners_act_inside(seats: tuple[str, ...]) -> None:
    env, view = rows(seats=seats), SeatedWorld(World(PARAMS, 4, seed=9), seats)
    still = SeatedWorld(World(PARAMS, 4, seed=9, autoreset=False), seats)
    focal = seats.count("focal")
    size = 4 * focal
    observations, infos = env.reset(seed=9)
    assert env.num_envs == size
    masked, moved = np.zeros(size, np.int64), 0
    for n, actions in enumerate(drawn(30, size)):
        # A row is an agent of a world: row e * F + i is agent i of world e.
        for row in range(size):
            e, i = divmod(row, focal)
            assert np.array_equal(observations[row], view.world.observation.features[e, i])
            assert np.array_equal(infos["exterior"][row], view.world.observation.exterior[e, i])
            mask = view.world.observation.action_mask[e, i]
            assert np.array_equal(infos["action_mask"][row], mask)
            masked[row] += not mask[actions[row]]
        assert env.observation_space.contains(observations)
        before = view.world.state.position[:, focal:].copy()
        observations, rewards, terminations, truncations, infos = env.step(actions)
        transition = view.step(actions.reshape(4, focal))
        moved += int((view.world.state.position[:, focal:] != before).any())
        assert np.array_equal(rewards, view.world.transition.reward[:, :focal].ravel())
        assert np.array_equal(env.batch.transition.welfare, view.world.transition.welfare)
        assert truncations.tolist() == np.repeat(transition.truncated, focal).tolist()
        assert not terminations.any()
        assert np.array_equal(env.num_masked_actions, masked)
        if n < 12:
            still.step(actions.reshape(4, focal))
        if n == 11:
            last = still.observation
            assert infos["_final_obs"].tolist() == [True] * size
            assert np.array_equal(np.stack(infos["final_obs"]), last.features.reshape(size, -1))
            final = infos["final_info"]["action_mask"]
            assert np.array_equal(final, last.action_mask.reshape(size, -1))
    assert moved > 20


@with_partners
def test_rows_beside_partners_stay_and_are_views_only_where_they_can_be(
    seats: tuple[str, ...],
) -> None:
    env, views = rows(seats=seats), rows(seats=seats, copy=False)
    kept, told = env.reset(seed=0)
    seen, _ = views.reset(seed=0)
    first, size = kept.copy(), env.num_envs
    assert not np.shares_memory(kept, env.batch.observation.features)
    assert not np.shares_memory(told["exterior"], env.batch.observation.exterior)
    env.step(drawn(1, size)[0])
    views.step(drawn(1, size)[0])
    assert np.array_equal(kept, first)
    one = seats == ONE_AND_TWO
    assert np.shares_memory(seen, views.batch.observation.features) == one
    assert np.array_equal(seen, first) != one


def test_rows_beside_partners_go_on_to_the_next_episode_with_new_partners() -> None:
    env = rows(40, seats=TWO_AND_ONE)
    env.reset(seed=5)
    first = env.batch.rows.copy()
    later, _ = env.reset()
    fresh = SeatedWorld(World(PARAMS, 40, seed=5), TWO_AND_ONE)
    assert np.array_equal(first, fresh.rows)
    fresh.reset(episode=1)
    assert np.array_equal(later, fresh.observation.features.reshape(80, -1))
    assert np.array_equal(env.batch.rows, fresh.rows)
    assert not np.array_equal(first, fresh.rows)


def test_mistakes_beside_partners_name_the_focal_agents_row() -> None:
    env = rows(strict=True, seats=TWO_AND_ONE)
    env.reset(seed=0)
    before = env.get_state()["world"]
    actions = np.zeros(8, np.int64)
    actions[5] = 6
    with pytest.raises(ValueError, match=r"action of row 5 \(ai_1 of world 2\) is 6"):
        env.step(actions)
    actions[5] = 10
    with pytest.raises(ValueError, match=r"row 5 \(ai_1 of world 2\) must be in \[0, 9\], got 10"):
        env.step(actions)
    with pytest.raises(ValueError, match=r"of shape \(8,\), one for each row, .* \(12,\)"):
        env.step(np.zeros(12, np.int64))
    for name, array in env.get_state()["world"].items():
        assert np.array_equal(array, before[name]), name


@with_partners
@pytest.mark.parametrize("how", ["copied", "pickled", "saved"])
def test_rows_beside_partners_are_copied_and_saved_with_the_partners(
    seats: tuple[str, ...], how: str
) -> None:
    env = rows(seats=seats)
    env.reset(seed=21)
    for actions in drawn(7, env.num_envs):
        env.step(actions)
    if how == "copied":
        twin = copy.deepcopy(env)
    elif how == "pickled":
        twin = pickle.loads(pickle.dumps(env))
    else:
        twin = restored(pickle.loads(pickle.dumps(env.get_state())), seats=seats)
    for actions in drawn(30, env.num_envs, seed=1):  # into later episodes
        for one, two in zip(env.step(actions)[:4], twin.step(actions)[:4], strict=True):
            assert np.array_equal(one, two)
        assert np.array_equal(env.batch.rows, twin.batch.rows)
    assert np.array_equal(env.num_masked_actions, twin.num_masked_actions)


def test_a_saved_moment_with_other_seats_is_refused_and_changes_nothing() -> None:
    env = rows(seats=ONE_AND_TWO)
    observations, _ = env.reset(seed=0)
    for seats, message in (
        (TWO_AND_ONE, "num_masked_actions must count 4 agents, from 0 to 3, got 8"),
        (("focal", "reader", "train"), "seats must be those of the saved state, focal, reader"),
    ):
        other = rows(seats=seats)
        other.reset(seed=0)
        with pytest.raises(ValueError, match=message):
            env.set_state(other.get_state())
    assert np.array_equal(env.batch.observation.features.reshape(4, -1), observations)
