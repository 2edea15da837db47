"""The batch of worlds as an object: resets, ends of episodes, saved states, refused input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.world import World

PARAMS = WorldParams(horizon=10, total_hazard=0.3)


def some_actions(num_steps: int, seed: int = 0) -> NDArray[np.int64]:
    """Draw actions: int64 [T, 4, 3], legal or not, the same for the same seed."""
    return np.random.default_rng(seed).integers(0, PARAMS.num_actions, (num_steps, 4, 3))


def test_the_observation_after_the_end_is_the_next_episodes_and_the_last_one_is_kept() -> None:
    world, still = World(PARAMS, 4, seed=0), World(PARAMS, 4, seed=0, autoreset=False)
    for actions in some_actions(PARAMS.horizon):
        assert not world.transition.truncated.any()
        ours, others = world.step(actions), still.step(actions)
    assert ours.truncated.all()
    assert others.truncated.all()
    for name, last in ours.final_observation._asdict().items():
        assert np.array_equal(last, getattr(still.observation, name)), name
    assert np.array_equal(ours.drive, still.state.drive)
    following = World(PARAMS, 4, seed=0)
    following.reset(episode=1)
    for name, fresh in following.observation._asdict().items():
        assert np.array_equal(getattr(world.observation, name), fresh), name


def test_without_autoreset_a_step_past_the_end_is_refused_until_reset() -> None:
    world = World(PARAMS, 4, seed=0, autoreset=False)
    for actions in some_actions(PARAMS.horizon):
        world.step(actions)
    with pytest.raises(ValueError, match=r"episode is over; call reset\(\)"):
        world.step(some_actions(1)[0])
    assert (world.state.step == PARAMS.horizon).all()
    world.reset(episode=1)
    assert not world.step(some_actions(1)[0]).truncated.any()


@pytest.mark.parametrize("at", [0, 4, 9, 10, 13])
def test_a_saved_state_continues_identically(at: int) -> None:
    world, actions = World(PARAMS, 4, seed=0), some_actions(25)
    for row in actions[:at]:
        world.step(row)
    saved, other = world.get_state(), World(PARAMS, 4, seed=0)
    other.step(some_actions(1, seed=5)[0])
    other.set_state(saved)
    for row in actions[at:]:
        for name, ours in world.observation._asdict().items():
            assert np.array_equal(ours, getattr(other.observation, name)), name
        assert np.array_equal(world.step(row).reward, other.step(row).reward)
    for name, array in world.get_state().items():
        assert np.array_equal(array, other.get_state()[name]), name


def test_a_saved_state_is_a_copy() -> None:
    world = World(PARAMS, 4, seed=0)
    saved = world.get_state()
    before = {name: array.copy() for name, array in saved.items()}
    for actions in some_actions(5):
        world.step(actions)
    assert all(np.array_equal(saved[name], array) for name, array in before.items())


def test_a_saved_state_of_other_names_or_sizes_is_refused() -> None:
    world = World(PARAMS, 4, seed=0)
    saved = world.get_state()
    with pytest.raises(ValueError, match=r"exactly the names .*state\.need"):
        world.set_state({name: array for name, array in saved.items() if name != "state.need"})
    with pytest.raises(ValueError, match=r"state\.need must be float64 \(4, 3, 3\), got float32"):
        world.set_state(saved | {"state.need": saved["state.need"].astype(np.float32)})
    with pytest.raises(ValueError, match=r"state\.key must be uint64 \(4,\), got uint64 \(3,\)"):
        world.set_state(World(PARAMS, 3, seed=0).get_state())


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros((4, 2), np.int8), r"shape \(4, 3\), got int8 of shape \(4, 2\)"),
        (np.zeros((4, 3)), r"whole numbers .*got float64"),
        ([[0, 0, 0], [0, 0], [0], []], r"shape \(4, 3\), got rows of different lengths"),
        (np.full((4, 3), 10), r"in \[0, 9\], got 10 to 10"),
        (np.full((4, 3), -1), r"in \[0, 9\], got -1 to -1"),
        (np.full((4, 3), 256), r"in \[0, 9\], got 256 to 256"),
    ],
)
def test_actions_that_do_not_exist_are_refused(actions: NDArray[Any], message: str) -> None:
    world = World(PARAMS, 4, seed=0)
    with pytest.raises(ValueError, match=message):
        world.step(actions)
    assert not world.state.step.any()


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint8])
def test_whole_numbers_of_any_type_are_actions(dtype: type) -> None:
    world, other = World(PARAMS, 4, seed=0), World(PARAMS, 4, seed=0)
    actions = some_actions(1)[0]
    world.step(actions)
    other.step(np.asfortranarray(actions.astype(dtype)))
    assert np.array_equal(world.state.position, other.state.position)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"num_worlds": 0, "seed": 0}, "num_worlds must be a whole number of at least 1, got 0"),
        ({"num_worlds": 1, "seed": -1}, r"seed must be a whole number in \[0, .*\], got -1"),
        ({"num_worlds": 1, "seed": 0, "first_world": -3}, "first_world .* got -3"),
    ],
)
def test_sizes_and_seeds_that_make_no_sense_are_refused(
    numbers: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        World(PARAMS, **numbers)


def test_resets_outside_the_episode_are_refused() -> None:
    world = World(PARAMS, 4, seed=0)
    for episode in (-1, "x", 2**63):
        with pytest.raises(ValueError, match=rf"episode must be a whole .*, got '?{episode}'?$"):
            world.reset(episode=episode)  # type: ignore[arg-type]
    for steps in ([0, 0, 0, 10], [-1, 0, 0, 0]):
        with pytest.raises(ValueError, match=r"first_step must be in \[0, 9\], got"):
            world.reset(first_step=np.array(steps))
    for wrong in (np.zeros(3, int), np.zeros(4), [[0], [0, 1], [0], [0]]):
        with pytest.raises(
            ValueError, match=r"first_step must be whole numbers of shape \(4,\), one"
        ):
            world.reset(first_step=wrong)  # type: ignore[arg-type]
