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


class Score(Estimate):
    """A measure of an arm."""

    runs: dict[str, float | None]
    """Seed to its own value."""
    note: str
    """What must be said beside it, or nothing."""
