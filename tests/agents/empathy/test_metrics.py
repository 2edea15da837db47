"""Belief quality against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empathy_loop.agents.empathy.metrics import (
    NUM_BINS,
    auroc,
    belief_quality,
    calibration_error,
    detections,
    kind_accuracy,
    need_accuracy,
    negative_log_likelihood,
    others_in_crisis,
    reliability,
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


# Reliability.


def test_reliability_is_confidence_beside_frequency_in_each_bin() -> None:
    # Bin [.2, .3): .25 and .29, one of two true. Bin [.9, 1]: .9 and 1, both true.
    p, truth = of(0.25, 0.29, 0.9, 1.0), np.array([True, False, True, True])
    found = reliability(p, truth)
    assert found.num_entries.tolist() == [0, 0, 2, 0, 0, 0, 0, 0, 0, 2]
    assert found.mean_p[[2, 9]] == pytest.approx([0.27, 0.95])
    assert found.share_true[[2, 9]].tolist() == [0.5, 1.0]
    empty = found.num_entries == 0
    assert np.isnan(found.mean_p[empty]).all() and np.isnan(found.share_true[empty]).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_the_calibration_error_is_the_mean_gap_of_the_reliability_diagram(
    seed: int, size: int
) -> None:
    rng = np.random.default_rng(seed)
    p = rng.random(size).astype(np.float32)
    truth = rng.random(size) < p**2
    found = reliability(p, truth)
    assert found.num_entries.sum() == size
    gap = np.nan_to_num(np.abs(found.mean_p - found.share_true))
    assert found.num_entries @ gap / size == pytest.approx(calibration_error(p, truth), abs=1e-6)
    inside = found.num_entries > 0
    bins = np.arange(NUM_BINS)[inside] / NUM_BINS
    assert (found.mean_p[inside] >= bins - 1e-6).all()
    assert (found.mean_p[inside] <= bins + 1.0 / NUM_BINS + 1e-6).all()


# Accuracy.

P = np.array([[0.6, 0.3, 0.2], [0.1, 0.2, 0.4], [0.4, 0.4, 0.1], [0.9, 0.0, 0.0]], np.float32)
NEEDS = np.array([[1, 0, 1], [1, 1, 0], [0, 1, 0], [0, 0, 0]], np.bool_)


def test_the_most_probable_kind_is_right_if_it_is_a_true_need() -> None:
    # Kind 0 of needs 0 and 2: right. Kind 2 of needs 0 and 1: wrong. Kinds 0 and 1 tied, of need
    # 1: half. The last needs nothing and does not count. (1 + 0 + .5) / 3.
    assert kind_accuracy(P, NEEDS) == pytest.approx(0.5)
    assert kind_accuracy(P.reshape(2, 2, 3), NEEDS.reshape(2, 2, 3)) == pytest.approx(0.5)
    assert math.isnan(kind_accuracy(P, np.zeros_like(NEEDS)))


def test_others_in_need_are_told_from_others_without() -> None:
    # Believed to be in need: the first and the last. Of three in need, one is; of one who is not,
    # none is cleared: (1/3 + 0) / 2.
    assert need_accuracy(P, NEEDS) == pytest.approx(1 / 6)
    # With none in need, it is wrong about the first and the last: 2 of 4.
    assert need_accuracy(P, np.zeros_like(NEEDS)) == pytest.approx(0.5)
    assert need_accuracy(of(0.5, 0.49)[:, None], np.array([[True], [False]])) == 1.0


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_accuracies_do_not_depend_on_the_order_of_kinds_and_of_others(
    seed: int, kinds: int
) -> None:
    rng = np.random.default_rng(seed)
    # Few values, so that there are ties.
    p = (rng.integers(0, 4, (30, kinds)) / 3.0).astype(np.float32)
    truth = rng.random((30, kinds)) < 0.4
    rows, columns = rng.permutation(30), rng.permutation(kinds)
    for accuracy in (kind_accuracy, need_accuracy):
        moved = accuracy(p[rows][:, columns], truth[rows][:, columns])
        assert moved == pytest.approx(accuracy(p, truth), nan_ok=True)
        if truth.any():
            assert accuracy(truth.astype(np.float32), truth) == 1.0
    constant = np.full_like(p, 0.3)
    if truth.any() and not truth.any(-1).all():
        assert need_accuracy(constant, truth) == 0.5
        assert kind_accuracy(constant, truth) == pytest.approx(truth[truth.any(-1)].mean())


# Detection.


def test_a_crisis_is_detected_in_the_first_step_in_which_it_is_believed() -> None:
    #         step:  0    1    2    3    4    5    6    7    8    9
    truth = np.array([0, 1, 1, 1, 0, 1, 1, 0, 0, 1], np.bool_)
    p = of(0.9, 0.1, 0.2, 0.5, 0.9, 0.1, 0.4, 0.9, 0.9, 0.7)
    # Crises of steps 1-3: believed in step 3, after 2. 5-6: watched until step 6, never believed.
    # 9: believed at once. Step 0 is a false alarm, 4, 7 and 8 come too late or too early.
    found = detections(p, truth)
    assert sorted(zip(found.steps.tolist(), found.is_detected.tolist(), strict=True)) == [
        (0, True),
        (1, False),
        (2, True),
    ]


def test_a_crisis_at_the_end_of_the_episode_is_censored_there() -> None:
    found = detections(of(0.0, 0.0, 0.4), np.array([False, True, True]))
    assert (found.steps.tolist(), found.is_detected.tolist()) == ([1], [False])


def test_episodes_without_a_crisis_have_no_detections() -> None:
    found = detections(np.ones((4, 2), np.float32), np.zeros((4, 2), np.bool_))
    assert found.steps.shape == found.is_detected.shape == (0,)


def slow_detections(p: np.ndarray, truth: np.ndarray) -> list[tuple[int, bool]]:
    """Return steps and whether it was detected of every crisis, one column after the other."""
    found = []
    for column, there in zip(p.T, truth.T, strict=True):
        t = 0
        while t < len(there):
            if there[t]:
                begin = t
                while t < len(there) and there[t]:
                    t += 1
                hits = [at for at in range(begin, t) if column[at] >= 0.5]
                found.append((hits[0] - begin, True) if hits else (t - 1 - begin, False))
            else:
                t += 1
    return sorted(found)


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(0, 6), st.floats(0.05, 0.95))
def test_detections_are_those_of_a_walk_through_each_column(
    seed: int, num_steps: int, columns: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.random((num_steps, columns)) < share
    p = (rng.random((num_steps, columns)) * rng.uniform(0.4, 1.0)).astype(np.float32)
    found = detections(p, truth)
    pairs = sorted(zip(found.steps.tolist(), found.is_detected.tolist(), strict=True))
    assert pairs == slow_detections(p, truth)
    # What is believed of needs that are not there changes nothing.
    same = detections(np.where(truth, p, 1.0 - p).astype(np.float32), truth)
    assert np.array_equal(same.steps, found.steps)
    assert np.array_equal(same.is_detected, found.is_detected)
