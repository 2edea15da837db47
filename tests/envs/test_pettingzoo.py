"""The PettingZoo views keep PettingZoo's contracts, and show one world as it is."""

from __future__ import annotations

import copy
import importlib
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pettingzoo
import pytest
from extras import require
from numpy.typing import NDArray
from pettingzoo.test import (
    api_test,
    max_cycles_test,
    parallel_api_test,
    parallel_seed_test,
    render_test,
    seed_test,
)
from pettingzoo.test.state_test import state_test

from empathy_loop.envs import mutual_aid_v0
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.pettingzoo_adapter import ScenarioEnv
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.world import World

pytestmark = pytest.mark.filterwarnings("error")

LIVELY: dict[str, Any] = {"horizon": 30, "total_hazard": 0.3, "offers": True}


def episode(
    env: ScenarioEnv, seed: int | None = None, action_seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Play one episode of keyed random actions and yield everything that each step gives."""
    rng = np.random.default_rng(action_seed)
    observations, infos = env.reset(seed=seed)
    yield {"observations": observations, "infos": infos, "state": env.state()}
    while env.agents:
        yield random_step(env, rng)


def random_step(env: ScenarioEnv, rng: np.random.Generator) -> dict[str, Any]:
    """Take one step of random actions, legal or not."""
    choices = rng.integers(0, env.params.num_actions, len(env.agents))
    actions = dict(zip(env.agents, choices.tolist(), strict=True))
    names = ("observations", "rewards", "terminations", "truncations", "infos")
    given = dict(zip(names, env.step(actions), strict=True))
    return given | {"state": env.state()}


def same(one: Any, other: Any) -> bool:
    """Return whether nested dictionaries of arrays and numbers are equal, types included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    return bool(one == other)


# PettingZoo's own contract tests.


@pytest.mark.parametrize("options", [{}, {"truth": True, "privileged_state": True, **LIVELY}])
def test_the_parallel_environment_keeps_the_contract(options: dict[str, Any]) -> None:
    parallel_api_test(mutual_aid_v0.parallel_env(**options), num_cycles=300)
    parallel_seed_test(lambda: mutual_aid_v0.parallel_env(**options), num_cycles=50)


@pytest.mark.parametrize("make", [mutual_aid_v0.env, mutual_aid_v0.raw_env])
@pytest.mark.parametrize("options", [{}, {"truth": True, "privileged_state": True, **LIVELY}])
def test_the_aec_environment_keeps_the_contract(
    make: Callable[..., Any], options: dict[str, Any]
) -> None:
    api_test(make(**options), num_cycles=300)
    seed_test(lambda: make(**options), num_cycles=50)


def test_max_cycles_is_kept() -> None:
    max_cycles_test(mutual_aid_v0)


@pytest.mark.parametrize("options", [{}, {"privileged_state": True}])
def test_the_state_keeps_the_contract(options: dict[str, Any]) -> None:
    state_test(mutual_aid_v0.env(**options), mutual_aid_v0.parallel_env(**options))


# Which pygame itself asks for, with setuptools of before 2026.
@pytest.mark.filterwarnings("ignore:pkg_resources is deprecated")
def test_the_render_modes_keep_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    require("pygame", "human")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    envs = []

    def make(render_mode: str) -> Any:
        envs.append(mutual_aid_v0.env(render_mode=render_mode))
        return envs[-1]

    assert mutual_aid_v0.env().metadata["render_modes"] == ["ansi", "human", "rgb_array"]
    render_test(make, custom_tests={"ansi": lambda text: text.startswith("step ")})
    for env in envs:
        env.close()


# A thin view of one world.


def test_every_step_shows_the_world_of_that_seed() -> None:
    env, params = mutual_aid_v0.parallel_env(**LIVELY), WorldParams(**LIVELY)
    world = World(params, 1, seed=11, autoreset=False)
    rng = np.random.default_rng(0)
    for n, shown in enumerate(episode(env, seed=11)):
        for i, agent in enumerate(env.possible_agents):
            assert np.array_equal(shown["observations"][agent], world.observation.features[0, i])
            info = shown["infos"][agent]
            assert np.array_equal(info["action_mask"], world.observation.action_mask[0, i])
            assert np.array_equal(info["exterior"], world.observation.exterior[0, i])
            if n:
                assert shown["rewards"][agent] == float(world.transition.reward[0, i])
                assert shown["terminations"][agent] is False
                assert shown["truncations"][agent] is (n == 30)
        if n < 30:
            world.step(rng.integers(0, params.num_actions, (1, 3)))
    assert n == 30
    assert env.agents == []


def test_types_and_names_are_what_the_page_says() -> None:
    env = mutual_aid_v0.parallel_env(num_agents=4)
    assert env.possible_agents == ["ai_0", "ai_1", "ai_2", "ai_3"]
    assert env.agents == []
    first, second = list(episode(env, seed=0))[:2]
    for agent in env.possible_agents:
        assert env.observation_space(agent) is env.observation_space(agent)
        assert env.action_space(agent) is not env.action_space("ai_0") or agent == "ai_0"
        assert second["observations"][agent].dtype == np.float32
        assert env.observation_space(agent).contains(second["observations"][agent])
        assert type(second["rewards"][agent]) is float
        assert second["infos"][agent].keys() == {"action_mask", "exterior"}
        assert second["infos"][agent]["action_mask"].dtype == np.int8
        assert second["infos"][agent]["exterior"].dtype == np.float32
    assert first["infos"].keys() == set(env.possible_agents)
    assert env.unwrapped is env
    assert mutual_aid_v0.env().unwrapped.params == WorldParams()


def test_the_same_seed_gives_the_same_whole_episodes() -> None:
    options = LIVELY | {"truth": True, "privileged_state": True}
    env, other = mutual_aid_v0.parallel_env(**options), mutual_aid_v0.parallel_env(**options)
    other.reset(seed=99)
    for seed in (7, None, None, 7):
        steps, others = list(episode(env, seed)), list(episode(other, seed))
        assert len(steps) == 31
        assert all(same(one, two) for one, two in zip(steps, others, strict=True))


def test_a_reset_without_a_seed_begins_the_next_episode_of_the_same_seed() -> None:
    env = mutual_aid_v0.parallel_env()
    world = World(WorldParams(), 1, seed=5)
    for number, seed in enumerate([5, None, None]):
        observations, _ = env.reset(seed=seed)
        world.reset(episode=number)
        assert np.array_equal(observations["ai_1"], world.observation.features[0, 1])


def test_a_first_reset_without_a_seed_draws_one_that_no_one_knows() -> None:
    starts = {mutual_aid_v0.parallel_env().reset()[0]["ai_0"].tobytes() for _ in range(5)}
    assert len(starts) == 5


def test_what_a_step_gives_is_not_overwritten_by_later_ones() -> None:
    env = mutual_aid_v0.parallel_env(truth=True, **LIVELY)
    steps, copies = [], []
    for given in episode(env, seed=0):
        steps.append(given)
        copies.append(copy.deepcopy(given))
    env.reset()
    assert all(same(one, two) for one, two in zip(steps, copies, strict=True))


def test_an_action_that_the_mask_forbids_does_nothing() -> None:
    env, still = mutual_aid_v0.parallel_env(), mutual_aid_v0.parallel_env()
    _, infos = env.reset(seed=0)
    still.reset(seed=0)
    assert infos["ai_0"]["action_mask"][5] == 0  # use, with nothing in hand
    ours = env.step({"ai_0": 5, "ai_1": 0, "ai_2": 0})[0]["ai_0"]
    others = still.step({"ai_0": 0, "ai_1": 0, "ai_2": 0})[0]["ai_0"]
    differ = np.flatnonzero(ours != others)
    start = ObservationLayout.of(env.params).self_block["last_action"].start
    assert differ.tolist() == [start + 0, start + 5]
    assert np.array_equal(env.state(), still.state())


def test_the_aec_view_plays_the_same_episode() -> None:
    parallel, aec = mutual_aid_v0.parallel_env(**LIVELY), mutual_aid_v0.env(**LIVELY)
    steps, rng = list(episode(parallel, seed=4)), np.random.default_rng(0)
    aec.reset(seed=4)
    for given in steps[1:]:
        for action in rng.integers(0, 10, 3).tolist():
            aec.step(action)
        for agent in parallel.possible_agents:
            assert np.array_equal(aec.observe(agent), given["observations"][agent])
            assert aec.rewards[agent] == given["rewards"][agent]
        assert np.array_equal(aec.state(), given["state"])
    assert all(aec.truncations.values())


# What is hidden, and who gets to see it.


def test_truth_is_there_when_asked_for_and_changes_nothing_else() -> None:
    env = mutual_aid_v0.parallel_env(truth=True, **LIVELY)
    plain = mutual_aid_v0.parallel_env(**LIVELY)
    for told, given in zip(episode(env, seed=2), episode(plain, seed=2), strict=True):
        for agent in env.possible_agents:
            truth = told["infos"][agent].pop("truth")
            assert truth.keys() == {"need", "hazard", "style", "severe", "expressivity"}
            own_need = told["observations"][agent][:3]
            assert np.array_equal(truth["need"].astype(np.float32), own_need)
            assert truth["hazard"].sum() == pytest.approx(0.3)
            assert sorted(truth["style"]) == [0, 1, 2]
            assert 0.4 <= truth["expressivity"] <= 0.9
        assert same(told, given)


@pytest.mark.parametrize("name", ["need", "hazard", "style", "expressivity"])
def test_the_state_does_not_move_with_what_is_hidden(name: str) -> None:
    env = mutual_aid_v0.parallel_env(**LIVELY)
    privileged = mutual_aid_v0.parallel_env(privileged_state=True, **LIVELY)
    for one in (env, privileged):
        for n, _ in enumerate(episode(one, seed=0)):
            if n == 15:
                break
    before, all_before = env.state(), privileged.state()
    for one in (env, privileged):
        world = one._begun().world
        array: NDArray[Any] = getattr(world.state, name)
        array[...] = array[..., ::-1].copy() + 0.01
        world.set_state(world.get_state())  # observes anew
    assert np.array_equal(env.state(), before)
    assert np.array_equal(privileged.state(), all_before) == (name != "need")


def test_the_state_is_laid_out_as_documented() -> None:
    # Rows 22 wide: visible, offset (2), in reach, carried (3), cue (7), act (3), received (3),
    # helped, thanked. Before it the position (2), behind it helped by (2) and thanked by (2).
    env = mutual_aid_v0.parallel_env(privileged_state=True, total_hazard=0.0, help_reach=8)
    env.reset(seed=0)
    world = env._begun().world
    world.state.position[0] = [[0, 0], [2, 4], [4, 1]]
    world.state.station[0] = [[0, 4], [4, 4], [2, 2]]
    world.state.carried[0] = [1, -1, -1]
    world.state.need[0, 1, 1] = 0.5
    # Agent 0 gives B to agent 1, its other 1, who needs it.
    _, _, _, _, infos = env.step({"ai_0": 8, "ai_1": 0, "ai_2": 0})
    rows, rest = env.state()[:84].reshape(3, 28), env.state()[84:]
    assert rows[:, :2].tolist() == [[-1, -1], [0, 1], [1, -0.5]]
    for i in range(3):
        assert np.array_equal(rows[i, 2:24], infos[f"ai_{i}"]["exterior"])
    # Agent 0 is the other 2 of agent 1: (1 + 2) % 3.
    assert rows[:, 24:26].tolist() == [[0, 0], [0, 1], [0, 0]]
    assert not rows[:, 26:].any()
    assert rest[:6].tolist() == [-1, 1, 1, 1, 0, 0]
    assert rest[6:].tolist() == world.state.need[0].ravel().astype(np.float32).tolist()
    env.step({"ai_0": 0, "ai_1": 6, "ai_2": 0})
    # Agent 1 thanks agent 0, of whom it is the other 1.
    assert env.state()[:84].reshape(3, 28)[:, 26:].tolist() == [[1, 0], [0, 0], [0, 0]]
    assert env.state_space.shape == (99,)


# Copies.


def played(env: ScenarioEnv, steps: int) -> ScenarioEnv:
    """Return the environment after some steps of its second episode."""
    env.reset(seed=3)
    env.reset()
    rng = np.random.default_rng(1)
    for _ in range(steps):
        random_step(env, rng)
    return env


duplicates = pytest.mark.parametrize(
    "duplicate",
    [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))],
    ids=["deepcopy", "pickle"],
)


@duplicates
@pytest.mark.parametrize("steps", [0, 12])
def test_a_copy_goes_on_identically_and_leaves_the_first_alone(
    duplicate: Callable[[ScenarioEnv], ScenarioEnv], steps: int
) -> None:
    env = played(mutual_aid_v0.parallel_env(truth=True, **LIVELY), steps)
    twin = duplicate(env)
    assert twin.params == env.params
    one, other = np.random.default_rng(2), np.random.default_rng(2)
    for _ in range(30 - steps):
        assert same(random_step(twin, other), random_step(env, one))
    assert twin.agents == env.agents == []
    assert same(twin.reset()[0], env.reset()[0])


def test_a_copy_made_before_the_first_reset_is_a_fresh_environment() -> None:
    env = mutual_aid_v0.parallel_env(render_mode="ansi", **LIVELY)
    twin: ScenarioEnv = pickle.loads(pickle.dumps(env))
    with pytest.raises(ValueError, match=r"call reset\(\) first"):
        twin.state()
    assert same(twin.reset(seed=8)[0], env.reset(seed=8)[0])
    assert twin.render() == env.render()


@duplicates
@pytest.mark.parametrize("make", [mutual_aid_v0.env, mutual_aid_v0.raw_env])
def test_a_copy_of_the_aec_view_goes_on_identically(
    make: Callable[..., Any], duplicate: Callable[[Any], Any]
) -> None:
    env = make(**LIVELY)
    env.reset(seed=0)
    for action in [0, 1, 2, 3]:  # the fourth begins a step that is not complete
        env.step(action)
    twin = duplicate(env)
    for action in [1, 2, 3, 4, 1]:
        env.step(action)
        twin.step(action)
        assert twin.agent_selection == env.agent_selection
        assert same(twin.last()[0], env.last()[0])
    assert np.array_equal(twin.state(), env.state())


def test_a_saved_moment_goes_on_identically_in_an_environment_of_another_seed() -> None:
    env = played(mutual_aid_v0.parallel_env(truth=True, **LIVELY), 12)
    last = random_step(env, np.random.default_rng(5))
    saved = pickle.loads(pickle.dumps(env.get_state()))
    twin = mutual_aid_v0.parallel_env(truth=True, **LIVELY)
    twin.reset(seed=1000)
    observations, infos = twin.set_state(saved)
    assert same(observations, last["observations"])
    assert same(infos, last["infos"])
    one, other = np.random.default_rng(2), np.random.default_rng(2)
    while env.agents:
        assert same(random_step(twin, other), random_step(env, one))
    assert twin.agents == []
    assert twin.num_masked_actions == env.num_masked_actions
    assert same(twin.reset()[0], env.reset()[0])


def test_a_saved_moment_goes_on_identically_in_another_process(tmp_path: Path) -> None:
    env = played(mutual_aid_v0.parallel_env(**LIVELY), 25)
    (tmp_path / "saved").write_bytes(pickle.dumps(env.get_state()))
    code = (
        "import pickle, numpy as np; from empathy_loop.envs import mutual_aid_v0;"
        f"env = mutual_aid_v0.parallel_env(**{LIVELY});"
        "env.set_state(pickle.load(open('saved', 'rb')));"
        "states = [(env.step(dict.fromkeys(env.agents, 1)), env.state())[1] for _ in range(5)];"
        "states.append((env.reset(), env.state())[1]); np.save('out', states)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    states = [(env.step(dict.fromkeys(env.agents, 1)), env.state())[1] for _ in range(5)]
    states.append((env.reset(), env.state())[1])
    assert np.array_equal(states, np.load(tmp_path / "out.npy"))


def test_the_end_of_an_episode_is_saved_too() -> None:
    env = played(mutual_aid_v0.parallel_env(**LIVELY), 30)
    twin = mutual_aid_v0.parallel_env(**LIVELY)
    twin.set_state(env.get_state())
    with pytest.raises(ValueError, match="the episode is over"):
        twin.step(dict.fromkeys(twin.possible_agents, 0))


def test_what_is_no_saved_moment_of_these_rules_is_refused_and_changes_nothing() -> None:
    env, other = mutual_aid_v0.parallel_env(), mutual_aid_v0.parallel_env(num_agents=4)
    with pytest.raises(ValueError, match=r"call reset\(\) first"):
        env.get_state()
    env.reset(seed=0)
    other.reset(seed=0)
    before, saved = env.state(), env.get_state()
    for wrong, message in (
        (other.get_state(), "num_masked_actions must count 3 agents, from ai_0 to ai_2, got 4"),
        (saved | {"world": other.get_state()["world"]}, "make the world with the same seats"),
        ({"world": saved["world"]}, r"num_masked_actions and world, got \['world'\]"),
        (None, "what get_state returned, .* got None"),
    ):
        with pytest.raises(ValueError, match=message):
            env.set_state(wrong)
    assert np.array_equal(env.state(), before)


def test_an_environment_of_rules_of_ones_own_has_all_that_a_scenario_has() -> None:
    env = ScenarioEnv(WorldParams(num_agents=4), horizon=9)
    assert env.params == WorldParams(num_agents=4, horizon=9)
    assert env.metadata["name"] == "own_world"
    assert len(list(episode(env, seed=0))) == 10


# Masked actions.


def test_actions_in_vain_are_counted_for_each_agent_and_episode() -> None:
    env = mutual_aid_v0.parallel_env(horizon=5)
    env.reset(seed=0)
    for actions in ({"ai_0": 5, "ai_1": 0, "ai_2": 8}, {"ai_0": 5, "ai_1": 0, "ai_2": 0}):
        env.step(actions)
    assert env.num_masked_actions == {"ai_0": 2, "ai_1": 0, "ai_2": 1}
    env.reset()
    assert env.num_masked_actions == {"ai_0": 0, "ai_1": 0, "ai_2": 0}


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (5, "action of ai_1 is 5, .* using an item needs one in hand; choose .* strict=False"),
        (6, "action of ai_1 is 6, .* thanking needs somebody who has helped"),
        (7, "action of ai_1 is 7, .* made with offers=True"),
        (9, "action of ai_1 is 9, .* help 2 needs an item in hand and that other near"),
    ],
)
def test_a_strict_environment_refuses_what_is_masked(action: int, message: str) -> None:
    env = mutual_aid_v0.parallel_env(strict=True)
    env.reset(seed=0)
    before = env.state()
    with pytest.raises(ValueError, match=message):
        env.step({"ai_0": 0, "ai_1": action, "ai_2": 0})
    assert np.array_equal(env.state(), before)
    env.step(dict.fromkeys(env.agents, 0))


def test_a_strict_environment_refuses_to_leave_the_board() -> None:
    env = mutual_aid_v0.parallel_env(strict=True)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="a move must stay on the board"):
        for _ in range(5):
            env.step(dict.fromkeys(env.agents, 1))


# Rendering.


def test_a_picture_and_a_text_show_the_present_step() -> None:
    env = mutual_aid_v0.parallel_env(render_mode="ansi")
    env.reset(seed=0)
    assert env.render().startswith("step 0 of 128")
    env.step(dict.fromkeys(env.agents, 0))
    assert env.render().startswith("step 1 of 128")
    painter = mutual_aid_v0.parallel_env(render_mode="rgb_array")
    painter.reset(seed=0)
    first = painter.render()
    painter.step(dict.fromkeys(painter.agents, 0))
    assert first.dtype == np.uint8 and not np.array_equal(first, painter.render())
    painter.close()


# Refused input.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_agent": 4}, r"mutual_aid_v0: unknown key 'num_agent'; did you mean num_agents"),
        ({"num_agents": 40}, r"mutual_aid_v0: num_agents must be in \[2, 16\], got 40"),
        ({"coordination": "all"}, r"mutual_aid_v0: coordination must be a number, got 'all'"),
        ({"render_mode": "rgb"}, r"one of ansi, human, rgb_array, got 'rgb'; did you mean rgb_"),
        ({"max_cycles": 3, "horizon": 4}, r"max_cycles is another name for horizon"),
        ({"strict": "yes"}, r"strict must be True or False, got 'yes'"),
        ({"truth": 1}, r"truth must be True or False, got 1"),
        ({"privileged_state": None}, r"privileged_state must be True or False, got None"),
    ],
)
def test_arguments_that_make_no_world_are_explained(options: dict[str, Any], message: str) -> None:
    for make in (mutual_aid_v0.parallel_env, mutual_aid_v0.env, mutual_aid_v0.raw_env):
        with pytest.raises(ValueError, match=message):
            make(**options)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ({"ai_0": 0, "ai_1": 0}, r"exactly the agents ai_0, ai_1, ai_2, got ai_0, ai_1$"),
        ({}, r"exactly the agents ai_0, ai_1, ai_2, got none$"),
        ({"ai_0": 0, "ai_1": 0, "ai_2": 0, "ai_3": 0}, r"got ai_0, ai_1, ai_2, ai_3$"),
        ({"ai_0": 0, "ai_1": 10, "ai_2": 0}, r"action of ai_1 must be .*\[0, 9\], got 10"),
        ({"ai_0": -1, "ai_1": 0, "ai_2": 0}, r"action of ai_0 must be .*\[0, 9\], got -1"),
        ({"ai_0": 0, "ai_1": 0, "ai_2": 1.0}, r"action of ai_2 must be a whole number.*got 1.0"),
        ({"ai_0": 0, "ai_1": None, "ai_2": 0}, r"action of ai_1 must be .*got None"),
        ({"ai_0": 0, "ai_1": 2**70, "ai_2": 0}, r"action of ai_1 must be .*got 1180591620717"),
    ],
)
def test_actions_that_do_not_exist_are_explained(actions: dict[str, Any], message: str) -> None:
    env = mutual_aid_v0.parallel_env()
    env.reset(seed=0)
    before = env.state()
    with pytest.raises(ValueError, match=message):
        env.step(actions)
    assert np.array_equal(env.state(), before)
    env.step(dict.fromkeys(env.agents, 0))


def test_whole_numbers_of_any_type_are_actions() -> None:
    env, other = mutual_aid_v0.parallel_env(), mutual_aid_v0.parallel_env()
    env.reset(seed=0)
    other.reset(seed=0)
    typed = {"ai_0": np.int64(3), "ai_1": np.int8(1), "ai_2": np.array(2)}
    ours = env.step(typed)  # type: ignore[arg-type]  # what action spaces and networks give
    assert same(ours[0], other.step({"ai_0": 3, "ai_1": 1, "ai_2": 2})[0])


def test_calls_out_of_order_are_explained() -> None:
    env = mutual_aid_v0.parallel_env(horizon=3, render_mode="ansi")
    still = dict.fromkeys(env.possible_agents, 0)
    for call in (lambda: env.step(still), env.state, env.render):
        with pytest.raises(ValueError, match=r"no episode was begun; call reset\(\) first"):
            call()
    env.reset()
    for _ in range(3):
        env.step(still)
    for actions in (still, {}):
        with pytest.raises(ValueError, match=r"the episode is over; call reset\(\) before step"):
            env.step(actions)
    mute = mutual_aid_v0.parallel_env()
    mute.reset()
    with pytest.raises(ValueError, match="render_mode set to ansi or human or rgb_array"):
        mute.render()


@pytest.mark.parametrize("seed", [-1, 1.5, "7", 2**63])
def test_a_seed_that_is_none_is_explained(seed: Any) -> None:
    with pytest.raises(ValueError, match=r"seed must be None or a whole number in .*, got"):
        mutual_aid_v0.parallel_env().reset(seed=seed)


def test_the_largest_seed_works() -> None:
    env = mutual_aid_v0.parallel_env()
    first = env.reset(seed=2**63 - 1)[0]
    assert same(first, env.reset(seed=np.uint64(2**63 - 1))[0])  # type: ignore[arg-type]


# The registry and imports.


@pytest.mark.parametrize(("env_type", "kind"), [("parallel", ScenarioEnv), ("aec", object)])
@pytest.mark.parametrize("name", ["mutual_aid_v0", "mutual_aid-v0", "mutual_aid"])
def test_the_registry_makes_both_views(env_type: Any, kind: type, name: str) -> None:
    env = pettingzoo.make(env_type, f"empathy_loop/{name}", num_agents=2, max_cycles=9)
    assert isinstance(env, kind)
    assert env.unwrapped.params == WorldParams(num_agents=2, horizon=9)
    entry = pettingzoo.spec(env_type, f"empathy_loop/{name}").entry_point
    assert isinstance(entry, str)  # imported when an environment is made, not before


def test_importing_the_module_again_does_not_warn() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        importlib.reload(mutual_aid_v0)
    assert not caught


def test_the_package_itself_imports_nothing_heavy() -> None:
    code = "import sys, empathy_loop.envs; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "empathy_loop.envs" in ran.stdout.split()
    assert not {"pettingzoo", "numba", "numpy", "PIL"} & set(ran.stdout.split())


# Partners in some of the seats


def test_only_focal_agents_are_agents_and_partners_act_inside() -> None:
    env = mutual_aid_v0.parallel_env(seats=("focal", "oracle", "oracle"), **LIVELY)
    alone = SeatedWorld(World(env.params, 1, 3, autoreset=False), env.seats)
    observations, infos = env.reset(seed=3)
    assert env.possible_agents == ["ai_0"]
    assert observations.keys() == infos.keys() == {"ai_0"}
    moved = 0
    while env.agents:
        before = alone.world.state.position.copy()
        alone.step(np.zeros((1, 1), np.int64))
        observations, rewards, _, _, infos = env.step({"ai_0": 0})
        assert np.array_equal(observations["ai_0"], alone.observation.features[0, 0])
        assert rewards["ai_0"] == alone.transition.reward[0, 0]
        assert np.array_equal(infos["ai_0"]["exterior"], alone.observation.exterior[0, 0])
        moved += int((alone.world.state.position != before).any())
    assert moved > 20


def test_an_environment_with_partners_continues_identically_from_its_state() -> None:
    env = mutual_aid_v0.parallel_env(seats=("focal", "train", "heldout"), **LIVELY)
    env.reset(seed=0)
    for _ in range(12):
        env.step({"ai_0": 0})
    other = mutual_aid_v0.parallel_env(seats=("focal", "train", "heldout"), **LIVELY)
    other.set_state(pickle.loads(pickle.dumps(env.get_state())))
    while env.agents:
        ours, theirs = env.step({"ai_0": 0}), other.step({"ai_0": 0})
        assert np.array_equal(ours[0]["ai_0"], theirs[0]["ai_0"])
        assert ours[1] == theirs[1]


@pytest.mark.parametrize(
    "seats",
    [None, ("focal", "heldout", "filter"), ("focal", "person:warm", "person:reserved,until=9")],
)
def test_a_seed_begins_a_used_environment_as_it_begins_a_fresh_one(seats: Any) -> None:
    used, fresh = (mutual_aid_v0.parallel_env(seats=seats, truth=True, **LIVELY) for _ in range(2))
    begun = episode(used, seed=3, action_seed=1)
    for _ in range(12):
        next(begun)
    saved = used.get_state()
    # As it is in a moment of a world that stood further down in a batch.
    saved["world"]["first_world"] = np.array(5, np.int64)
    used.set_state(saved)
    for seed in (3, None):
        steps, others = list(episode(used, seed)), list(episode(fresh, seed))
        assert len(steps) == 31
        assert all(same(one, two) for one, two in zip(steps, others, strict=True))
    assert used.num_masked_actions == fresh.num_masked_actions


def test_an_environment_with_partners_keeps_pettingzoos_contract() -> None:
    parallel_api_test(mutual_aid_v0.parallel_env(seats=("focal", "focal", "train")), 200)


def test_seats_that_do_not_fit_the_world_are_refused() -> None:
    with pytest.raises(ValueError, match="seats must name one seat for each of 3 agents, got 2"):
        mutual_aid_v0.parallel_env(seats=("focal", "train"))
