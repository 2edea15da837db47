"""Threads divide the work, and nothing else depends on them."""

from __future__ import annotations

import multiprocessing
from typing import Any

import numpy as np
import pytest

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.threads import run_in_rows, stretches
from empathy_loop.envs.world import World

PARAMS = WorldParams(total_hazard=0.3, horizon=24)


def played(num_threads: int, num_worlds: int = 13) -> list[Any]:
    """Return everything that a batch brings in two episodes."""
    world, rng = World(PARAMS, num_worlds, 0, num_threads=num_threads), np.random.default_rng(0)
    seen = []
    for _ in range(2 * PARAMS.horizon + 3):
        shape = (num_worlds, PARAMS.num_agents)
        transition = world.step(rng.integers(0, PARAMS.num_actions, shape))
        parts = [*world.observation, *transition[:-1], *transition.final_observation]
        seen.append([part.copy() for part in [*parts, *world.state]])
    return seen


def play_and_answer(answer: Any) -> None:
    answer.put(len(played(2)))


@pytest.mark.parametrize("num_threads", [2, 3, 64])
def test_what_comes_out_does_not_depend_on_the_number_of_threads(num_threads: int) -> None:
    for one, many in zip(played(1), played(num_threads), strict=True):
        for ours, theirs in zip(one, many, strict=True):
            assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("num_threads", [1, 2, 5, 7])
def test_every_row_is_done_once(num_threads: int) -> None:
    done: list[int] = []
    run_in_rows(lambda word, first, end: done.extend(range(first, end)), ("x",), 7, num_threads)
    assert sorted(done) == list(range(7))


@pytest.mark.parametrize("num_rows", [1, 7, 100, 4096])
@pytest.mark.parametrize("num_threads", [2, 3, 8])
def test_stretches_follow_each_other_and_get_shorter(num_rows: int, num_threads: int) -> None:
    found = list(stretches(num_rows, num_threads))
    assert [first for first, _ in found] == [0, *(end for _, end in found[:-1])]
    assert found[-1][1] == num_rows
    sizes = [end - first for first, end in found]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] <= max(1, num_rows / num_threads)


def test_two_threads_share_rows_by_two_thirds_of_half_of_what_is_left() -> None:
    # 120 / 3, 80 / 3, 54 / 3, 36 / 3, 24 / 3; then no less than 120 / 20.
    sizes = [end - first for first, end in stretches(120, 2)]
    assert sizes == [40, 26, 18, 12, 8, 6, 6, 4]


def test_an_error_in_any_stretch_of_rows_is_raised() -> None:
    def fail_late(first: int, end: int) -> None:
        if end == 6:
            raise ValueError("row 5")

    with pytest.raises(ValueError, match="row 5"):
        run_in_rows(fail_late, (), 6, 3)


def test_an_error_in_all_threads_is_raised_and_the_next_call_works() -> None:
    def fail(first: int, end: int) -> None:
        raise ValueError(f"row {first}")

    with pytest.raises(ValueError, match="row"):
        run_in_rows(fail, (), 60, 3)
    done: list[int] = []
    run_in_rows(lambda first, end: done.extend(range(first, end)), (), 60, 3)
    assert sorted(done) == list(range(60))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_makes_threads_of_its_own() -> None:
    played(2)
    context = multiprocessing.get_context("fork")
    answer = context.Queue()
    child = context.Process(target=play_and_answer, args=(answer,))
    child.start()
    try:
        assert answer.get(timeout=60) == 2 * PARAMS.horizon + 3
    finally:
        child.kill()
        child.join()


def test_no_threads_are_refused() -> None:
    with pytest.raises(ValueError, match="num_threads must be a whole number of at least 1, got 0"):
        World(PARAMS, 2, 0, num_threads=0)
