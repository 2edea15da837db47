"""The numbers that results.json is made of."""

from __future__ import annotations

from typing import TypedDict


class Estimate(TypedDict):
    """A number and the ends of its interval."""

    mean: float | None
    """The value over all seeds."""
    low: float | None
    """Low end; null with fewer than two seeds."""
    high: float | None
    """High end; null with fewer than two seeds."""


class Profile(TypedDict):
    """How often an arm scores above each threshold."""

    mean: list[float]
    """Share of runs x scored shifts at each threshold."""
    low: list[float] | None
    """Low ends; null with fewer than two seeds."""
    high: list[float] | None
    """High ends."""


class Profiles(TypedDict):
    """The performance profiles of a comparison."""

    thresholds: list[float]
    """AURC of each point."""
    arms: dict[str, Profile]
    """Arm to its curve; anchors, and arms of which a score is missing, are left out."""


class Watched(TypedDict, total=False):
    """What only recovery times have, and no older file."""

    watched: dict[str, int | None]
    """Seed to the steps since the shift for which it was watched: with a null in runs, it had not
    recovered until then; null where there is nothing to recover from, or no step to tell."""


class Score(Estimate, Watched):
    """A measure of an arm."""

    runs: dict[str, float | None]
    """Seed to its own value."""
    note: str
    """What must be said beside it, or nothing."""
