"""Tests of interventions on help between AI and people."""

import numpy as np
import pytest

from empathy_loop.envs.doses import WINDOW, Doses
from empathy_loop.envs.scenarios import load_scenario
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.state import HELP_BASE
from empathy_loop.envs.world import World
from empathy_loop.train.actors import load_actor

WORLDS = 48
SCENARIO = load_scenario("human_loop_v0")
IS_PERSON = np.array([False, False, True, True])


def helps(doses: Doses) -> np.ndarray:
    """Return who helped whom in each step of an episode of readers beside people: [T, E, A, A]."""
    world = World(SCENARIO.params, WORLDS, seed=7, autoreset=False)
    seated = SeatedWorld(world, SCENARIO.seats, doses)
    actor = load_actor("reader")
    actor.begin(SCENARIO.params, WORLDS)
    found = []
    for _ in range(SCENARIO.params.horizon):
        seated.step(actor.act(world, greedy=False).actions[:, : seated.num_focal])
        found.append(world.state.helped.copy())
    return np.array(found)


def test_with_a_dose_of_nothing_no_help_crosses_over_and_all_else_goes_on():
    found = helps(Doses(ai_to_people=0.0, people_to_ai=0.0))
    assert not found[..., ~IS_PERSON, :][..., IS_PERSON].any()
    assert not found[..., IS_PERSON, :][..., ~IS_PERSON].any()
    assert found[..., IS_PERSON, :][..., IS_PERSON].any()
    assert found[..., ~IS_PERSON, :][..., ~IS_PERSON].any()


def test_those_who_are_stopped_do_not_wait_but_help_others_more():
    stopped, free = helps(Doses(ai_to_people=0.0)), helps(Doses())
    among_ai = np.ix_(range(len(free)), range(WORLDS), ~IS_PERSON, ~IS_PERSON)
    assert stopped[among_ai].sum() > free[among_ai].sum()


def test_masks_say_whose_help_is_stopped_and_nothing_else():
    masks = {}
    for dose in (0.0, 1.0):
        world = World(SCENARIO.params, WORLDS, seed=7, autoreset=False)
        seated = SeatedWorld(world, SCENARIO.seats, Doses(ai_to_people=dose))
        world.state.carried[:], world.state.position[:] = 0, [(0, 0), (0, 1), (1, 0), (1, 1)]
        seated.set_state(seated.get_state())
        masks[dose] = world.observation.action_mask.copy()
    changed = masks[0.0] != masks[1.0]
    helps_of_ai_for_people = [[HELP_BASE + 2, HELP_BASE + 3], [HELP_BASE + 1, HELP_BASE + 2]]
    for i in range(4):
        expected = helps_of_ai_for_people[i] if i < 2 else []
        assert [list(np.flatnonzero(row)) for row in changed[:, i]] == [expected] * WORLDS
    assert masks[1.0][changed].all()


def test_a_later_view_of_the_same_worlds_stops_nobody():
    world = World(SCENARIO.params, WORLDS, seed=7, autoreset=False)
    for seats in (SCENARIO.seats, ("focal", "focal", "train", "train")):
        SeatedWorld(world, SCENARIO.seats, Doses(0.0, 0.0))
        assert world.stopped.any()
        SeatedWorld(world, seats)
        assert not world.stopped.size


def test_one_side_can_be_stopped_alone():
    found = helps(Doses(people_to_ai=0.0))
    assert found[..., ~IS_PERSON, :][..., IS_PERSON].any()
    assert not found[..., IS_PERSON, :][..., ~IS_PERSON].any()


def test_a_full_dose_changes_nothing():
    np.testing.assert_array_equal(helps(Doses()), helps(Doses(1.0, 1.0)))


def test_a_helper_is_stopped_for_whole_windows_in_the_share_that_the_dose_leaves():
    found = helps(Doses(ai_to_people=0.5))[..., ~IS_PERSON, :][..., IS_PERSON].any(-1)
    windows = found.reshape(-1, WINDOW, *found.shape[1:]).any(1)
    everything = helps(Doses())[..., ~IS_PERSON, :][..., IS_PERSON].any(-1)
    open_windows = everything.reshape(windows.shape[0], WINDOW, *found.shape[1:]).any(1)
    share = windows.mean() / open_windows.mean()
    assert 0.4 < share < 0.65


def test_a_dose_out_of_its_range_is_refused_by_name():
    with pytest.raises(ValueError, match=r"people_to_ai must be in \[0, 1\], got 1.5"):
        Doses(people_to_ai=1.5)
