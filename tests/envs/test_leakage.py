"""Nothing that a policy is given depends on what is hidden in others.

Each test changes one array of the state, holds the cues and everything else, and observes anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.state import State
from empathy_loop.envs.world import World

NUM_WORLDS, NUM_AGENTS = 16, 4

VIEWS: dict[str, dict[str, Any]] = {
    "all cues": {},
    "no positive cues": {"show_positive_cues": False},
    "blind": {"show_cues": False},
    "blind twice over": {"show_cues": False, "show_positive_cues": False},
}
"""Every combination of the view switches that leave hidden what is hidden."""

NEVER_SHOWN = {
    *("key", "episode", "step", "shift_step", "hazard", "style", "expressivity"),
    *("severe", "first_helper", "help_left"),
    *("relief", "cost", "hurt", "misattuned", "misattuned_given", "drive_before", "drive"),
}
"""Arrays that nobody sees, not even of oneself."""

SHOWN_TO_ONESELF = {"need", "last_action", "last_helper"}
"""Arrays of which each agent sees its own entry only, in its self block or mask."""

SHOWN = {
    *("station", "position", "carried", "cue", "received", "social_act", "helped", "thanked"),
}
"""Arrays that others see."""


def play(**view: bool) -> World:
    """Return worlds in the middle of a lively episode, some before and some after the shift."""
    numbers: dict[str, Any] = {"num_agents": NUM_AGENTS, "total_hazard": 0.3, "horizon": 60}
    numbers |= {"offers": True, "severe": True, "severe_share": 0.5}
    world = World(WorldParams(**numbers, **view), NUM_WORLDS, seed=0)
    rng = np.random.default_rng(0)
    world.reset(first_step=rng.integers(0, 20, NUM_WORLDS))
    for _ in range(25):
        preference = rng.random(world.observation.action_mask.shape)
        preference[..., 8:] += 0.3
        world.step(np.where(world.observation.action_mask, preference, -1).argmax(axis=2))
    assert len(np.unique(world.state.cue)) > 4
    assert world.state.severe.any()
    assert world.state.help_left.any()
    return world


@pytest.fixture(scope="module", params=VIEWS)
def played(request: pytest.FixtureRequest) -> World:
    """Return such worlds, seen in each way in turn."""
    return play(**VIEWS[request.param])


def observed_with(world: World, name: str, value: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return what would be seen if one array of the state were another, all else held."""
    other = World(world.params, NUM_WORLDS, seed=0)
    other.set_state(world.get_state() | {f"state.{name}": value.astype(value.dtype)})
    return {key: array.copy() for key, array in other.observation._asdict().items()}


def changed(world: World, name: str) -> NDArray[Any]:
    """Return the array of a name with every entry replaced by another legal one."""
    array: NDArray[Any] = getattr(world.state, name)
    if name == "style":
        return np.ascontiguousarray(np.roll(array, 1, axis=2))
    if array.dtype == np.float64:
        return np.where(array > 0.5, array - 0.4, array + 0.4)
    if name == "key":
        return array ^ np.uint64(2**63 + 1)
    if name in ("misattuned", "misattuned_given"):
        return (array + 1).astype(array.dtype)
    return (array + 3).astype(array.dtype)


def rows_that_moved(world: World, seen: dict[str, NDArray[Any]]) -> set[tuple[str, int, int]]:
    """Return (array, viewer, column) of all that differs from what the world really shows."""
    moved = set()
    for key, array in world.observation._asdict().items():
        differs = (array != seen[key]).any(axis=0)
        moved |= {(key, int(i), int(column)) for i, column in np.argwhere(differs)}
    return moved


def test_every_array_of_the_state_is_declared_hidden_or_shown() -> None:
    declared = [*NEVER_SHOWN, *SHOWN_TO_ONESELF, *SHOWN]
    assert sorted(declared) == sorted(State._fields), "say of a new array who may see it"


@pytest.mark.parametrize("name", sorted(NEVER_SHOWN))
def test_what_is_never_shown_moves_nothing(played: World, name: str) -> None:
    value = changed(played, name)
    assert (value != getattr(played.state, name)).any(), "the change must be a change"
    assert rows_that_moved(played, observed_with(played, name, value)) == set()


def test_all_hidden_arrays_together_move_nothing(played: World) -> None:
    other = World(played.params, NUM_WORLDS, seed=0)
    hidden = {f"state.{name}": changed(played, name) for name in NEVER_SHOWN}
    other.set_state(played.get_state() | hidden)
    assert rows_that_moved(played, other.observation._asdict()) == set()


@pytest.mark.parametrize("j", range(NUM_AGENTS))
def test_needs_are_seen_by_their_owner_alone_and_in_the_need_columns_alone(
    played: World, j: int
) -> None:
    need = played.state.need.copy()
    need[:, j] = changed(played, "need")[:, j]
    part = played.layout.self_block["need"]
    expected = {("features", j, column) for column in range(part.start, part.stop)}
    assert rows_that_moved(played, observed_with(played, "need", need)) == expected


@pytest.mark.parametrize("j", range(NUM_AGENTS))
def test_the_last_action_is_seen_by_its_owner_alone(played: World, j: int) -> None:
    last_action = played.state.last_action.copy()
    last_action[:, j] = (last_action[:, j] + 1) % played.params.num_actions
    moved = rows_that_moved(played, observed_with(played, "last_action", last_action))
    part = played.layout.self_block["last_action"]
    assert moved
    assert {(key, i) for key, i, _ in moved} == {("features", j)}
    assert {column for _, _, column in moved} <= set(range(part.start, part.stop))


@pytest.mark.parametrize("j", range(NUM_AGENTS))
def test_who_helped_last_opens_thanks_for_the_one_helped_alone(played: World, j: int) -> None:
    last_helper = played.state.last_helper.copy()
    last_helper[:, j] = np.where(last_helper[:, j] >= 0, -1, (j + 1) % NUM_AGENTS)
    moved = rows_that_moved(played, observed_with(played, "last_helper", last_helper))
    assert moved == {("action_mask", j, 6)}


@pytest.mark.parametrize(
    ("name", "least", "count"),
    [
        *[("carried", -1, 4), ("received", -1, 4), ("position", 0, 5), ("cue", 0, 8)],
        *[("social_act", 0, 4), ("helped", 0, 2), ("thanked", 0, 2)],
    ],
)
def test_what_is_shown_moves_what_others_see(name: str, least: int, count: int) -> None:
    world = play()
    value = getattr(world.state, name).copy()
    value[:, 0] = (value[:, 0] - least + 1) % count + least
    moved = rows_that_moved(world, observed_with(world, name, value))
    assert {i for key, i, _ in moved if key == "features"} >= set(range(1, NUM_AGENTS))


@pytest.mark.parametrize("name", sorted(NEVER_SHOWN))
def test_shown_needs_bring_no_other_hidden_thing_with_them(name: str) -> None:
    world = play(show_needs=True)
    assert rows_that_moved(world, observed_with(world, name, changed(world, name))) == set()


def test_equal_looks_mean_equal_observations_of_others_over_whole_episodes() -> None:
    """Two worlds that differ in every trait look the same for as long as all cues are the same."""
    silent: dict[str, Any] = {
        "expressivity": 0.0,
        "p_false_distress": 0.0,
        "shift": "none",
        "horizon": 40,
    }
    world = World(WorldParams(**silent, total_hazard=0.0), 4, seed=1)
    other = World(WorldParams(**silent, total_hazard=0.9, idiosyncratic_share=1.0), 4, seed=1)
    needs, rng = world.layout.self_block["need"], np.random.default_rng(1)
    for _ in range(40):
        moves = rng.integers(0, 6, (4, 3))
        world.step(moves)
        other.step(moves)
        ours, others = world.observation, other.observation
        assert np.array_equal(ours.exterior, others.exterior)
        assert np.array_equal(ours.action_mask, others.action_mask)
        assert np.array_equal(ours.features[..., needs.stop :], others.features[..., needs.stop :])
    assert other.transition.drive.min() > 0.0
