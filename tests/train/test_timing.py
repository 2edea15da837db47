"""Stretches are taken in turns, timed as they should be, and leave the threads as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from empathy_loop.train import timing
from empathy_loop.train.timing import Spread, Workload, measure, ratios


class Clock:
    """A clock that stands still until work moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timing, "perf_counter", clock)
    return clock


def silent(line: str) -> None:
    pass


def workload(name: str, work: Callable[[], float], threads: int = 1) -> Workload:
    return Workload(name, "speed", "things/s", work, threads)


def test_a_rate_is_what_was_done_over_the_time_that_it_took(clock: Clock) -> None:
    def work() -> float:
        clock.now += 0.75
        return 3.0

    # One call takes 0.75 s, less than 1 s, so a stretch is two: 6 things in 1.5 s.
    (found,) = measure([workload("a", work)], repeats=3, seconds=1.0, tell=silent)
    assert found.rates == [4.0, 4.0, 4.0]
    assert found.time_shares is None


def test_the_first_call_is_left_out(clock: Clock) -> None:
    lengths = iter([50.0, 0.5, 0.25])

    def work() -> float:
        clock.now += next(lengths)
        return 1.0

    (found,) = measure([workload("a", work)], repeats=2, seconds=1e-6, tell=silent)
    assert found.rates == [2.0, 4.0]


def test_everything_is_measured_once_in_every_round(clock: Clock) -> None:
    order, told = [], []

    def work_of(name: str) -> Callable[[], float]:
        def work() -> float:
            order.append(name)
            clock.now += 1.0
            return 1.0

        return work

    named = [workload(name, work_of(name)) for name in "abc"]
    measure(named, repeats=2, seconds=1.0, tell=told.append)
    assert order == list("abc" + "abc" + "abc")
    assert told[0] == "first call: a"
    assert told[-1] == "repeat 2 of 2: c"


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_each_workload_has_its_threads_and_they_are_put_back(clock: Clock) -> None:
    seen: list[int] = []

    def work() -> float:
        seen.append(torch.get_num_threads())
        clock.now += 1.0
        if len(seen) == 5:
            raise RuntimeError("in the middle")
        return 1.0

    both = [workload("one", work, 1), workload("three", work, 3)]
    with pytest.raises(RuntimeError, match="in the middle"):
        measure(both, repeats=2, seconds=0.5, tell=silent)
    assert seen == [1, 3, 1, 3, 1]
    assert torch.get_num_threads() == 2


def test_shares_are_asked_for_when_all_is_done(clock: Clock) -> None:
    calls = 0

    def work() -> float:
        nonlocal calls
        calls += 1
        clock.now += 1.0
        return 1.0

    part = Workload("a", "speed", "things/s", work, time_shares=lambda: {"calls": float(calls)})
    (found,) = measure([part], repeats=2, seconds=0.5, tell=silent)
    assert found.time_shares == {"calls": 3.0}


def test_a_spread_is_the_middle_and_both_ends() -> None:
    assert Spread.of([5.0, 1.0, 2.0]) == (2.0, 1.0, 5.0)
    assert Spread.of([4.0, 1.0, 2.0, 9.0]) == (3.0, 1.0, 9.0)


def test_ratios_are_taken_within_rounds() -> None:
    # 1/2, 4/4 and 9/3; the ratio of the medians, 4/3, would be another number.
    assert ratios([1.0, 4.0, 9.0], [2.0, 4.0, 3.0]) == (1.0, 0.5, 3.0)
