"""Statistics of a comparison: pure functions of arrays, with an explicit random generator.

Scores have the orientation [runs, tasks] everywhere: one row for each run (a seed of an arm), one
column for each task (a shift); what is about one task only is [runs]. What a function reads may
have more axes before these, so that thousands of resamples are computed at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
"""Coverage of every interval."""
RESAMPLES = 2_000
"""Resamples behind an interval."""
MAX_ENTRIES = 4_000_000
"""Entries of resamples that are held in memory at once."""


class Interval(NamedTuple):
    """The two ends of an interval, low and high, in the unit of the score."""

    low: float
    high: float


def interquartile_mean(scores: Floats) -> Floats:
    """Return the mean of the middle half of all scores (Agarwal et al. 2021).

    Of n = runs * tasks sorted scores, floor(n / 4) are left out at each end, as
    `scipy.stats.trim_mean` does. Fewer than four scores are therefore all kept.

    Args:
        scores: float64 [..., runs, tasks], finite, at least one.

    Returns:
        float64 [...]. In the unit of the scores.
    """
    flat = np.sort(scores.reshape(*scores.shape[:-2], -1), axis=-1)
    cut = flat.shape[-1] // 4
    return np.asarray(flat[..., cut : flat.shape[-1] - cut].mean(-1))


def mean_of_typical_runs(scores: Floats) -> Floats:
    """Return the interquartile mean over runs of each run's mean over its tasks.

    Unlucky and lucky runs are left out, and no task ever is: the hardest shift, which is what an
    interquartile mean of all scores together leaves out first, counts as much as any other.

    Args:
        scores: float64 [..., runs, tasks], finite, at least one.

    Returns:
        float64 [...]. In the unit of the scores.
    """
    return interquartile_mean(scores.mean(-1, keepdims=True))


def run_profiles(scores: Floats, thresholds: Floats) -> Floats:
    """Return the share of its tasks on which each run scores above each threshold.

    The mean over runs is the performance profile of their arm, the share of runs x tasks above
    tau as a function of tau (score distribution; Agarwal et al. 2021, Dolan and More 2002).
    `bootstrap_band` of these rows is its band: a run's scores are drawn together.

    Args:
        scores: float64 [..., runs, tasks], at least one task.
        thresholds: float64 [points]. tau, in the unit of the scores.

    Returns:
        float64 [..., runs, points], in [0, 1]; never rises with tau.
    """
    return np.asarray((scores[..., None] > thresholds).mean(-2))


def prediction_interval(values: Floats, coverage: float = CONFIDENCE) -> Interval | None:
    """Return the interval in which one more run should fall (Whitmore 1986).

    mean +- t * s * sqrt(1 + 1/n), with s the standard deviation of the n values (divided by
    n - 1) and t the quantile of Student's t with n - 1 degrees of freedom. It is wider than an
    interval of the mean, for one run spreads as runs do. It takes runs to be normal.

    Args:
        values: float64 [runs]. Of one task, or of each run summed up over tasks.
        coverage: Share of further runs that should fall inside, above 0 and below 1.

    Returns:
        Interval in the unit of the values; None of fewer than two, which say nothing of a spread.
    """
    number = len(values)
    if number < 2:
        return None
    quantile = float(stdtrit(number - 1, (1.0 + coverage) / 2.0))
    centre, spread = float(values.mean()), float(values.std(ddof=1))
    half = quantile * spread * math.sqrt(1.0 + 1.0 / number)
    return Interval(centre - half, centre + half)


def lower_tail_mean(values: Floats, share: float) -> Floats:
    """Return the mean of the worst share of values: CVaR (Rockafellar and Uryasev 2000).

    Each of n values has the weight 1 / n; the lowest are taken until their weights reach the
    share, the last of them only in part. Up to n = 1 / share this is the lowest value.

    Args:
        values: float64 [..., n], n at least 1; more is better. The tasks of each run, or runs.
        share: Above 0, at most 1.

    Returns:
        float64 [...]. In the unit of the values.

    Raises:
        ValueError: the share is out of its range.
    """
    if not 0.0 < share <= 1.0:
        raise ValueError(f"share must be in (0, 1], got {share}")
    number = values.shape[-1]
    weights = np.clip(share * number - np.arange(number), 0.0, 1.0)
    return np.asarray(np.sort(values, axis=-1) @ (weights / weights.sum()))


def bootstrap_interval(
    statistic: Callable[..., Floats],
    *samples: Floats,
    generator: np.random.Generator,
    linked: bool = True,
) -> Interval | None:
    """Return the percentile bootstrap interval of a statistic (Efron 1979; Agarwal et al. 2021).

    Runs are drawn with replacement, as many as there are, within each sample apart and within
    each task (the stratum). Where one trained run is scored on all tasks, as in a comparison,
    its scores belong together and the whole row is drawn (`linked`): drawing each task by itself
    would treat them as separate runs and make the interval too narrow.

    Args:
        statistic: Takes each sample as float64 [resamples, runs, tasks]; returns
            float64 [resamples].
        samples: float64 [runs, tasks] each, such as those of two arms.
        generator: What is drawn comes from here.
        linked: Whether a row is one run on several tasks; False draws runs for each task anew.

    Returns:
        Interval that covers the middle CONFIDENCE of RESAMPLES resamples, or None where a sample
        has one run only, which says nothing about its spread.
    """
    found = _bounds(statistic, samples, generator, linked)
    return None if found is None else Interval(float(found[0]), float(found[1]))


def bootstrap_band(curves: Floats, generator: np.random.Generator) -> tuple[Floats, Floats] | None:
    """Return the interval of the mean over runs at each point of a curve, points drawn together.

    Args:
        curves: float64 [runs, points].
        generator: What is drawn comes from here.

    Returns:
        Low and high ends, float64 [points] each, as `bootstrap_interval` makes them; None where
        there is one run only. They hold for each point, not for all of the curve at once.
    """
    return _bounds(lambda drawn: drawn.mean(-2), (curves,), generator, linked=True)


def p_improvement(scores: Floats, baseline: Floats) -> Floats:
    """Return the probability that a run scores above one of the baseline, mean over tasks.

    For each task it is U / (n m), with U the number of pairs (run, baseline run) in which the
    run is above, ties counting half (Mann and Whitney 1947; Agarwal et al. 2021).

    Args:
        scores: float64 [..., runs, tasks], n runs.
        baseline: float64 [..., runs, tasks], m runs. The same tasks in the same order.

    Returns:
        float64 [...], in [0, 1]. 0.5: no difference.
    """
    runs, others = scores[..., :, None, :], baseline[..., None, :, :]
    wins = (runs > others) + 0.5 * (runs == others)
    return np.asarray(wins.mean((-3, -2, -1)))


def restricted_mean(times: Floats, is_observed: Floats, limit: int) -> Floats:
    """Return the Kaplan-Meier estimate of the mean of min(time, limit), in steps.

    S(t) = product over u <= t of (1 - d_u / n_u), with d_u the events at u and n_u the runs
    whose time is at least u (Kaplan and Meier 1958); the restricted mean is the sum of S(t)
    over t = 0 .. limit - 1, the area under S because times are whole steps (Irwin 1949).
    Censored runs count as long as they were watched, and no time is put in their place.

    Args:
        times: float64 [..., runs]. Whole steps, at least 0: of the event, or until when
            the run was watched without one.
        is_observed: float64 [..., runs]. 1 where the event was seen, 0 where it was not.
        limit: Steps, at least 1, and not after the last run if that was censored.

    Returns:
        float64 [...], in [0, limit].

    Raises:
        ValueError: the last run was censored before the limit, so that S is unknown there.
    """
    last = times.max(-1, keepdims=True)
    if ((times == last) & (is_observed == 0) & (last < limit)).any():
        raise ValueError(
            f"limit must be at most the time at which the last run was censored, got {limit}; "
            "nothing is known beyond it"
        )
    steps = np.arange(limit)
    at_risk = (times[..., None] >= steps).sum(-2)
    events = ((times[..., None] == steps) & (is_observed[..., None] > 0)).sum(-2)
    survival = np.cumprod(1.0 - events / np.maximum(at_risk, 1), axis=-1)
    return np.asarray(survival.sum(-1))


def _bounds(
    statistic: Callable[..., Floats],
    samples: Sequence[Floats],
    generator: np.random.Generator,
    linked: bool,
) -> tuple[Floats, Floats] | None:
    """Return the ends of the interval of a statistic, of its shape without the resamples."""
    if min(len(sample) for sample in samples) < 2:
        return None
    found: list[Floats] = []
    # In blocks, so that thousands of runs do not fill the memory.
    block = max(1, MAX_ENTRIES // max(sample.size for sample in samples))
    for first in range(0, RESAMPLES, block):
        number = min(block, RESAMPLES - first)
        found.append(statistic(*(_drawn(one, number, generator, linked) for one in samples)))
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(np.concatenate(found), [tail, 1.0 - tail], axis=0)
    return low, high


def _drawn(sample: Floats, number: int, generator: np.random.Generator, linked: bool) -> Floats:
    """Return so many resamples of the runs, [number, runs, tasks]."""
    runs, tasks = sample.shape
    rows = generator.integers(runs, size=(number, runs, 1 if linked else tasks))
    return sample[rows, np.arange(tasks)]
