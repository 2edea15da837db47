"""What each shift changes, for whom and when; and the twin without it, which shares the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reference_draws
from hypothesis import given, settings
from hypothesis import strategies as st
from kernels import from_python
from numpy.typing import NDArray

from empathy_loop.envs.params import SHIFT_FAMILIES, WorldParams, rules_of
from empathy_loop.envs.random import fold
from empathy_loop.envs.rules.shifts import apply_shift
from empathy_loop.envs.state import DISTRESS, EAST, NOTHING, STAY, WEST
from empathy_loop.envs.world import Transition, World

pytestmark = pytest.mark.xdist_group("sizes")

FAMILIES = SHIFT_FAMILIES[1:]

TOUCHES: dict[str, set[str]] = {
    "partner_swap": {"hazard", "style", "expressivity"},
    "cue_remap": {"style"},
    "need_dynamics": {"hazard"},
    "resource_move": {"station"},
}
"""What each shift writes."""

BRINGS_AT_ONCE: dict[str, set[str]] = {
    "partner_swap": {"cue", "need", "drive"},
    "cue_remap": {"cue"},
    "need_dynamics": {"cue", "need", "drive"},
    "resource_move": {"carried"},
}
"""What else the step of the shift can end with, if all act as without it."""

BRINGS: dict[str, set[str]] = {
    "partner_swap": {
        *("cue", "need", "drive", "drive_before", "relief", "hurt"),
        *("misattuned", "misattuned_given"),
    },
    "cue_remap": {"cue"},
    "need_dynamics": {
        *("cue", "need", "drive", "drive_before", "relief", "hurt"),
        *("misattuned", "misattuned_given"),
    },
    "resource_move": {
        *("carried", "cue", "need", "drive", "drive_before", "relief", "hurt", "cost"),
        *("misattuned", "misattuned_given", "received", "helped", "thanked", "last_helper"),
        *("social_act",),
    },
}
"""What can follow from each shift in all the time after it, if all act as without it."""


def shifting_world(shift: str, num_worlds: int, severity: float = 1.0, **numbers: Any) -> World:
    """Return worlds at the beginning of their shift step."""
    world = World(WorldParams(shift=shift, shift_severity=severity, **numbers), num_worlds, seed=6)
    world.state.step[:] = world.state.shift_step
    return world


def stay(world: World) -> Transition:
    """Take one step in which nobody does anything."""
    return world.step(np.zeros((world.num_worlds, world.params.num_agents), np.int8))


def copied(world: World) -> dict[str, NDArray[Any]]:
    """Return copies of the arrays of the state."""
    return {name: value.copy() for name, value in world.state._asdict().items()}


def reference_choice(world: World, purpose: str, count: int, affected: int) -> NDArray[np.bool_]:
    """Return bool [E, count]: whom the reference draws in each world's shift step."""
    chosen = np.zeros((world.num_worlds, count), np.bool_)
    for e in range(world.num_worlds):
        step_key = reference_draws.fold(int(world.state.key[e]), int(world.state.shift_step[e]))
        order = reference_draws.permutation(step_key, 0, purpose, 0, count)
        chosen[e, order[:affected]] = True
    return chosen


# When the shift comes, and for how many


@pytest.mark.parametrize("shift", SHIFT_FAMILIES)
def test_the_shift_comes_somewhere_in_the_middle_third(shift: str) -> None:
    world = World(WorldParams(shift=shift), num_worlds=3_000, seed=4)
    assert set(world.state.shift_step.tolist()) == set(range(128 // 3, 2 * 128 // 3))


@pytest.mark.parametrize("shift", FAMILIES)
def test_the_shift_comes_first_and_no_reward_marks_it(shift: str) -> None:
    numbers = {"p_false_distress": 0.0, "expressivity": 1.0, "need_growth": 0.0}
    world = shifting_world(shift, 200, crisis_level=0.5, **numbers)
    world.state.need[:] = 0.5
    before = copied(world)
    transition = stay(world)
    assert not transition.reward.any()
    assert (world.state.drive_before == 0.75).all()
    for name in TOUCHES[shift]:
        assert (getattr(world.state, name) != before[name]).any(), name
    if shift == "cue_remap":
        assert (world.state.cue == DISTRESS + world.state.style[..., 0]).all()


SEVERITIES = [(0.01, 1), (0.3, 1), (0.3333333334, 1), (0.34, 2), (2 / 3, 2), (1.0, 3)]


@pytest.mark.parametrize(("severity", "affected"), SEVERITIES)
@pytest.mark.parametrize(
    ("shift", "name", "purpose"),
    [
        ("partner_swap", "expressivity", "SHIFT_WHO"),
        ("cue_remap", "style", "SHIFT_WHO"),
        ("need_dynamics", "hazard", "SHIFT_WHO"),
        ("resource_move", "station", "MOVE_WHICH"),
    ],
)
def test_severity_says_how_many_are_affected(
    shift: str, name: str, purpose: str, severity: float, affected: int
) -> None:
    world = shifting_world(shift, 100, severity)
    before = copied(world)
    chosen = reference_choice(world, purpose, 3, affected)
    stay(world)
    changed = getattr(world.state, name) != before[name]
    changed = changed.any(axis=2) if changed.ndim == 3 else changed
    assert np.array_equal(changed, chosen)
    assert chosen.any(axis=0).all()


def test_the_stations_affected_are_a_share_of_the_stations_and_not_of_the_agents() -> None:
    world = shifting_world("resource_move", 50, 0.25, num_agents=5, num_kinds=4)
    before = copied(world)
    stay(world)
    assert ((world.state.station != before["station"]).any(axis=2).sum(axis=1) == 1).all()


def test_without_a_shift_nothing_changes() -> None:
    world = shifting_world("none", 100)
    before = copied(world)
    stay(world)
    for name in set.union(*TOUCHES.values()):
        assert np.array_equal(getattr(world.state, name), before[name]), name


# What each family does


@pytest.mark.parametrize("num_kinds", [2, 3])
def test_cue_remap_never_gives_the_same_style_again(num_kinds: int) -> None:
    world = shifting_world("cue_remap", 1_000, num_kinds=num_kinds)
    before = copied(world)
    stay(world)
    assert (world.state.style != before["style"]).any(axis=2).all()
    assert (np.sort(world.state.style, axis=2) == range(num_kinds)).all()


def test_partner_swap_keeps_place_item_and_needs_and_changes_who_one_is() -> None:
    world = shifting_world("partner_swap", 500, need_growth=0.0)
    world.state.carried[:] = [0, 1, NOTHING]
    world.state.need[:] = np.linspace(0.1, 0.9, 9).reshape(3, 3)
    before = copied(world)
    stay(world)
    for name in ("position", "carried", "need", "station", "last_helper"):
        assert np.array_equal(getattr(world.state, name), before[name]), name
    assert np.mean((world.state.hazard != before["hazard"]).any(axis=2)) > 0.5
    assert np.mean((world.state.style != before["style"]).any(axis=2)) > 0.2
    assert world.state.expressivity.min() >= 0.4
    assert world.state.expressivity.max() <= 0.9
    assert world.state.expressivity.mean() == pytest.approx(0.65, abs=0.02)


@pytest.mark.parametrize("dominant_share", [0.6, 0.05, 1.0])
def test_need_dynamics_gives_each_other_kind_the_same_chance_to_stand_out(
    dominant_share: float,
) -> None:
    numbers = {
        "num_agents": 5,
        "num_kinds": 4,
        "total_hazard": 0.2,
        "dominant_share": dominant_share,
    }
    world = shifting_world("need_dynamics", 1_000, **numbers)
    before = copied(world)["hazard"]
    stay(world)
    odd_one = np.argmax if dominant_share > 0.25 else np.argmin
    turns = (odd_one(world.state.hazard, axis=2) - odd_one(before, axis=2)) % 4
    # 5,000 agents, a third each, standard deviation 33.
    assert np.abs(np.bincount(turns.ravel(), minlength=4) - [0, *[5_000 / 3] * 3]).max() < 140
    assert np.array_equal(np.sort(world.state.hazard, axis=2), np.sort(before, axis=2))


def test_a_moved_station_stands_on_another_cell_which_no_other_station_holds() -> None:
    world = shifting_world("resource_move", 2_000, 1.0, grid_size=3)
    before = copied(world)["station"]
    stay(world)
    old_cells = before[..., 0] * 3 + before[..., 1]
    cells = world.state.station[..., 0] * 3 + world.state.station[..., 1]
    assert (cells != old_cells).all()
    assert all(len(set(row)) == 3 for row in cells.tolist())
    # Nine cells less its own: each cell is as likely as any other to be the new one.
    counts = np.bincount(cells.ravel(), minlength=9)
    assert len(counts) == 9
    assert np.abs(counts - 6_000 / 9).max() < 130, "standard deviation 24"


def test_who_stands_where_a_station_moves_to_gets_its_item_on_entering_only() -> None:
    # The station moves from its corner, and in one world of eight to the feet of the agent.
    world = shifting_world("resource_move", 80, grid_size=3, num_kinds=1, num_agents=2)
    world.state.station[:] = (2, 2)
    world.state.position[:] = [(1, 1), (0, 0)]
    stay(world)
    under = (world.state.station == (1, 1)).all(axis=2)[:, 0]
    assert not (world.state.carried != NOTHING).any()
    lucky = np.flatnonzero(under)
    assert len(lucky) >= 2
    for move, item in ((WEST, NOTHING), (EAST, 0)):
        actions = np.full((80, 2), STAY, np.int8)
        actions[:, 0] = move
        world.step(actions)
        assert (world.state.carried[lucky, 0] == item).all()


def test_the_old_cell_of_a_moved_station_gives_nothing_any_more() -> None:
    world = shifting_world("resource_move", 60, 1.0, num_kinds=1, num_agents=2)
    world.state.station[:] = (2, 2)
    world.state.position[:] = [(2, 1), (4, 4)]
    actions = np.full((60, 2), STAY, np.int8)
    actions[:, 0] = EAST
    world.step(actions)
    assert (world.state.position[:, 0] == (2, 2)).all()
    assert (world.state.carried == NOTHING).all()


def test_an_item_in_hand_stays_when_its_station_moves() -> None:
    world = shifting_world("resource_move", 50)
    world.state.carried[:] = [0, 1, 2]
    stay(world)
    assert (world.state.carried == [0, 1, 2]).all()


# The twin without the shift

TOLD = Transition._fields[:-1]
"""All that a step says of itself, but for the last view of an episode."""


def twins(shift: str, severity: float, seed: int = 12) -> tuple[World, World]:
    """Return 20 worlds with a shift, and the same worlds without it."""
    numbers: dict[str, Any] = {"horizon": 60, "total_hazard": 0.3, "idiosyncratic_share": 0.5}
    shifted = WorldParams(shift=shift, shift_severity=severity, **numbers)
    twin = WorldParams(shift="none", **numbers)
    return World(shifted, 20, seed, autoreset=False), World(twin, 20, seed, autoreset=False)


def lively_actions(world: World, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw actions: int64 [E, A]; legal ones that like to help."""
    preference = rng.random(world.observation.action_mask.shape)
    preference[..., 8:] += 0.5
    return np.where(world.observation.action_mask, preference, -1.0).argmax(axis=2)


def parted(one: Any, other: Any) -> dict[str, NDArray[np.bool_]]:
    """Return by name, for each array of two equal records, where they differ: bool, its shape."""
    return {name: value != getattr(other, name) for name, value in one._asdict().items()}


def shift_alone(world: World, params: WorldParams) -> dict[str, NDArray[np.bool_]]:
    """Return where the state of worlds differs from what the shift would make of it now."""
    changed = World(params, world.num_worlds, world.seed)
    changed.set_state(world.get_state())
    for e in range(world.num_worlds):
        step_key = np.uint64(from_python(fold)(changed.state.key[e], changed.state.step[e]))
        from_python(apply_shift)(rules_of(params), changed.records[e], step_key)
    return parted(changed.state, world.state)


@settings(max_examples=40, derandomize=True, database=None)
@given(
    shift=st.sampled_from(FAMILIES),
    severity=st.sampled_from([0.01, 0.3, 0.5, 1.0]) | st.floats(0.01, 1),
    seed=st.integers(0, 2**32),
)
def test_a_twin_is_identical_until_the_shift_and_then_differs_only_by_it(
    shift: str, severity: float, seed: int
) -> None:
    shifted, twin = twins(shift, severity, seed)
    rng, shift_step = np.random.default_rng(seed), shifted.state.shift_step.copy()
    touched = np.zeros(20, np.bool_)
    for t in range(60):
        now = shift_step == t
        for name, unequal in shift_alone(twin, shifted.params).items():
            assert not unequal[~now].any(), f"{name} is changed before or after the shift step"
            assert name in TOUCHES[shift] or not unequal.any(), f"the shift touches {name}"
            touched |= unequal.reshape(20, -1).any(axis=1)
        actions = lively_actions(twin, rng)
        ours, others = shifted.step(actions), twin.step(actions)
        before, after = shift_step > t, shift_step < t
        for name, unequal in parted(shifted.state, twin.state).items():
            assert not unequal[before].any(), f"{name} before the shift"
            at_once = TOUCHES[shift] | BRINGS_AT_ONCE[shift]
            assert name in at_once or not unequal[now].any(), f"{name} at the shift"
            assert name in TOUCHES[shift] | BRINGS[shift] or not unequal[after].any(), name
        seen = parted(shifted.observation, twin.observation)
        told = {name: np.not_equal(a, b) for name, a, b in zip(TOLD, ours, others, strict=False)}
        for name, unequal in (seen | told).items():
            assert not unequal[before].any(), f"{name} before the shift"
    if shift != "partner_swap":
        assert touched.all(), "a stranger may be as the agent was, the others change for sure"


@pytest.mark.parametrize("shift", ["partner_swap", "cue_remap", "need_dynamics"])
def test_who_did_not_shift_stays_as_in_the_twin(shift: str) -> None:
    shifted, twin = twins(shift, severity=0.3)
    affected = reference_choice(shifted, "SHIFT_WHO", 3, affected=1)
    rng, differed = np.random.default_rng(0), set[str]()
    for _ in range(60):
        actions = lively_actions(twin, rng)
        shifted.step(actions)
        twin.step(actions)
        for name, unequal in parted(shifted.state, twin.state).items():
            if unequal.any():
                differed.add(name)
            # Whoever helps the affected agent may now misattune; all else is its own.
            if unequal.shape[1:2] == (3,) and name not in ("misattuned_given", "station"):
                assert not unequal[~affected].any(), f"{name} of an agent that did not shift"
    assert {*TOUCHES[shift], "cue"} <= differed <= TOUCHES[shift] | BRINGS[shift]


def test_where_faces_alone_change_the_twin_shares_reactions_and_welfare() -> None:
    shifted, twin = twins("cue_remap", severity=1.0)
    rng = np.random.default_rng(0)
    for _ in range(60):
        actions = lively_actions(twin, rng)
        ours, others = shifted.step(actions), twin.step(actions)
        assert np.array_equal(ours.reward, others.reward)
        assert np.array_equal(ours.welfare, others.welfare)
        faces, twin_faces = shifted.state.cue, twin.state.cue
        assert np.array_equal(np.minimum(faces, DISTRESS), np.minimum(twin_faces, DISTRESS))
    assert (shifted.state.style != twin.state.style).any(axis=2).all()


def test_after_need_dynamics_the_crises_are_of_another_kind() -> None:
    """With hazards that are certain, each twin's needs tell which kind stands out."""
    numbers: dict[str, Any] = {"total_hazard": 1.0, "dominant_share": 1.0, "need_growth": 0.0}
    shifted = shifting_world("need_dynamics", 50, **numbers)
    twin = shifting_world("none", 50, **numbers)
    stay(shifted)
    stay(twin)
    ours, others = shifted.state.need > 0.0, twin.state.need > 0.0
    assert (ours.sum(axis=2) == 1).all()
    assert (others.sum(axis=2) == 1).all()
    assert not (ours & others).any()
