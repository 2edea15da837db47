"""How good a belief about others is, against the truth; pure functions of arrays.

Only beliefs about OTHERS are scored: an agent observes its own needs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 10
"""Bins of equal width of the calibration error."""


def belief_quality(p_crisis: NDArray[np.float32], need: NDArray[np.float32]) -> dict[str, float]:
    """Score crisis probabilities against true needs.

    Args:
        p_crisis: float32 [T, E, F, O, K], in [0, 1]. What agent i believes of other o, which is
            agent (i + 1 + o) % A; of all agents, or of the first F.
        need: float32 [T, E, A, K], in [0, 1]. True needs beside the belief.

    Returns:
        crisis_loss: mean negative log-likelihood in nats, at least 0.
        auroc: area under the ROC curve of "who needs what", over worlds, steps, pairs and
        kinds together; 0.5 if there is only one class.
        calibration_error: expected calibration error, in [0, 1].
    """
    truth = others_in_crisis(need)[:, :, : p_crisis.shape[2]].ravel()
    p = p_crisis.ravel()
    return {
        "crisis_loss": negative_log_likelihood(p, truth),
        "auroc": auroc(p, truth),
        "calibration_error": calibration_error(p, truth),
    }


def others_in_crisis(need: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return whose needs are in crisis, as each agent's belief orders them.

    Args:
        need: float32 [T, E, A, K]. True needs.

    Returns:
        bool [T, E, A, O, K]. Entry [.., i, o, k] is about agent (i + 1 + o) % A.
    """
    num_agents = need.shape[2]
    first = np.arange(num_agents)[:, None]
    others = (first + 1 + np.arange(num_agents - 1)) % num_agents
    in_crisis: NDArray[np.bool_] = need[:, :, others] > 0.0
    return in_crisis


def negative_log_likelihood(p: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Return the mean negative log-probability of what was true, in nats.

    Args:
        p: float32 [B], in [0, 1]. Probability that an entry is true.
        truth: bool [B].
    """
    likelihood = np.where(truth, p, 1.0 - p)
    return float(-np.log(np.maximum(likelihood, 1e-7)).mean())


def auroc(score: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Return the probability that a true entry scores above a false one, ties counting half.

    AUROC = (R - m (m + 1) / 2) / (m n), with R the sum of the ranks of the m true among m + n
    entries, ties sharing their mean rank (Hanley and McNeil 1982).

    Args:
        score: float32 [B]. Any real scores.
        truth: bool [B].

    Returns:
        In [0, 1]; 0.5 where all entries are true or all are false.
    """
    num_true = int(truth.sum())
    num_false = truth.size - num_true
    if num_true == 0 or num_false == 0:
        return 0.5
    values, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2.0
    rank_sum = float(np.bincount(inverse, weights=truth, minlength=len(values)) @ mean_rank)
    return (rank_sum - num_true * (num_true + 1) / 2.0) / (num_true * num_false)


def calibration_error(p: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Return the mean distance of confidence from frequency (Naeini et al. 2015).

    ECE = sum over bins of (entries in the bin / all entries) * |mean p - share true|, over ten
    bins of equal width.

    Args:
        p: float32 [B], in [0, 1].
        truth: bool [B].
    """
    bins = np.minimum((p * NUM_BINS).astype(np.int64), NUM_BINS - 1)
    gap = np.bincount(bins, weights=p.astype(np.float64) - truth, minlength=NUM_BINS)
    return float(np.abs(gap).sum() / p.size)
