"""Belief quality against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from empathy_loop.agents.empathy.metrics import (
    auroc,
    belief_quality,
    calibration_error,
    negative_log_likelihood,
    others_in_crisis,
)

TRUTH = np.array([False, False, True, True])


def of(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float32)


def test_auroc_counts_the_pairs_in_the_right_order() -> None:
    # Pairs (false, true): (.1, .35) and (.1, .8) right, (.4, .35) wrong, (.4, .8) right: 3 of 4
    assert auroc(of(0.1, 0.4, 0.35, 0.8), TRUTH) == 0.75
    assert auroc(of(0.1, 0.2, 0.3, 0.4), TRUTH) == 1.0
    assert auroc(of(0.4, 0.3, 0.2, 0.1), TRUTH) == 0.0


def test_a_tie_counts_half() -> None:
    # (.1, .4) right, (.1, .8) right, (.4, .4) tied, (.4, .8) right: 3.5 of 4
    assert auroc(of(0.1, 0.4, 0.4, 0.8), TRUTH) == 0.875
    assert auroc(of(0.5, 0.5, 0.5, 0.5), TRUTH) == 0.5


def test_auroc_of_one_class_alone_says_nothing() -> None:
    assert auroc(of(0.1, 0.9), np.array([True, True])) == 0.5


def test_calibration_error_weighs_the_gap_of_each_bin_by_its_entries() -> None:
    # Bin [.2, .3): mean p .25, none true: gap .25, 2 of 4. Bin [.9, 1]: mean p .95, half true:
    # gap .45, 2 of 4.
    p, truth = of(0.25, 0.25, 0.9, 1.0), np.array([False, False, True, False])
    assert calibration_error(p, truth) == pytest.approx(0.5 * 0.25 + 0.5 * 0.45)


def test_calibration_errors_of_neighbouring_bins_do_not_cancel() -> None:
    # Bins [0, .1) and [.1, .2): gaps .05 - 1 and .15 - 0.
    p, truth = of(0.05, 0.15), np.array([True, False])
    assert calibration_error(p, truth) == pytest.approx((0.95 + 0.15) / 2)


def test_likelihood_is_of_what_was_true_and_stays_finite() -> None:
    truth = np.array([True, False])
    expected = -(math.log(0.8) + math.log(0.5)) / 2
    assert negative_log_likelihood(of(0.8, 0.5), truth) == pytest.approx(expected, rel=1e-6)
    assert math.isfinite(negative_log_likelihood(of(0.0, 1.0), truth))


def test_others_come_in_the_order_in_which_they_are_seen_and_self_is_absent() -> None:
    need = np.zeros((1, 1, 3, 2), np.float32)
    need[0, 0, 2, 1] = 0.4
    found = others_in_crisis(need)[0, 0]
    # Agent 0 sees 1, 2; agent 1 sees 2, 0; agent 2 sees 0, 1, and not itself.
    assert found[..., 1].tolist() == [[False, True], [True, False], [False, False]]
    assert not found[..., 0].any()


def test_quality_does_not_depend_on_what_is_believed_of_oneself_or_how_worlds_are_ordered() -> None:
    rng = np.random.default_rng(0)
    need = np.where(rng.random((4, 5, 3, 2)) < 0.4, 0.6, 0.0).astype(np.float32)
    p_crisis = rng.random((4, 5, 3, 2, 2)).astype(np.float32)
    order = rng.permutation(5)
    one = belief_quality(p_crisis, need)
    other = belief_quality(p_crisis[:, order], need[:, order])
    assert one == pytest.approx(other)
    assert one["auroc"] == pytest.approx(0.5, abs=0.15)


def test_a_perfect_belief_scores_perfectly() -> None:
    need = np.zeros((1, 2, 3, 2), np.float32)
    need[0, 0, 1, 0] = need[0, 1, 2, 1] = 0.5
    quality = belief_quality(others_in_crisis(need).astype(np.float32), need)
    assert quality == {"crisis_loss": 0.0, "auroc": 1.0, "calibration_error": 0.0}
