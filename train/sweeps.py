"""Sweeps: the same runs under other circumstances, which differ along named axes.

A sweep takes every combination of the values of its axes; each is a point. An axis is a dose of the
help between AI and people, who the people are and what they are like, which variant of the seats is
taken, when the actors forget what they have seen, or a rule of the world.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import product
from typing import NamedTuple

from empathy_loop.envs.doses import FULL, Doses
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.person import PERSON, PersonParams
from empathy_loop.envs.populations import check_seats, seat_of
from empathy_loop.envs.reading import amend, close_matches
from empathy_loop.envs.scenarios import load_scenario
from empathy_loop.train.social import READOUTS
from empathy_loop.train.teams import check_known

AS_IS = "default"
"""Variant that stands for the scenario's own seats."""
PRESET, UNTIL, VARIANT, FORGET_AT = "preset", "until", "variant", "forget_at"
DOSES = tuple(entry.name for entry in fields(Doses))
PERSONAL = tuple(entry.name for entry in fields(PersonParams))
RULES = tuple(entry.name for entry in fields(WorldParams))

Value = str | float | bool


@dataclass(frozen=True, slots=True)
class Sweep:
    """Circumstances that differ along axes."""

    name: str
    """What it is called."""
    axes: Mapping[str, tuple[Value, ...]]
    """Axis to its values: ai_to_people and people_to_ai, doses; preset, the model of all people;
    a field of PersonParams, or until, of those who stay; variant, of the seats, or default;
    forget_at, the step before which the actors forget what they have seen, or 0 for never; or a
    field of WorldParams."""
    arms: tuple[str, ...] = ()
    """Arms that are swept; none for all of the comparison, random and oracle left out."""


class Point(NamedTuple):
    """One combination of the values of a sweep.

    Attributes:
        sweep: Its name.
        values: Axis to value, in the order of the axes.
    """

    sweep: str
    values: tuple[tuple[str, Value], ...]

    @property
    def name(self) -> str:
        """Name of the point and its cell."""
        return ", ".join([self.sweep, *(f"{axis} {_text(value)}" for axis, value in self.values)])


@dataclass(frozen=True, slots=True)
class Claim:
    """What should come out of a sweep or, as a negative control, should not.

    It is that a readout is more at one point than at another, or with one arm than with another.
    """

    says: str
    """The claim, a clause such as "people help an AI more that helps them"."""
    readout: str
    """Name in READOUTS of the number."""
    sweep: str
    """Name of the sweep."""
    arm: str
    """Arm of which there should be more."""
    at: Mapping[str, Value]
    """Value of each axis where there should be more."""
    than_arm: str = ""
    """Arm of which there should be less; empty for the same."""
    than_at: Mapping[str, Value] = field(default_factory=dict)
    """Value of each axis where there should be less; those that are missing are the same."""
    paired: bool = False
    """Whether the same runs are tested in pairs, by the exact signed-rank test of each run's own
    difference; otherwise, and where arms differ, by the exact Mann-Whitney test. With n pairs p
    cannot be less than 2 / 2^n: five are too few."""
    control: bool = False
    """Whether nothing should come out."""

    @property
    def sides(self) -> tuple[tuple[str, Point], tuple[str, Point]]:
        """Arm and point of which there should be more, then those of less."""
        more, less = dict(self.at), {**self.at, **self.than_at}
        points = (Point(self.sweep, tuple(one.items())) for one in (more, less))
        first, second = points
        return (self.arm, first), (self.than_arm or self.arm, second)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Under what a point is played."""

    params: WorldParams
    """The rules; without a shift."""
    seats: tuple[str, ...]
    """A seat for each agent."""
    doses: Doses = field(default=FULL)
    """How much of the help between AI and people comes about."""
    forget_at: int = 0
    """Step before which the actors forget what they have seen; 0 for never."""


def points_of(sweep: Sweep) -> list[Point]:
    """Return every combination of the values of a sweep, the last axis moving fastest."""
    combinations = product(*sweep.axes.values())
    return [Point(sweep.name, tuple(zip(sweep.axes, one, strict=True))) for one in combinations]


def check_sweeps(sweeps: Sequence[Sweep], claims: Sequence[Claim], arms: Sequence[str]) -> None:
    """Raise ValueError for what sweeps and claims name and is not there.

    Args:
        sweeps: All of a comparison.
        claims: Likewise.
        arms: Its arms.
    """
    points: dict[str, set[str]] = {}
    for sweep in sweeps:
        if sweep.name in points:
            raise ValueError(f"sweeps must have names of their own, got {sweep.name!r} twice")
        points[sweep.name] = {point.name for point in points_of(sweep)}
        check_known(f"arms of sweep {sweep.name!r}", sweep.arms, arms)
    for claim in claims:
        what = f"claim {claim.says!r}"
        check_known(f"readout of {what}", (claim.readout,), tuple(READOUTS))
        check_known(f"sweep of {what}", (claim.sweep,), tuple(points))
        swept = next(one for one in sweeps if one.name == claim.sweep)
        if claim.paired and claim.than_arm not in ("", claim.arm):
            raise ValueError(
                f"{what} is paired, and {claim.arm} and {claim.than_arm} are no pairs of runs; "
                "leave paired or than_arm away"
            )
        for arm, point in claim.sides:
            check_known(f"arms of {what}", (arm,), swept.arms or arms)
            if point.name not in points[claim.sweep]:
                raise ValueError(
                    f"{what} names the point {point.name!r}, which its sweep does not have; "
                    f"{close_matches(point.name, points[claim.sweep])}"
                )


def circumstances_of(
    point: Point, env: str, params: WorldParams, seats: Sequence[str]
) -> Circumstances:
    """Return under what a point is played.

    Args:
        point: Which.
        env: Name of the scenario, which has the variants.
        params: The rules as they are elsewhere in the comparison.
        seats: The seats as they are elsewhere.

    Raises:
        ValueError: an axis or a value is unknown or refused; names the sweep.
    """
    source, values = f"sweep {point.sweep!r}", dict(point.values)
    chosen = tuple(seats)
    if VARIANT in values:
        chosen = _variant(values.pop(VARIANT), env, source) or chosen
    doses = {name: values.pop(name) for name in DOSES if name in values}
    rules = {name: values.pop(name) for name in RULES if name in values}
    forget_at = _step(values.pop(FORGET_AT, 0), params.horizon, source)
    known = (*DOSES, PRESET, UNTIL, VARIANT, FORGET_AT, *PERSONAL, *RULES)
    for name in values:
        if name not in known:
            raise ValueError(f"{source}: unknown axis {name!r}; {close_matches(name, known)}")
    if values and not any(seat_of(one).person for one in chosen):
        raise ValueError(
            f"{source}: the axes {', '.join(values)} are about people, and no person sits in "
            f"{', '.join(chosen) or 'these seats, all focal'}"
        )
    try:
        chosen = check_seats([_reseated(one, values) for one in chosen], params.num_agents)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error
    changed = amend(params, {"shift": "none", **rules}, source)
    return Circumstances(changed, chosen, amend(FULL, doses, source), forget_at)


def _step(value: Value, horizon: int, source: str) -> int:
    """Return a value of FORGET_AT, or raise ValueError if it is no step of an episode."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < horizon:
        return value
    raise ValueError(
        f"{source}: {FORGET_AT} must be a whole step in [0, {horizon - 1}], got {value!r}"
    )


def _variant(name: Value, env: str, source: str) -> tuple[str, ...]:
    """Return the seats of a variant, none for those that are there."""
    variants = load_scenario(env).variants
    if name == AS_IS:
        return ()
    if name not in variants:
        raise ValueError(
            f"{source}: {env} has no variant {name!r} of its seats; "
            f"{close_matches(str(name), [AS_IS, *variants])}"
        )
    return variants[str(name)]


def _reseated(seat: str, values: Mapping[str, Value]) -> str:
    """Return a seat with the person in it changed, if it is one who stays to the end."""
    found = seat_of(seat)
    if found.person is None or found.acts_until is not None:
        return seat
    name, *settings = seat.split(",")
    kept = dict(part.split("=") for part in settings)
    if PRESET in values:
        # A preset is all that a person is; what remains is when it acts.
        name = f"{PERSON}{values[PRESET]}"
        kept = {key: value for key, value in kept.items() if key not in PERSONAL}
    for axis, value in values.items():
        if axis != PRESET:
            kept[axis] = _text(value)
    return ",".join([name, *(f"{key}={value}" for key, value in kept.items())])


def _text(value: Value) -> str:
    """Return a value as a seat and a name have it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else f"{value:g}"
