"""What PPO computes row by row, compiled: each is one pass in place of many operations of torch.

Everywhere: B rows, one for each choice of an agent; N actions. `sampling`, `advantages` and `ppo`
of `empathy_loop.agents` have the formulas. Nothing is fused or added up in another order than torch
does it in. Arrays are contiguous, so that each kernel is compiled for one kind of them only.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_LEAST = np.float32(-87.0)
"""Up to this logarithm a probability counts as 0; not far below are no normal numbers."""
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
def normalise_rows(adv, mean, out):
    """Write advantages less their mean, in units of their standard deviation.

    Args:
        adv: float32 [B]. Advantages.
        mean: float64. Their mean.
        out: float32 [B]. Written.
    """
    squares = 0.0
    for b in range(len(adv)):
        squares += (adv[b] - mean) ** 2
    # As torch has it, of one number it is no number.
    deviation = np.float32(np.sqrt(squares / (len(adv) - 1)))
    centre, unit = np.float32(mean), deviation + np.float32(1e-8)
    for b in range(len(adv)):
        out[b] = (adv[b] - centre) / unit


@numba.njit(**_OUTER)
def write_exponents(logps, actions, then, log_ratio, out):
    """Write the logarithms of all probabilities and ratios, for one pass to raise e to them.

    What `_probability` will not read is 0, for others take exp up to fifteen times as long.

    Args:
        logps: float32 [N, B]. Log-probabilities of all actions.
        actions: int64 [B]. Actions taken.
        then: float32 [B]. Log-probabilities of those, when they were taken.
        log_ratio: float32 [B]. Written: what those have changed by.
        out: float32 [N + 1, B]. Written: log-probabilities; in the last row, log_ratio.
    """
    for a in range(len(logps)):
        for b in range(len(then)):
            out[a, b] = 0.0 if logps[a, b] <= _LEAST else logps[a, b]
    for b in range(len(then)):
        log_ratio[b] = logps[actions[b], b] - then[b]
        out[-1, b] = log_ratio[b]


@numba.njit(**_OUTER)
def measure_means(seen, log_ratio, clip, out):
    """Measure the terms and the diagnostics of PPO, which are means over the rows.

    Args:
        seen: Tuple of the log-probabilities of all actions, float32 [N, B]; their powers and, in
            the last row, the ratios of the probabilities of the actions taken to those then,
            float32 [N + 1, B]; values, returns and normalised advantages, float32 [B].
        log_ratio: float32 [B]. Logarithms of the ratios.
        clip: float64. Largest rewarded change of the ratio, above 0.
        out: float32 [5]. Written: policy, value, entropy, approx_kl and clip_fraction.
    """
    logps, powers, values, returns, adv = seen
    low, high = np.float32(1.0 - clip), np.float32(1.0 + clip)
    ratio, loss, square, entropy, kl, clipped = powers[-1], 0.0, 0.0, 0.0, 0.0, 0
    for b in range(len(ratio)):
        free, held = ratio[b] * adv[b], _clipped(ratio[b], low, high) * adv[b]
        loss -= free if free < held else held
        error = np.float64(values[b] - returns[b])
        square += 0.5 * error * error
        for a in range(len(logps)):
            entropy += _probability(logps[a, b], powers[a, b]) * logps[a, b]
        change = ratio[b] - np.float32(1.0)
        kl += change - log_ratio[b]
        clipped += abs(change) > np.float32(clip)
    for number, total in enumerate((loss, square, entropy, kl, float(clipped))):
        out[number] = total / len(ratio)


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
    logps, powers, values, returns, adv = seen
    low, high = np.float32(1.0 - clip), np.float32(1.0 + clip)
    ratio, rows, two = powers[-1], np.float32(len(values)), np.float32(2.0)
    of_gain, of_entropy = np.float32(-by_terms[0]) / rows, np.float32(by_terms[2]) / rows
    of_square = np.float32(0.5 * by_terms[1]) / rows
    for b in range(len(values)):
        by_values[b] = of_square * (two * (values[b] - returns[b]))
        for a in range(len(logps)):
            p = _probability(logps[a, b], powers[a, b])
            by_logps[a, b] = of_entropy * p + of_entropy * logps[a, b] * p
        free, held = ratio[b] * adv[b], _clipped(ratio[b], low, high) * adv[b]
        # A ratio that is no number lies nowhere outside, and so comes through.
        if not (ratio[b] < low or ratio[b] > high) or free < held:
            by_logps[actions[b], b] += of_gain * adv[b] * ratio[b]


@numba.njit(error_model="numpy", forceinline=True)
def _probability(logp, power):
    """Return e to the power of a log-probability: 0 where it is as small as of a masked action."""
    return np.float32(0.0) if logp <= _LEAST else power


@numba.njit(error_model="numpy", forceinline=True)
def _clipped(ratio, low, high):
    """Return a ratio within its bounds; what is no number compares as false, and stays so."""
    if ratio < low:
        return low
    return high if ratio > high else ratio
