"""Adaptability against levels that are known because the welfare was made from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empathy_loop.train.adaptability import (
    SMOOTHING,
    STAY,
    Recovery,
    Terms,
    adaptation,
    align,
    compare_to_anchors,
    gini,
    level,
    recovery_time,
    smoothed_levels,
    worst_family,
)

HORIZON = 60
SHIFTS = np.array([20, 22, 25, 30], np.int32)
END = HORIZON


def noise(seed: int, shifts: np.ndarray = SHIFTS) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.5, 1.5, (HORIZON, len(shifts)))


def anchors(seed: int = 0, shifts: np.ndarray = SHIFTS) -> tuple[np.ndarray, np.ndarray]:
    """Return welfare of random and oracle, [T, E]: as noisy as they please, -1.2 and -0.2 about."""
    return -1.2 * noise(seed, shifts), -0.2 * noise(seed + 1, shifts)


def since_shift(shifts: np.ndarray = SHIFTS) -> np.ndarray:
    return np.arange(HORIZON)[:, None] - shifts


def at_level(n: np.ndarray, shifts: np.ndarray = SHIFTS, seed: int = 0) -> Terms:
    """Return the terms of an arm whose level in each step of each world is n, [T, E]."""
    floor, ceiling = anchors(seed, shifts)
    return terms(floor + n * (ceiling - floor), floor, ceiling, shifts)


def terms(
    arm: np.ndarray, floor: np.ndarray, ceiling: np.ndarray, shifts: np.ndarray = SHIFTS
) -> Terms:
    return compare_to_anchors(*(align(one, shifts) for one in (arm, floor, ceiling)))


def steps(before: float, *after: tuple[int, float]) -> np.ndarray:
    """Return a level [T, E]: `before`, then each value from its step since the shift on."""
    n = np.full((HORIZON, len(SHIFTS)), before)
    for start, value in after:
        n[since_shift() >= start] = value
    return n


def same(before: float) -> Terms:
    return at_level(steps(before))


def test_worlds_are_aligned_on_their_own_shift_steps_and_summed() -> None:
    # Two worlds of three steps, shifts at 1 and 2. By s = -3 .. 2:
    # world 0 has s = -1, 0, 1; world 1 has s = -2, -1, 0.
    welfare = np.array([[-1.0, -10.0], [-2.0, -20.0], [-4.0, -40.0]])
    found = align(welfare, np.array([1, 2], np.int32))
    assert found.total.tolist() == [0.0, -10.0, -21.0, -42.0, -4.0, 0.0]
    assert found.worlds.tolist() == [0, 1, 2, 2, 1, 0]


@pytest.mark.parametrize("shift", [-1, 3])
def test_a_shift_outside_of_the_episode_is_refused(shift: int) -> None:
    with pytest.raises(ValueError, match=r"shift_step must be in \[0, 3\)"):
        align(np.zeros((3, 1)), np.array([shift], np.int32))


def test_the_level_is_a_ratio_of_sums_over_worlds_and_steps() -> None:
    # One step before the shift and two after it, in two worlds; random is 0 throughout.
    # After: sum y = 1 + .5 + 2 + 2 = 5.5 and sum O = 1 + 1 + 6 + 4 = 12. The mean of the four
    # ratios is .583, of the two steps' .575, of the two worlds' .464.
    oracle = np.array([[2.0, 2.0], [1.0, 1.0], [6.0, 4.0]])
    arm = np.array([[1.0, 0.5], [1.0, 0.5], [2.0, 2.0]])
    one = terms(arm, np.zeros((3, 2)), oracle, np.array([1, 1], np.int32))
    assert level(one, 0, 3) == pytest.approx(5.5 / 12)
    # Before: 1.5 / 4. The first step after the shift: 1.5 / 2.
    assert level(one, -3, 0) == 0.375
    assert level(one, 0, 1) == 0.75


def test_every_step_after_the_shift_of_every_world_counts_once() -> None:
    # World 0 has three steps from its shift on, world 1 has one. y = 1 in world 0 and 0 in world
    # 1, O = 1, R = 0: n = 3 / 4, and not the 5 / 6 of averaging s = 0 (1/2), 1 and 2 (1 each).
    shifts = np.array([1, 3], np.int32)
    arm = np.array([[1.0, 0.0]] * 4)
    one = terms(arm, np.zeros((4, 2)), np.ones((4, 2)), shifts)
    assert level(one, 0, 4) == 0.75


def test_random_is_exactly_zero_and_the_oracle_exactly_one_everywhere() -> None:
    floor, ceiling = anchors()
    for arm, expected in ((floor, 0.0), (ceiling, 1.0)):
        one = terms(arm, floor, ceiling)
        found = adaptation(one, one)
        assert (found.before, found.aurc, found.deficit) == (expected, expected, 0.0)
        levels = smoothed_levels(one)
        assert set(levels[np.isfinite(levels)]) == {expected}
    assert adaptation(one, one).retained == 1.0
    assert adaptation(one, one).recovery[1].step == 0  # type: ignore[union-attr]


def test_random_has_nothing_to_retain_or_recover() -> None:
    found = adaptation(same(0.0), same(0.0))
    assert found.retained is None
    assert found.recovery == (None, None)


def test_a_share_of_next_to_nothing_is_not_taken() -> None:
    assert adaptation(same(0.04), same(0.04)).retained is None
    assert adaptation(same(0.06), same(0.06)).retained == pytest.approx(1.0)


def test_a_drop_that_lasts_is_measured_by_every_number() -> None:
    # .8 before the shift and without it, .2 from it on.
    found = adaptation(at_level(steps(0.8, (0, 0.2))), same(0.8))
    assert found.before == pytest.approx(0.8)
    assert found.aurc == pytest.approx(0.2)
    assert found.deficit == pytest.approx(0.6)
    assert found.retained == pytest.approx(0.25)
    assert [one and one.step for one in found.recovery] == [None, None]


def test_what_is_retained_is_of_the_first_sixteen_steps_only() -> None:
    found = adaptation(at_level(steps(0.8, (0, 0.4), (16, 0.1))), same(0.8))
    assert found.retained == pytest.approx(0.5)


def test_the_deficit_compares_each_cell_with_the_anchors_of_its_own_condition() -> None:
    # The shift makes the world harder for all: the oracle falls to -.6, the arm to half way.
    # Without it the arm was half way too. Nothing was lost that the oracle keeps.
    flat = np.ones((HORIZON, 4))
    harder = since_shift() >= 0
    ceiling = np.where(harder, -0.6, -0.2) * flat
    shifted = terms((-1.2 * flat + ceiling) / 2, -1.2 * flat, ceiling)
    twin = terms(-0.7 * flat, -1.2 * flat, -0.2 * flat)
    found = adaptation(shifted, twin)
    assert found.aurc == pytest.approx(0.5)
    assert found.deficit == pytest.approx(0.0)


def test_recovery_is_the_first_step_from_which_on_windows_reach_the_share_and_stay() -> None:
    # Level 0 for 6 steps, then the twin's. The window at s holds min(8, 8 - (6 - s)) / 8 of it on
    # flat anchors: half at s = 2 (4 of 8), nine tenths at s = 6 (7 of 8 at s = 5 is .875).
    flat = np.full((HORIZON, 4), -1.0)
    twin = terms(flat / 2, flat, 0 * flat)
    shifted = terms(np.where(steps(1.0, (0, 0.0), (6, 1.0)) > 0, flat / 2, flat), flat, 0 * flat)
    half, most = recovery_time(shifted, twin, 0.5), recovery_time(shifted, twin, 0.9)
    assert half is not None
    assert most is not None
    assert (half.step, most.step) == (2, 6)


def test_a_level_that_was_never_lost_is_recovered_at_once() -> None:
    found = recovery_time(same(0.6), same(0.6), 0.9)
    assert found is not None
    assert found.step == 0


def test_a_level_that_is_reached_but_not_kept_does_not_count() -> None:
    # 12 steps at the top hold 5 whole windows of 8, fewer than the 8 that must follow each other.
    flat = np.full((HORIZON, 4), -1.0)
    twin = terms(0 * flat, flat, 0 * flat)

    def until(stop: int) -> Recovery | None:
        n = steps(1.0, (0, 0.0), (3, 1.0), (stop, 0.0))
        return recovery_time(terms((1 - n) * flat, flat, 0 * flat), twin, 1.0)

    # 3 + 15 steps hold just the 8 windows that are needed: at s = 3 .. 10.
    assert until(3 + 12) == Recovery(None, until(18).watched)  # type: ignore[union-attr]
    assert until(3 + SMOOTHING + STAY - 2).step is None  # type: ignore[union-attr]
    assert until(3 + SMOOTHING + STAY - 1).step == 3  # type: ignore[union-attr]


def test_a_run_is_watched_while_half_of_the_worlds_have_steps_left() -> None:
    # Shifts at 20, 22, 25, 30 of 60 leave 40, 38, 35, 30 steps: half of the worlds have 38.
    # The last window of 8 starts at 30, and the last of 8 such starts from 23 on: 24 starts.
    found = recovery_time(same(0.6), same(0.6), 0.9)
    assert found is not None
    assert found.watched == 24


def test_the_recovery_of_a_share_is_of_the_twin_at_the_same_step() -> None:
    # The twin fades from .8 to .4 by itself; the arm at .4 is back once the twin is there.
    twin, shifted = at_level(steps(0.8, (10, 0.4))), at_level(steps(0.8, (0, 0.4)))
    found = recovery_time(shifted, twin, 0.999)
    assert found is not None
    assert found.step == 10


def test_an_arm_at_the_level_of_random_has_nothing_to_recover() -> None:
    assert recovery_time(same(0.9), same(0.04), 0.5) is None
    assert recovery_time(same(0.9), same(-0.2), 0.5) is None


def test_an_episode_too_short_for_windows_scores_levels_and_no_curve() -> None:
    shifts = np.array([2, 3], np.int32)
    ones = np.ones((6, 2))
    one = terms(-0.5 * ones, -ones, 0 * ones, shifts)
    found = adaptation(one, one)
    assert found.aurc == 0.5
    assert found.recovery == (None, None)
    assert np.isnan(smoothed_levels(one)).all()


def test_no_window_of_a_curve_crosses_the_shift() -> None:
    levels = smoothed_levels(at_level(steps(0.8, (0, 0.2))))
    assert np.allclose(levels[HORIZON - 12 : HORIZON], 0.8)
    assert np.allclose(levels[HORIZON : HORIZON + 30], 0.2)


def test_a_curve_ends_where_fewer_than_half_of_the_worlds_are_left() -> None:
    # After: windows from 0 to 30 lie within 38 steps. Before: half of the worlds have 25 steps,
    # so that windows end at -18 at the earliest.
    offsets = np.arange(-HORIZON, HORIZON)
    known = offsets[np.isfinite(smoothed_levels(same(0.5)))]
    assert (known.min(), known.max()) == (-18, 30)
    assert len(known) == 30 + 1 + 18


def test_a_window_without_a_gap_between_the_anchors_is_not_scored() -> None:
    # The gap is 1 before the shift; after it just below, or at, 5% of that.
    flat = np.ones((HORIZON, 4))
    for gap, expected in ((0.0499, None), (0.0501, 0.5), (0.0, None), (-0.3, None)):
        ceiling = np.where(since_shift() >= 0, gap, 1.0) * flat
        one = terms(ceiling / 2, 0 * flat, ceiling)
        found = level(one, 0, END)
        assert found == (None if expected is None else pytest.approx(expected))
        assert np.isnan(smoothed_levels(one)[HORIZON + 3]) == (expected is None)
    found_all = adaptation(one, one)
    assert (found_all.before, found_all.aurc, found_all.deficit) == (0.5, None, None)
    assert (found_all.retained, found_all.recovery) == (None, (None, None))


def test_the_gap_is_compared_step_by_step_and_not_as_a_sum() -> None:
    # One step of window has a sum far below that before the shift, but the same gap per step.
    assert level(same(0.5), 0, 1) == pytest.approx(0.5)


def test_an_oracle_that_is_no_better_than_random_before_the_shift_scores_nothing() -> None:
    flat = np.ones((HORIZON, 4))
    assert level(terms(flat, flat, flat), 0, END) is None


def test_a_window_that_cannot_be_scored_is_not_reached() -> None:
    flat = np.ones((HORIZON, 4))
    gone = (since_shift() >= 4) & (since_shift() < 14)
    ceiling = np.where(gone, 0.0, 1.0) * flat
    one = terms(ceiling, 0 * flat, ceiling)
    found = recovery_time(one, one, 0.5)
    assert found is not None
    # Windows from s = 4 to 6 hold no gap at all, so that 8 in a row begin at 7.
    assert found.step == 7


@given(st.permutations(range(4)))
def test_the_order_of_worlds_changes_nothing(order: list[int]) -> None:
    floor, ceiling = anchors()
    arm = floor + 0.4 * (ceiling - floor) * noise(9)
    one = adaptation(terms(arm, floor, ceiling), terms(arm, floor, ceiling))
    parts = (part[:, order] for part in (arm, floor, ceiling))
    other_terms = terms(*parts, SHIFTS[order])
    other = adaptation(other_terms, other_terms)
    assert one[:4] == pytest.approx(other[:4])
    assert one.recovery == other.recovery


@given(st.floats(0.01, 100.0), st.floats(-50.0, 50.0))
def test_the_unit_and_the_zero_of_welfare_change_nothing(scale: float, offset: float) -> None:
    floor, ceiling = anchors()
    arm = floor + 0.4 * (ceiling - floor) * noise(9)
    parts = (scale * part + offset for part in (arm, floor, ceiling))
    one, other = terms(arm, floor, ceiling), terms(*parts)
    assert level(other, 0, END) == pytest.approx(level(one, 0, END))
    assert np.allclose(smoothed_levels(one), smoothed_levels(other), equal_nan=True)


@given(st.floats(-1.0, 2.0), st.floats(-1.0, 2.0), st.integers(0, 50))
def test_levels_come_out_as_they_went_in(before: float, after: float, seed: int) -> None:
    one = at_level(steps(before, (0, after)), seed=seed)
    assert level(one, -END, 0) == pytest.approx(before, abs=1e-9)
    assert level(one, 0, END) == pytest.approx(after, abs=1e-9)
    levels = smoothed_levels(one)
    assert np.allclose(levels[HORIZON : HORIZON + 31], after)
    assert np.allclose(levels[HORIZON - 18 : HORIZON], before)


def test_a_slow_loop_over_worlds_finds_the_same_levels() -> None:
    floor, ceiling = anchors()
    arm = floor + noise(4) * (ceiling - floor)
    for first, stop in ((-END, 0), (0, END), (0, 16), (5, 13)):
        above = gap = 0.0
        for e, at in enumerate(SHIFTS):
            for t in range(HORIZON):
                if first <= t - at < stop:
                    above += arm[t, e] - floor[t, e]
                    gap += ceiling[t, e] - floor[t, e]
        assert level(terms(arm, floor, ceiling), first, stop) == pytest.approx(above / gap)


def test_anchors_in_other_worlds_stand_in_with_their_mean_at_each_step() -> None:
    # The arm has one world, the anchors two; random is 0, the oracle 1 and 3: mean 2 at s = 0.
    one = compare_to_anchors(
        align(np.array([[1.0], [1.0]]), np.array([1], np.int32)),
        align(np.zeros((2, 2)), np.array([1, 1], np.int32)),
        align(np.array([[2.0, 2.0], [1.0, 3.0]]), np.array([1, 1], np.int32)),
    )
    assert level(one, 0, 2) == 0.5
    assert level(one, -2, 0) == 0.5


def test_steps_that_the_anchors_do_not_have_are_left_out() -> None:
    # The arm has s = -1 .. 2, the anchors only s = -2 .. 1.
    arm = np.array([[0.5], [0.5], [0.5], [-9.0]])
    one = compare_to_anchors(
        align(arm, np.array([1], np.int32)),
        align(np.zeros((4, 1)), np.array([2], np.int32)),
        align(np.ones((4, 1)), np.array([2], np.int32)),
    )
    assert level(one, 0, 4) == 0.5
    assert one.worlds.tolist() == [0, 0, 0, 1, 1, 1, 0, 0]


def test_the_gini_of_drives_is_worked_out_by_hand() -> None:
    # |0 - 1| + |0 - 2| + |1 - 2| = 4, twice: 8 / (2 * 9 * 1) = 4 / 9.
    assert gini(np.array([0.0, 1.0, 2.0])) == pytest.approx(4 / 9)
    # One has all: 1 - 1/n. All have the same, or nothing: 0.
    assert gini(np.array([[0.0, 0.0, 3.0], [2.0, 2.0, 2.0], [0.0, 0.0, 0.0]])).tolist() == (
        pytest.approx([2 / 3, 0.0, 0.0])
    )


def test_the_worst_family_is_that_with_the_lowest_mean_over_runs_and_severities() -> None:
    # Family a: (.8 + .6 + .4 + .2) / 4 = .5, b: (.3 + .5) / 2 = .4; two runs, three tasks.
    rows = np.array([[0.8, 0.3, 0.6], [0.4, 0.5, 0.2]])
    assert worst_family(rows, ["a", "b", "a"]) == pytest.approx(0.4)
    assert worst_family(np.stack([rows, 1 - rows]), ["a", "b", "a"]).tolist() == pytest.approx(
        [0.4, 0.5]
    )
