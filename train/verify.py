"""Whether a published comparison comes out again: a few of its runs, trained anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console

from empathy_loop.train.compare import compare
from empathy_loop.train.measures import OVERALL
from empathy_loop.train.plan import Comparison, only_arms, plan_runs
from empathy_loop.train.reference import Reference, check_anchors, check_arms, check_worlds
from empathy_loop.train.statistics import CONFIDENCE, prediction_interval

MEASURES = {name: OVERALL[name] for name in ("cas", "deficit")}
"""What is verified of each run, over all scored shifts: its level, and what the shifts cost it."""


class Verdict(NamedTuple):
    """One number of one run that was trained anew.

    Attributes:
        run: Name of the run.
        measure: One of MEASURES.
        low: Low end of the interval in which one more run should fall.
        high: Its high end.
        mean: What was published of the arm, an `Estimate` of `train.schema_parts`.
        alike: Names of the other arms that were made again and whose published mean lies inside:
            a run of theirs would have passed as one of this arm.
        then: What the very run came to when the reference was made.
        now: What it has come to now; None if it failed.
    """

    run: str
    measure: str
    low: float
    high: float
    mean: Mapping[str, Any]
    alike: tuple[str, ...]
    then: float
    now: float | None

    @property
    def is_inside(self) -> bool:
        """Whether the number has come out again."""
        return self.now is not None and self.low <= self.now <= self.high


def verify(reference: Reference, runs: int, folder: Path, console: Console) -> list[Verdict]:
    """Train a few runs of a reference anew, and say which of their numbers come out again.

    They are the first seeds of the two arms of its first contrast, beside the anchors. A run is
    no mean, so that an interval of the mean would be too narrow: each number is held against
    the t-based prediction interval for one more run, over the seeds of the reference. Their
    coverage is 1 - (1 - CONFIDENCE) / m for m numbers (Bonferroni), so that all hold together
    with CONFIDENCE.

    Args:
        reference: What was published.
        runs: Seeds of each of the two arms, at least 1.
        folder: Where to train; what an earlier call has finished there is used.
        console: Where to show how far it is.

    Returns:
        A verdict for each run and measure.

    Raises:
        ValueError: the reference has other settings than this version, with both fingerprints;
            its anchors come out otherwise; it has too few seeds; or it does not have so many runs.
        OSError: a file cannot be written.
        KeyboardInterrupt: Ctrl-C; the same call goes on.
    """
    smaller = choose_runs(reference, runs)
    check_worlds(reference)
    check_arms(reference, smaller.all_arms)
    results = compare(smaller, folder, console)
    assert results is not None, "whoever finishes all runs writes the report"
    check_anchors(reference, results["scores"])
    return verdicts_of(reference, smaller, results)


def choose_runs(reference: Reference, runs: int) -> Comparison:
    """Return the part of a comparison that is made again.

    Args:
        reference: What was published.
        runs: Seeds of each of the two arms.

    Raises:
        ValueError: there are not so many seeds, or nothing was trained.
    """
    whole = reference.comparison
    learned = dict.fromkeys(run.arm for run in plan_runs(whole) if run.is_learned)
    pair = [arm for arm in (whole.contrasts[0] if whole.contrasts else learned) if arm in learned]
    if not 1 <= runs <= len(whole.seeds):
        raise ValueError(f"runs must be in [1, {len(whole.seeds)}], the seeds there, got {runs}")
    if not pair:
        raise ValueError(f"nothing of the reference {reference.name} was trained")
    contrasts = tuple(one for one in whole.contrasts if set(one) <= set(pair))
    chosen = only_arms(whole, pair[:2])
    return replace(chosen, seeds=whole.seeds[:runs], contrasts=contrasts)


def verdicts_of(
    reference: Reference, smaller: Comparison, results: Mapping[str, Any]
) -> list[Verdict]:
    """Return what has come out again.

    Args:
        reference: What was published.
        smaller: Which part of it was made again.
        results: What came out, as `train.schema` documents it.

    Raises:
        ValueError: the reference has fewer than two seeds of an arm, and so no interval.
    """
    learned = [run for run in plan_runs(smaller) if run.is_learned]
    arms, there = dict.fromkeys(run.arm for run in learned), reference.results["overall"]
    coverage = 1.0 - (1.0 - CONFIDENCE) / (len(learned) * len(MEASURES))
    verdicts = []
    for run in learned:
        seed = str(run.config.seed)
        for measure in MEASURES:
            published = there[run.arm][measure]
            known = published["runs"]
            values = np.array([one for one in known.values() if one is not None], np.float64)
            interval = prediction_interval(values, coverage)
            if interval is None:
                raise ValueError(
                    f"the reference {reference.name} has {len(values)} run of {run.arm}: too few "
                    "seeds for an interval; verify one with at least 2"
                )
            alike = tuple(
                arm
                for arm in arms
                if arm != run.arm and interval.low <= there[arm][measure]["mean"] <= interval.high
            )
            here = results["overall"].get(run.arm, {}).get(measure, {"runs": {}})["runs"]
            verdicts.append(
                Verdict(run.name, measure, *interval, published, alike, known[seed], here.get(seed))
            )
    return verdicts
