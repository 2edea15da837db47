"""The statistics against numbers worked out by hand, scipy, and slow obvious code."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from empathy_loop.train import statistics
from empathy_loop.train.significance import (
    holm,
    mann_whitney_p,
    paired_p,
    signed_rank_p,
    smallest_p,
    smallest_signed_rank_p,
)
from empathy_loop.train.statistics import (
    bootstrap_band,
    bootstrap_interval,
    interquartile_mean,
    lower_tail_mean,
    mean_of_typical_runs,
    p_improvement,
    prediction_interval,
    restricted_mean,
    run_profiles,
)

finite = st.floats(-100.0, 100.0)
tables = arrays(np.float64, st.tuples(st.integers(1, 8), st.integers(1, 4)), elements=finite)
# Few distinct values, so that ties are common.
with_ties = st.lists(st.integers(0, 4), min_size=1, max_size=5).map(
    lambda values: np.array(values, np.float64)
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def mean(drawn: np.ndarray) -> np.ndarray:
    return np.asarray(drawn.mean((-2, -1)))


def column(*values: float) -> np.ndarray:
    """Return runs of one task."""
    return np.array(values, np.float64)[:, None]


def test_the_interquartile_mean_leaves_out_a_quarter_at_each_end() -> None:
    # Sorted 0 1 2 3 4 5 6 70: two go at each end, and (2 + 3 + 4 + 5) / 4 stays.
    scores = np.array([[0.0, 70.0, 3.0, 1.0], [5.0, 4.0, 2.0, 6.0]])
    assert interquartile_mean(scores) == 3.5
    # Of six, floor(6 / 4) = 1 goes at each end: (1 + 2 + 3 + 4) / 4.
    assert interquartile_mean(np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 90.0]])) == 2.5


def test_up_to_three_scores_are_all_kept() -> None:
    assert interquartile_mean(column(1.0, 2.0, 9.0)) == 4.0


def test_of_typical_runs_the_hardest_task_counts_as_much_as_any_other() -> None:
    easy_and_hard = np.array([[1.0, -3.0], [1.2, -2.8], [1.1, -2.9], [9.0, 9.0], [-9.0, -9.0]])
    # The runs' means are -1, -.8, -.9, 9 and -9: one goes at each end.
    assert mean_of_typical_runs(easy_and_hard) == pytest.approx(-0.9)
    assert mean_of_typical_runs(np.stack([easy_and_hard, easy_and_hard + 1.0])) == pytest.approx(
        [-0.9, 0.1]
    )


@given(tables)
def test_the_interquartile_mean_is_the_trimmed_mean_of_scipy(scores: np.ndarray) -> None:
    expected = stats.trim_mean(scores, 0.25, axis=None)
    assert interquartile_mean(scores) == pytest.approx(expected, abs=1e-9)


@given(tables, st.floats(0.1, 10.0), finite)
def test_the_interquartile_mean_follows_shifts_and_scales_and_no_order(
    scores: np.ndarray, scale: float, offset: float
) -> None:
    turned = (scale * scores + offset)[::-1, ::-1]
    expected = scale * interquartile_mean(scores) + offset
    assert interquartile_mean(turned) == pytest.approx(expected, abs=1e-6)


def test_many_tables_are_summed_up_at_once() -> None:
    many = rng().normal(size=(7, 5, 3))
    assert np.allclose(interquartile_mean(many), [interquartile_mean(one) for one in many])


def test_a_profile_is_the_share_of_runs_and_tasks_above_each_threshold() -> None:
    # Above 0: both scores of the first run and one of the second, 3 of 4. Above .5: .9 alone, for
    # .5 is not above .5. Above .9: nothing.
    scores = np.array([[0.5, 0.9], [0.1, -0.2]])
    by_run = run_profiles(scores, np.array([0.0, 0.5, 0.9]))
    assert by_run.tolist() == [[1.0, 0.5, 0.0], [0.5, 0.0, 0.0]]
    assert by_run.mean(0).tolist() == [0.75, 0.25, 0.0]


@given(tables, st.lists(finite, min_size=1, max_size=5))
def test_a_profile_is_that_of_counting_and_never_rises(
    scores: np.ndarray, thresholds: list[float]
) -> None:
    profile = run_profiles(scores, np.array(sorted(thresholds))).mean(0)
    slow = [
        sum(score > tau for row in scores for score in row) / scores.size
        for tau in sorted(thresholds)
    ]
    assert profile == pytest.approx(slow)
    assert (np.diff(profile) <= 1e-12).all()


def test_the_band_of_a_profile_draws_whole_runs() -> None:
    # One run is above on both tasks, the other on none. Drawn whole, a resample of both is above
    # on 0, half or all, so that the band is [0, 1]; drawn task by task it would be narrower.
    rows = run_profiles(np.array([[1.0, 1.0], [0.0, 0.0]]), np.array([0.5]))
    band = bootstrap_band(rows, rng())
    assert band is not None
    assert (band[0].tolist(), band[1].tolist()) == ([0.0], [1.0])


def test_the_prediction_interval_is_worked_out_by_hand() -> None:
    # 1, 2, 3: mean 2, s = 1, n = 3; t of 2 degrees of freedom at .975 is 4.3027 (tables), and
    # 4.3027 * sqrt(1 + 1/3) = 4.968.
    assert prediction_interval(np.array([1.0, 2.0, 3.0])) == pytest.approx(
        (-2.968, 6.968), abs=1e-3
    )
    assert prediction_interval(np.array([0.4, 0.4])) == pytest.approx((0.4, 0.4))
    assert prediction_interval(np.array([0.4])) is None


def test_one_more_run_falls_inside_as_often_as_is_said() -> None:
    draws = rng(7).normal(size=(4000, 6))
    inside = 0
    for row in draws:
        low, high = prediction_interval(row[:5]) or (0.0, 0.0)
        inside += low <= row[5] <= high
    # Three standard errors of 4000 draws are 1%.
    assert inside / len(draws) == pytest.approx(0.95, abs=0.011)


def test_the_lower_tail_takes_the_last_value_in_part() -> None:
    # A quarter of 4 values is the lowest; of 6 it is one and a half: (1 + 0.5 * 2) / 1.5.
    assert lower_tail_mean(np.array([3.0, 1.0, 2.0, 4.0]), 0.25) == 1.0
    assert lower_tail_mean(np.array([5.0, 3.0, 1.0, 2.0, 4.0, 6.0]), 0.25) == pytest.approx(4 / 3)
    assert lower_tail_mean(np.array([2.0, 1.0]), 0.25) == 1.0
    assert lower_tail_mean(np.array([2.0, 1.0]), 1.0) == 1.5


def test_a_share_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"share must be in \(0, 1\], got 0"):
        lower_tail_mean(np.ones(3), 0.0)


def test_the_interval_of_two_runs_is_worked_out_by_hand() -> None:
    # Two draws of (0, 1) have the mean 0, .5, 1 with probabilities 1/4, 1/2, 1/4, so that the
    # 2.5% and 97.5% quantiles are 0 and 1.
    assert bootstrap_interval(mean, column(0.0, 1.0), generator=rng()) == (0.0, 1.0)


def test_the_interval_agrees_with_scipy() -> None:
    runs = rng(1).normal(size=12)
    interval = bootstrap_interval(mean, runs[:, None], generator=rng())
    reference = stats.bootstrap(
        (runs,), np.mean, n_resamples=20_000, method="percentile", rng=rng(2)
    ).confidence_interval
    assert interval == pytest.approx(tuple(reference), abs=0.04)


def test_a_single_run_has_no_interval() -> None:
    one, two = column(1.0), column(1.0, 2.0)
    assert bootstrap_interval(mean, one, generator=rng()) is None
    assert bootstrap_interval(lambda a, b: mean(a) - mean(b), two, one, generator=rng()) is None
    assert bootstrap_band(np.ones((1, 5)), rng()) is None


def test_the_same_generator_gives_the_same_interval_and_another_does_not() -> None:
    scores = rng().normal(size=(6, 2))
    one, same, other = (bootstrap_interval(mean, scores, generator=rng(s)) for s in (3, 3, 4))
    assert one == same
    assert one != other


def test_blocks_that_bound_the_memory_leave_the_interval_as_wide(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores = rng().normal(size=(9, 2))
    whole = bootstrap_interval(mean, scores, generator=rng())
    monkeypatch.setattr(statistics, "MAX_ENTRIES", 100)
    assert bootstrap_interval(mean, scores, generator=rng()) == pytest.approx(whole, abs=0.06)


def test_runs_are_drawn_within_each_task_and_never_across() -> None:
    # Every run scores its task's number: whatever is drawn, task by task, the means are the same.
    scores = np.array([[1.0, 5.0]] * 4)
    for linked in (True, False):
        interval = bootstrap_interval(
            lambda drawn: drawn[..., 0].mean(-1) + 10 * drawn[..., 1].mean(-1),
            scores,
            generator=rng(),
            linked=linked,
        )
        assert interval == (51.0, 51.0)


def test_scores_of_one_run_that_cancel_do_so_only_if_they_are_drawn_together() -> None:
    # Each run has +x on one task and -x on the other: its mean over tasks is 0.
    scores = np.array([[x, -x] for x in (1.0, 2.0, 3.0, 4.0)])
    together = bootstrap_interval(mean, scores, generator=rng())
    apart = bootstrap_interval(mean, scores, generator=rng(), linked=False)
    assert together == (0.0, 0.0)
    assert apart is not None
    assert apart.high - apart.low > 0.5


def test_scores_of_one_run_that_agree_make_the_interval_wider_if_drawn_together() -> None:
    scores = np.repeat(rng().normal(size=(10, 1)), 4, axis=1)
    together = bootstrap_interval(mean, scores, generator=rng())
    apart = bootstrap_interval(mean, scores, generator=rng(), linked=False)
    assert together is not None
    assert apart is not None
    assert together.high - together.low > 1.5 * (apart.high - apart.low)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth, covered, draws = 0.0, 0, rng(5)
    for _ in range(200):
        interval = bootstrap_interval(mean, draws.normal(size=(20, 1)), generator=draws)
        assert interval is not None
        covered += interval.low <= truth <= interval.high
    # 95% less what percentile intervals of 20 runs miss; three standard errors are 5%.
    assert 0.87 <= covered / 200 <= 0.99


def test_the_band_of_a_curve_is_the_interval_at_each_point() -> None:
    curves = rng().normal(size=(6, 4))
    band = bootstrap_band(curves, rng(1))
    assert band is not None
    for point in range(4):
        interval = bootstrap_interval(mean, curves[:, point : point + 1], generator=rng(1))
        assert interval == (band[0][point], band[1][point])


def test_the_probability_of_improvement_counts_pairs_and_half_of_ties() -> None:
    # (2 > 1), (2 = 2), (3 > 1), (3 > 2): 3.5 of 4 pairs.
    assert p_improvement(column(2.0, 3.0), column(1.0, 2.0)) == 0.875
    # On a second task the claim never wins: (0.875 + 0) / 2.
    claim, baseline = np.array([[2.0, 0.0], [3.0, 0.0]]), np.array([[1.0, 5.0], [2.0, 5.0]])
    assert p_improvement(claim, baseline) == 0.4375


@given(with_ties, with_ties)
def test_the_probability_of_improvement_is_that_of_scipy(x: np.ndarray, y: np.ndarray) -> None:
    expected = stats.mannwhitneyu(x, y, method="asymptotic").statistic / (len(x) * len(y))
    assert p_improvement(x[:, None], y[:, None]) == pytest.approx(expected)


@given(with_ties, with_ties)
def test_the_two_directions_of_improvement_add_up_to_one(x: np.ndarray, y: np.ndarray) -> None:
    one, other = p_improvement(x[:, None], y[:, None]), p_improvement(y[:, None], x[:, None])
    assert one + other == pytest.approx(1.0)


def test_three_against_three_wholly_apart_is_p_one_in_ten() -> None:
    # 2 of C(6, 3) = 20 divisions are as far apart.
    low, high = np.arange(3.0), np.arange(3.0) + 10.0
    assert mann_whitney_p(high, low) == pytest.approx(0.1)
    assert mann_whitney_p(low, high) == pytest.approx(0.1)
    assert smallest_p(3, 3) == pytest.approx(0.1)


def test_a_test_with_ties_is_worked_out_by_hand() -> None:
    # 1, 2 against 2, 3: mean ranks 1, 2.5, 2.5, 4; the first two sum to 3.5. Of the six pairs
    # 3.5, 3.5, 5, 5, 6.5, 6.5 two are as low and all are as high: p = 2 * 2 / 6.
    assert mann_whitney_p(np.array([1.0, 2.0]), np.array([2.0, 3.0])) == pytest.approx(4 / 6)


def test_equal_scores_differ_in_nothing() -> None:
    assert mann_whitney_p(np.ones(4), np.ones(5)) == 1.0


@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 1000))
def test_without_ties_p_is_that_of_scipy(n: int, m: int, seed: int) -> None:
    scores = rng(seed).permutation(n + m).astype(np.float64)
    expected = stats.mannwhitneyu(scores[:n], scores[n:], method="exact").pvalue
    assert mann_whitney_p(scores[:n], scores[n:]) == pytest.approx(expected)


@given(with_ties, with_ties)
def test_with_ties_p_is_that_of_trying_every_division(x: np.ndarray, y: np.ndarray) -> None:
    pooled = np.concatenate([x, y])

    def wins(chosen: tuple[int, ...]) -> float:
        rest = [i for i in range(len(pooled)) if i not in chosen]
        pairs = itertools.product(pooled[list(chosen)], pooled[rest])
        return float(sum((a > b) + 0.5 * (a == b) for a, b in pairs))

    observed = wins(tuple(range(len(x))))
    every = [wins(one) for one in itertools.combinations(range(len(pooled)), len(x))]
    tails = np.mean([u <= observed for u in every]), np.mean([u >= observed for u in every])
    assert mann_whitney_p(x, y) == pytest.approx(min(1.0, 2.0 * min(tails)))


@given(with_ties, with_ties)
def test_no_p_is_below_the_smallest(x: np.ndarray, y: np.ndarray) -> None:
    assert smallest_p(len(x), len(y)) - 1e-12 <= mann_whitney_p(x, y) <= 1.0 + 1e-12


def test_twenty_seeds_are_counted_exactly_too() -> None:
    assert mann_whitney_p(np.arange(20.0), np.arange(20.0) + 30) == pytest.approx(
        smallest_p(20, 20), rel=1e-9
    )


def test_holm_is_worked_out_by_hand() -> None:
    # Sorted .01, .02, .04 times 3, 2, 1: .03, .04, .04, each at least the one before.
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.03, 0.03]) == pytest.approx([0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


p_values = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6)


@given(p_values)
def test_holm_is_the_closure_of_bonferroni(values: list[float]) -> None:
    # A hypothesis is as significant as the weakest Bonferroni test of any set that holds it.
    slow = [
        max(
            min(1.0, len(group) * min(values[j] for j in group))
            for size in range(1, len(values) + 1)
            for group in itertools.combinations(range(len(values)), size)
            if i in group
        )
        for i in range(len(values))
    ]
    assert holm(values) == pytest.approx(slow)


def test_the_restricted_mean_is_worked_out_by_hand() -> None:
    # Events at 2 and 4, censored at 3, limit 6. S = 1 on [0, 2), 2/3 on [2, 4); at 4 one run is
    # left and has its event: 0. The area is 2 + 2 * 2/3.
    times, seen = np.array([2.0, 3.0, 4.0]), np.array([1.0, 0.0, 1.0])
    assert restricted_mean(times, seen, 6) == pytest.approx(2 + 4 / 3)


def test_without_censoring_it_is_the_mean_of_what_is_below_the_limit() -> None:
    assert restricted_mean(np.array([0.0, 3.0, 9.0]), np.ones(3), 5) == pytest.approx(8 / 3)


def test_if_nobody_recovers_it_is_the_limit() -> None:
    assert restricted_mean(np.full(3, 20.0), np.zeros(3), 20) == 20.0


@pytest.mark.parametrize("others", [2.0, 6.0])
def test_nothing_is_said_beyond_the_last_that_was_censored(others: float) -> None:
    with pytest.raises(ValueError, match="the last run was censored, got 7"):
        restricted_mean(np.array([others, 6.0]), np.array([1.0, 0.0]), 7)


observations = st.lists(
    st.tuples(st.integers(0, 12), st.booleans()).filter(lambda one: one != (0, False)),
    min_size=1,
    max_size=8,
)


@given(observations, st.integers(1, 12))
def test_the_restricted_mean_is_the_area_under_the_curve_of_scipy(
    observed: list[tuple[int, bool]], limit: int
) -> None:
    times = np.array([time for time, _ in observed], np.float64)
    seen = np.array([is_seen for _, is_seen in observed])
    limit = min(limit, int(times.max()))
    if limit < 1:
        return
    data = stats.CensoredData(uncensored=times[seen], right=times[~seen])
    if not seen.any():
        assert restricted_mean(times, seen.astype(np.float64), limit) == limit
        return
    survival = stats.ecdf(data).sf
    area = sum(float(survival.evaluate(step)) for step in range(limit))
    assert restricted_mean(times, seen.astype(np.float64), limit) == pytest.approx(area)


@given(observations)
def test_many_groups_of_runs_are_treated_at_once(observed: list[tuple[int, bool]]) -> None:
    times, seen = np.array(observed, np.float64).T
    limit = min([int(time) for time, is_seen in observed if not is_seen], default=12)
    order = rng().integers(len(times), size=(5, len(times)))
    one_by_one = [restricted_mean(times[o], seen[o], limit) for o in order]
    assert np.allclose(restricted_mean(times[order], seen[order], limit), one_by_one)


# rliable 1.2 wants pandas below 3, and takes no notice of random_state: its intervals differ from
# call to call, so that they can agree with ours only roughly. It is not among the test tools, as
# it brings a dozen packages that nothing else needs: pip install -e ".[crosscheck]".
def test_the_statistics_are_those_of_rliable() -> None:
    library = pytest.importorskip(
        "rliable.library", reason='needs rliable: pip install -e ".[crosscheck]"'
    )
    metrics = pytest.importorskip("rliable.metrics")
    claim, baseline = rng(1).normal(size=(9, 3)), rng(2).normal(size=(7, 3)) - 0.3
    assert interquartile_mean(claim) == pytest.approx(metrics.aggregate_iqm(claim))
    assert p_improvement(claim, baseline) == pytest.approx(
        metrics.probability_of_improvement(claim, baseline)
    )
    thresholds = np.linspace(-2.0, 2.0, 9)
    profiles, bands = library.create_performance_profile({"arm": claim}, thresholds, reps=2000)
    rows = run_profiles(claim, thresholds)
    assert rows.mean(0) == pytest.approx(profiles["arm"])
    # It draws the runs of each task anew, as we do with linked=False.
    _, intervals = library.get_interval_estimates(
        {"arm": claim}, lambda scores: np.array([metrics.aggregate_iqm(scores)]), reps=4000
    )
    ours = bootstrap_interval(interquartile_mean, claim, generator=rng(), linked=False)
    assert ours == pytest.approx(tuple(intervals["arm"][:, 0]), abs=0.08)
    single = claim[:, :1]
    _, bands = library.create_performance_profile({"arm": single}, thresholds, reps=4000)
    band = bootstrap_band(run_profiles(single, thresholds), rng())
    assert band is not None
    assert np.abs(np.array(band) - bands["arm"]).max() < 1.5 / len(single)


def test_paired_p_is_that_of_scipy_and_knows_pairs_without_a_difference() -> None:
    more, less = np.array([1.0, 2.0, 4.0, 4.5, 5.5]), np.array([0.5, 2.1, 3.0, 4.0, 5.0])
    expected = stats.ttest_rel(more, less).pvalue
    assert paired_p(more - less) == pytest.approx(expected)
    assert paired_p(np.zeros(5)) == paired_p(np.array([3.0])) == 1.0
    assert paired_p(np.full(5, 0.25)) == 0.0


def test_signed_ranks_count_all_ways_to_give_signs() -> None:
    # Ranks 2 and 1, 4 and 3: the sum of positive ones is 9 of 10, reached or passed by 2 of 16.
    differences = np.array([0.3, -0.1, 0.9, 0.5])
    assert signed_rank_p(differences) == pytest.approx(2 * 2 / 16)
    assert signed_rank_p(-differences) == signed_rank_p(differences)
    assert signed_rank_p(np.arange(1.0, 9.0)) == smallest_signed_rank_p(8) == 2 / 256
    assert signed_rank_p(np.zeros(4)) == smallest_signed_rank_p(0) == 1.0
    assert signed_rank_p(np.array([0.0, 1.0, 2.0])) == 0.5, "who does not differ is left out"
    # All of one size: a sign test, of which 4 of 5 or more come in 6 of 32.
    assert signed_rank_p(np.array([1.0, 1.0, -1.0, 1.0, 1.0])) == pytest.approx(2 * 6 / 32)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=9, unique_by=abs))
def test_signed_ranks_without_ties_are_those_of_scipy(whole: list[int]) -> None:
    differences = np.array([value for value in whole if value] or [1], np.float64)
    expected = stats.wilcoxon(differences, method="exact").pvalue
    assert signed_rank_p(differences) == pytest.approx(expected)
