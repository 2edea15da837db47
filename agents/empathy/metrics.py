"""How good a belief about others is, against the truth; pure functions of arrays.

Only beliefs about OTHERS are scored: an agent observes its own needs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 10
"""Bins of equal width of the calibration error."""
BELIEVED = 0.5
"""Probability from which on a crisis counts as believed."""


class Reliability(NamedTuple):
    """What is confidence and what is frequency, bin by bin; the points of a reliability diagram.

    Attributes:
        mean_p: float64 [NUM_BINS], in [0, 1]. Mean probability in a bin; NaN in an empty one.
        share_true: float64 [NUM_BINS], in [0, 1]. Share of its entries that are true; NaN too.
        num_entries: int64 [NUM_BINS]. Its entries.
    """

    mean_p: NDArray[np.float64]
    share_true: NDArray[np.float64]
    num_entries: NDArray[np.int64]


class Detections(NamedTuple):
    """How long each crisis went on until it was believed, or until it was lost from view.

    Attributes:
        steps: int64 [C], at least 0. Steps from the first step of a crisis to the first in which
            it is believed; of a crisis never believed, to the last step that it lasts.
        is_detected: bool [C]. Whether it was believed while it lasted.
    """

    steps: NDArray[np.int64]
    is_detected: NDArray[np.bool_]


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
    gap = np.bincount(_bins(p), weights=p.astype(np.float64) - truth, minlength=NUM_BINS)
    return float(np.abs(gap).sum() / p.size)


def reliability(p: NDArray[np.float32], truth: NDArray[np.bool_]) -> Reliability:
    """Return confidence beside frequency in the bins of `calibration_error`.

    Args:
        p: float32 [B], in [0, 1].
        truth: bool [B].
    """
    bins = _bins(p)
    num_entries = np.bincount(bins, minlength=NUM_BINS)
    divisor = np.where(num_entries > 0, num_entries, np.nan)
    return Reliability(
        mean_p=np.bincount(bins, weights=p, minlength=NUM_BINS) / divisor,
        share_true=np.bincount(bins, weights=truth, minlength=NUM_BINS) / divisor,
        num_entries=num_entries,
    )


def kind_accuracy(p_crisis: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Return how often the most probable kind is one that the other really needs.

    Only others with at least one crisis count. It is the share of them whom a help of the kind
    with the highest crisis probability would not misattune; where several kinds share the highest,
    one of them drawn at random. A belief that tells nothing comes to the mean share of kinds in
    crisis, about 1 / K. It ranks kinds within one other, and does not ask how sure the belief is.

    Args:
        p_crisis: float32 [..., K], in [0, 1].
        truth: bool [..., K].

    Returns:
        In [0, 1]; NaN where nobody is in need.
    """
    kinds = p_crisis.shape[-1]
    p, truth = p_crisis.reshape(-1, kinds), truth.reshape(-1, kinds)
    needy = truth.any(-1)
    if not needy.any():
        return float("nan")
    is_highest = p[needy] == p[needy].max(-1, keepdims=True)
    right: NDArray[np.float64] = (is_highest & truth[needy]).sum(-1) / is_highest.sum(-1)
    return float(right.mean())


def need_accuracy(p_crisis: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Return how well others in need are told from others without, of whatever kind.

    An other is believed to be in need if some kind has a crisis probability of BELIEVED or more.
    This is the balanced accuracy, the mean of the share of others in need who are believed to be
    and the share of the others who are not (Brodersen et al. 2010): a constant belief comes to
    0.5, however seldom anybody is in need.

    Args:
        p_crisis: float32 [..., K], in [0, 1].
        truth: bool [..., K].

    Returns:
        In [0, 1]; where all or none are in need, the share of them about whom it is right.
    """
    believed, needy = np.asarray((p_crisis >= BELIEVED).any(-1)), np.asarray(truth.any(-1))
    classes = [believed[needy], ~believed[~needy]]
    return float(np.mean([right.mean() for right in classes if right.size]))


def detections(p_crisis: NDArray[np.float32], truth: NDArray[np.bool_]) -> Detections:
    """Return how long each crisis lasted before it was believed.

    A crisis begins in a step in which it is there and was not the step before, and is detected in
    the first step from then on in which its probability is BELIEVED or more, which may be the
    first of all. Nothing is detected once it has ended, by a help or with the last step: then
    the crisis is censored at the last step in which it was watched. One that begins in the very
    step in which another of that kind ends is taken for the same. False alarms cost nothing here.

    Args:
        p_crisis: float32 [T, ...], in [0, 1]. Of one viewer, other and kind in each column.
        truth: bool [T, ...]. Whole episodes: what is there in the first step begins there.

    Returns:
        Detections of all C crises of all columns, in no particular order.
    """
    truth = truth.reshape(len(truth), -1)
    believed = truth & (p_crisis.reshape(truth.shape) >= BELIEVED)
    begins, goes_on = truth.copy(), np.zeros_like(truth)
    begins[1:] &= ~truth[:-1]
    goes_on[:-1] = truth[1:]
    steps, is_detected = np.zeros(truth.shape[1], np.int64), np.zeros(truth.shape[1], np.bool_)
    parts: list[Detections] = []
    # Backwards: the step after already knows how its crisis will go on.
    for t in reversed(range(len(truth))):
        steps = np.where(~believed[t] & goes_on[t], steps + 1, 0)
        is_detected = np.where(goes_on[t], believed[t] | is_detected, believed[t])
        parts.append(Detections(steps[begins[t]], is_detected[begins[t]]))
    return Detections(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _bins(p: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the bin of each probability."""
    return np.minimum((p * NUM_BINS).astype(np.int64), NUM_BINS - 1)
