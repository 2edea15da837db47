"""A run that is made again is held against the interval in which one more run should fall."""

from __future__ import annotations

import copy
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_cells import MADE, make_cells
from rich.console import Console

from empathy_loop.train.reference import Reference, describe_settings
from empathy_loop.train.results import make_results
from empathy_loop.train.statistics import prediction_interval
from empathy_loop.train.tables import print_verdicts
from empathy_loop.train.verify import choose_runs, verdicts_of


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    results = make_results(MADE, make_cells(MADE), {}, tmp_path_factory.mktemp("made"))
    return Reference("made", MADE, describe_settings(MADE)["settings"], results)


@pytest.fixture
def again(reference: Reference) -> dict[str, Any]:
    """Return results in which the same comes out; a test may change them."""
    return copy.deepcopy(dict(reference.results))


def test_the_first_seeds_of_the_first_contrast_are_made_again(reference: Reference) -> None:
    one = choose_runs(reference, 1)
    assert (one.arms, one.seeds) == (("cognitive", "ippo_gru"), (0,))
    assert one.contrasts == (("cognitive", "ippo_gru"),)
    assert choose_runs(reference, 3).seeds == (0, 1, 2)
    assert replace(one, arms=MADE.arms, seeds=MADE.seeds) == MADE


@pytest.mark.parametrize("runs", [0, 4])
def test_more_runs_than_there_are_seeds_are_refused(reference: Reference, runs: int) -> None:
    with pytest.raises(ValueError, match=rf"runs must be in \[1, 3\], .* got {runs}"):
        choose_runs(reference, runs)


def test_a_reference_without_training_has_nothing_to_verify(reference: Reference) -> None:
    scripted = replace(MADE, arms=("reader",), contrasts=())
    with pytest.raises(ValueError, match="nothing of the reference made was trained"):
        choose_runs(reference._replace(comparison=scripted), 1)


def test_the_interval_holds_for_one_run_and_for_all_numbers_together(
    reference: Reference, again: dict[str, Any]
) -> None:
    verdicts = verdicts_of(reference, choose_runs(reference, 1), again)
    assert [(one.run, one.measure) for one in verdicts] == [
        *(("cognitive-s0", "cas"), ("cognitive-s0", "deficit")),
        *(("ippo_gru-s0", "cas"), ("ippo_gru-s0", "deficit")),
    ]
    for one in verdicts:
        arm = one.run.partition("-")[0]
        values = np.array(list(reference.results["overall"][arm][one.measure]["runs"].values()))
        # Four numbers share the 5%.
        assert prediction_interval(values, 1.0 - 0.05 / 4) == (one.low, one.high)
        assert one.now == one.then == values[0]
        assert one.mean == reference.results["overall"][arm][one.measure]
        assert one.is_inside


def test_a_number_outside_or_a_run_that_failed_has_not_come_out_again(
    reference: Reference, again: dict[str, Any]
) -> None:
    smaller = choose_runs(reference, 1)
    first = verdicts_of(reference, smaller, again)[0]
    for value, is_inside in ((first.high - 1e-6, True), (first.high + 1e-6, False)):
        again["overall"]["cognitive"]["cas"]["runs"]["0"] = value
        assert verdicts_of(reference, smaller, again)[0].is_inside is is_inside
    del again["overall"]["cognitive"]
    assert not verdicts_of(reference, smaller, again)[0].is_inside


def test_a_number_that_cannot_tell_the_arms_apart_says_so(
    reference: Reference, again: dict[str, Any]
) -> None:
    # The means of the arms are .12 and .08 apart; runs within .001 of theirs tell them apart.
    smaller, known = choose_runs(reference, 1), copy.deepcopy(again)
    for arm in ("cognitive", "ippo_gru"):
        for measure in ("cas", "deficit"):
            score = known["overall"][arm][measure]
            score["runs"] = {str(k): score["mean"] + 0.001 * (k - 1) for k in range(3)}
    spread = reference._replace(results=known)
    assert [one.alike for one in verdicts_of(spread, smaller, again)] == [()] * 4
    known["overall"]["cognitive"]["cas"]["runs"] = {"0": 0.3, "1": 0.432, "2": 0.55}
    verdicts = verdicts_of(spread, smaller, again)
    assert [one.alike for one in verdicts] == [("ippo_gru",), (), (), ()]
    out = io.StringIO()
    print_verdicts(Console(file=out), verdicts, spread, Path("here"))
    text = " ".join(out.getvalue().split())
    assert text.count("could not have told the two arms apart") == 1
    assert "cognitive-s0, CAS: the published mean of ippo_gru lies inside too" in text
    assert "0.432" in text


def test_a_single_seed_makes_no_interval(reference: Reference, again: dict[str, Any]) -> None:
    for name in ("cas", "deficit"):
        again["overall"]["cognitive"][name]["runs"] = {"0": 0.4}
    one_seed = reference._replace(results=again)
    with pytest.raises(ValueError, match="has 1 run of cognitive: too few seeds for an interval"):
        verdicts_of(one_seed, choose_runs(one_seed, 1), again)


def test_the_verdicts_are_told_with_how_they_were_made(
    reference: Reference, again: dict[str, Any]
) -> None:
    again["overall"]["ippo_gru"]["deficit"]["runs"]["0"] += 9.0
    del again["overall"]["cognitive"]
    verdicts = verdicts_of(reference, choose_runs(reference, 1), again)
    out = io.StringIO()
    print_verdicts(Console(file=out), verdicts, reference, Path("here"))
    text = " ".join(out.getvalue().split())
    assert text.count("OUTSIDE") == 3
    assert text.count("failed") == 2
    assert "1 of 4 inside, 1 the same to the last digit" in text
    assert "prediction interval" in text
    assert "all 4 hold together with 95%" in text
