"""Populations of scripted partners: who may sit where no learner does.

`train` is for training with, `heldout` for evaluation only. They share no policy and no combination
of traits (expressivity, and whether the face is inverted), so that whoever has learned to get on
with the first has not met the second.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.beliefs import SCRIPTED
from empathy_loop.envs.params import Range
from empathy_loop.envs.person import LEARNED, PERSON, PRESETS, PersonSeat, person_of
from empathy_loop.envs.reading import close_matches

FOCAL = "focal"
"""Seat of an AI that the caller controls."""
LEARNED_PERSON = PERSON + LEARNED
"""Seat of a person that the caller controls."""


@dataclass(frozen=True, slots=True)
class Partner:
    """A scripted policy, and the traits that set it apart; all others are drawn as for anyone."""

    name: str
    """What it is called."""
    policy: str
    """One of SCRIPTED, or "person"."""
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


_CODES = {name: code for code, name in enumerate((*SCRIPTED, "person"))}


class SeatTable(NamedTuple):
    """Who may sit in each seat, for the kernels; rows are partners.

    Attributes:
        first: int64 [A]. First row of the partners that may sit in a seat.
        num: int64 [A]. Number of such rows, which follow each other; 0 for a focal seat.
        policy: int8 [P]. Index in SCRIPTED, or the code of a person.
        expressivity: float64 [P], in [0, 1]; -1 as the rules have it.
        inverted: bool [P]. Whether the face is wrong about every kind.
    """

    first: NDArray[np.int64]
    num: NDArray[np.int64]
    policy: NDArray[np.int8]
    expressivity: NDArray[np.float64]
    inverted: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Seat:
    """What the text of a seat says: a name, and perhaps settings, such as "focal,from=42"."""

    name: str
    """"focal", a population, a scripted policy, or "person:" and what follows it."""
    acts_from: int = 0
    """First step in which its agent may act; until then it watches."""
    acts_until: int | None = None
    """Step from which it may act no more, or None."""
    person: PersonSeat | None = None
    """The person who sits there, if it is one."""

    @property
    def is_focal(self) -> bool:
        """Whether the caller acts for it."""
        return self.name in (FOCAL, LEARNED_PERSON)


def seat_of(text: str) -> Seat:
    """Return what a seat says.

    Args:
        text: "focal"; a name in POPULATIONS, or one in SCRIPTED for that policy without traits; or
            "person:" and a preset, "learned" or `package.module:Class`. After commas settings:
            `from=STEP` and `until=STEP` for when its agent may act; and, of a person, fields of
            PersonParams.

    Raises:
        ValueError: the seat or a setting is unknown, or a value is refused.
    """
    if not isinstance(text, str):
        raise ValueError(f"a seat must be a text such as 'focal', got {text!r}")
    name, *assignments = text.split(",")
    settings = _settings_of(text, assignments)
    times = {key: settings.pop(key, None) for key in ("from", "until")}
    first, end = (_step_of(text, key, value) for key, value in times.items())
    first = 0 if first is None else first
    if end is not None and end <= first:
        raise ValueError(f"seat {text!r}: until must be above from, got {end} and {first}")
    if name.startswith(PERSON):
        person = person_of(name.removeprefix(PERSON), settings, text)
        return Seat(name, first, end, person)
    known = (FOCAL, *POPULATIONS, *SCRIPTED, *(PERSON + one for one in PRESETS), LEARNED_PERSON)
    if name not in known:
        raise ValueError(f"unknown seat {name!r}; {close_matches(name, known)}")
    if settings:
        raise ValueError(
            f"seat {text!r}: unknown setting {min(settings)!r}; "
            "a seat that is no person's has from and until only"
        )
    return Seat(name, first, end)


def _settings_of(text: str, assignments: Sequence[str]) -> dict[str, Any]:
    """Return what follows the name of a seat: setting to its value."""
    settings = {}
    for assignment in assignments:
        key, equals, value = (part.strip() for part in assignment.partition("="))
        try:
            settings[key] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            equals = ""
        if not equals or not key:
            raise ValueError(
                f"seat {text!r}: {assignment.strip()!r} is not of the form setting=number"
            )
    return settings


def _step_of(text: str, key: str, value: Any) -> int | None:
    if value is None or (type(value) is int and value >= 0):
        return value
    raise ValueError(f"seat {text!r}: {key} must be a step of at least 0, got {value!r}")


def partners_of(seat: str) -> tuple[Partner, ...]:
    """Return who may sit in a seat.

    Args:
        seat: As `seat_of` takes it.

    Returns:
        Partners, none for a focal seat. A person is one whose policy is "person".

    Raises:
        ValueError: the seat is unknown.
    """
    found = seat_of(seat)
    if found.is_focal:
        return ()
    if found.person is not None:
        return (Partner(found.name, "person"),)
    return POPULATIONS.get(found.name) or (Partner(found.name, found.name),)


def check_seats(seats: Sequence[str], num_agents: int) -> tuple[str, ...]:
    """Return the seats of all agents, focal ones first.

    Args:
        seats: A seat for each agent, as `seat_of` takes it; none for all focal.
        num_agents: Number of agents A.

    Returns:
        A seats.

    Raises:
        ValueError: another number of seats than agents, an unknown seat, no focal one, or a
            focal one behind a partner's.
    """
    if isinstance(seats, str) or not isinstance(seats, Iterable):
        raise ValueError(f"seats must be a list of a name for each agent, got {seats!r}")
    seats = tuple(seats) or (FOCAL,) * num_agents
    if len(seats) != num_agents:
        raise ValueError(
            f"seats must name one seat for each of {num_agents} agents, got {len(seats)} "
            f"({', '.join(map(str, seats))}); change the seats or num_agents"
        )
    focal = [seat_of(seat).is_focal for seat in seats]
    num_focal = sum(focal)
    if num_focal == 0 or any(focal[num_focal:]):
        raise ValueError(
            f"seats must begin with the focal ones, of which there must be one at least, "
            f"got {', '.join(seats)}"
        )
    return seats


def count_focal(seats: Sequence[str]) -> int:
    """Return how many agents the caller acts for, in checked seats."""
    return sum(seat_of(seat).is_focal for seat in seats)


def seats_learned_person(seats: Sequence[str]) -> bool:
    """Return whether a person whose acts are the caller's is among checked seats."""
    return any(seat_of(seat).name == LEARNED_PERSON for seat in seats)


def agent_names(seats: Sequence[str]) -> tuple[str, ...]:
    """Return what the agents in checked seats are called: ai_0, ..., and person_0, ..."""
    counts = {"ai": 0, "person": 0}
    names = []
    for seat in seats:
        kind = "ai" if seat_of(seat).person is None else "person"
        names.append(f"{kind}_{counts[kind]}")
        counts[kind] += 1
    return tuple(names)


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
        is_population = seat_of(seat).name in POPULATIONS
        names.extend(f"{seat}/{one.name}" if is_population else seat for one in partners)
    table = SeatTable(
        first=np.array(first, np.int64),
        num=np.array(num, np.int64),
        policy=np.array([_CODES[one.policy] for one in rows], np.int8),
        expressivity=np.array(
            [-1.0 if one.expressivity is None else one.expressivity for one in rows], np.float64
        ),
        inverted=np.array([one.inverted for one in rows], np.bool_),
    )
    return table, tuple(names)
