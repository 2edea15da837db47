"""The performance profiles of a comparison, made from its results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from empathy_loop.train.plan import CEILING, FLOOR
from empathy_loop.train.statistics import Floats, bootstrap_band, run_profiles

POINTS = 201
"""Thresholds at which the profiles are told."""


def profiles_of(results: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the performance profiles of results; those of older files are made from scores.

    Args:
        results: As `train.schema` documents them.

    Returns:
        As it documents `profiles`.
    """
    found: Mapping[str, Any] | None = results.get("profiles")
    return make_profiles(results) if found is None else found


def make_profiles(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the share of runs x scored shifts with an AURC above tau, for each arm.

    The generator of each band is seeded with the fingerprint: the same results give the same.

    Args:
        results: As `train.schema` documents them, with or without `profiles`.

    Returns:
        `thresholds` (tau, in the unit of AURC, from the lowest to the highest score and at least
        from 0 to 1) and `arms`: arm -> {mean, low, high}, lists of a number for each threshold;
        low and high are None with one run. The anchors, which are 0 and 1 by definition, and arms
        of which a score is missing are left out.
    """
    tables = {arm: _table(results, arm) for arm in results["scores"] if arm not in (FLOOR, CEILING)}
    tables = {arm: rows for arm, rows in tables.items() if rows.size and np.isfinite(rows).all()}
    ends = [0.0, 1.0, *(float(end(rows)) for rows in tables.values() for end in (np.min, np.max))]
    thresholds = np.linspace(min(ends), max(ends), POINTS)
    arms: dict[str, dict[str, Any]] = {}
    for arm, rows in tables.items():
        by_run = run_profiles(rows, thresholds)
        band = bootstrap_band(by_run, _generator(results))
        low, high = (None, None) if band is None else (end.tolist() for end in band)
        arms[arm] = {"mean": by_run.mean(0).tolist(), "low": low, "high": high}
    return {"thresholds": thresholds.tolist(), "arms": arms}


def _generator(results: Mapping[str, Any]) -> np.random.Generator:
    return np.random.default_rng(list(results["fingerprint"].encode()))


def _table(results: Mapping[str, Any], arm: str) -> Floats:
    """Return the AURC of an arm, float64 [runs, tasks]; NaN where it is not known."""
    scored = [shift["name"] for shift in results["shifts"] if shift["scored"]]
    columns = [list(results["scores"][arm][shift]["aurc"]["runs"].values()) for shift in scored]
    return np.array(columns, np.float64).T
