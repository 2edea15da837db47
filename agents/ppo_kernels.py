"""What PPO computes row by row, compiled: each is one pass in place of many operations of torch.

Everywhere: B rows, one for each choice of an agent; N actions. `sampling`, `advantages` and `ppo`
of `empathy_loop.agents` have the formulas. Nothing is fused or added up in another order than torch
does it in. Arrays are contiguous, so that each kernel is compiled for one kind of them only.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_OUTER: dict[str, Any] = {"error_model": "numpy", "cache": True, "nogil": True}


@numba.njit(**_OUTER)
def pick(p, noise, actions):
    """Write the first action whose cumulative probability exceeds the noise; if none does, 0.

    Args:
        p: float32 [B, N]. Probabilities.
        noise: float64 [B], in [0, 1).
        actions: int64 [B]. Written, in [0, N).
    """
    for b in range(len(actions)):
        total = 0.0
        for a in range(p.shape[1]):
            total += p[b, a]
        threshold, cumulative, actions[b] = noise[b] * total, 0.0, 0
        for a in range(p.shape[1]):
            cumulative += p[b, a]
            if cumulative > threshold:
                actions[b] = a
                break


@numba.njit(**_OUTER)
def decay_back(deltas, decay):
    """Turn temporal differences into advantages: d_t + decay_t * d_{t+1}, from the last step back.

    Args:
        deltas: float32 [T, B]. Changed in place.
        decay: float32 [T, B], in [0, 1].
    """
    for t in range(len(deltas) - 2, -1, -1):
        for b in range(deltas.shape[1]):
            deltas[t, b] += decay[t, b] * deltas[t + 1, b]


@numba.njit(**_OUTER)
def measure_means(seen, clip, out):
    """Measure the terms and the diagnostics of PPO, which are means over the rows.

    Args:
        seen: Tuple of logps and p, float32 [N, B], of all actions; log_ratio and ratio, float32
            [B], of the probability of the action taken to that when it was taken; values, returns
            and normalised advantages, float32 [B].
        clip: float64. Largest rewarded change of the ratio, above 0.
        out: float64 [5]. Written: policy, value, entropy, approx_kl and clip_fraction.
    """
    logps, p, log_ratio, ratio, values, returns, adv = seen
    low, high = np.float32(1.0 - clip), np.float32(1.0 + clip)
    out[:] = 0.0
    for b in range(len(ratio)):
        free, held = ratio[b] * adv[b], _clipped(ratio[b], low, high) * adv[b]
        out[0] -= free if free < held else held
        error = np.float64(values[b] - returns[b])
        out[1] += 0.5 * error * error
        for a in range(len(logps)):
            out[2] += p[a, b] * logps[a, b]
        change = ratio[b] - np.float32(1.0)
        out[3] += change - log_ratio[b]
        out[4] += abs(change) > np.float32(clip)
    out /= len(ratio)


@numba.njit(**_OUTER)
def write_gradients(by_terms, seen, actions, clip, by_logps, by_values):
    """Write the gradients of a weighted sum of the terms.

    Args:
        by_terms: Tuple of three float64. Weights of policy, value and entropy.
        seen: As `measure_means` takes it.
        actions: int64 [B]. Actions taken.
        clip: float64. Largest rewarded change of the ratio, above 0.
        by_logps: float32 [N, B]. Written: by each log-probability.
        by_values: float32 [B]. Written: by each value.
    """
    logps, p, _, ratio, values, returns, adv = seen
    low, high = np.float32(1.0 - clip), np.float32(1.0 + clip)
    rows, two = np.float32(len(ratio)), np.float32(2.0)
    of_gain, of_entropy = np.float32(-by_terms[0]) / rows, np.float32(by_terms[2]) / rows
    of_square = np.float32(0.5 * by_terms[1]) / rows
    for b in range(len(ratio)):
        by_values[b] = of_square * (two * (values[b] - returns[b]))
        for a in range(len(logps)):
            of_likely = of_entropy * p[a, b]
            by_logps[a, b] = of_likely + of_entropy * logps[a, b] * p[a, b]
        free, held = ratio[b] * adv[b], _clipped(ratio[b], low, high) * adv[b]
        # A ratio that is no number lies nowhere outside, and so comes through.
        if not (ratio[b] < low or ratio[b] > high) or free < held:
            by_logps[actions[b], b] += of_gain * adv[b] * ratio[b]


@numba.njit(error_model="numpy", forceinline=True)
def _clipped(ratio, low, high):
    """Return a ratio within its bounds; what is no number compares as false, and stays so."""
    if ratio < low:
        return low
    return high if ratio > high else ratio
