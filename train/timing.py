"""Measuring in turns: everything once a round, so that noise of the machine hits all alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Literal, NamedTuple

import torch

Role = Literal["speed", "growth", "floor", "ceiling"]


@dataclass(frozen=True)
class Workload:
    """Something whose speed can be measured."""

    name: str
    """What is measured, unlike any other name of the same run."""
    role: Role
    """speed: of this project; growth: the same for one number of agents among several; floor: what
    a speed cannot do without; ceiling: what the machine can do."""
    unit: str
    """What a rate is given in, such as agent steps/s."""
    work: Callable[[], float]
    """Does some of it and returns how much, above 0, in what the unit has before the slash."""
    threads: int = 1
    """Threads of torch, or of the worlds, at least 1."""
    worlds: int | None = None
    """Worlds stepped together, at least 1; None where there are none."""
    agents: int | None = None
    """Agents of a world, at least 2; None where there are none."""
    floor: str | None = None
    """Name of the workload that bounds this one; None without."""
    cost_of: str | None = None
    """Name of the workload whose time is the unit of this one's cost; None without."""
    time_shares: Callable[[], dict[str, float]] | None = None
    """Returns part to its share of the time so far, in [0, 1]; None where there are no parts."""


class Measurement(NamedTuple):
    """How fast a workload was.

    Attributes:
        workload: What was measured.
        rates: Rate of each repeat, in the unit of the workload, above 0.
        time_shares: Part to its share of the time, in [0, 1]; None without parts.
    """

    workload: Workload
    rates: list[float]
    time_shares: dict[str, float] | None


class Spread(NamedTuple):
    """Several numbers in three.

    Attributes:
        median: The one in the middle, or the mean of the two there.
        lowest: The least.
        highest: The greatest.
    """

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, numbers: Iterable[float]) -> Spread:
        """Return the spread of at least one number."""
        ordered = sorted(numbers)
        return cls(statistics.median(ordered), ordered[0], ordered[-1])


def measure(
    workloads: Sequence[Workload], repeats: int, seconds: float, tell: Callable[[str], None]
) -> list[Measurement]:
    """Time workloads in rounds of one stretch of each.

    The first call of each, which compiles, is left out. A repeat of one workload stands beside
    the same repeat of the others, so that ratios of the two are fair on a machine that changes
    its speed. The number of torch's threads is set to that of the workload, and put back at the
    end.

    Args:
        workloads: What to time, in the order of a round.
        repeats: Rounds, at least 1.
        seconds: Least length of a stretch, above 0.
        tell: Takes one line on what is being done.

    Returns:
        Measurements in the order of the workloads.
    """
    rates: list[list[float]] = [[] for _ in workloads]
    before = torch.get_num_threads()
    try:
        for workload in workloads:
            tell(f"first call: {workload.name}")
            torch.set_num_threads(workload.threads)
            workload.work()
        for number in range(1, repeats + 1):
            for workload, found in zip(workloads, rates, strict=True):
                tell(f"repeat {number} of {repeats}: {workload.name}")
                torch.set_num_threads(workload.threads)
                found.append(_rate(workload.work, seconds))
    finally:
        torch.set_num_threads(before)
    return [
        Measurement(workload, found, workload.time_shares and workload.time_shares())
        for workload, found in zip(workloads, rates, strict=True)
    ]


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> Spread:
    """Return the spread over rounds of the ratio of two rates taken in the same round.

    Args:
        numerators: Rate of each round.
        denominators: As many, each above 0.
    """
    return Spread.of(one / other for one, other in zip(numerators, denominators, strict=True))


def _rate(work: Callable[[], float], seconds: float) -> float:
    """Return how much is done in a second, measured over at least so many seconds."""
    started = perf_counter()
    done = work()
    while (elapsed := perf_counter() - started) < seconds:
        done += work()
    return done / elapsed
