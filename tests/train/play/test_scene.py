"""What a person in a seat is shown is made of that seat's observation, and of nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from played import PARAMS, episode_of

from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.state import State
from empathy_loop.train.episode import Episode
from empathy_loop.train.play.scene import seat_scene_of, true_scene

VISIBLE = ("at", "carried", "cue", "act", "received")
HIDDEN = (
    *("hazard", "style", "expressivity", "severe", "first_helper", "help_left", "shift_step"),
    *("need", "drive", "drive_before", "relief", "cost", "hurt", "misattuned", "misattuned_given"),
)


def lively(steps: int, **changes: Any) -> Episode:
    episode = episode_of(("random", "oracle", "reader"), **changes)
    for _ in range(steps):
        episode.step()
    return episode


def unlike(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return another array of the same type, with other values everywhere."""
    return array + 0.125 if array.dtype.kind == "f" else (1 - (array > 0)).astype(array.dtype)


@pytest.mark.parametrize("name", HIDDEN)
def test_hidden_state_of_others_moves_nothing_that_a_person_is_sent(name: str) -> None:
    episode, seat = lively(9), 1
    before, saved = seat_scene_of(episode, seat), episode.world.get_state()
    changed = saved[f"state.{name}"].copy()
    own = changed[:, seat].copy() if changed.ndim > 1 else None
    changed[...] = unlike(changed)
    if own is not None:
        changed[:, seat] = own
    episode.world.set_state(saved | {f"state.{name}": changed})
    assert seat_scene_of(episode, seat) == before


def test_the_hidden_state_that_is_changed_is_all_there_is() -> None:
    shown = {
        *("station", "position", "carried", "cue", "received", "social_act", "helped", "thanked"),
        *("last_action", "last_helper", "key", "episode", "step"),
    }
    assert set(HIDDEN) | shown == set(State._fields)


def test_own_needs_are_shown_and_those_of_others_are_not() -> None:
    episode = lively(9)
    scene = seat_scene_of(episode, 2)
    assert scene["agents"][2]["need"] == true_scene(episode)["agents"][2]["need"]
    assert any(scene["agents"][2]["need"])
    assert [one["need"] for one in scene["agents"][:2]] == [None, None]
    assert all(one["belief"] is None for one in scene["agents"])
    assert scene["shift"] is scene["welfare"] is scene["trust"] is None


@pytest.mark.parametrize("seat", [0, 1, 2])
def test_what_is_in_sight_is_shown_as_it_is(seat: int) -> None:
    episode = episode_of(("oracle", "random", "oracle"))
    gifts = 0
    for _ in range(12):
        episode.step()
        truth, scene = true_scene(episode), seat_scene_of(episode, seat)
        assert scene["stations"] == truth["stations"]
        assert scene["t"] == truth["t"]
        for one, other in zip(scene["agents"], truth["agents"], strict=True):
            for name in ("at", "carried", "cue", "received"):
                assert one[name] == other[name], name
        for j, one in enumerate(scene["agents"]):
            assert j == seat or one["act"] == truth["agents"][j]["act"]
        mine = [gift for gift in truth["gifts"] if gift[1] == seat]
        assert [gift[:2] for gift in scene["gifts"] if gift[1] == seat] == [g[:2] for g in mine]
        assert all(gift[3] is None for gift in scene["gifts"])
        gifts += len(mine)
        assert [pair for pair in truth["thanks"] if pair[1] == seat] == scene["thanks"]
    assert gifts or seat != 0


def test_who_is_out_of_sight_is_nowhere() -> None:
    params = replace(PARAMS, view_radius=0)
    scene = seat_scene_of(lively(3, params=params), 0)
    for one in scene["agents"][1:]:
        assert one == {
            **{"at": None, "carried": -1, "cue": 0, "received": -1},
            **{"belief": None, "act": 0, "need": None},
        }


def test_a_faceless_world_shows_no_faces() -> None:
    params = replace(PARAMS, show_cues=False)
    scene = seat_scene_of(lively(9, params=params), 0)
    assert {one["cue"] for one in scene["agents"]} == {0}


def test_needs_are_shown_where_the_world_shows_them() -> None:
    params = replace(PARAMS, show_needs=True)
    episode = lively(9, params=params)
    truth = true_scene(episode)["agents"]
    assert [one["need"] for one in seat_scene_of(episode, 0)["agents"]] == [
        one["need"] for one in truth
    ]
    assert ObservationLayout.of(params).other_block["need"]


def test_the_truth_has_what_each_believes_of_each_other() -> None:
    episode = episode_of(("filter", "reader", "filter"))
    for _ in range(6):
        episode.step()
    agents = true_scene(episode)["agents"]
    assert agents[1]["belief"] is None
    assert agents[0]["belief"].keys() == {"1", "2"}
    assert agents[2]["belief"].keys() == {"0", "1"}
    assert agents[2]["belief"]["1"] == [round(float(b), 3) for b in episode.belief[2, 1]]


def among_people(steps: int = 20) -> Episode:
    """Return an episode of two AI and two people, the first of whom is a real person."""
    people = ("person:learned", "person:reserved")
    params = replace(PARAMS, num_agents=4, offers=True, horizon=32)
    policies = ("oracle", "reader", "human")
    episode = episode_of(policies, seats=("focal", "focal", *people), params=params, world=3)
    for _ in range(steps):
        episode.step()
    return episode


def test_the_truth_has_the_trust_of_each_person_in_each_ai() -> None:
    episode = among_people()
    assert episode.people is not None
    trust = episode.people.state.trust[0]
    assert len({round(float(level), 3) for level in trust[2:, :2].ravel()}) > 1
    assert true_scene(episode)["trust"] == {
        str(h): {str(i): round(float(trust[h, i]), 3) for i in (0, 1)} for h in (2, 3)
    }
    assert true_scene(lively(2))["trust"] is None


@pytest.mark.parametrize("seat", [0, 2])
def test_trust_moves_nothing_that_a_person_in_a_seat_is_sent(seat: int) -> None:
    episode = among_people()
    before = seat_scene_of(episode, seat)
    assert before["trust"] is None
    assert episode.people is not None
    for array in episode.people.state:
        array[...] = unlike(array)
    assert true_scene(episode)["trust"] is not None
    assert seat_scene_of(episode, seat) == before


def test_both_kinds_of_scene_have_the_same_keys() -> None:
    episode = lively(2)
    truth, scene = true_scene(episode), seat_scene_of(episode, 0)
    assert truth.keys() == scene.keys()
    assert all(one.keys() == truth["agents"][0].keys() for one in scene["agents"])
    assert set(VISIBLE) < truth["agents"][0].keys()
