"""A probe finds what a state tells linearly, and nothing where there is nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from empathy_loop.agents.empathy.metrics import auroc, negative_log_likelihood
from empathy_loop.agents.empathy.probes import Probe, fit_probe, probed_crisis


def noisy(rng: np.random.Generator, rows: int, units: int) -> np.ndarray:
    return rng.normal(size=(rows, units)).astype(np.float32)


def test_a_probe_is_read_as_log_odds() -> None:
    probe = Probe(weight=np.array([[math.log(3.0)], [0.0]]), bias=np.array([math.log(2.0)]))
    # Odds 2 * 3, 2 and 2 / 3 to one.
    states = np.array([[1.0, 5.0], [0.0, -5.0], [-1.0, 0.0]], np.float32)
    assert probed_crisis(probe, states)[:, 0] == pytest.approx([6 / 7, 2 / 3, 2 / 5])
    assert probed_crisis(probe, states.reshape(3, 1, 2)).shape == (3, 1, 1)
    assert probed_crisis(probe, np.array([[1e4, 0.0]], np.float32)).tolist() == [[1.0]]


def test_a_fit_has_the_odds_of_a_table_of_two_by_two() -> None:
    # A unit that is 0 or 1: of 10 states without it 2 crises, of 10 with it 8; odds 1/4 and 4.
    states = np.repeat([[0.0], [1.0]], 10, axis=0).astype(np.float32)
    in_crisis = np.array([1, 1] + [0] * 8 + [1] * 8 + [0, 0], np.bool_)[:, None]
    probe = fit_probe(states, in_crisis, ridge=1e-9)
    assert probe.bias == pytest.approx([math.log(1 / 4)], abs=1e-3)
    assert probe.weight[:, 0] == pytest.approx([math.log(16.0)], abs=1e-3)


def test_without_units_or_with_constant_ones_a_probe_says_the_base_rate() -> None:
    in_crisis = np.array([[True, False]] * 3 + [[False, True]] * 1, np.bool_)
    for units in (0, 2):
        states = np.full((4, units), 7.0, np.float32)
        p = probed_crisis(fit_probe(states, in_crisis), states)
        assert p == pytest.approx(np.tile([0.75, 0.25], (4, 1)), abs=1e-3)


def test_a_true_linear_rule_is_found_again_and_a_rule_that_is_not_linear_is_not() -> None:
    rng = np.random.default_rng(0)
    states = noisy(rng, 20_000, 3)
    log_odds = states @ np.array([[1.5, 0.0], [-0.5, 0.0], [0.0, 0.0]]) + [0.3, 0.0]
    in_crisis = rng.random((20_000, 2)) < expit(log_odds)
    in_crisis[:, 1] = states[:, 0] * states[:, 1] > 0.0
    probe = fit_probe(states[:10_000], in_crisis[:10_000])
    assert probe.weight[:, 0] == pytest.approx([1.5, -0.5, 0.0], abs=0.1)
    assert probe.bias[0] == pytest.approx(0.3, abs=0.1)
    p = probed_crisis(probe, states[10_000:])
    # The exclusive or of two signs tells a linear reader nothing.
    assert auroc(p[:, 1], in_crisis[10_000:, 1]) == pytest.approx(0.5, abs=0.03)
    assert auroc(p[:, 0], in_crisis[10_000:, 0]) > 0.8


def test_a_state_that_is_the_truth_is_read_without_a_fault_however_it_is_scaled() -> None:
    rng = np.random.default_rng(1)
    in_crisis = rng.random((400, 3)) < 0.3
    states = 1e-3 * in_crisis.astype(np.float32) + 5.0
    p = probed_crisis(fit_probe(states, in_crisis), states)
    assert auroc(p.ravel(), in_crisis.ravel()) == 1.0
    assert negative_log_likelihood(p.ravel(), in_crisis.ravel()) < 0.05


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 3))
def test_the_fit_is_where_the_slope_vanishes(seed: int, units: int, kinds: int) -> None:
    rng = np.random.default_rng(seed)
    states, in_crisis = noisy(rng, 60, units) * 3.0 + 1.0, rng.random((60, kinds)) < 0.4
    probe = fit_probe(states, in_crisis, ridge=0.1)
    error = probed_crisis(probe, states) - in_crisis
    scale = states.astype(np.float64).std(0)[:, None]
    x = (states - states.mean(0)) / scale[:, 0]
    # d/dw = mean of x (p - y) + ridge w and d/db = mean of p - y, in units of variance 1.
    assert np.abs(error.mean(0)).max() < 1e-3
    assert np.abs(x.T @ error / 60 + 0.1 * probe.weight * scale).max() < 1e-3


def test_the_order_of_rows_and_of_kinds_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    states, in_crisis = noisy(rng, 200, 4), rng.random((200, 3)) < 0.3
    rows, columns = rng.permutation(200), [2, 0, 1]
    one = probed_crisis(fit_probe(states, in_crisis), states)
    other = probed_crisis(fit_probe(states[rows], in_crisis[rows][:, columns]), states)
    assert other == pytest.approx(one[:, columns], abs=1e-3)


@pytest.mark.parametrize(("rows", "crises"), [(0, 0), (3, 2)])
def test_states_without_their_crises_are_refused(rows: int, crises: int) -> None:
    with pytest.raises(ValueError, match=f"got {rows} states and {crises} rows of crises"):
        fit_probe(np.zeros((rows, 2), np.float32), np.zeros((crises, 1), np.bool_))
