"""Populations of scripted partners: who may sit where no learner does.

`train` is for training with, `heldout` for evaluation only. They share neither a policy nor a
trait of those that a partner is given, so that whoever has learned to get on with the first has
not met the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.beliefs import SCRIPTED
from empathy_loop.envs.params import Range
from empathy_loop.envs.reading import close_matches

FOCAL = "focal"
"""Seat of an agent that the caller controls."""


@dataclass(frozen=True, slots=True)
class Partner:
    """A scripted policy, and the traits that set it apart; all others are drawn as for anyone."""

    name: str
    """What it is called."""
    policy: str
    """One of SCRIPTED."""
    expressivity: Annotated[float | None, Range(0, 1)] = None
    """Probability that it shows its distress, 0 to 1; None as the rules have it."""
    inverted: bool = False
    """Whether its face is wrong about every kind: kind k shows as symbol k + 1, the last as 0."""


POPULATIONS: dict[str, tuple[Partner, ...]] = {
    "train": (
        Partner("reader", "reader"),
        Partner("quiet_reader", "reader", expressivity=0.5),
        Partner("reciprocator", "reciprocator"),
        Partner("timetable", "timetable"),
        Partner("egoist", "egoist"),
    ),
    "heldout": (
        Partner("stoic", "filter", expressivity=0.2),
        Partner("crying", "filter", expressivity=1.0),
        Partner("inverted", "filter", inverted=True),
        Partner("crying_exploiter", "exploiter", expressivity=1.0),
        Partner("inverted_exploiter", "exploiter", inverted=True),
    ),
}
"""Populations by name; each of their partners is as likely as the next."""


class SeatTable(NamedTuple):
    """Who may sit in each seat, for the kernels; rows are partners.

    Attributes:
        first: int64 [A]. First row of the partners that may sit in a seat.
        num: int64 [A]. Number of such rows, which follow each other; 0 for a focal seat.
        policy: int8 [P]. Index in SCRIPTED.
        expressivity: float64 [P], in [0, 1]; -1 as the rules have it.
        inverted: bool [P]. Whether the face is wrong about every kind.
    """

    first: NDArray[np.int64]
    num: NDArray[np.int64]
    policy: NDArray[np.int8]
    expressivity: NDArray[np.float64]
    inverted: NDArray[np.bool_]


def partners_of(seat: str) -> tuple[Partner, ...]:
    """Return who may sit in a seat.

    Args:
        seat: "focal", a name in POPULATIONS, or one in SCRIPTED for that policy without traits.

    Returns:
        Partners, none for a focal seat.

    Raises:
        ValueError: the seat is unknown.
    """
    if seat == FOCAL:
        return ()
    if seat in POPULATIONS:
        return POPULATIONS[seat]
    if seat in SCRIPTED:
        return (Partner(seat, seat),)
    known = (FOCAL, *POPULATIONS, *SCRIPTED)
    raise ValueError(f"unknown seat {seat!r}; {close_matches(str(seat), known)}")


def check_seats(seats: Sequence[str], num_agents: int) -> tuple[str, ...]:
    """Return the seats of all agents, focal ones first.

    Args:
        seats: A seat for each agent, as `partners_of` takes it; none for all focal.
        num_agents: Number of agents A.

    Returns:
        A seats.

    Raises:
        ValueError: another number of seats than agents, an unknown seat, no focal one, or a
            focal one behind a partner's.
    """
    if isinstance(seats, str):
        raise ValueError(f"seats must be a list of a name for each agent, got the text {seats!r}")
    seats = tuple(seats) or (FOCAL,) * num_agents
    if len(seats) != num_agents:
        raise ValueError(
            f"seats must name one seat for each of {num_agents} agents, got {len(seats)} "
            f"({', '.join(map(str, seats))}); change the seats or num_agents"
        )
    for seat in seats:
        partners_of(seat)
    num_focal = seats.count(FOCAL)
    if num_focal == 0 or FOCAL in seats[num_focal:]:
        raise ValueError(
            f"seats must begin with the focal ones, of which there must be one at least, "
            f"got {', '.join(seats)}"
        )
    return seats


def seat_table(seats: Sequence[str]) -> tuple[SeatTable, tuple[str, ...]]:
    """Return who may sit in each seat, and what the rows are called, such as "train/reader".

    Args:
        seats: Checked seats of all agents.
    """
    first: list[int] = []
    num: list[int] = []
    rows: list[Partner] = []
    names: list[str] = []
    for seat in seats:
        partners = partners_of(seat)
        first.append(len(rows))
        num.append(len(partners))
        rows.extend(partners)
        names.extend(f"{seat}/{one.name}" if seat in POPULATIONS else seat for one in partners)
    table = SeatTable(
        first=np.array(first, np.int64),
        num=np.array(num, np.int64),
        policy=np.array([SCRIPTED.index(one.policy) for one in rows], np.int8),
        expressivity=np.array(
            [-1.0 if one.expressivity is None else one.expressivity for one in rows], np.float64
        ),
        inverted=np.array([one.inverted for one in rows], np.bool_),
    )
    return table, tuple(names)
