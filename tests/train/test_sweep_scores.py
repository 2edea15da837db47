"""What is said of sweeps, against readouts that cells were made of."""

from __future__ import annotations

import copy
import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_cells import MADE, REMAP, make_cell, make_cells

from empathy_loop.train.cells import Cell
from empathy_loop.train.claims import has_failed
from empathy_loop.train.comparisons import load_comparison
from empathy_loop.train.config import parse_assignments
from empathy_loop.train.notes import command_of
from empathy_loop.train.plan import Comparison, plan_runs
from empathy_loop.train.plots_sweeps import draw_sweeps
from empathy_loop.train.report import make_page
from empathy_loop.train.results import make_results
from empathy_loop.train.results_file import check_results
from empathy_loop.train.social import CHANNELS
from empathy_loop.train.sweep_scores import gain
from empathy_loop.train.sweep_tables import claim_tables, sweep_tables
from empathy_loop.train.sweeps import Claim, Sweep, points_of
from empathy_loop.train.teams import SWEPT

DOSES = (0.0, 0.5, 1.0)
PRESETS = ("reserved", "exploiter")
CARE = Sweep("care", {"preset": PRESETS, "ai_to_people": DOSES})
BACK = Sweep("back", {"preset": PRESETS, "people_to_ai": DOSES}, arms=("cognitive", "ippo_gru"))
ASSUMED = Sweep(
    "assumed",
    {"trust_gain": (0.1, 0.2), "spillover": (0.0, 1.0), "ai_to_people": (0.0, 1.0)},
    arms=("cognitive",),
)


def claim(preset: str, control: bool) -> Claim:
    at = {"preset": preset, "ai_to_people": 1.0}
    return Claim(
        f"{preset} people return care",
        "people_to_ai",
        "care",
        "cognitive",
        at,
        than_at={"ai_to_people": 0.0},
        control=control,
    )


COMPARISON = replace(
    MADE,
    env="human_loop_v0",
    shifts=(REMAP,),
    seeds=(0, 1, 2, 3, 4),
    sweeps=(CARE, BACK, ASSUMED),
    claims=(claim("reserved", False), claim("exploiter", True)),
    falsified_by="if nobody returned it",
)


def make_swept(comparison: Comparison, exploited: float = 0.0) -> dict[str, dict[str, Cell]]:
    """Return cells in which help is known.

    In a step, AI give people .4 helps times their dose and .02 for each seed, and people give
    half of what they got, of exploiters a share of that; AI give a tenth of people's dose beside.
    """
    found = make_cells(comparison)
    for run in plan_runs(comparison):
        for sweep in comparison.sweeps:
            if run.arm not in (sweep.arms or comparison.arms):
                continue
            for point in points_of(sweep):
                values: dict[str, Any] = {"ai_to_people": 1.0, "people_to_ai": 1.0}
                values |= dict(point.values)
                shares = {"exploiter": exploited}
                back = 0.5 * shares.get(values.get("preset", ""), 1.0)
                given = (0.4 + 0.02 * run.config.seed) * values["ai_to_people"]
                given += 0.1 * values["people_to_ai"]
                returned = back * given * values["people_to_ai"]
                social = np.zeros((48, len(CHANNELS)), np.float32)
                for name, value in {
                    "ai_to_people": given,
                    "people_to_ai": returned,
                    "trust": 0.3,
                }.items():
                    social[:, list(CHANNELS).index(name)] = value
                cell = make_cell(run.config.seed, (0.5, 0.5))._replace(social=social)
                found[run.name][f"{SWEPT}/{point.name}"] = cell
    return found


def results_of(comparison: Comparison, folder: Path, exploited: float = 0.0) -> dict[str, Any]:
    results = make_results(comparison, make_swept(comparison, exploited), {}, folder)
    data: dict[str, Any] = json.loads(json.dumps(results))
    check_results(data, "made")
    return data


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return results_of(COMPARISON, tmp_path_factory.mktemp("swept"))


def test_a_gain_is_the_slope_along_the_dose_and_not_that_of_what_goes_with_it():
    causes = [0.0, 1.0, 2.0, 3.0]
    assert gain([0, 1, 2, 3], causes, [0.5 * x for x in causes]) == pytest.approx(0.5)
    # A disturbance that moves cause and effect alike, whatever the dose, leaves the gain alone.
    noise = [1.0, -1.0, -1.0, 1.0]
    moved = [x + n for x, n in zip(causes, noise, strict=True)]
    effects = [0.5 * x + 3 * n for x, n in zip(causes, noise, strict=True)]
    assert gain([0, 1, 2, 3], moved, effects) == pytest.approx(0.5)
    assert gain([0, 1], [2.0, 2.0], [0.0, 1.0]) is None
    assert gain([0, 1], [0.0, 0.05], [1.0, 2.0]) is None


def test_readouts_of_a_point_are_means_over_seeds(results: dict[str, Any]):
    found = results["sweeps"]["scores"]["cognitive"]["care, preset reserved, ai_to_people 0.5"]
    expected = 48 * np.mean([(0.4 + 0.02 * seed) * 0.5 + 0.1 for seed in range(5)])
    assert found["ai_to_people"]["mean"] == pytest.approx(expected, rel=1e-5)
    assert found["ai_to_people"]["low"] < expected < found["ai_to_people"]["high"]
    assert found["trust"]["mean"] == pytest.approx(0.3)


def test_gains_are_those_that_the_cells_were_made_with(results: dict[str, Any]):
    gains = {(one["arm"], one["given"].get("preset")): one for one in results["sweeps"]["gains"]}
    reserved, exploiter = (gains["cognitive", preset] for preset in PRESETS)
    assert reserved["people_to_ai"]["mean"] == pytest.approx(0.5, rel=1e-4)
    assert exploiter["people_to_ai"]["mean"] == pytest.approx(0.0, abs=1e-6)
    assert exploiter["loop"]["mean"] is None or abs(exploiter["loop"]["mean"]) < 1e-6
    there, back = reserved["people_to_ai"]["runs"]["2"], reserved["ai_to_people"]["runs"]["2"]
    assert reserved["loop"]["runs"]["2"] == pytest.approx(there * back)
    assert 0.0 < back < 1.0
    # An arm that is not swept in the other direction has half of a loop.
    reader = gains["reader", "reserved"]
    assert reader["people_to_ai"]["mean"] == pytest.approx(0.5, rel=1e-4)
    assert reader["loop"]["mean"] is None


def test_a_claim_that_holds_leads_the_headline_and_its_control_is_as_it_should_be(
    results: dict[str, Any],
):
    held, control = results["sweeps"]["claims"]
    assert held["p_value"] == pytest.approx(2 / 252)
    assert held["p_holm"] == held["p_value"]
    # Both sides are the same runs: what each gained is 24 * (.4 + .02 seed).
    gained = [24 * (0.4 + 0.02 * seed) for seed in range(5)]
    assert held["difference"]["mean"] == pytest.approx(np.mean(gained), rel=1e-5)
    assert min(gained) < held["difference"]["low"] < held["difference"]["high"] < max(gained)
    assert held["p_paired"] < 1e-4
    assert control["p_paired"] == 1.0
    assert held["verdict"].startswith("It holds that reserved people return care")
    assert "p_holm" not in control
    assert control["verdict"].startswith("As it should, the control does not show that exploiter")
    assert results["headline"].startswith(held["verdict"])


def test_a_paired_claim_is_tested_by_what_each_run_gained(tmp_path: Path):
    paired = replace(claim("reserved", False), paired=True)
    found = results_of(replace(COMPARISON, claims=(paired,)), tmp_path)
    (held,) = found["sweeps"]["claims"]
    assert held["p_value"] == held["p_reachable"] == 2 / 32, "all five gained"
    assert "so few seeds cannot reach less than 0.062" in held["verdict"]
    assert "0.062 (pairs)" in next(iter(claim_tables(found))).rows[0]


def test_a_control_fails_by_its_pairs_where_the_sides_overlap():
    overlapping = {"p_value": 0.3, "p_paired": None}
    assert not has_failed(overlapping)
    assert has_failed(overlapping | {"p_paired": 0.02})
    assert has_failed({"p_value": 0.02, "p_paired": 0.3})


def test_a_control_that_fails_is_the_first_thing_that_is_said(tmp_path: Path):
    found = results_of(COMPARISON, tmp_path, exploited=0.5)
    assert found["headline"].startswith(
        "CONTROL FAILED: nothing should show of this, that exploiter people"
    )


def test_a_map_has_the_difference_of_a_claim_at_each_pair_of_assumptions(
    results: dict[str, Any],
):
    (one,) = results["sweeps"]["maps"]
    assert one["axes"] == ["trust_gain", "spillover"]
    assert one["values"] == [[0.1, 0.2], [0.0, 1.0]]
    assert one["difference"] == "ai_to_people 1.0 - 0.0"
    expected = 48 * 0.5 * np.mean([0.4 + 0.02 * seed for seed in range(5)])
    means = [score["mean"] for row in one["scores"] for score in row]
    assert means == pytest.approx([expected] * 4, rel=1e-5)


def test_arms_whose_points_are_missing_are_left_out_and_the_rest_is_told(tmp_path: Path):
    found = make_swept(COMPARISON)
    for name, cells in found.items():
        if name.startswith("cognitive"):
            for key in [key for key in cells if key.startswith(SWEPT)]:
                del cells[key]
    results = make_results(COMPARISON, found, {}, tmp_path)
    assert "cognitive" not in results["sweeps"]["scores"]
    assert results["sweeps"]["claims"] == []
    assert {one["arm"] for one in results["sweeps"]["gains"]} == {"reader", "ippo_gru"}


def test_the_page_has_claims_first_and_pictures_and_says_what_was_assumed(results: dict[str, Any]):
    pictures = draw_sweeps(results)
    assert set(pictures) == {"doses.png", "trust.png", "maps.png"}
    titles = [table.title for table in (*claim_tables(results), *sweep_tables(results))]
    assert titles == ["Claims and controls", "What help brings back", "Sweep: care", "Sweep: back"]
    scores = {"scores.png": b"png", "profiles.png": b"png"}
    page = make_page(results, pictures | scores | {"recovery_cue_remap_1.png": b"png"})
    assert page.index("Claims and controls") < page.index("Who adapts")
    assert "person:reserved is written down and not observed" in page
    assert "person:exploiter sits there too, as the preset reserved but for exploitation" in page
    told = "cognitive (care, preset reserved, ai_to_people 1), in one world&#x27;s episode:"
    # 48 steps of .54: .44 as the mean over seeds, .1 of people's dose; half of it comes back.
    help_given = 48 * (0.44 + 0.1)
    assert f"{told} {help_given:.2f} relieving helps for people" in page
    assert (
        f"0.00 of what people took from it hurt; {help_given / 2:.2f} relieving helps of people"
    ) in page
    assert "cannot prove a claim about people" in page
    assert "if nobody returned it" in page


def test_results_from_before_a_readout_have_no_column_of_it(results: dict[str, Any]):
    later = ("ai_welfare", "people_welfare")
    before = copy.deepcopy(results)
    for points in before["sweeps"]["scores"].values():
        for found in points.values():
            for name in later:
                del found[name]
    check_results(before, "before")
    now, then = (list(sweep_tables(one))[1] for one in (results, before))
    assert [name.replace("_", " ") for name in later] == list(now.header[-2:])
    assert then.header == now.header[:-2]
    assert [len(row) for row in then.rows] == [len(then.header)] * len(then.rows)
    pictures = dict.fromkeys(("scores.png", "recovery_cue_remap_1.png"), b"png")
    assert "ai welfare" in make_page(results, pictures)
    assert "ai welfare" not in make_page(before, pictures)


def test_each_claimed_readout_that_moves_has_a_map_of_its_own(tmp_path: Path):
    # Trust is the same in all cells, wherever they are from.
    one, _ = COMPARISON.claims
    others = [replace(one, readout=name) for name in ("trust_end", "ai_to_people")]
    found = results_of(replace(COMPARISON, claims=(*COMPARISON.claims, *others)), tmp_path)
    readouts = [one["readout"] for one in found["sweeps"]["maps"]]
    assert readouts == ["people_to_ai", "ai_to_people"]
    assert "maps.png" in draw_sweeps(found)


def test_a_comparison_without_sweeps_says_nothing_of_them(tmp_path: Path):
    results = make_results(MADE, make_cells(MADE), {}, tmp_path)
    assert results["sweeps"] is None
    assert draw_sweeps(results) == {}
    assert list(claim_tables(results)) == list(sweep_tables(results)) == []


def test_the_command_of_a_report_makes_changed_sweeps_and_claims_again():
    shipped = load_comparison("human_loop")
    changed = replace(
        shipped, sweeps=(CARE,), claims=(replace(claim("reserved", False), arm="reader"),)
    )
    words = shlex.split(command_of(changed))
    assignments = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    again = load_comparison("human_loop", parse_assignments(assignments))
    assert again.claims == changed.claims
    assert again.sweeps == changed.sweeps
