"""Each view switch hides or shows exactly what it says, and leaves the world as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from empathy_loop.envs.observation import Observation, ObservationLayout
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.partners import ScriptedPolicy
from empathy_loop.envs.state import (
    ACT_HELP,
    ACT_OFFER,
    ACT_THANK,
    ANNOYED,
    DISTRESS,
    GRATITUDE,
    KINDNESS,
    NEUTRAL,
    NO_ACT,
    RELIEF,
    STAY,
    THANK,
)
from empathy_loop.envs.world import World

LIVELY: dict[str, Any] = {
    **{"num_agents": 4, "total_hazard": 0.3, "horizon": 40, "offers": True, "view_radius": 3},
    **{"severe": True, "severe_share": 0.3},
}

HIDING: dict[str, dict[str, Any]] = {
    "no positive cues": {"show_positive_cues": False},
    "scrambled": {"p_scrambled_cue": 1e-12},
    "blind": {"show_cues": False},
    "blind twice over": {"show_cues": False, "show_positive_cues": False},
}

POSITIVE = (RELIEF, GRATITUDE, KINDNESS)


def hidden_cues(view: str) -> list[int]:
    """Return the codes of the cues that nobody sees in a view."""
    return (
        list(POSITIVE)
        if view in ("no positive cues", "scrambled")
        else list(range(1, DISTRESS + 3))
    )


def lively(world: World, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw actions: int64 [E, A]; legal ones that like to help, thank and offer."""
    preference = rng.random(world.observation.action_mask.shape)
    preference[..., 6:8] += 0.1
    preference[..., 8:] += 0.6
    return np.where(world.observation.action_mask, preference, -1.0).argmax(axis=2)


def side_by_side(num_steps: int = 90, **view: Any) -> Iterator[tuple[World, World]]:
    """Yield a world seen in full and its double seen otherwise, after each of the same steps."""
    world = World(WorldParams(**LIVELY), num_worlds=20, seed=2)
    other = World(WorldParams(**(LIVELY | view)), num_worlds=20, seed=2)
    rng = np.random.default_rng(2)
    for _ in range(num_steps):
        actions = lively(world, rng)
        world.step(actions)
        other.step(actions)
        yield world, other


def columns_of(layout: ObservationLayout, name: str) -> tuple[list[slice], slice]:
    """Return where a part of the other-blocks stands: in the features, and in the exterior view."""
    part, starts = layout.other_block[name], range(layout.num_others)
    firsts = [layout.self_size + d * layout.other_size + part.start for d in starts]
    return [slice(first, first + part.stop - part.start) for first in firsts], part


def parts_of(world: World, name: str) -> list[NDArray[np.float32]]:
    """Return views of a part of the other-blocks, wherever others or the exterior show it."""
    inside, outside = columns_of(world.layout, name)
    features = [world.observation.features[..., part] for part in inside]
    return [*features, world.observation.exterior[..., outside]]


def copied(observation: Observation) -> dict[str, NDArray[Any]]:
    """Return copies of all that a policy is given."""
    return {name: array.copy() for name, array in observation._asdict().items()}


# What a view may not change


@pytest.mark.parametrize("view", [*HIDING.values(), {"show_needs": True}])
def test_views_change_neither_the_world_nor_rewards_nor_masks(view: dict[str, Any]) -> None:
    helps = 0
    for world, other in side_by_side(**view):
        for name, array in world.state._asdict().items():
            assert np.array_equal(array, getattr(other.state, name)), name
        for name in ("reward", "reward_terms", "welfare", "drive", "helps", "misattuned"):
            ours = getattr(world.transition, name)
            assert np.array_equal(ours, getattr(other.transition, name)), name
        assert np.array_equal(world.observation.action_mask, other.observation.action_mask)
        helps += int(world.transition.helps.sum())
    assert helps > 100


# What is hidden


@pytest.mark.parametrize("view", HIDING)
def test_a_view_hides_its_cues_and_the_signals_that_tell_of_them_and_nothing_else(
    view: str,
) -> None:
    hidden, seen = np.array(hidden_cues(view)) - 1, np.zeros(8, np.int64)
    for world, other in side_by_side(**HIDING[view]):
        expected = copied(world.observation)
        layout = world.layout
        cues = [(layout.self_size + d * layout.other_size) for d in range(layout.num_others)]
        places = [("features", layout.self_block["cue"].start)]
        places += [("features", start + layout.other_block["cue"].start) for start in cues]
        places += [("exterior", layout.other_block["cue"].start)]
        for key, first in places:
            expected[key][..., first + hidden] = 0.0
        for name, entries in (("social_act", [0, 1]), ("thanked_me", [0])):
            inside, outside = columns_of(layout, name)
            for part in inside:
                expected["features"][..., part.start + np.array(entries)] = 0.0
            expected["exterior"][..., outside.start + np.array(entries)] = 0.0
        for name, array in other.observation._asdict().items():
            assert np.array_equal(array, expected[name]), name
        seen += np.bincount(world.state.cue.ravel(), minlength=8)
    assert seen.min() > 0, "every cue must have been there to be hidden"


@pytest.mark.parametrize("view", HIDING)
def test_a_hidden_cue_cannot_be_told_from_a_neutral_one_by_anything_given(view: str) -> None:
    *_, (_, world) = side_by_side(30, **HIDING[view])
    codes, rng = [NEUTRAL, *hidden_cues(view)], np.random.default_rng(0)
    arrays = world.get_state()
    cue, act = arrays["state.cue"], arrays["state.social_act"]
    hides = np.isin(cue, codes)
    arrays["state.cue"] = np.where(hides, rng.choice(codes, cue.shape), cue).astype(np.int8)
    acts = rng.choice([NO_ACT, ACT_THANK, ACT_OFFER], act.shape)
    arrays["state.social_act"] = np.where(act == ACT_HELP, act, acts).astype(np.int8)
    arrays["state.thanked"] = rng.integers(0, 2, arrays["state.thanked"].shape).astype(np.uint8)
    assert (arrays["state.cue"] != cue).sum() > 10
    other = World(world.params, world.num_worlds, seed=0)
    other.set_state(arrays)
    for name, array in world.observation._asdict().items():
        assert np.array_equal(array, getattr(other.observation, name)), name


def test_the_blind_see_the_same_whatever_faces_showed_all_the_time() -> None:
    """Two worlds whose faces differ in everything are the same to the blind, to the last bit."""
    blind = LIVELY | {"show_cues": False, "shift": "none"}
    one = World(WorldParams(**blind, expressivity=0.0, p_show_reaction=0.0), 20, seed=3)
    two = World(WorldParams(**blind, expressivity=1.0, idiosyncratic_share=1.0), 20, seed=3)
    rng, differences = np.random.default_rng(3), 0
    for _ in range(60):
        actions = lively(one, rng)
        one.step(actions)
        two.step(actions)
        for name, array in one.observation._asdict().items():
            assert np.array_equal(array, getattr(two.observation, name)), name
        differences += int((one.state.cue != two.state.cue).sum())
    assert differences > 1_000


@pytest.mark.parametrize("view", HIDING)
def test_thanks_and_offers_cannot_be_seen_by_others_where_positive_cues_are_hidden(
    view: str,
) -> None:
    """Without distress, a world in which agents thank and offer looks as one in which they stay."""
    numbers = LIVELY | {"expressivity": 0.0, "p_false_distress": 0.0, "shift": "none"}
    world = World(WorldParams(**(numbers | HIDING[view])), 20, seed=4)
    silent = World(world.params, 20, seed=4)
    rng, own_action = np.random.default_rng(4), world.layout.self_block["last_action"]
    signals = 0
    for _ in range(39):
        actions = lively(world, rng)
        is_signal = (actions >= THANK) & (actions < 8)
        world.step(actions)
        silent.step(np.where(is_signal, STAY, actions))
        signals += int(np.isin(world.state.cue, [GRATITUDE, KINDNESS]).sum())
        given, expected = copied(world.observation), copied(silent.observation)
        for array in (given["features"], expected["features"]):
            array[..., own_action] = 0.0
        for name, array in given.items():
            assert np.array_equal(array, expected[name]), name
    assert signals > 100


def test_annoyance_distress_and_who_helps_stay_to_be_seen_without_positive_cues() -> None:
    *_, (_, world) = side_by_side(30, show_positive_cues=False)
    world.state.cue[:] = [ANNOYED, DISTRESS, DISTRESS + 2, RELIEF]
    world.state.social_act[:] = [ACT_HELP, ACT_THANK, ACT_OFFER, NO_ACT]
    world.set_state(world.get_state())
    cue, act = (world.layout.other_block[name] for name in ("cue", "social_act"))
    shown = world.observation.exterior[0, :, cue]
    assert [np.flatnonzero(row).tolist() for row in shown] == [[1], [4], [6], []]
    assert world.observation.exterior[0, :, act].tolist() == [[0, 0, 1], *[[0, 0, 0]] * 3]


def test_scrambled_positive_cues_come_at_their_rate_whatever_is_shown_and_distress_stays() -> None:
    seen, calm = 0, 0
    for plain, scrambled in side_by_side(p_scrambled_cue=0.25):
        ours, theirs = (one.observation.exterior for one in (plain, scrambled))
        part = plain.layout.other_block["cue"]
        cue = np.where(theirs[..., part].any(-1), theirs[..., part].argmax(-1) + 1, NEUTRAL)
        true = np.where(ours[..., part].any(-1), ours[..., part].argmax(-1) + 1, NEUTRAL)
        is_calm = np.isin(true, (NEUTRAL, *POSITIVE))
        assert np.array_equal(cue[~is_calm], true[~is_calm])
        assert np.isin(cue[is_calm], (NEUTRAL, *POSITIVE)).all()
        seen += int(np.isin(cue[is_calm], POSITIVE).sum())
        calm += int(is_calm.sum())
        # Whether there was something positive to show makes no difference.
        assert not theirs[..., plain.layout.other_block["social_act"]][..., :2].any()
    assert 0.23 < seen / calm < 0.27


def test_the_filter_takes_a_scrambled_face_as_a_masked_one() -> None:
    beliefs = []
    for view in ({"show_positive_cues": False}, {"p_scrambled_cue": 0.5}):
        world = World(WorldParams(**view), num_worlds=20, seed=9)
        policy = ScriptedPolicy("filter", world.params, 20)
        for _ in range(40):
            world.step(policy.act(world))
        beliefs.append(policy.minds.p_crisis.copy())
    assert np.array_equal(*beliefs)


@pytest.mark.parametrize("view", ["blind", "blind twice over"])
def test_a_blind_reader_knows_nothing_of_faces(view: str) -> None:
    world = World(WorldParams(**HIDING[view], shift="none"), num_worlds=30, seed=5)
    reader, rng = ScriptedPolicy("reader", world.params, 30), np.random.default_rng(5)
    for _ in range(20):
        world.state.cue[:] = rng.integers(DISTRESS, DISTRESS + 3, world.state.cue.shape)
        actions = reader.act(world)
        assert (actions == STAY).all()
        world.step(actions)


# What is shown


def test_the_default_layout_has_no_place_for_others_needs() -> None:
    assert "need" not in ObservationLayout.of(WorldParams()).other_block
    hiding = [ObservationLayout.of(WorldParams(**view)) for view in HIDING.values()]
    assert all(layout == ObservationLayout.of(WorldParams()) for layout in hiding)


def test_shown_needs_stand_at_the_end_of_each_other_block_and_are_impersonal() -> None:
    plain = ObservationLayout.of(WorldParams())
    layout = ObservationLayout.of(WorldParams(show_needs=True))
    need = layout.other_block["need"]
    assert (need.start, need.stop) == (plain.other_size, plain.other_size + 3)
    assert {**plain.other_block, "need": need} == layout.other_block
    assert layout.self_block == plain.self_block
    assert layout.impersonal == [*plain.impersonal, *range(need.start, need.stop)]
    rows = [row for row in layout.describe().splitlines() if "its true need levels" in row]
    assert rows == [
        "| 56-58 | other 1 | need | its true need levels, by kind |",
        "| 81-83 | other 2 | need | its true need levels, by kind |",
    ]


def test_shown_needs_are_the_true_ones_of_those_in_view_and_all_else_is_as_without() -> None:
    unseen = 0
    for world, other in side_by_side(60, show_needs=True):
        need, layout = world.state.need.astype(np.float32), other.layout
        assert np.array_equal(other.observation.exterior[..., layout.other_block["need"]], need)
        *blocks, _ = parts_of(other, "need")
        *visible, _ = parts_of(other, "visible")
        for d, (block, is_seen) in enumerate(zip(blocks, visible, strict=True), start=1):
            theirs = np.roll(need, -d, axis=1)
            assert np.array_equal(block, theirs * is_seen)
            unseen += int((is_seen == 0.0).sum())
        for name in world.layout.other_block:
            for ours, others in zip(parts_of(world, name), parts_of(other, name), strict=True):
                assert np.array_equal(ours, others), name
        size = world.layout.self_size
        ours, others = world.observation.features, other.observation.features
        assert np.array_equal(ours[..., :size], others[..., :size])
    assert unseen > 100


def test_shown_needs_do_not_bring_back_hidden_cues() -> None:
    for _, other in side_by_side(30, show_cues=False, show_needs=True):
        assert not any(part.any() for part in parts_of(other, "cue"))
        assert not other.observation.features[..., other.layout.self_block["cue"]].any()
