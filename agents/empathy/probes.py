"""A linear probe: how much about others' needs can be read from what a learner remembers.

A learner that was never asked what others need may still have come to know it. The probe is a
logistic regression from its recurrent state to others' crises, fitted afterwards and never part
of the learner (Alain and Bengio 2016, arXiv 1610.01644): what it finds is there in the state, in
a form that the next layer of the network could use. It is weak on purpose; one with hidden layers
could work out itself what the learner has not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

RIDGE = 1e-3
"""Weight of the squared weights, on features of variance 1, beside the mean log-likelihood."""
MAX_ITERATIONS = 200
"""Most iterations of the optimiser."""

TOLERANCE = 1e-4
"""Largest slope at which the optimiser stops; probabilities are then right to about as much."""

Floats = NDArray[np.float64]


class Probe(NamedTuple):
    """A fitted probe.

    Attributes:
        weight: float64 [H, K]. Change of a kind's log-odds with each unit of the state.
        bias: float64 [K]. Log-odds at a state of zeros.
    """

    weight: Floats
    bias: Floats


def fit_probe(
    states: NDArray[np.float32], in_crisis: NDArray[np.bool_], ridge: float = RIDGE
) -> Probe:
    """Fit one logistic regression for each kind.

    Minimised is, for each kind, the mean over rows of log(1 + exp(z)) - y z, plus ridge / 2 times
    the sum of squared weights, with z = x w + b the log-odds, y 1 in a crisis and x the state,
    each unit shifted and scaled to mean 0 and variance 1 over the rows; the bias b is free (Hastie,
    Tibshirani and Friedman 2009, section 4.4). It is convex, begins at zeros and draws nothing.

    Args:
        states: float32 [B, H]. Recurrent states.
        in_crisis: bool [B, K]. Which of the other's needs were in crisis at that time.
        ridge: Above 0.

    Returns:
        Probe of states as they are, neither shifted nor scaled.

    Raises:
        ValueError: there are no rows, or not as many crises as states.
    """
    if not len(states) or len(states) != len(in_crisis):
        raise ValueError(
            "a probe needs at least one state, and the crises of each, "
            f"got {len(states)} states and {len(in_crisis)} rows of crises"
        )
    x, y = states.astype(np.float64), in_crisis.astype(np.float64)
    mean, scale = x.mean(0), x.std(0)
    scale[scale < 1e-9] = 1.0  # a unit that never changes tells nothing
    x = (x - mean) / scale
    num_units, num_kinds = x.shape[1], y.shape[1]

    def loss(flat: Floats) -> tuple[float, Floats]:
        weight, bias = np.split(flat.reshape(-1, num_kinds), [num_units])
        z = x @ weight + bias
        error = expit(z) - y
        value = (np.logaddexp(0.0, z) - y * z).sum() / len(x) + ridge / 2.0 * (weight**2).sum()
        slope = np.concatenate([x.T @ error / len(x) + ridge * weight, error.mean(0)[None]])
        return float(value), slope.ravel()

    # Half a second to import, which every process would wait for that imports the agents.
    from scipy.optimize import minimize

    start = np.zeros((num_units + 1) * num_kinds)
    options = {"maxiter": MAX_ITERATIONS, "gtol": TOLERANCE}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    weight, bias = np.split(found.x.reshape(-1, num_kinds), [num_units])
    weight = weight / scale[:, None]
    return Probe(weight, bias[0] - mean @ weight)


def probed_crisis(probe: Probe, states: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the crisis probabilities that a probe reads from states.

    Args:
        probe: Probe.
        states: float32 [..., H]. Recurrent states of the learner that it was fitted to.

    Returns:
        float32 [..., K], in [0, 1].
    """
    log_odds = states @ probe.weight.astype(np.float32) + probe.bias.astype(np.float32)
    p_crisis: NDArray[np.float32] = expit(log_odds)
    return p_crisis
