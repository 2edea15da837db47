"""The checks for users pass on every world that ships, and go red on planted defects."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from empathy_loop.envs import testing
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.pettingzoo_adapter import ScenarioEnv
from empathy_loop.envs.scenarios import Scenario, list_scenarios, load_scenario
from empathy_loop.envs.testing import (
    CHECKS,
    check_determinism,
    check_headroom,
    check_no_leak,
    conformance,
)
from empathy_loop.envs.world import Transition, World

pytestmark = pytest.mark.xdist_group("sizes")

FREE = {"help_cost": 0.0, "misattuned_hurt": 0.0}
SMALL = WorldParams(horizon=20, total_hazard=0.3)


class Changed(World):
    """A world that does something else after each step."""

    def step(self, actions: NDArray[np.integer[Any]]) -> Transition:
        transition = super().step(actions)
        self.spoil()
        return transition

    def spoil(self) -> None:
        """Break one promise."""


# What ships.


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", list_scenarios())
def test_every_scenario_passes_every_check(name: str, check: str) -> None:
    found = CHECKS[check](load_scenario(name))
    print(f"{name:<16} {check:<12} passes: {found}")


@pytest.mark.parametrize(
    "params",
    [
        WorldParams(num_agents=2, num_kinds=1, grid_size=3, horizon=6),
        WorldParams(num_agents=5, num_kinds=4, grid_size=7, horizon=30, shift="cue_remap"),
        WorldParams(show_needs=True, severe=True, horizon=40, total_hazard=0.5),
        WorldParams(show_cues=False, horizon=40, total_hazard=0.5),
        WorldParams(show_positive_cues=False, horizon=40, total_hazard=0.5),
        WorldParams(offers=True, view_radius=1, shift="none", horizon=40, total_hazard=0.5),
    ],
)
def test_worlds_of_ones_own_are_checked_too(params: WorldParams) -> None:
    check_determinism(params)
    check_no_leak(params)


def test_the_table_has_a_row_for_each_scenario_and_a_column_for_each_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(scenario: Scenario) -> str:
        raise AssertionError("it broke; mend it")

    # The checks themselves run above.
    monkeypatch.setattr(testing, "CHECKS", {"good": lambda scenario: "well", "bad": fails})
    table, failures = conformance()
    rows = table.splitlines()
    assert rows[0] == "| scenario | good | bad |"
    assert rows[2:] == [f"| {name} | passes: well | FAILS |" for name in list_scenarios()]
    assert failures == [f"{name}, bad: it broke; mend it" for name in list_scenarios()]


def test_the_table_is_printed_from_the_command_line() -> None:
    code = (
        "import runpy, sys; from empathy_loop.envs import leaks, partners;"
        "sys.argv = ['testing', 'mutual_aid_v0'];"
        "runpy.run_module('empathy_loop.envs.testing', run_name='__main__')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"^\| mutual_aid_v0 \| passes: .* \| passes: .*oracle", ran.stdout, re.M)
    with pytest.raises(ValueError, match="unknown scenario 'nowhere'"):
        conformance(["nowhere"])


# Repeatability.


def test_draws_that_nobody_keyed_are_seen() -> None:
    rng = np.random.default_rng()

    class Unkeyed(Changed):
        def spoil(self) -> None:
            self.state.need[rng.random(self.state.need.shape) < 0.01] = 0.9

    with pytest.raises(AssertionError, match=r"a second run must be .* first at step .*key"):
        check_determinism(SMALL, Unkeyed)


def test_draws_keyed_by_the_row_instead_of_the_world_are_seen() -> None:
    class ByRow(Changed):
        def spoil(self) -> None:
            self.observation.features[0, 0, 0] = 0.123

    with pytest.raises(AssertionError, match=r"worlds 1 to 11 in a batch of their own.*features"):
        check_determinism(SMALL, ByRow)


def test_what_depends_on_the_batch_size_is_seen() -> None:
    class BySize(Changed):
        def spoil(self) -> None:
            self.transition.reward[:] += np.float32(self.num_worlds)

    with pytest.raises(AssertionError, match=r"worlds 0 to 0 in a batch of their own.*: reward"):
        check_determinism(SMALL, BySize)


def test_what_depends_on_the_number_of_threads_is_seen() -> None:
    class ByThread(Changed):
        def spoil(self) -> None:
            self.transition.welfare[0] += 1e-9 * (self.num_threads > 2)

    with pytest.raises(AssertionError, match=r"a run in 5 threads must be .*: welfare differs"):
        check_determinism(SMALL, ByThread)


def test_a_defect_in_the_episode_after_the_first_is_seen() -> None:
    class Later(Changed):
        def spoil(self) -> None:
            self.observation.exterior[self.state.episode > 0] += np.float32(self.first_world)

    with pytest.raises(AssertionError, match=r"exterior differs first at step 19, world 0"):
        check_determinism(SMALL, Later)


# Leaks.


def leaking(name: str, into: str, viewer: int = 0, owner: int = 1) -> type[World]:
    """Return a kind of world in which one agent sees an array of another one."""

    class Leaky(World):
        def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
            super().set_state(arrays)
            self.spoil()

        def step(self, actions: NDArray[np.integer[Any]]) -> Transition:
            transition = super().step(actions)
            self.spoil()
            return transition

        def spoil(self) -> None:
            value = getattr(self.state, name)
            if value.ndim > 1:
                value = value[:, owner].reshape(self.num_worlds, -1)[:, 0]
            target = getattr(self.observation, into)
            target[:, viewer, -1] = value > np.median(value) if into == "action_mask" else value

    return Leaky


@pytest.mark.parametrize(
    "name",
    [
        *("key", "episode", "step", "shift_step", "need", "hazard", "style", "expressivity"),
        *("last_action", "last_helper", "relief", "hurt", "drive_before", "drive"),
    ],
)
@pytest.mark.parametrize("into", ["features", "exterior"])
def test_an_array_that_reaches_another_agent_is_seen(name: str, into: str) -> None:
    with pytest.raises(AssertionError, match=rf"^{name}.* is hidden, but moves {into} of agent 0"):
        check_no_leak(replace(SMALL, horizon=60), leaking(name, into))


@pytest.mark.parametrize("name", ["need", "hazard", "shift_step"])
def test_a_mask_that_knows_what_is_hidden_is_seen(name: str) -> None:
    with pytest.raises(AssertionError, match=rf"^{name}.* moves action_mask of agent 0"):
        check_no_leak(replace(SMALL, horizon=60), leaking(name, "action_mask"))


def test_own_needs_outside_of_the_features_are_seen() -> None:
    # The exterior view is what others see of it.
    with pytest.raises(AssertionError, match=r"^need of agent 1 is hidden, but moves exterior of"):
        check_no_leak(replace(SMALL, horizon=60), leaking("need", "exterior", viewer=1))


@pytest.mark.parametrize("what", ["agent names", "state()", "infos"])
def test_a_view_that_tells_what_is_hidden_is_seen(
    monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    set_state = ScenarioEnv.set_state

    def telling(env: ScenarioEnv, saved: dict[str, Any]) -> Any:
        observations, infos = set_state(env, saved)
        need = float(saved["world"]["state.need"][0, 1, 0])
        if what == "agent names":
            env.agents = [f"{agent}_{need:.3f}" for agent in env.agents]
        elif what == "infos":
            infos["ai_0"]["exterior"] = infos["ai_0"]["exterior"] + np.float32(need)
        else:
            monkeypatch.setattr(env, "state", lambda: np.full(90, need))
        return observations, infos

    monkeypatch.setattr(ScenarioEnv, "set_state", telling)
    with pytest.raises(AssertionError, match=f"is hidden, but moves {re.escape(what)} of the Pett"):
        check_no_leak(SMALL)


# Headroom.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        # Where everyone can reach everyone, and helps are free, random ones do.
        (
            {"num_agents": 8, "grid_size": 4, "help_reach": 6, **FREE},
            r"timetable has to exceed random by 0.5, got .*raise grid_size",
        ),
        # Without a price on a wrong help, trying every kind in turn pays.
        ({"misattuned_hurt": 0.0, "help_cost": 0.05}, r"oracle has to exceed timetable, .*dear"),
        # Who can help oneself needs nobody.
        ({"self_relief": 1.0}, r"oracle has to exceed egoist, which looks at no face, by 2.5"),
    ],
)
def test_worlds_without_headroom_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_headroom(WorldParams(**changes), num_worlds=48)


def test_margins_can_be_set() -> None:
    with pytest.raises(AssertionError, match=r"exceed timetable, .* by 7, got random -"):
        check_headroom(WorldParams(), num_worlds=48, knowing_gain=7)


@pytest.mark.parametrize(
    ("check", "least"), [(check_determinism, 4), (check_no_leak, 2), (check_headroom, 2)]
)
def test_too_few_worlds_are_refused(check: Any, least: int) -> None:
    with pytest.raises(ValueError, match=f"num_worlds must be at least {least}.*got 1"):
        check(SMALL, num_worlds=1)
