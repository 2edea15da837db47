"""What a picture is made from is the world's state, copied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from empathy_loop.envs.frame import Gift, beliefs_about, expression, frame_of, kind_name
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.state import ANNOYED, DISTRESS, KINDNESS, NEUTRAL, NOTHING
from empathy_loop.envs.world import World

STAY, THANK, HELP_1, HELP_2 = 0, 6, 8, 9
CALM: dict[str, Any] = {"total_hazard": 0.0, "p_false_distress": 0.0, "help_reach": 8}


def world_with(needs: list[list[float]], carried: list[int], **params: Any) -> World:
    """Return a world in which nothing happens by itself, at its start."""
    world = World(WorldParams(**CALM | params), 1, seed=0)
    world.state.need[0], world.state.carried[0] = needs, carried
    return world


def test_a_frame_holds_the_state_of_one_world_of_a_batch() -> None:
    world = World(WorldParams(num_agents=4, grid_size=6), 3, seed=5)
    for actions in np.random.default_rng(0).integers(0, 11, (40, 3, 4)):
        world.step(actions)
    frame = frame_of(world, 2)
    for name in ("station", "position", "carried", "cue", "need", "drive"):
        assert np.array_equal(getattr(frame, name), getattr(world.state, name)[2]), name
    assert (frame.grid_size, frame.step, frame.horizon) == (6, 40, 128)
    assert frame.belief is None


def test_a_frame_does_not_change_when_the_world_goes_on() -> None:
    world, belief = World(WorldParams(total_hazard=1.0), 1, seed=0), np.zeros((3, 2, 3), np.float32)
    frame = frame_of(world, 0, belief)
    before = [np.copy(part) for part in frame if isinstance(part, np.ndarray)]
    for actions in np.random.default_rng(0).integers(0, 10, (20, 1, 3)):
        world.step(actions)
    belief += 1.0
    after = [part for part in frame if isinstance(part, np.ndarray)]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


def test_gifts_say_who_gave_what_to_whom_and_whether_it_was_needed() -> None:
    # Agent 0 gives B to agent 1, who needs it; agent 2 gives A to agent 0, who needs nothing.
    world = world_with([[0, 0, 0], [0, 0.5, 0], [0, 0, 0]], [1, NOTHING, 0])
    world.step(np.array([[HELP_1, STAY, HELP_1]]))
    assert frame_of(world, 0).gifts == (Gift(0, 1, 1, False), Gift(2, 0, 0, True))
    world.step(np.array([[STAY, THANK, STAY]]))
    frame = frame_of(world, 0)
    assert frame.gifts == ()
    assert frame.thanks == ((1, 0),)


def test_of_two_gifts_to_one_agent_only_the_later_one_shows_its_kind() -> None:
    # In step 0 agent 0 acts before agent 1: both help agent 2, of whom B is seen last.
    world = world_with([[0, 0, 0], [0, 0, 0], [0.5, 0, 0]], [0, 1, NOTHING])
    world.step(np.array([[HELP_2, HELP_1, STAY]]))
    assert frame_of(world, 0).gifts == (Gift(0, 2, NOTHING, False), Gift(1, 2, 1, True))


def test_the_shift_is_marked_from_the_step_that_it_came_in() -> None:
    world = World(WorldParams(), 1, seed=3)
    shift_step = int(world.state.shift_step[0])
    still = np.zeros((1, 3), np.int8)
    for step in range(100):
        expected = "partner_swap" if step > shift_step else None
        assert frame_of(world, 0).shift == expected, step
        world.step(still)


def test_an_unshifted_episode_has_no_mark() -> None:
    world = World(WorldParams(shift="none"), 1, seed=3)
    for _ in range(100):
        world.step(np.zeros((1, 3), np.int8))
    assert frame_of(world, 0).shift is None


def test_beliefs_are_found_by_whom_they_are_about() -> None:
    # Entry [i, d] is what agent i believes of agent (i + d + 1) % 3, here 10 i + (that agent).
    belief = np.array(
        [[[1] * 3, [2] * 3], [[12] * 3, [10] * 3], [[20] * 3, [21] * 3]], dtype=np.float32
    )
    frame = frame_of(World(WorldParams(), 1, seed=0), 0, belief)
    for j in range(3):
        found = {i: levels.tolist() for i, levels in beliefs_about(frame, j)}
        assert found == {i: [10.0 * i + j] * 3 for i in range(3) if i != j}


@pytest.mark.parametrize("shape", [(3, 3), (3, 3, 3), (1, 3, 2, 3)])
def test_a_belief_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    belief: NDArray[np.float32] = np.zeros(shape, np.float32)
    with pytest.raises(ValueError, match=r"belief must be of shape \(3, 2, 3\) \[A, O, K\], got"):
        frame_of(World(WorldParams(), 1, seed=0), 0, belief)


def test_cues_and_kinds_have_names() -> None:
    assert [expression(cue) for cue in (NEUTRAL, ANNOYED, KINDNESS)] == [
        "neutral",
        "annoyed",
        "kindness",
    ]
    assert {expression(DISTRESS + symbol) for symbol in range(6)} == {"distress"}
    assert "".join(kind_name(kind) for kind in range(6)) == "ABCDEF"
