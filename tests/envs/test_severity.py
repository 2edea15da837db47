"""A severe crisis ends by the help of two agents, soon after each other, and by nothing less.

Agents 0, 2 and 3 stand around agent 1, who is in a severe crisis of kind 0 and shows all that it
feels; nothing happens by chance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.state import (
    ACT_HELP,
    ANNOYED,
    DISTRESS,
    HELP_BASE,
    NEUTRAL,
    NOTHING,
    RELIEF,
    STAY,
    USE,
)
from empathy_loop.envs.world import Transition, World

pytestmark = pytest.mark.xdist_group("sizes")

HELPS = {0: HELP_BASE + 1, 2: HELP_BASE + 3, 3: HELP_BASE + 2}
"""The action by which each agent helps agent 1."""


def severe_world(need: float = 0.5, **numbers: Any) -> World:
    """Return a world in which agent 1 is in a severe crisis of kind 0."""
    calm: dict[str, Any] = {
        **{"total_hazard": 0.0, "need_growth": 0.0, "p_false_distress": 0.0, "shift": "none"},
        **{"p_show_reaction": 1.0, "expressivity": 1.0, "idiosyncratic_share": 0.0},
        **{"num_agents": 4, "severe": True, "severe_window": 3},
    }
    world = World(WorldParams(**(calm | numbers)), num_worlds=1, seed=0)
    world.state.position[0] = [(2, 1), (2, 2), (2, 3), (1, 2)]
    world.state.need[0, 1, 0] = need
    world.state.severe[0, 1, 0] = 1
    return world


def help_from(world: World, *helpers: int, kind: int = 0) -> Transition:
    """Take one step in which some agents give agent 1 an item of a kind, and nothing else."""
    actions = np.full((1, 4), STAY, np.int8)
    for i in helpers:
        world.state.carried[0, i] = kind
        actions[0, i] = HELPS[i]
    return world.step(actions)


def wait(world: World, num_steps: int) -> None:
    """Let time pass."""
    for _ in range(num_steps):
        help_from(world)


def need(world: World) -> float:
    """Return how much agent 1 needs of kind 0."""
    return float(world.state.need[0, 1, 0])


# What ends a severe crisis


def test_the_first_help_relieves_nothing_hurts_nobody_and_costs_as_any() -> None:
    world = severe_world()
    transition = help_from(world, 0)
    assert need(world) == 0.5
    assert world.state.relief[0].tolist() == [0.0] * 4
    assert world.state.hurt[0].tolist() == [0.0] * 4
    assert world.state.cost[0].tolist() == [0.3, 0.0, 0.0, 0.0]
    assert world.state.carried[0, 0] == NOTHING
    assert world.state.received[0, 1] == 0
    assert world.state.last_helper[0, 1] == 0
    assert world.state.helped[0, 0, 1] == 1
    assert world.state.social_act[0, 0] == ACT_HELP
    assert transition.helps[0].tolist() == [1, 0, 0, 0]
    assert transition.misattuned[0].tolist() == [0] * 4
    # The mean of four own rewards: nobody's drive falls, and one pays 0.3.
    np.testing.assert_allclose(transition.reward[0], [-0.075] * 4, rtol=1e-6)


def test_the_second_help_by_another_relieves_all() -> None:
    world = severe_world()
    help_from(world, 0)
    transition = help_from(world, 2)
    assert need(world) == 0.0
    assert world.state.relief[0].tolist() == [0.0, 0.5, 0.0, 0.0]
    assert world.state.cost[0].tolist() == [0.0, 0.0, 0.3, 0.0]
    assert not world.state.hurt.any()
    # (2 * 0.5^2 - 0.3) / 4
    np.testing.assert_allclose(transition.reward[0], [0.05] * 4, rtol=1e-6)


def test_two_may_help_in_the_same_step_and_a_third_is_then_misattuned() -> None:
    world = severe_world(severe_window=0)
    help_from(world, 0, 2)
    assert need(world) == 0.0
    world = severe_world()
    transition = help_from(world, 0, 2, 3)
    assert world.state.relief[0, 1] == 0.5
    assert world.state.hurt[0, 1] == 0.3
    assert transition.misattuned[0].tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(("window", "steps_after"), [(0, 1), (1, 1), (1, 2), (8, 8), (8, 9)])
def test_the_second_help_may_follow_until_the_window_has_passed(
    window: int, steps_after: int
) -> None:
    world = severe_world(severe_window=window)
    help_from(world, 0)
    wait(world, steps_after - 1)
    help_from(world, 2)
    assert need(world) == (0.0 if steps_after <= window else 0.5)


def test_a_help_that_comes_too_late_is_the_first_one_again() -> None:
    world = severe_world(severe_window=2)
    help_from(world, 0)
    wait(world, 2)
    help_from(world, 2)
    assert need(world) == 0.5
    assert world.state.first_helper[0, 1, 0] == 2
    help_from(world, 0)
    assert need(world) == 0.0


def test_the_same_agent_cannot_be_both_but_begins_the_window_anew() -> None:
    world = severe_world(severe_window=3)
    for _ in range(3):
        transition = help_from(world, 0)
        assert need(world) == 0.5
        assert world.state.cost[0, 0] == 0.3
        assert not transition.misattuned.any()
        wait(world, 1)
    wait(world, 1)
    help_from(world, 3)
    assert need(world) == 0.0


def test_help_of_another_kind_is_misattuned_and_counts_for_nothing() -> None:
    world = severe_world()
    transition = help_from(world, 0, kind=1)
    assert transition.misattuned[0].tolist() == [1, 0, 0, 0]
    help_from(world, 2)
    assert need(world) == 0.5


def test_each_kind_and_each_agent_has_a_first_help_of_its_own() -> None:
    world = severe_world()
    world.state.need[0, 1, 1] = 0.6
    world.state.severe[0, 1, 1] = 1
    world.state.need[0, 3, 0] = 0.7
    world.state.severe[0, 3, 0] = 1
    help_from(world, 0)
    help_from(world, 2, kind=1)
    assert world.state.need[0, 1].tolist() == [0.5, 0.6, 0.0]
    assert world.state.first_helper[0, 1].tolist() == [0, 2, NOTHING]
    assert world.state.first_helper[0, 3].tolist() == [NOTHING] * 3


def test_a_crisis_that_is_not_severe_ends_by_one_help() -> None:
    world = severe_world()
    world.state.severe[:] = 0
    help_from(world, 0)
    assert need(world) == 0.0
    assert (world.state.first_helper == NOTHING).all()


def test_self_use_lowers_a_severe_need_and_keeps_the_first_help_in_memory() -> None:
    world = severe_world()
    help_from(world, 0)
    world.state.carried[0, 1] = 0
    world.step(np.array([[STAY, USE, STAY, STAY]]))
    assert need(world) == 0.5 * 0.85
    help_from(world, 3)
    assert need(world) == 0.0
    assert world.state.relief[0, 1] == 0.5 * 0.85


def test_a_severe_need_used_up_to_nothing_is_over_and_forgotten() -> None:
    world = severe_world(self_relief=1.0)
    help_from(world, 0)
    world.state.carried[0, 1] = 0
    world.step(np.array([[STAY, USE, STAY, STAY]]))
    assert need(world) == 0.0
    for name, rest in (("severe", 0), ("help_left", 0), ("first_helper", NOTHING)):
        assert (getattr(world.state, name) == rest).all(), name


def test_a_new_crisis_knows_nothing_of_the_help_in_the_one_before() -> None:
    world = severe_world(severe_share=1.0)
    world.state.hazard[0, 1, 0] = 1.0
    help_from(world, 0, 2)
    assert need(world) == 0.4, "relieved, and broken out again in the same step"
    assert world.state.severe[0, 1, 0] == 1
    assert world.state.first_helper[0, 1, 0] == NOTHING
    help_from(world, 3)
    assert need(world) == 0.4


# What it shows


def test_after_a_first_help_the_face_shows_distress_and_neither_relief_nor_annoyance() -> None:
    world = severe_world()
    faces = []
    for helpers in ((), (0,), (0,), (2,)):
        help_from(world, *helpers)
        faces.append(int(world.state.cue[0, 1]))
    assert faces == [DISTRESS, DISTRESS, DISTRESS, RELIEF]
    silent = severe_world(expressivity=0.0)
    help_from(silent, 0)
    assert silent.state.cue[0, 1] == NEUTRAL
    help_from(silent, 0, kind=1)
    assert silent.state.cue[0, 1] == ANNOYED


# Where crises may be severe


def test_crises_are_severe_as_often_as_the_share_says() -> None:
    params = WorldParams(severe=True, severe_share=0.3, total_hazard=0.5, shift="none")
    world = World(params, num_worlds=2_000, seed=1)
    world.step(np.zeros((2_000, 3), np.int8))
    begun = world.state.need > 0.0
    assert begun.sum() > 2_500
    assert world.state.severe[begun].mean() == pytest.approx(0.3, abs=0.03)
    assert not world.state.severe[~begun].any()


@pytest.mark.parametrize(
    "numbers", [{"severe_share": 1.0, "severe_window": 1}, {"severe": True, "severe_share": 0.0}]
)
def test_without_severe_crises_the_world_is_the_same_bit_for_bit(numbers: dict[str, Any]) -> None:
    common: dict[str, Any] = {"total_hazard": 0.3, "horizon": 40}
    world = World(WorldParams(**common), 20, seed=3)
    other = World(WorldParams(**common, **numbers), 20, seed=3)
    rng, helps = np.random.default_rng(0), 0
    for _ in range(90):
        preference = rng.random(world.observation.action_mask.shape)
        preference[..., 8:] += 0.5
        actions = np.where(world.observation.action_mask, preference, -1.0).argmax(axis=2)
        helps += int(world.step(actions).helps.sum())
        other.step(actions)
        for name, array in world.get_state().items():
            assert np.array_equal(array, other.get_state()[name]), name
        assert np.array_equal(world.transition.reward, other.transition.reward)
        assert np.array_equal(world.observation.features, other.observation.features)
    assert helps > 100


def test_severity_alone_changes_nothing_until_somebody_helps() -> None:
    common: dict[str, Any] = {"total_hazard": 0.3, "horizon": 60, "shift": "none"}
    world = World(WorldParams(**common), 20, seed=4)
    other = World(WorldParams(**common, severe=True, severe_share=1.0), 20, seed=4)
    rng = np.random.default_rng(0)
    for _ in range(60):
        actions = rng.integers(0, HELP_BASE + 1, (20, 3))
        world.step(actions)
        other.step(actions)
        for name, array in world.state._asdict().items():
            if name != "severe":
                assert np.array_equal(array, getattr(other.state, name)), name
    assert np.array_equal(other.state.severe, other.state.need > 0.0)
