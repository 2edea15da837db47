"""What results.json holds of sweeps, key by key; `train.schema` has the rest."""

from __future__ import annotations

from typing import Any, TypedDict

from empathy_loop.train.schema_parts import Estimate, Score


class Point(TypedDict):
    """One set of circumstances."""

    name: str
    """Its name."""
    sweep: str
    """Name of the sweep that it belongs to."""
    values: dict[str, Any]
    """Axis to value."""


class Band(TypedDict):
    """A curve over time."""

    mean: list[float | None]
    """At each step."""
    low: list[float | None] | None
    """Low ends; null with fewer than two seeds."""
    high: list[float | None] | None
    """High ends."""


class Trust(TypedDict):
    """Trust of people in AI over an episode."""

    steps: list[int]
    """Steps done at each place of the curves."""
    arms: dict[str, dict[str, Band]]
    """Arm to point to its curve."""


class Gain(TypedDict):
    """What help of one side brings from the other, under intervention on its dose."""

    arm: str
    """The arm."""
    given: dict[str, Any]
    """The axes that were held, with their values."""
    people_to_ai: Score
    """Helps of people for AI per help of AI for people."""
    ai_to_people: Score
    """Helps of AI for people per help of people for AI."""
    loop: Score
    """The product of both: the closed-loop gain; above 1, help would feed on itself."""


class Map(TypedDict):
    """A difference over two assumptions about people."""

    arm: str
    """The arm."""
    sweep: str
    """Name of the sweep."""
    readout: str
    """Name in READOUTS of what is compared."""
    axes: list[str]
    """The two assumptions: x, then y."""
    values: list[list[float]]
    """Their values."""
    difference: str
    """Between which circumstances."""
    scores: list[list[Score]]
    """scores[j][i]: at value i of x and value j of y."""


class Side(TypedDict):
    """One side of a claim."""

    arm: str
    """The arm."""
    point: str
    """The point."""


class _Tested(TypedDict, total=False):
    """What only claims have, and no controls; and what older files do not have."""

    p_holm: float
    """p corrected over all claims of the file."""
    p_reachable: float
    """The least p_holm that so few seeds allow."""
    paired: bool
    """Whether p_value is of the exact signed-rank test of pairs."""


class Claim(_Tested):
    """A claim, or a negative control of which nothing should come out."""

    says: str
    """What is claimed."""
    control: bool
    """Whether nothing should come out."""
    readout: str
    """Name in READOUTS."""
    more: Side
    """Where there should be more."""
    less: Side
    """Where there should be less."""
    seeds: list[int]
    """Runs on each side."""
    values: list[float]
    """Mean of each side."""
    difference: Estimate
    """The first minus the second."""
    p_improvement: Estimate
    """Probability that a run of the first has more."""
    p_value: float
    """Of the exact Mann-Whitney test, or of the signed-rank test of pairs; two-sided."""
    p_paired: float | None
    """Where both sides are the same runs: of Student's t of their differences, two-sided."""
    verdict: str
    """What became of it, in a sentence."""


class _Told(TypedDict, total=False):
    """What older files do not have."""

    learned: list[str]
    """What each learned arm does where the first claim says to look."""


class Sweeps(_Told):
    """All that came out of the sweeps."""

    points: list[Point]
    """Every point."""
    scores: dict[str, dict[str, dict[str, Score]]]
    """Arm to point to name of READOUTS."""
    trust: Trust
    """Trust over time."""
    gains: list[Gain]
    """The gains, where doses were swept."""
    maps: list[Map]
    """The maps over assumptions."""
    claims: list[Claim]
    """The claims and controls."""
    assumed: list[str]
    """What was assumed about people, a sentence for each kind."""
    falsified_by: str
    """What would speak against the claims."""
