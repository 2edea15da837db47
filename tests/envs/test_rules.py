"""Worked numbers for every rule of the world, one small situation each.

Most tests play in a quiet world: three agents side by side in the middle row, at (2, 1), (2, 2)
and (2, 3), stations at (4, 0), (4, 1) and (4, 2), no crisis, no growth, no shift, every reaction
and distress shown, every face canonical.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.state import (
    ACT_HELP,
    ACT_OFFER,
    ACT_THANK,
    ANNOYED,
    DISTRESS,
    EAST,
    GRATITUDE,
    HELP_BASE,
    KINDNESS,
    NEUTRAL,
    NO_ACT,
    NORTH,
    NOTHING,
    OFFER,
    RELIEF,
    SOUTH,
    STAY,
    THANK,
    USE,
    WEST,
)
from empathy_loop.envs.world import Transition, World

HELP_NEXT, HELP_SECOND = HELP_BASE + 1, HELP_BASE + 2

QUIET: dict[str, Any] = {
    "total_hazard": 0.0,
    "need_growth": 0.0,
    "p_false_distress": 0.0,
    "p_show_reaction": 1.0,
    "expressivity": 1.0,
    "idiosyncratic_share": 0.0,
    "shift": "none",
}


def quiet_world(num_worlds: int = 1, **numbers: Any) -> World:
    """Return worlds in which nothing happens that a test does not make happen."""
    world = World(WorldParams(**(QUIET | numbers)), num_worlds, seed=0)
    world.state.position[:] = [(2, 1), (2, 2), (2, 3)]
    world.state.station[:] = [(4, 0), (4, 1), (4, 2)]
    return world


def step(world: World, *actions: int) -> Transition:
    """Take one step with the same actions in every world of the batch."""
    return world.step(np.tile(np.array(actions, np.int8), (world.num_worlds, 1)))


def positions(world: World) -> list[tuple[int, int]]:
    """Return where the agents of the first world stand."""
    return [(int(row), int(column)) for row, column in world.state.position[0]]


# How agents move


@pytest.mark.parametrize(
    ("move", "target"), [(NORTH, (1, 2)), (SOUTH, (3, 2)), (STAY, (2, 2)), (USE, (2, 2))]
)
def test_a_move_changes_one_coordinate_by_one(move: int, target: tuple[int, int]) -> None:
    world = quiet_world()
    step(world, STAY, move, STAY)
    assert positions(world) == [(2, 1), target, (2, 3)]


@pytest.mark.parametrize(("corner", "outward"), [((0, 0), (NORTH, WEST)), ((4, 4), (SOUTH, EAST))])
def test_nobody_leaves_the_board(corner: tuple[int, int], outward: tuple[int, int]) -> None:
    world = quiet_world()
    world.state.position[0, 0] = corner
    for move in outward:
        step(world, move, STAY, STAY)
        assert positions(world)[0] == corner


def test_an_agent_in_the_way_blocks_a_move() -> None:
    world = quiet_world()
    step(world, EAST, STAY, WEST)
    assert positions(world) == [(2, 1), (2, 2), (2, 3)]


def test_two_agents_cannot_swap_cells() -> None:
    world = quiet_world()
    step(world, EAST, WEST, STAY)
    assert positions(world)[:2] == [(2, 1), (2, 2)]


@pytest.mark.parametrize("t", range(6))
def test_who_moves_first_rotates_with_the_step(t: int) -> None:
    world = quiet_world()
    world.state.position[0] = [(2, 1), (1, 2), (2, 3)]
    world.state.step[:] = t
    step(world, EAST, SOUTH, WEST)
    assert positions(world).index((2, 2)) == t % 3


def test_a_cell_left_earlier_in_the_same_step_can_be_entered() -> None:
    world = quiet_world()
    world.state.step[:] = 2
    step(world, EAST, EAST, EAST)
    assert positions(world) == [(2, 1), (2, 3), (2, 4)]
    world.state.step[:] = 1
    step(world, EAST, WEST, WEST)
    assert positions(world) == [(2, 1), (2, 2), (2, 3)]


def test_entering_a_station_picks_up_its_item_in_place_of_the_one_carried() -> None:
    world = quiet_world()
    world.state.position[0, 0] = (4, 3)
    step(world, WEST, STAY, STAY)
    assert world.state.carried[0].tolist() == [2, NOTHING, NOTHING]
    step(world, WEST, STAY, STAY)
    assert world.state.carried[0, 0] == 1
    step(world, NORTH, STAY, STAY)
    assert world.state.carried[0, 0] == 1


def test_standing_on_a_station_picks_nothing_up() -> None:
    world = quiet_world()
    world.state.position[0, 0] = (4, 0)
    step(world, STAY, STAY, STAY)
    step(world, SOUTH, STAY, STAY)
    assert world.state.carried[0, 0] == NOTHING


# How agents help


def test_help_of_the_right_kind_removes_the_need_and_costs_the_helper() -> None:
    world = quiet_world()
    world.state.carried[0, 0] = 2
    world.state.need[0, 1] = [0.0, 0.2, 0.7]
    transition = step(world, HELP_NEXT, STAY, STAY)
    assert world.state.need[0, 1].tolist() == [0.0, 0.2, 0.0]
    assert world.state.relief[0].tolist() == [0.0, 0.7, 0.0]
    assert world.state.cost[0].tolist() == [0.3, 0.0, 0.0]
    assert world.state.hurt[0].tolist() == [0.0, 0.0, 0.0]
    assert world.state.carried[0, 0] == NOTHING
    assert world.state.received[0].tolist() == [NOTHING, 2, NOTHING]
    assert world.state.last_helper[0].tolist() == [NOTHING, 0, NOTHING]
    assert world.state.social_act[0].tolist() == [ACT_HELP, NO_ACT, NO_ACT]
    assert world.state.helped[0].tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert transition.helps[0].tolist() == [1, 0, 0]
    assert transition.misattuned[0].tolist() == [0, 0, 0]


def test_misattuned_help_hurts_and_relieves_nothing() -> None:
    world = quiet_world()
    world.state.carried[0, 2] = 0
    world.state.need[0, 0] = [0.0, 0.9, 0.0]
    transition = step(world, STAY, STAY, HELP_NEXT)
    assert world.state.need[0, 0].tolist() == [0.0, 0.9, 0.0]
    assert world.state.relief[0].tolist() == [0.0, 0.0, 0.0]
    assert world.state.hurt[0].tolist() == [0.3, 0.0, 0.0]
    assert world.state.cost[0].tolist() == [0.0, 0.0, 0.3]
    assert world.state.misattuned[0].tolist() == [1, 0, 0]
    assert world.state.misattuned_given[0].tolist() == [0, 0, 1]
    assert world.state.received[0, 0] == 0
    assert world.state.carried[0, 2] == NOTHING
    assert transition.helps[0].tolist() == [0, 0, 1]
    assert transition.misattuned[0].tolist() == [0, 0, 1]


def test_of_two_helpers_with_the_same_item_the_later_one_is_misattuned() -> None:
    world = quiet_world()
    world.state.carried[0] = [1, NOTHING, 1]
    world.state.need[0, 1, 1] = 0.5
    world.state.step[:] = 2
    transition = step(world, HELP_NEXT, STAY, HELP_SECOND)
    assert world.state.relief[0, 1] == 0.5
    assert world.state.hurt[0, 1] == 0.3
    assert transition.misattuned[0].tolist() == [1, 0, 0]
    assert world.state.last_helper[0, 1] == 0
    assert world.state.helped[0, :, 1].tolist() == [1, 0, 1]
    assert world.state.cue[0, 1] == RELIEF


def test_two_helpers_of_different_needs_both_relieve() -> None:
    world = quiet_world()
    world.state.carried[0] = [0, NOTHING, 1]
    world.state.need[0, 1] = [0.2, 0.25, 0.0]
    step(world, HELP_NEXT, STAY, HELP_SECOND)
    assert world.state.relief[0, 1] == 0.2 + 0.25
    assert world.state.need[0, 1].tolist() == [0.0, 0.0, 0.0]
    assert world.state.received[0, 1] == 1
    assert world.state.last_helper[0, 1] == 2


def test_help_out_of_reach_does_nothing_and_costs_nothing() -> None:
    world = quiet_world()
    world.state.carried[0, 0] = 0
    world.state.need[0, 1, 0] = 0.5
    world.state.position[0, 1] = (4, 2)
    step(world, HELP_NEXT, STAY, STAY)
    assert world.state.carried[0, 0] == 0
    assert world.state.cost[0].tolist() == [0.0, 0.0, 0.0]
    assert world.state.need[0, 1, 0] == 0.5
    assert world.state.social_act[0, 0] == NO_ACT
    assert world.state.last_action[0, 0] == HELP_NEXT


@pytest.mark.parametrize(("flight", "reached"), [(SOUTH, False), (NORTH, True)])
def test_reach_is_measured_after_the_moves_of_the_step(flight: int, reached: bool) -> None:
    world = quiet_world()
    world.state.carried[0, 0] = 0
    world.state.position[0, 1] = (3, 2)
    step(world, HELP_NEXT, flight, STAY)
    assert world.state.helped[0, 0, 1] == reached


def test_help_without_an_item_does_nothing() -> None:
    world = quiet_world()
    step(world, HELP_NEXT, HELP_SECOND, STAY)
    assert not world.state.helped.any()
    assert not world.state.cost.any()


def test_using_an_item_on_oneself_removes_fifteen_percent_only() -> None:
    world = quiet_world()
    world.state.carried[0, 0] = 1
    world.state.need[0, 0] = [0.4, 0.8, 0.0]
    step(world, USE, STAY, STAY)
    assert world.state.need[0, 0].tolist() == [0.4, 0.8 * 0.85, 0.0]
    assert world.state.carried[0, 0] == NOTHING
    assert world.state.relief[0, 0] == 0.0
    assert world.state.cost[0, 0] == 0.0
    step(world, USE, STAY, STAY)
    assert world.state.need[0, 0, 1] == 0.8 * 0.85


def test_thanks_go_to_the_last_helper_even_long_after() -> None:
    world = quiet_world()
    world.state.carried[0, 0] = 0
    world.state.need[0, 1, 0] = 0.5
    step(world, HELP_NEXT, STAY, STAY)
    step(world, STAY, STAY, STAY)
    step(world, STAY, THANK, STAY)
    assert world.state.thanked[0].tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert world.state.social_act[0].tolist() == [NO_ACT, ACT_THANK, NO_ACT]
    assert world.state.cue[0].tolist() == [NEUTRAL, GRATITUDE, NEUTRAL]
    step(world, STAY, STAY, STAY)
    assert not world.state.thanked.any()
    assert world.state.cue[0, 1] == NEUTRAL


@pytest.mark.parametrize(("t", "thanks"), [(0, True), (1, False)])
def test_help_is_thanked_in_the_same_step_only_by_one_who_acts_later(t: int, thanks: bool) -> None:
    world = quiet_world()
    world.state.carried[0, 0] = 0
    world.state.step[:] = t
    step(world, HELP_NEXT, THANK, STAY)
    assert world.state.thanked[0, 1, 0] == thanks


def test_thanks_without_a_helper_does_nothing() -> None:
    world = quiet_world()
    step(world, THANK, THANK, THANK)
    assert not world.state.thanked.any()
    assert not world.state.social_act.any()
    assert not world.state.cue.any()


@pytest.mark.parametrize(
    ("offers", "act", "cue"), [(True, ACT_OFFER, KINDNESS), (False, NO_ACT, NEUTRAL)]
)
def test_offers_show_kindness_only_where_switched_on(offers: bool, act: int, cue: int) -> None:
    world = quiet_world(offers=offers)
    step(world, OFFER, STAY, STAY)
    assert world.state.social_act[0, 0] == act
    assert world.state.cue[0, 0] == cue


def test_masks_open_with_item_reach_helper_and_offers() -> None:
    world = quiet_world(offers=True)
    world.state.position[0] = [(0, 0), (2, 2), (0, 2)]
    step(world, STAY, STAY, STAY)
    closed, first = (False, False), world.observation.action_mask[0, 0].tolist()
    assert first == [True, False, True, False, True, False, False, True, *closed]
    world.state.carried[0, 0] = 0
    step(world, STAY, STAY, STAY)
    assert world.observation.action_mask[0, 0].tolist()[USE:] == [True, False, True, False, True]
    step(world, HELP_SECOND, STAY, STAY)
    assert world.observation.action_mask[0, 2, THANK]
    assert not world.observation.action_mask[0, :2, THANK].any()
    assert not world.observation.action_mask[0, :, HELP_NEXT:].any()
    assert not quiet_world().observation.action_mask[:, :, OFFER].any()


def test_last_action_is_what_was_asked_for() -> None:
    world = quiet_world()
    assert world.state.last_action[0].tolist() == [NOTHING, NOTHING, NOTHING]
    step(world, EAST, OFFER, HELP_SECOND)
    assert world.state.last_action[0].tolist() == [EAST, OFFER, HELP_SECOND]


# How needs grow


def test_a_crisis_begins_at_its_level_and_grows_from_the_next_step_to_the_cap() -> None:
    world = quiet_world(need_growth=0.25)
    world.state.hazard[0, 0, 1] = 1.0
    levels = []
    for _ in range(5):
        step(world, STAY, STAY, STAY)
        levels.append(world.state.need[0, 0].tolist())
    assert levels == [[0.0, 0.4, 0.0], [0.0, 0.65, 0.0], [0.0, 0.9, 0.0], *[[0.0, 1.0, 0.0]] * 2]


def test_crises_begin_as_often_as_the_hazard_says() -> None:
    world = World(WorldParams(shift="none"), num_worlds=4_000, seed=1)
    step(world, STAY, STAY, STAY)
    dominant = world.state.hazard == world.state.hazard.max(axis=2, keepdims=True)
    begun = world.state.need > 0
    assert np.mean(begun[dominant]) == pytest.approx(0.05 * 0.6, abs=0.008)
    assert np.mean(begun[~dominant]) == pytest.approx(0.05 * 0.2, abs=0.004)


def test_a_need_removed_by_help_may_break_out_again_in_the_same_step() -> None:
    world = quiet_world(crisis_level=0.1)
    world.state.carried[0, 0] = 0
    world.state.need[0, 1, 0] = 0.5
    world.state.hazard[0, 1, 0] = 1.0
    step(world, HELP_NEXT, STAY, STAY)
    assert world.state.relief[0, 1] == 0.5
    assert world.state.need[0, 1, 0] == 0.1


# What agents express


def expressed(world: World, *actions: int) -> int:
    """Take one step and return the cue of agent 1, who receives in these tests."""
    step(world, *actions)
    return int(world.state.cue[0, 1])


def receiving_world(item: int, need: Sequence[float], **numbers: Any) -> World:
    """Return a quiet world in which agent 0 carries an item and agent 1 has needs."""
    world = quiet_world(**numbers)
    world.state.carried[0, 0] = item
    world.state.need[0, 1] = need
    return world


def test_relief_comes_before_distress() -> None:
    assert expressed(receiving_world(0, [0.5, 0.9, 0.0]), HELP_NEXT, STAY, STAY) == RELIEF


def test_an_unshown_reaction_is_neutral_whatever_else_is_felt() -> None:
    numbers = {"p_show_reaction": 0.0, "p_false_distress": 1.0}
    relieved = receiving_world(0, [0.5, 0.9, 0.0], **numbers)
    assert expressed(relieved, HELP_NEXT, STAY, STAY) == NEUTRAL
    misattuned = receiving_world(0, [0.0, 0.9, 0.0], **numbers)
    assert expressed(misattuned, HELP_NEXT, STAY, STAY) == NEUTRAL


def test_relief_must_exceed_its_threshold_to_show() -> None:
    assert expressed(receiving_world(0, [0.3, 0.0, 0.0]), HELP_NEXT, STAY, STAY) == NEUTRAL
    assert expressed(receiving_world(0, [0.3, 0.9, 0.0]), HELP_NEXT, STAY, STAY) == DISTRESS + 1
    assert expressed(receiving_world(0, [0.31, 0.0, 0.0]), HELP_NEXT, STAY, STAY) == RELIEF


def test_annoyance_comes_before_distress() -> None:
    assert expressed(receiving_world(0, [0.0, 0.9, 0.0]), HELP_NEXT, STAY, STAY) == ANNOYED


def test_misattuned_help_annoys_even_where_it_does_not_hurt() -> None:
    world = receiving_world(0, [0.0, 0.9, 0.0], misattuned_hurt=0.0)
    assert expressed(world, HELP_NEXT, STAY, STAY) == ANNOYED


def test_small_relief_beside_misattuned_help_annoys() -> None:
    world = receiving_world(0, [0.2, 0.0, 0.0])
    world.state.carried[0, 2] = 1
    assert expressed(world, HELP_NEXT, STAY, HELP_SECOND) == ANNOYED


def test_distress_shows_the_symbol_of_the_largest_need_in_ones_own_style() -> None:
    world = receiving_world(NOTHING, [0.4, 0.9, 0.5])
    world.state.style[0, 1] = [1, 2, 0]
    assert expressed(world, STAY, STAY, STAY) == DISTRESS + 2


def test_of_equal_needs_the_lowest_kind_is_shown() -> None:
    world = receiving_world(NOTHING, [0.0, 0.6, 0.6])
    world.state.style[0, 1] = [0, 2, 1]
    assert expressed(world, STAY, STAY, STAY) == DISTRESS + 2


def test_a_need_must_exceed_the_threshold_to_be_shown() -> None:
    assert expressed(receiving_world(NOTHING, [0.3, 0.0, 0.0]), STAY, STAY, STAY) == NEUTRAL
    assert expressed(receiving_world(NOTHING, [0.31, 0.0, 0.0]), STAY, STAY, STAY) == DISTRESS


def test_false_distress_comes_before_true_distress_and_shows_every_symbol() -> None:
    world = quiet_world(num_worlds=600, p_false_distress=1.0)
    world.state.need[:, 1, 0] = 1.0
    step(world, STAY, STAY, STAY)
    symbols, counts = np.unique(world.state.cue[:, 1], return_counts=True)
    assert symbols.tolist() == [DISTRESS, DISTRESS + 1, DISTRESS + 2]
    assert counts.min() > 150


def test_gratitude_replaces_distress_but_no_reaction_to_help() -> None:
    world = receiving_world(0, [0.5, 0.9, 0.0])
    world.state.last_helper[0, 1] = 2
    assert expressed(world, HELP_NEXT, THANK, STAY) == RELIEF
    assert world.state.thanked[0, 1, 0] == 1
    assert expressed(world, STAY, THANK, STAY) == GRATITUDE
    assert expressed(world, STAY, STAY, STAY) == DISTRESS + 1
    world.state.carried[0, 0] = 0
    assert expressed(world, HELP_NEXT, THANK, STAY) == ANNOYED


def test_kindness_replaces_distress_but_no_reaction_to_help() -> None:
    world = receiving_world(0, [0.5, 0.9, 0.0], offers=True)
    assert expressed(world, HELP_NEXT, OFFER, STAY) == RELIEF
    assert expressed(world, STAY, OFFER, STAY) == KINDNESS


def test_reactions_and_distress_are_shown_as_often_as_their_probabilities_say() -> None:
    numbers = {"p_show_reaction": 0.9, "expressivity": 0.7}
    world = quiet_world(num_worlds=4_000, **numbers)
    world.state.carried[:, 0] = 0
    world.state.need[:, 1, 0] = 0.5
    world.state.need[:, 2, 0] = 0.5
    step(world, HELP_NEXT, STAY, STAY)
    assert np.mean(world.state.cue[:, 1] == RELIEF) == pytest.approx(0.9, abs=0.03)
    assert np.mean(world.state.cue[:, 2] == DISTRESS) == pytest.approx(0.7, abs=0.04)


# How the world begins


def test_stations_and_agents_begin_on_distinct_cells_with_nothing() -> None:
    world = World(WorldParams(), num_worlds=300, seed=2)
    places = np.concatenate([world.state.station, world.state.position], axis=1)
    cells = places[..., 0] * 5 + places[..., 1]
    assert cells.min() >= 0
    assert cells.max() < 25
    assert all(len(set(row)) == 6 for row in cells.tolist())
    assert set(cells[:, 0].tolist()) == set(cells[:, 5].tolist()) == set(range(25))
    assert (world.state.carried == NOTHING).all()
    assert not world.state.need.any()
    assert not world.state.cue.any()


def test_traits_are_drawn_as_the_page_says() -> None:
    world = World(WorldParams(), num_worlds=4_000, seed=3)
    hazards = np.sort(world.state.hazard, axis=2)
    np.testing.assert_allclose(hazards, np.broadcast_to([0.01, 0.01, 0.03], hazards.shape))
    dominant = np.bincount(world.state.hazard.argmax(axis=2).ravel(), minlength=3)
    assert dominant.min() > 3_700
    assert (np.sort(world.state.style, axis=2) == [0, 1, 2]).all()
    odd = (world.state.style != [0, 1, 2]).any(axis=2)
    assert np.mean(odd) == pytest.approx(0.25 * 5 / 6, abs=0.02)
    assert (world.state.expressivity == 0.7).all()


def test_one_kind_carries_the_whole_hazard() -> None:
    params = WorldParams(num_agents=2, num_kinds=1, shift="none")
    assert World(params, num_worlds=1, seed=0).state.hazard.tolist() == [[[0.05]] * 2]


# What is rewarded and scored


def rewarded_world(coordination: float) -> World:
    """Return a world where 0 helps 1 well (need 0.5), 2 misattunes to 0, and 2 suffers (0.4)."""
    world = quiet_world(coordination=coordination)
    world.state.carried[0] = [0, NOTHING, 2]
    world.state.need[0] = [[0.0, 0.3, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 0.4]]
    return world


def test_an_agents_own_reward_is_relief_of_drive_less_cost_and_hurt() -> None:
    transition = step(rewarded_world(0.0), HELP_NEXT, STAY, HELP_NEXT)
    expected = [[0.0, -0.3, -0.3], [2 * 0.25, 0.0, 0.0], [0.0, -0.3, 0.0]]
    np.testing.assert_allclose(transition.reward_terms[0], expected, rtol=1e-6)
    np.testing.assert_allclose(transition.reward[0], [-0.6, 0.5, -0.3], rtol=1e-6)


def test_full_coordination_gives_everybody_the_mean() -> None:
    transition = step(rewarded_world(1.0), HELP_NEXT, STAY, HELP_NEXT)
    np.testing.assert_allclose(transition.reward_terms[0], [[0.5 / 3, -0.2, -0.1]] * 3, rtol=1e-6)


def test_partial_coordination_mixes_mean_and_own() -> None:
    transition = step(rewarded_world(0.5), HELP_NEXT, STAY, HELP_NEXT)
    own, mean = np.array([-0.6, 0.5, -0.3]), -0.4 / 3
    np.testing.assert_allclose(transition.reward[0], 0.5 * mean + 0.5 * own, rtol=1e-6)


@pytest.mark.parametrize("coordination", [0.0, 0.3, 1.0])
def test_welfare_counts_drive_cost_and_hurt_whatever_the_coordination(coordination: float) -> None:
    transition = step(rewarded_world(coordination), HELP_NEXT, STAY, HELP_NEXT)
    assert transition.drive[0].tolist() == pytest.approx([0.09, 0.0, 0.16])
    assert transition.welfare[0] == pytest.approx(-(0.06 * (0.09 + 0.16) + 0.6 + 0.3) / 3)


def played(params: WorldParams, num_worlds: int, num_steps: int) -> list[dict[str, NDArray[Any]]]:
    """Play legal actions that like to help and return the records of all steps, copied."""
    world, rng, records = World(params, num_worlds, seed=10), np.random.default_rng(0), []
    for _ in range(num_steps):
        preference = rng.random(world.observation.action_mask.shape)
        preference[..., HELP_NEXT:] += 1.0
        actions = np.where(world.observation.action_mask, preference, -1.0).argmax(axis=2)
        record = {"drive_before": world.state.drive.copy()}
        transition = world.step(actions)
        record |= {name: np.copy(getattr(transition, name)) for name in Transition._fields[:-1]}
        records.append(record)
    return records


def test_reward_terms_sum_exactly_to_the_reward() -> None:
    records = played(WorldParams(coordination=0.37), num_worlds=20, num_steps=130)
    assert sum(int(record["helps"].sum()) for record in records) > 100
    for record in records:
        terms = record["reward_terms"]
        assert np.array_equal((terms[..., 0] + terms[..., 1]) + terms[..., 2], record["reward"])


def test_the_matching_discount_is_ninety_seven_hundredths() -> None:
    assert WorldParams().matching_discount == pytest.approx(0.97, abs=1e-15)


def test_the_reward_is_welfare_shaped_by_minus_twice_the_drive() -> None:
    params = WorldParams()
    records, discount = played(params, num_worlds=20, num_steps=128), params.matching_discount
    shaped_return, welfare_return = np.zeros(20), np.zeros(20)
    for t, record in enumerate(records):
        before = -params.drive_scale * record["drive_before"].mean(axis=1)
        after = -params.drive_scale * record["drive"].mean(axis=1)
        shaped = record["welfare"] + discount * after - before
        np.testing.assert_allclose(record["reward"].mean(axis=1), shaped, atol=1e-6)
        shaped_return += discount**t * record["reward"].mean(axis=1)
        welfare_return += discount**t * record["welfare"]
    start = np.zeros(20)
    end = -params.drive_scale * records[-1]["drive"].mean(axis=1)
    expected = welfare_return + discount ** len(records) * end - start
    np.testing.assert_allclose(shaped_return, expected, atol=1e-5)
    assert not math.isclose(welfare_return.mean(), shaped_return.mean(), abs_tol=1e-3)
