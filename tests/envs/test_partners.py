"""Scripted policies: worked situations, what each may know, and the headroom between them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.partners import SCRIPTED, ScriptedPolicy, expected_need
from empathy_loop.envs.scenarios import load_scenario
from empathy_loop.envs.state import (
    DISTRESS,
    EAST,
    HELP_BASE,
    NEUTRAL,
    NORTH,
    SOUTH,
    STAY,
    THANK,
    USE,
    WEST,
)
from empathy_loop.envs.world import World

pytestmark = pytest.mark.xdist_group("sizes")

HELP_NEXT, HELP_SECOND = HELP_BASE + 1, HELP_BASE + 2
MOVES = {NORTH, SOUTH, WEST, EAST}

QUIET: dict[str, Any] = {
    "total_hazard": 0.0,
    "need_growth": 0.0,
    "p_false_distress": 0.0,
    "expressivity": 0.0,
    "idiosyncratic_share": 0.0,
    "shift": "none",
}


def quiet_world(num_worlds: int = 1, **numbers: Any) -> World:
    """Return worlds with agents at (2, 1), (2, 2), (2, 3), stations at (4, 0), (4, 1), (4, 2)."""
    world = World(WorldParams(**(QUIET | numbers)), num_worlds, seed=0)
    world.state.position[:] = [(2, 1), (2, 2), (2, 3)]
    world.state.station[:] = [(4, 0), (4, 1), (4, 2)]
    return world


def act(name: str, world: World) -> NDArray[np.int8]:
    """Return what a fresh policy does."""
    return ScriptedPolicy(name, world.params, world.num_worlds).act(world)


def welfare_of(name: str, params: WorldParams, num_worlds: int = 256) -> float:
    """Return mean episode welfare of one policy in all seats."""
    world = World(params, num_worlds, seed=0, autoreset=False)
    policy, total = ScriptedPolicy(name, params, num_worlds), 0.0
    for _ in range(params.horizon):
        total += float(world.step(policy.act(world)).welfare.mean())
    return total


def played(name: str, params: WorldParams, seed: int, num_worlds: int = 4) -> list[Any]:
    """Return the actions of a whole episode, one array a step."""
    world = World(params, num_worlds, seed=seed, autoreset=False)
    policy = ScriptedPolicy(name, params, num_worlds)
    rows = []
    for _ in range(params.horizon):
        rows.append(policy.act(world))
        world.step(rows[-1])
    return rows


# The planner


def test_the_oracle_gives_what_it_holds_to_the_one_who_needs_it() -> None:
    world = quiet_world()
    world.state.carried[0, 0] = 1
    world.state.need[0, 2, 1] = 0.8
    assert act("oracle", world)[0, 0] == HELP_SECOND


def test_where_crises_may_be_severe_a_second_help_is_left_to_others_for_a_while() -> None:
    world = quiet_world(severe=True, severe_window=2)
    world.state.carried[0] = 1
    world.state.need[0, 2, 1] = 1.0
    policy = ScriptedPolicy("oracle", world.params, 1)
    assert policy.act(world)[0, :2].tolist() == [HELP_SECOND, HELP_NEXT]
    for t in range(1, 5):
        world.state.step[0] = t
        # Agent 0 helped in the first step; for the next two it stays out.
        world.state.helped[0, 0, 2] = t == 1
        world.state.received[0, 2] = 1 if t == 1 else -1
        wanted = [STAY if t <= 3 else HELP_SECOND, HELP_NEXT]
        assert policy.act(world)[0, :2].tolist() == wanted, t


def test_of_two_needs_in_reach_the_larger_one_is_helped() -> None:
    world = quiet_world()
    world.state.carried[0, 0] = 1
    world.state.need[0, 1:, 1] = [0.7, 0.8]
    assert act("oracle", world)[0, 0] == HELP_SECOND
    world.state.need[0, 1:, 1] = [0.8, 0.7]
    assert act("oracle", world)[0, 0] == HELP_NEXT


def test_a_far_need_must_be_larger_by_its_distance() -> None:
    # Agent 0 stands on (2, 1). The item of kind 1 is 2 steps away and its station at (4, 1) is
    # L1 3 from agent 1 at (2, 2), so that bringing takes 1 more: distance 3. That of kind 0 is in
    # hand: distance 0. Value in hand, b = .5: 2 * .25 - .3 - .3 * (1 - .5 / .7) = .1143, over 1.
    # Value to fetch, b = n: (2 n^2 - .3) / 4, equal at n = .6154... but at n >= .7 without doubt:
    # n = .6 gives (.72 - .3 - .0429) / 4 = .0943; n = .7 gives (.98 - .3) / 4 = .17.
    for need, wanted in ((0.6, HELP_NEXT), (0.7, None)):
        world = quiet_world(64)
        world.state.key[:] = np.arange(64)
        world.state.carried[:, 0] = 0
        world.state.need[:, 1, 0] = 0.5
        world.state.need[:, 1, 1] = need
        actions = act("oracle", world)[:, 0]
        if wanted is None:
            assert set(actions.tolist()) <= MOVES
            assert (actions == SOUTH).mean() > 0.7
        else:
            assert (actions == wanted).all()


def test_who_stands_on_the_station_without_its_item_steps_off() -> None:
    world = quiet_world()
    world.state.position[0] = [(4, 1), (2, 2), (2, 3)]
    world.state.need[0, 1, 1] = 1.0
    assert act("oracle", world)[0, 0] in MOVES


def test_a_help_that_is_not_worth_its_cost_is_not_given() -> None:
    # At b = .4: 2 * .16 - .3 - .3 * (1 - .4 / .7) = .32 - .3 - .1286 < 0.
    world = quiet_world()
    world.state.carried[0, 0] = 1
    world.state.need[0, 2, 1] = 0.4
    assert act("oracle", world)[0, 0] == STAY


def test_a_blocked_way_is_gone_around() -> None:
    # From (2, 1) to the station at (2, 4) through (2, 2), where agent 1 stands, the only other
    # way that is nearer would need a row to go along; with the station at (4, 4) there is one.
    world = quiet_world(200)
    world.state.key[:] = np.arange(200)
    world.state.station[:, 1] = (4, 4)
    world.state.need[:, 2, 1] = 1.0
    actions = act("oracle", world)[:, 0]
    # Columns are the longer way (3 against 2), but east is blocked.
    assert (actions == SOUTH).mean() > 0.8
    assert not (actions == EAST).any()


def test_random_moves_take_the_place_of_about_one_planned_move_in_seven() -> None:
    world = quiet_world(2000)
    world.state.key[:] = np.arange(2000) * 977
    world.state.position[:] = [(2, 1), (0, 4), (0, 3)]
    world.state.need[:, 1, 1] = 1.0
    actions = act("oracle", world)[:, 0]
    # South is planned; a quarter of the random moves is south as well: .85 + .15 / 4 = .8875.
    assert abs((actions == SOUTH).mean() - 0.8875) < 0.03


# What each policy goes by


def test_the_egoist_uses_its_item_and_never_helps() -> None:
    world = quiet_world()
    world.state.carried[0] = 1
    world.state.need[0, 0, 1] = 0.5
    world.state.need[0, 1:, 1] = 1.0
    assert act("egoist", world)[0].tolist() == [USE, USE, USE]
    world.state.need[0, 0, 1] = 0.0
    assert act("egoist", world)[0, 0] == STAY


def test_the_reader_believes_a_face_forgets_slowly_and_at_once_after_a_gift() -> None:
    world = quiet_world()
    world.state.carried[0] = [1, -1, -1]
    policy = ScriptedPolicy("reader", world.params, 1)
    world.state.cue[0, 2] = DISTRESS + 1
    # At .8: 1.28 - .3 = .98 > 0: help.
    assert policy.act(world)[0, 0] == HELP_SECOND
    world.state.step[0], world.state.cue[0, 2] = 1, NEUTRAL
    # At .72: 1.0368 - .3 > 0: still.
    assert policy.act(world)[0, 0] == HELP_SECOND
    world.state.received[0, 2] = 1
    assert policy.act(world)[0, 0] == STAY
    world.state.received[0, 2] = -1
    assert policy.act(world)[0, 0] == STAY


def test_the_reader_reads_the_canonical_symbol_whatever_the_style() -> None:
    world = quiet_world()
    world.state.style[0, 2] = [1, 2, 0]
    world.state.need[0, 2, 0] = 1.0
    world.state.carried[0, 0] = 1
    world.state.cue[0, 2] = DISTRESS + 1
    assert act("reader", world)[0, 0] == HELP_SECOND


def test_expected_need_agrees_with_a_simulation_of_one_agent() -> None:
    params = WorldParams(total_hazard=0.3)
    rng, need, means = np.random.default_rng(0), np.zeros(20_000), []
    for _ in range(40):
        means.append(need.mean())
        begins = (need == 0) & (rng.random(need.size) < 0.3 / 3)
        need = np.where(need > 0, np.minimum(1, need + 0.04), np.where(begins, 0.4, 0.0))
    assert np.abs(expected_need(params)[:40] - means).max() < 0.01
    assert len(expected_need(params)) == params.horizon + 1


def test_the_timetable_counts_from_the_last_gift_that_it_saw() -> None:
    world = quiet_world(total_hazard=0.3, need_growth=0.04)
    policy = ScriptedPolicy("timetable", world.params, 1)
    assert policy.act(world)[0].tolist() == [STAY] * 3
    world.state.carried[0] = 1
    world.state.step[0] = 60
    assert policy.act(world)[0, 0] in (HELP_NEXT, HELP_SECOND)
    world.state.received[0, 1:] = 1
    policy.act(world)
    world.state.received[0, 1:] = -1
    # Kind 1 was just given to both, and the other kinds have to be fetched.
    assert policy.act(world)[0, 0] in MOVES


def test_the_exploiter_takes_thanks_and_sees_to_itself() -> None:
    world = quiet_world()
    world.state.carried[0] = 1
    world.state.need[0, 0, 1] = 0.5
    world.state.need[0, 1:, 1] = 1.0
    world.state.cue[0, 1:] = DISTRESS + 1
    assert act("exploiter", world)[0].tolist() == [USE, USE, USE]
    world.state.received[0, 0], world.state.last_helper[0, 0] = 1, 1
    assert act("exploiter", world)[0, 0] == THANK


def test_the_reciprocator_helps_until_the_other_is_behind() -> None:
    world = quiet_world()
    policy = ScriptedPolicy("reciprocator", world.params, 1)
    world.state.cue[0, 2] = DISTRESS + 1
    world.state.carried[0, 0] = 1
    # Behind by 0 and by 1, PATIENCE: it helps. Behind by 2: it does not, until one comes back.
    for t, (given, taken, wanted) in enumerate(
        [(0, 0, HELP_SECOND), (1, 0, HELP_SECOND), (1, 0, STAY), (0, 1, HELP_SECOND)]
    ):
        world.state.step[0] = t
        world.state.helped[0, 0, 2], world.state.helped[0, 2, 0] = given, taken
        assert policy.act(world)[0, 0] == wanted, t
    # Agent 1 is another matter.
    world.state.cue[0, 1:] = [DISTRESS + 1, NEUTRAL]
    world.state.received[0, 2] = 1
    world.state.helped[0, 0, 2] = 5
    assert policy.act(world)[0, 0] == HELP_NEXT


@pytest.mark.parametrize("name", [name for name in SCRIPTED if name != "oracle"])
def test_what_a_policy_may_not_see_does_not_move_it(name: str) -> None:
    params = WorldParams(num_agents=4, total_hazard=0.3)
    world = World(params, 32, seed=0)
    policy = ScriptedPolicy(name, params, 32)
    for _ in range(20):
        world.step(policy.act(world))
    saved = world.get_state()
    memory = copy.deepcopy((policy.minds, policy.inferred))
    before = policy.act(world)
    rng = np.random.default_rng(1)
    saved["state.hazard"][:] = rng.random(saved["state.hazard"].shape)
    saved["state.style"][:] = rng.integers(0, 3, saved["state.style"].shape)
    saved["state.expressivity"][:] = rng.random(saved["state.expressivity"].shape)
    if name not in ("egoist", "exploiter"):
        saved["state.need"][:] = rng.random(saved["state.need"].shape)
    world.set_state(saved)
    policy.minds, policy.inferred = memory
    assert np.array_equal(policy.act(world), before)


def test_agents_out_of_view_are_not_read_and_not_served() -> None:
    world = quiet_world(view_radius=1)
    world.state.carried[0, 0] = 1
    world.state.cue[0, 2] = DISTRESS + 1
    assert act("reader", world)[0, 0] == STAY
    world.state.cue[0, 1] = DISTRESS + 1
    assert act("reader", world)[0, 0] == HELP_NEXT


# All policies


@pytest.mark.parametrize("name", SCRIPTED)
def test_every_action_is_legal(name: str) -> None:
    params = WorldParams(grid_size=4, num_agents=4, total_hazard=0.3, offers=True)
    world = World(params, 32, seed=3)
    policy = ScriptedPolicy(name, params, 32)
    for _ in range(params.horizon + 40):
        actions = policy.act(world)
        mask = world.observation.action_mask
        assert np.take_along_axis(mask, actions[..., None].astype(int), -1).all()
        world.step(actions)


@pytest.mark.parametrize("name", SCRIPTED)
def test_a_policys_actions_do_not_depend_on_the_batch(name: str) -> None:
    params = WorldParams(total_hazard=0.3, horizon=60)
    many = played(name, params, seed=5)
    world = World(params, 1, seed=5, first_world=2, autoreset=False)
    alone = ScriptedPolicy(name, params, 1)
    for row in many:
        assert np.array_equal(alone.act(world)[0], row[2])
        world.step(row[2:3])


@pytest.mark.parametrize("name", SCRIPTED)
def test_memory_begins_anew_with_every_episode(name: str) -> None:
    params = WorldParams(total_hazard=0.3, horizon=40)
    world, fresh = World(params, 8, seed=0), World(params, 8, seed=0)
    used = ScriptedPolicy(name, params, 8)
    for _ in range(params.horizon):
        world.step(used.act(world))
    fresh.reset(episode=1)
    new = ScriptedPolicy(name, params, 8)
    for _ in range(params.horizon):
        actions = new.act(fresh)
        assert np.array_equal(used.act(world), actions)
        world.step(actions)
        fresh.step(actions)


def test_random_chooses_evenly_among_legal_actions() -> None:
    world = quiet_world(6000)
    world.state.key[:] = np.arange(6000) * 31 + 7
    world.set_state(world.get_state())
    # At (2, 1) with nothing in hand: stay and four moves, each one in five.
    chosen = np.bincount(act("random", world)[:, 0], minlength=10) / 6000
    assert np.abs(chosen[:5] - 0.2).max() < 0.03
    assert chosen[5:].sum() == 0


def test_an_unknown_policy_is_refused_with_the_close_match() -> None:
    with pytest.raises(ValueError, match="unknown policy 'readers'; did you mean reader"):
        ScriptedPolicy("readers", WorldParams(), 1)


# The headroom, without which the benchmark measures nothing


BLIND = ("stay", "random", "egoist", "exploiter", "timetable")
"""Policies that look at nobody's face."""


def test_the_headroom_between_knowing_and_not_knowing_needs_is_kept() -> None:
    params = WorldParams()
    welfare = {name: welfare_of(name, params) for name in SCRIPTED}
    assert welfare["oracle"] >= -3.6
    assert -5.0 <= welfare["filter"] < welfare["oracle"]
    assert -8.0 <= welfare["reader"] <= -5.0
    for name in BLIND:
        assert welfare[name] <= -7.5, name
        assert welfare[name] <= welfare["filter"] - 2.0, name


def test_reading_faces_by_rule_fails_where_every_face_is_its_own_and_inference_does_not() -> None:
    params = WorldParams(idiosyncratic_share=1.0)
    welfare = {name: welfare_of(name, params) for name in (*BLIND, "reader", "filter")}
    assert welfare["filter"] >= -6.5
    assert welfare["reader"] < welfare["timetable"] - 2.0
    for name in BLIND:
        assert welfare[name] <= welfare["filter"] - 2.0, name


@pytest.mark.parametrize(
    ("params", "blind_gain"),
    [
        (WorldParams(shift="need_dynamics", shift_severity=1.0), 2.0),
        (WorldParams(shift="resource_move", shift_severity=1.0), 2.0),
        (WorldParams(shift="cue_remap", shift_severity=1.0), 2.0),
        # One help does not end a severe crisis: base rates are worth less.
        (load_scenario("joint_aid_v0").params, 1.0),
    ],
    ids=["need_dynamics", "resource_move", "cue_remap", "joint_aid_v0"],
)
def test_the_headroom_is_kept_under_every_shift_and_where_two_must_help(
    params: WorldParams, blind_gain: float
) -> None:
    welfare = {name: welfare_of(name, params) for name in (*BLIND, "filter", "oracle")}
    assert welfare["timetable"] >= welfare["random"] + blind_gain
    assert welfare["oracle"] >= welfare["filter"] + 0.2
    for name in BLIND:
        assert welfare[name] <= welfare["filter"] - 3.0, name


# Larger worlds

SIZES: list[dict[str, Any]] = [
    {"num_agents": 16, "num_kinds": 6, "grid_size": 32, "horizon": 6},
    {"num_agents": 16, "num_kinds": 6, "grid_size": 5, "horizon": 40, "view_radius": 2},
    {"num_agents": 2, "num_kinds": 1, "grid_size": 3, "horizon": 40},
    {"num_agents": 5, "num_kinds": 4, "grid_size": 9, "horizon": 30, "view_radius": 3},
]


@pytest.mark.parametrize("sizes", SIZES, ids=lambda sizes: "-".join(map(str, sizes.values())))
@pytest.mark.parametrize("name", SCRIPTED)
def test_every_policy_acts_in_worlds_of_any_size_whatever_the_batch(
    name: str, sizes: dict[str, Any]
) -> None:
    params = WorldParams(**sizes, total_hazard=0.5, shift="none")
    world, alone = (World(params, n, seed=1, first_world=2 - n) for n in (2, 1))
    many, one = (ScriptedPolicy(name, params, n) for n in (2, 1))
    for _ in range(params.horizon):
        actions, own = many.act(world), one.act(alone)
        mask = world.observation.action_mask
        assert np.take_along_axis(mask, actions[..., None].astype(int), -1).all()
        assert np.array_equal(actions[1:], own)
        world.step(actions)
        alone.step(own)
