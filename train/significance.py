"""Tests of differences, exact where that can be, and the correction for their number."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtr

from empathy_loop.train.statistics import Floats


def mann_whitney_p(scores: Floats, baseline: Floats) -> float:
    """Return the two-sided p of the exact Mann-Whitney test of one task.

    p is twice the share of all ways to divide the n + m observed scores into groups of n and m
    whose U is at least as high, or as low, as the observed one, whichever is rarer; at most 1.
    All of them are counted, tied scores sharing their mean rank, by adding one score after the
    other to a table of rank sums. That is the exact permutation test: it holds for few runs
    and with ties, where the normal approximation and tables of U without ties do not.

    Args:
        scores: float64 [runs], n = runs at least 1.
        baseline: float64 [runs], of other runs, m at least 1.

    Returns:
        In (0, 1].
    """
    pooled = np.concatenate([scores, baseline])
    # Twice the mean rank is a whole number.
    below = (pooled[:, None] > pooled).sum(1)
    ranks = 2 * below + (pooled[:, None] == pooled).sum(1) + 1
    size, highest = len(scores), int(ranks.sum())
    ways = np.zeros((size + 1, highest + 1))
    ways[0, 0] = 1.0
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : highest + 1 - rank].copy()
    observed = int(ranks[:size].sum())
    as_low, as_high = ways[size, : observed + 1].sum(), ways[size, observed:].sum()
    return min(1.0, 2.0 * float(min(as_low, as_high) / ways[size].sum()))


def paired_p(differences: Floats) -> float:
    """Return the two-sided p of Student's t of differences within pairs (Student 1908).

    t = mean / (s / sqrt(n)), with s the standard deviation (divided by n - 1) and n - 1 degrees of
    freedom. It takes differences to be normal, which few of them cannot show.

    Args:
        differences: float64 [runs]. One for each pair.

    Returns:
        In [0, 1]; 1 of a single pair, and where no pair differs.
    """
    number = len(differences)
    if number < 2 or not differences.any():
        return 1.0
    spread = float(differences.std(ddof=1)) / math.sqrt(number)
    if spread == 0.0:
        return 0.0
    return float(2.0 * stdtr(number - 1, -abs(float(differences.mean())) / spread))


def signed_rank_p(differences: Floats) -> float:
    """Return the two-sided p of the exact signed-rank test of pairs (Wilcoxon 1945).

    p is twice the share of all ways to give signs to the n differences, ranked by size, whose sum
    of positive ranks is at least as high, or as low, as the observed one, whichever is rarer; at
    most 1. All of them are counted, ties sharing their mean rank; pairs that do not differ are
    left out.

    Args:
        differences: float64 [runs]. One for each pair.

    Returns:
        In (0, 1]; 1 where no pair differs.
    """
    apart = differences[differences != 0.0]
    sizes = np.abs(apart)
    # Twice the mean rank is a whole number.
    ranks = 2 * (sizes[:, None] > sizes).sum(1) + (sizes[:, None] == sizes).sum(1) + 1
    ways = np.zeros(int(ranks.sum()) + 1)
    ways[0] = 1.0
    for rank in ranks:
        ways[rank:] += ways[: len(ways) - rank].copy()
    observed = int(ranks[apart > 0.0].sum())
    as_low, as_high = ways[: observed + 1].sum(), ways[observed:].sum()
    return min(1.0, 2.0 * float(min(as_low, as_high) / ways.sum()))


def smallest_p(num_runs: int, num_baseline: int) -> float:
    """Return the least p that `mann_whitney_p` can give: 2 / C(n + m, n), at most 1."""
    return min(1.0, 2.0 / math.comb(num_runs + num_baseline, num_runs))


def smallest_signed_rank_p(num_pairs: int) -> float:
    """Return the least p that `signed_rank_p` can give: 2 / 2^n, at most 1."""
    return min(1.0, 2.0 * 0.5**num_pairs)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number (Holm 1979), in the order given.

    Sorted upwards, the i-th of m (from 0) becomes max over j <= i of (m - j) p_j, at most 1.

    Args:
        p_values: Each in [0, 1]; may be empty.

    Returns:
        Each in [0, 1], at least as large as it was.
    """
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected
