"""Seats: partners act by themselves, are drawn anew with each episode, and change nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.partners import SCRIPTED, ScriptedPolicy
from empathy_loop.envs.populations import POPULATIONS
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.world import World

PARAMS = WorldParams(horizon=20, total_hazard=0.3)
ONE_AND_TWO = ("focal", "train", "train")
TWO_AND_TWO = ("focal", "focal", "heldout", "heldout")


def seated(seats: tuple[str, ...], num_worlds: int = 6, **changes: Any) -> SeatedWorld:
    settings = {"horizon": 20, "total_hazard": 0.3, "num_agents": len(seats)} | changes
    return SeatedWorld(World(WorldParams(**settings), num_worlds, seed=0), seats)


def some_actions(world: SeatedWorld, steps: int) -> NDArray[np.int8]:
    shape = (steps, world.world.num_worlds, world.num_focal)
    num_actions = world.world.params.num_actions
    return np.random.default_rng(0).integers(0, num_actions, shape).astype(np.int8)


def snapshot(world: World) -> dict[str, NDArray[Any]]:
    parts = world.get_state() | world.observation._asdict() | world.transition._asdict()
    final = parts.pop("final_observation")
    return {name: np.array(array) for name, array in (parts | final._asdict()).items()}


def assert_same(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> None:
    for name, array in one.items():
        assert np.array_equal(array, other[name]), name


def test_all_focal_is_the_plain_world_bit_for_bit() -> None:
    plain, view = World(PARAMS, 6, seed=0), seated(("focal",) * 3)
    assert SeatedWorld(World(PARAMS, 6, seed=0)).num_focal == 3
    for actions in some_actions(view, 30):
        one, other = plain.step(actions), view.step(actions)
        assert np.array_equal(one.reward, other.reward)
        assert_same(snapshot(plain), snapshot(view.world))
    assert (view.rows == -1).all()


def test_the_same_policy_does_the_same_from_a_partners_seat() -> None:
    # Reader in all seats by hand, and with two of them seated.
    plain, view = World(PARAMS, 6, seed=0), seated(("focal", "reader", "reader"))
    policy = ScriptedPolicy("reader", PARAMS, 6)
    for _ in range(30):
        actions = policy.act(plain)
        plain.step(actions)
        view.step(actions[:, :1])
        assert_same(snapshot(plain), snapshot(view.world))


@pytest.mark.parametrize("seats", [ONE_AND_TWO, TWO_AND_TWO])
def test_focal_agents_alone_are_seen_and_stepped(seats: tuple[str, ...]) -> None:
    view = seated(seats)
    focal = seats.count("focal")
    assert view.observation.features.shape[:2] == (6, focal)
    assert view.params is view.world.params
    assert view.state is view.world.state
    transition = view.step(np.zeros((6, focal), np.int8))
    assert transition is view.transition
    assert transition.reward.shape == transition.helps.shape == (6, focal)
    assert transition.final_observation.action_mask.shape[:2] == (6, focal)
    assert transition.welfare.shape == (6,)
    for _ in range(5):
        view.step(np.zeros((6, focal), np.int8))
    assert np.array_equal(view.observation.features, view.world.observation.features[:, :focal])
    assert np.array_equal(transition.reward, view.world.transition.reward[:, :focal])
    assert (view.world.state.last_action[:, focal:] != 0).any()
    with pytest.raises(ValueError, match=rf"\(6, {focal}\), one for each focal agent, got int64"):
        view.step(np.zeros((6, len(seats)), np.int64))


def test_every_partner_of_a_population_takes_its_turn() -> None:
    view = seated(("focal", "train", "heldout"), 2000)
    assert (view.rows[:, 0] == -1).all()
    for seat, low in ((1, 0), (2, 5)):
        share = np.bincount(view.rows[:, seat], minlength=10)[low : low + 5] / 2000
        # A fifth each; the standard error is .009.
        assert np.abs(share - 0.2).max() < 0.04
    pairs = {tuple(pair) for pair in view.rows[:, 1:]}
    assert len(pairs) == 25


@pytest.mark.parametrize("seats", [ONE_AND_TWO, TWO_AND_TWO])
def test_partners_have_their_traits_in_every_episode(seats: tuple[str, ...]) -> None:
    view, focal = seated(seats, 200, shift="none"), seats.count("focal")
    partners = POPULATIONS[seats[-1]]
    seen = []
    for _ in range(2):
        drawn = World(view.world.params, 200, seed=0)
        drawn.reset(episode=int(view.world.state.episode[0]))
        for seat in range(focal, len(seats)):
            for row in range(5):
                # Each seat of a population has rows of its own.
                here = (view.rows[:, seat] - 5 * (seat - focal)) == row
                assert here.any()
                own, usual = view.world.state, drawn.state
                expressivity = partners[row].expressivity
                assert (own.expressivity[here, seat] == (expressivity or 0.7)).all()
                style = [1, 2, 0] if partners[row].inverted else usual.style[here, seat]
                assert (own.style[here, seat] == style).all()
                name = SCRIPTED[view._policies.codes[here, seat][0]]
                assert name == partners[row].policy
        # Nothing else is touched.
        assert np.array_equal(view.world.state.hazard, drawn.state.hazard)
        assert np.array_equal(view.world.state.style[:, :focal], drawn.state.style[:, :focal])
        seen.append(view.rows.copy())
        for actions in some_actions(view, view.world.params.horizon):
            view.step(actions)
    assert not np.array_equal(*seen)


def test_who_sits_where_does_not_depend_on_the_batch() -> None:
    many = seated(TWO_AND_TWO, 5)
    one = SeatedWorld(World(many.world.params, 1, seed=0, first_world=3), TWO_AND_TWO)
    for actions in some_actions(many, 50):
        assert np.array_equal(many.rows[3:4], one.rows)
        many.step(actions)
        one.step(actions[3:4])
        assert np.array_equal(many.transition.reward[3:4], one.transition.reward)


def test_twins_have_the_same_partners_up_to_the_shift() -> None:
    plain, shifted = seated(TWO_AND_TWO, 12, shift="none"), seated(TWO_AND_TWO, 12)
    assert np.array_equal(plain.rows, shifted.rows)
    for t, actions in enumerate(some_actions(plain, 19)):
        before = plain.world.state.shift_step > t
        one, other = plain.step(actions), shifted.step(actions)
        assert np.array_equal(one.reward[before], other.reward[before])
    assert not np.array_equal(plain.world.state.style, shifted.world.state.style)


def test_a_saved_batch_continues_identically() -> None:
    view, other = seated(TWO_AND_TWO), seated(TWO_AND_TWO)
    actions = some_actions(view, 40)
    for row in actions[:13]:
        view.step(row)
    saved = view.get_state()
    other.set_state(saved)
    for row in actions[13:]:
        view.step(row)
        other.step(row)
        assert_same(snapshot(view.world), snapshot(other.world))
    # What was saved is a copy.
    view.set_state(saved)
    assert (view.world.state.step == 13).all()


def test_a_saved_batch_with_other_seats_is_refused() -> None:
    view = seated(("focal", "reader", "reader"))
    for other in ("filter", "stay"):
        with pytest.raises(ValueError, match=f"seats must be .*, focal, {other}, reader, got"):
            view.set_state(seated(("focal", other, "reader")).get_state())
    with pytest.raises(ValueError, match="seats must be those of the saved state, none, got focal"):
        view.set_state(view.world.get_state())
    saved = view.get_state()
    saved["seats.rows"] = saved["seats.rows"][:5]
    with pytest.raises(ValueError, match=r"seats.rows must be int64 \(6, 3\), got int64 \(5, 3\)"):
        view.set_state(saved)


def test_a_second_reset_repeats_the_first() -> None:
    view = seated(("focal", "filter", "heldout"))
    plays = []
    # What was seen in the step that is played first must be forgotten as well.
    view.reset(episode=4, first_step=np.full(6, 7))
    view.step(np.zeros((6, 1), np.int8))
    for _ in range(2):
        view.reset(episode=4, first_step=np.full(6, 7))
        for actions in some_actions(view, 12):
            view.step(actions)
        plays.append(view.get_state())
    fresh = seated(("focal", "filter", "heldout"))
    fresh.reset(episode=4, first_step=np.full(6, 7))
    for actions in some_actions(fresh, 12):
        fresh.step(actions)
    assert_same(*plays)
    assert_same(plays[0], fresh.get_state())


def test_a_refused_step_leaves_partners_as_they_were() -> None:
    seats = ("focal", "filter", "filter")
    clean, other = (SeatedWorld(World(WorldParams(), 3, seed=4), seats) for _ in range(2))
    for _ in range(12):
        for one in (clean, other):
            one.step(np.zeros((3, 1), np.int8))
    with pytest.raises(ValueError, match="actions must be in"):
        other.step(np.full((3, 1), 99))
    for name, array in clean.get_state().items():
        assert np.array_equal(array, other.get_state()[name]), name
