"""The scores of agents that played the same worlds, each with its interval over worlds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from empathy_loop.train.evaluate import EpisodeLog
from empathy_loop.train.outcomes import OUTCOMES
from empathy_loop.train.plan import CEILING, FLOOR
from empathy_loop.train.statistics import Floats, bootstrap_interval

NORMALISED = "normalised"
MEASURES: dict[str, str] = {
    NORMALISED: "welfare between random (0) and oracle (1) on the same worlds and shift",
    **OUTCOMES,
}
"""Name and meaning of each score."""

Score = dict[str, float | None]
"""mean, low and high."""
Worlds = dict[str, Floats]
"""Name to what each world contributes, float64 [E]."""


def worlds_of(log: EpisodeLog) -> Worlds:
    """Return float64 [E] for each thing that a world's episode contributes to the scores."""
    return {
        "welfare": log.welfare.sum(0),
        "drive": log.drive.mean((0, 2)),
        "helps": log.helps.sum((0, 2), dtype=np.float64),
        "misattuned": log.misattuned.sum((0, 2), dtype=np.float64),
    }


def scores_of(worlds: Mapping[str, Worlds], seed: int) -> dict[str, dict[str, Score]]:
    """Return the scores of each agent in one cell.

    Args:
        worlds: Agent to what its worlds contribute, random and oracle among them.
        seed: Seed of the bootstrap.

    Returns:
        Agent to name of MEASURES to score; None where a number cannot be known.
    """
    floor, ceiling = worlds[FLOOR]["welfare"], worlds[CEILING]["welfare"]
    return {
        name: {
            NORMALISED: _score(_normalised, seed, one["welfare"], floor, ceiling),
            "welfare": _score(_mean, seed, one["welfare"]),
            "drive": _score(_mean, seed, one["drive"]),
            "helps": _score(_mean, seed, one["helps"]),
            "help_precision": _score(_precision, seed, one["helps"], one["misattuned"]),
        }
        for name, one in worlds.items()
    }


def _score(statistic: Callable[[Floats], Floats], seed: int, *columns: Floats) -> Score:
    """Return a statistic of [E] columns with its interval; the seed draws the same worlds."""
    sample = np.stack(columns, axis=-1)
    generator = np.random.default_rng(seed)
    interval = bootstrap_interval(statistic, sample, generator=generator) or (None, None)
    found = (float(statistic(sample)), *interval)
    return {
        name: value if value is not None and math.isfinite(value) else None
        for name, value in zip(("mean", "low", "high"), found, strict=True)
    }


def _mean(sample: Floats) -> Floats:
    """Return the mean over worlds; sample is [..., E, 1]."""
    return np.asarray(sample[..., 0].mean(-1))


def _normalised(sample: Floats) -> Floats:
    """Return (sum y - sum R) / (sum O - sum R); sample is [..., E, 3] with y, R, O.

    Where the oracle is not ahead of random, there is nothing to measure between them: NaN.
    """
    own, floor, ceiling = np.moveaxis(sample.sum(-2), -1, 0)
    return np.asarray((own - floor) / np.where(ceiling > floor, ceiling - floor, np.nan))


def _precision(sample: Floats) -> Floats:
    """Return the share of helps not misattuned; [..., E, 2] of both. NaN where nobody helped."""
    helps, misattuned = np.moveaxis(sample.sum(-2), -1, 0)
    return np.asarray((helps - misattuned) / np.where(helps > 0.0, helps, np.nan))
