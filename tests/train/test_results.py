"""The results of a comparison against levels that its cells were made from."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_cells import (
    HORIZON,
    MADE,
    REMAP,
    SWAP,
    WORLDS,
    first_episodes,
    make_cells,
    usual_level,
    write_logs,
)

from empathy_loop.agents.arm import build_network
from empathy_loop.agents.registry import load_agent
from empathy_loop.envs.params import WorldParams
from empathy_loop.train import compare, curves
from empathy_loop.train.cells import Cell, run_folder
from empathy_loop.train.comparisons import load_comparison
from empathy_loop.train.config import parse_assignments
from empathy_loop.train.evidence import adapt_all, gather, terms_of
from empathy_loop.train.loop import train
from empathy_loop.train.notes import command_of, shown_run
from empathy_loop.train.plan import Comparison, Shift, plan_runs
from empathy_loop.train.results import MEASURES, OVERALL, make_results
from empathy_loop.train.statistics import restricted_mean

Found = dict[str, dict[str, Cell]]


@pytest.fixture(scope="module")
def found() -> Found:
    return make_cells(MADE)


@pytest.fixture(scope="module")
def results(found: Found, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("made")
    write_logs(MADE, folder)
    return make_results(MADE, found, {}, folder)


def score(results: Mapping[str, Any], arm: str, shift: Shift, measure: str) -> Any:
    return results["scores"][arm][shift.name][measure]


def without(found: Found, *names: str) -> Found:
    return {name: cells for name, cells in found.items() if name not in names}


def test_levels_come_out_for_each_seed_and_as_their_mean(results: dict[str, Any]) -> None:
    # cognitive: .7, .72, .74 before; 40% of it after cue_remap: .28, .288, .296, mean .288.
    before, aurc, deficit, retained = (
        score(results, "cognitive", REMAP, name)
        for name in ("before", "aurc", "deficit", "retained")
    )
    assert before["runs"] == pytest.approx({"0": 0.7, "1": 0.72, "2": 0.74})
    assert aurc["runs"] == pytest.approx({"0": 0.28, "1": 0.288, "2": 0.296})
    assert aurc["mean"] == pytest.approx(0.288)
    assert deficit["mean"] == pytest.approx(0.432)
    assert retained["mean"] == pytest.approx(0.4)


def test_intervals_span_seeds_and_lie_around_the_mean(results: dict[str, Any]) -> None:
    aurc = score(results, "cognitive", REMAP, "aurc")
    assert aurc["low"] < aurc["mean"] < aurc["high"]
    # Three seeds: all three draws are of the lowest in 1 of 27 resamples, more than 2.5%.
    assert (aurc["low"], aurc["high"]) == pytest.approx((0.28, 0.296))


def test_random_is_zero_and_the_oracle_one_to_the_last_digit(results: dict[str, Any]) -> None:
    for shift in (REMAP, SWAP):
        for arm, level in (("random", 0.0), ("oracle", 1.0)):
            for name, expected in (("before", level), ("aurc", level), ("deficit", 0.0)):
                found = score(results, arm, shift, name)
                assert (found["mean"], found["low"], found["high"]) == (expected,) * 3


def test_recovery_is_told_or_said_to_be_missing_and_never_made_up(results: dict[str, Any]) -> None:
    # After the swap all are at 80%: half of the twin at once, nine tenths never.
    half, most = (
        score(results, "cognitive", SWAP, name) for name in ("recovery_50", "recovery_90")
    )
    limit = next(s["recovery_limit"] for s in results["shifts"] if s["name"] == SWAP.name)
    assert half["runs"] == {"0": 0, "1": 0, "2": 0}
    assert (half["mean"], half["note"]) == (0.0, "")
    assert most["runs"] == {"0": None, "1": None, "2": None}
    assert (most["mean"], most["note"]) == (limit, f"3 not within {limit}")
    assert min(most["watched"].values()) >= limit
    # random has nothing to recover.
    nothing = score(results, "random", SWAP, "recovery_50")
    assert nothing["mean"] is None
    assert nothing["watched"] == {"0": None, "1": None, "2": None}


def test_seeds_that_recover_and_seeds_that_do_not_are_averaged_up_to_the_limit(
    tmp_path: Path,
) -> None:
    def level(arm: str, seed: int, shift: Shift | None) -> tuple[float, float]:
        before, after = usual_level(arm, seed, shift)
        return (before, before) if seed == 1 else (before, after)

    results = make_results(MADE, make_cells(MADE, level), {}, tmp_path)
    found = score(results, "cognitive", REMAP, "recovery_90")
    limit = next(s["recovery_limit"] for s in results["shifts"] if s["name"] == REMAP.name)
    assert found["runs"] == {"0": None, "1": 0, "2": None}
    # One at 0 and two at the limit or later.
    assert found["mean"] == pytest.approx(2 * limit / 3)
    assert (found["low"], found["high"]) == (0.0, limit)
    assert found["note"] == f"2 not within {limit}"
    # The file alone tells who was watched for how long, so that the mean can be made again.
    times = [found["watched"][seed] if one is None else one for seed, one in found["runs"].items()]
    seen = [one is not None for one in found["runs"].values()]
    again = restricted_mean(np.array(times, np.float64), np.array(seen, np.float64), limit)
    assert float(again) == found["mean"]


def test_what_needs_no_anchors_is_worked_out_by_hand(results: dict[str, Any], found: Found) -> None:
    # Drives are (1, 2, 3) * (1 - level): mean 2 * .28, worst 3 * .28, with the level .72 on
    # average; Gini of 1, 2, 3 is 8 / (2 * 9 * 2).
    scores = results["scores"]["cognitive"][REMAP.name]
    assert scores["drive"]["mean"] == pytest.approx(0.56)
    assert scores["worst_off"]["mean"] == pytest.approx(0.84)
    assert scores["gini"]["mean"] == pytest.approx(8 / 36)
    # A help in each step, each fourth of them misattuned.
    assert scores["helps"]["mean"] == HORIZON
    assert scores["help_precision"]["mean"] == 0.75
    welfare = [found[f"cognitive-s{s}"][REMAP.name].welfare.sum() / WORLDS for s in range(3)]
    assert scores["welfare"]["mean"] == pytest.approx(sum(welfare) / 3)
    assert scores["auroc"]["mean"] == pytest.approx(0.9)
    assert scores["calibration_error"]["mean"] == pytest.approx(0.05)


def test_what_an_arm_does_not_have_is_null(results: dict[str, Any]) -> None:
    scores = results["scores"]["random"][REMAP.name]
    assert scores["help_precision"]["mean"] is None
    assert results["scores"]["ippo_gru"][REMAP.name]["auroc"]["mean"] is None


def test_the_score_over_shifts_is_the_mean_of_typical_runs(results: dict[str, Any]) -> None:
    # cognitive: means of .28 and .56, .288 and .576, .296 and .592.
    overall = results["overall"]["cognitive"]
    assert overall["cas"]["mean"] == pytest.approx((0.42 + 0.432 + 0.444) / 3)
    # Deficits: means of .14 and .42, .144 and .432, .148 and .444.
    assert overall["deficit"]["mean"] == pytest.approx((0.28 + 0.288 + 0.296) / 3)
    assert overall["cas"]["low"] < overall["cas"]["mean"] < overall["cas"]["high"]
    families = results["families"]["cognitive"]
    assert families["cue_remap"]["mean"] == pytest.approx(0.288)
    assert families["partner_swap"]["mean"] == pytest.approx(0.576)
    assert overall["worst_family"]["mean"] == pytest.approx(0.288)
    assert overall["worst_off"]["mean"] == pytest.approx(0.84)


def test_contrasts_are_worked_out_by_hand(results: dict[str, Any]) -> None:
    entries = {(e["shift"], e["measure"]): e for e in results["contrasts"]}
    assert len(entries) == len(results["contrasts"]) == 6
    # CAS of ippo_gru: .3 .312 .324 -> .312; deficit .2 .208 .216 -> .208.
    assert entries["all shifts", "aurc"]["difference"]["mean"] == pytest.approx(0.432 - 0.312)
    assert entries["all shifts", "deficit"]["difference"]["mean"] == pytest.approx(0.288 - 0.208)
    assert entries[REMAP.name, "aurc"]["difference"]["mean"] == pytest.approx(0.288 - 0.208)
    # Each run of the one is above each of the other: level better for sure, deficit worse.
    for (_, measure), entry in entries.items():
        assert entry["p_improvement"]["mean"] == (1.0 if measure == "aurc" else 0.0)
        assert entry["seeds"] == [3, 3]
        assert entry["difference"]["low"] > 0.0
        # 2 / C(6, 3), and six of them.
        assert entry["p_value"] == pytest.approx(0.1)
        assert entry["p_holm"] == entry["p_reachable"] == pytest.approx(0.6)


def test_the_headline_says_the_numbers_and_that_three_seeds_prove_nothing(
    results: dict[str, Any],
) -> None:
    text = results["headline"]
    assert text.startswith("cognitive against ippo_gru (all shifts, 3 seeds each): CAS 0.43 [")
    assert "] against 0.31 [" in text
    assert "deficit 0.29 [" in text
    # All runs of the one are above all of the other: no spread is known, here as in the tables.
    assert "probability of improvement 1.00 in level and 0.00 in deficit" in text
    assert "In level, no difference was shown (p = 0.600 after Holm; so few seeds cannot" in text
    assert "In deficit, no difference was shown (p = 0.600" in text
    assert "ahead" not in text
    assert results["not_significant"][0] == (
        "None of the 6 tests could have been significant at 0.05, whatever the runs had done: "
        "the least p of 3 against 3 seeds is 0.100, and 0.600 after Holm."
    )
    assert len(results["not_significant"]) == 7
    assert any("has 3 of 3 seeds" in line and "leads" in line for line in results["limits"])


def test_with_enough_seeds_either_sign_is_called_significant(tmp_path: Path) -> None:
    for pair in (("cognitive", "ippo_gru"), ("ippo_gru", "cognitive")):
        comparison = replace(MADE, seeds=tuple(range(5)), contrasts=(pair,))
        results = make_results(comparison, make_cells(comparison), {}, tmp_path)
        # 2 / C(10, 5) = .0079, times 6.
        assert f"{pair[0]} against {pair[1]} (all shifts, 5 seeds each)" in results["headline"]
        assert "In level, cognitive is ahead, significantly (p = 0.048" in results["headline"]
        assert "In deficit, ippo_gru is ahead, significantly (p = 0.048" in results["headline"]
        assert results["not_significant"] == []
        signs = {e["measure"]: e["difference"]["mean"] > 0 for e in results["contrasts"]}
        assert signs == dict.fromkeys(("aurc", "deficit"), pair[0] == "cognitive")


def test_no_difference_is_called_none(tmp_path: Path) -> None:
    def level(arm: str, seed: int, shift: Shift | None) -> tuple[float, float]:
        return usual_level("cognitive" if arm == "ippo_gru" else arm, seed, shift)

    results = make_results(MADE, make_cells(MADE, level), {}, tmp_path)
    assert "No difference in level. No difference in deficit." in results["headline"]
    assert all(entry["p_value"] == 1.0 for entry in results["contrasts"])
    assert all(entry["p_improvement"]["mean"] == 0.5 for entry in results["contrasts"])


def test_a_single_seed_has_no_interval_and_no_significance(tmp_path: Path) -> None:
    comparison = replace(MADE, seeds=(4,), shifts=(REMAP,))
    write_logs(comparison, tmp_path)
    results = make_results(comparison, make_cells(comparison), {}, tmp_path)
    aurc = score(results, "cognitive", REMAP, "aurc")
    # .4 * (.7 + 4 * .02)
    assert aurc["mean"] == aurc["runs"]["4"] == pytest.approx(0.312)
    assert aurc["low"] is aurc["high"] is None
    assert results["learning"]["cognitive"]["low"] is None
    assert results["recovery"][REMAP.name]["arms"]["cognitive"]["high"] is None
    assert [entry["shift"] for entry in results["contrasts"]] == [REMAP.name] * 2
    assert {entry["p_holm"] for entry in results["contrasts"]} == {1.0}
    assert "(cue_remap 1, 1 seed each): CAS 0.31 against 0.23," in results["headline"]


def test_several_contrasts_are_corrected_together(tmp_path: Path) -> None:
    pairs = (("cognitive", "ippo_gru"), ("cognitive", "reader"), ("ippo_gru", "reader"))
    comparison = replace(MADE, contrasts=pairs)
    results = make_results(comparison, make_cells(comparison), {}, tmp_path)
    assert len(results["contrasts"]) == 18
    assert {entry["p_holm"] for entry in results["contrasts"]} == {1.0}


def test_without_a_contrast_the_headline_lists_the_arms(tmp_path: Path) -> None:
    comparison = replace(MADE, contrasts=())
    results = make_results(comparison, make_cells(comparison), {}, tmp_path)
    assert results["contrasts"] == results["not_significant"] == []
    assert results["headline"].startswith("CAS: reader 0.")
    assert ", cognitive 0.43 [" in results["headline"]
    assert "oracle" not in results["headline"]


def test_the_weights_of_an_arm_are_counted_in_the_world_as_it_sees_it(
    found: Found, tmp_path: Path
) -> None:
    results = make_results(replace(MADE, arms=(*MADE.arms, "oracle_ppo")), found, {}, tmp_path)
    weights = {arm["name"]: arm["weights"] for arm in results["arms"]}
    seen = build_network(load_agent("oracle_ppo"), WorldParams(show_needs=True), seed=0)
    assert weights["oracle_ppo"] == seen.acting_weights() > weights["cognitive"]


def test_an_arm_without_a_finished_run_is_named_and_left_out(found: Found, tmp_path: Path) -> None:
    names = [f"cognitive-s{seed}" for seed in range(3)]
    results = make_results(MADE, without(found, *names), {names[0]: "RuntimeError: x"}, tmp_path)
    assert "cognitive" not in results["scores"]
    (cognitive,) = (arm for arm in results["arms"] if arm["name"] == "cognitive")
    assert cognitive["seeds"] == 0
    # With how many weights an arm would act does not depend on whether it was trained.
    network = build_network(load_agent("cognitive"), WorldParams(), seed=0)
    assert cognitive["weights"] == network.acting_weights()
    assert results["arms"][0]["weights"] is None
    assert results["headline"] == (
        "cognitive against ippo_gru: not scored, for no run of cognitive is finished."
    )
    assert results["failures"] == {names[0]: "RuntimeError: x"}
    assert results["episode"].startswith("One evaluation episode of ippo_gru, seed 0: the truth.")


def test_a_failed_run_leaves_the_other_seeds(found: Found, tmp_path: Path) -> None:
    results = make_results(MADE, without(found, "cognitive-s0"), {}, tmp_path)
    assert score(results, "cognitive", REMAP, "aurc")["runs"] == pytest.approx(
        {"1": 0.288, "2": 0.296}
    )
    assert results["contrasts"][0]["seeds"] == [2, 3]
    assert "(all shifts, 2 seeds and 3 seeds)" in results["headline"]
    assert results["episode"].startswith("One evaluation episode of cognitive, seed 1")


def test_other_seeds_of_an_anchor_stand_in_and_this_is_said(found: Found, tmp_path: Path) -> None:
    results = make_results(MADE, without(found, "oracle-s1"), {}, tmp_path)
    aurc = score(results, "cognitive", REMAP, "aurc")["runs"]
    assert aurc["0"] == pytest.approx(0.28)
    # Another oracle, in other worlds: near, and not the same.
    assert aurc["1"] == pytest.approx(0.288, abs=0.05)
    assert aurc["1"] != pytest.approx(0.288, abs=1e-6)
    assert any("oracle is missing for the seeds 1;" in line for line in results["limits"])


def test_without_an_anchor_nothing_is_normalised_and_the_rest_stands(
    found: Found, tmp_path: Path
) -> None:
    oracles = [f"oracle-s{seed}" for seed in range(3)]
    results = make_results(MADE, without(found, *oracles), {}, tmp_path)
    scores = results["scores"]["cognitive"][REMAP.name]
    assert scores["aurc"]["mean"] is scores["recovery_50"]["mean"] is None
    assert scores["drive"]["mean"] == pytest.approx(0.56)
    assert results["overall"]["cognitive"]["cas"]["mean"] is None
    assert results["contrasts"] == []
    assert results["recovery"][REMAP.name]["arms"] == {}
    assert results["headline"].endswith("not scored, for no run of oracle is finished.")
    json.dumps(results, allow_nan=False)


def test_nothing_finished_is_a_result_too(tmp_path: Path) -> None:
    results = make_results(MADE, {}, {"random-s0": "x"}, tmp_path)
    assert results["scores"] == results["overall"] == results["learning"] == {}
    assert "not scored" in results["headline"]
    assert results["episode"] == ""


def test_a_shift_that_cannot_be_scored_is_left_out_of_sums_and_named(
    found: Found, tmp_path: Path
) -> None:
    # With the shift, the oracle of one seed is no better than random.
    blunt = dict(found["oracle-s2"])
    blunt[SWAP.name] = found["random-s2"][SWAP.name]
    results = make_results(MADE, {**found, "oracle-s2": blunt}, {}, tmp_path)
    assert [s["scored"] for s in results["shifts"]] == [True, False]
    assert score(results, "cognitive", SWAP, "aurc")["runs"]["2"] is None
    assert score(results, "cognitive", SWAP, "aurc")["note"] == "2 of 3 seeds"
    assert results["overall"]["cognitive"]["cas"]["mean"] == pytest.approx(0.288)
    assert {entry["shift"] for entry in results["contrasts"]} == {REMAP.name}
    assert any(line.endswith("scored there: partner_swap 0.3.") for line in results["limits"])


def test_the_same_cells_give_the_same_bytes_and_an_arm_more_changes_no_interval(
    found: Found, results: dict[str, Any], tmp_path: Path
) -> None:
    write_logs(MADE, tmp_path)
    again = make_results(MADE, dict(reversed(list(found.items()))), {}, tmp_path)
    assert json.dumps(again) == json.dumps(results)
    fewer = make_results(MADE, without(found, *(f"reader-s{s}" for s in range(3))), {}, tmp_path)
    assert fewer["scores"]["cognitive"] == results["scores"]["cognitive"]
    assert fewer["contrasts"] == results["contrasts"]


def test_results_are_plain_data_with_every_declared_measure(results: dict[str, Any]) -> None:
    assert json.loads(json.dumps(results, allow_nan=False)) == results
    for arm in MADE.all_arms:
        assert list(results["overall"][arm]) == list(OVERALL)
        for shift in MADE.shifts:
            assert list(results["scores"][arm][shift.name]) == list(MEASURES)
    assert [arm["name"] for arm in results["arms"]] == list(MADE.all_arms)
    assert [shift["trained"] for shift in results["shifts"]] == [False, True]


def test_learning_curves_are_means_of_bins_of_agent_steps(results: dict[str, Any]) -> None:
    # Updates 100 .. 400 steps after the first episodes, which are left out, in four bins:
    # -10 + update + seed; mean over seeds is + 1.
    curve = results["learning"]["cognitive"]
    begin = first_episodes(MADE)
    assert curve["steps"] == [begin + 50.0, begin + 150.0, begin + 250.0, begin + 350.0]
    assert curve["runs"][2] == [-8.0, -7.0, -6.0, -5.0]
    assert curve["mean"] == [-9.0, -8.0, -7.0, -6.0]
    assert (curve["low"][0], curve["high"][0]) == (-10.0, -8.0)
    assert set(results["learning"]) == {"ippo_gru", "cognitive"}


def test_long_logs_are_binned_and_a_damaged_number_left_out(found: Found, tmp_path: Path) -> None:
    write_logs(MADE, tmp_path, updates=120)
    run = next(run for run in plan_runs(MADE) if run.name == "cognitive-s0")
    path = run_folder(tmp_path, run) / "metrics.jsonl"
    lines = path.read_text().splitlines()
    lines[2] = lines[2].replace("-9.0", "NaN")
    path.write_text("\n".join(lines) + "\n")
    curve = make_results(MADE, found, {}, tmp_path)["learning"]["cognitive"]
    # 60 bins of two updates; the first of seed 0 has only its first update, -10.
    assert len(curve["steps"]) == 60
    assert curve["runs"][0][:2] == [-10.0, -7.5]
    assert curve["runs"][1][:2] == [-8.5, -6.5]


def test_a_run_shorter_than_its_first_episodes_has_no_curve(found: Found, tmp_path: Path) -> None:
    write_logs(MADE, tmp_path, updates=0)
    assert make_results(MADE, found, {}, tmp_path)["learning"] == {}


def test_references_are_of_the_very_world_of_training(
    results: dict[str, Any], found: Found, tmp_path: Path
) -> None:
    assert set(results["references"]) == {"random", "reader", "oracle"}
    expected = sum(found[f"reader-s{s}"][SWAP.name].welfare.sum() / WORLDS for s in range(3)) / 3
    assert results["references"]["reader"] == pytest.approx(expected)
    other = replace(MADE, shifts=(REMAP, Shift("partner_swap", 1.0)))
    level = lambda arm, seed, shift: usual_level(arm, seed, None)  # noqa: E731
    assert make_results(other, make_cells(other, level), {}, tmp_path)["references"] == {}


def test_curves_around_the_shift_are_at_the_levels_of_the_cells(results: dict[str, Any]) -> None:
    shown = results["recovery"][REMAP.name]
    assert set(shown["arms"]) == {"reader", "ippo_gru", "cognitive"}
    curve = shown["arms"]["cognitive"]
    for offset, mean, twin in zip(shown["offset"], curve["mean"], curve["twin"], strict=True):
        if mean is not None:
            assert mean == pytest.approx(0.72 if offset < 0 else 0.288)
            assert twin == pytest.approx(0.72)
    assert shown["offset"][0] < -5
    assert shown["offset"][-1] > 5


def test_curves_begin_a_few_steps_before_the_shift(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves, "STEPS_BEFORE", 4)
    shown = curves.recovery_curves(gather(MADE, found), REMAP)
    assert shown["offset"][0] == -4
    assert len(shown["offset"]) == len(shown["arms"]["reader"]["mean"])


def test_anchors_are_those_of_the_same_seed(found: Found) -> None:
    evidence = gather(MADE, found)
    adapted = adapt_all(evidence)
    for seed in MADE.seeds:
        terms = terms_of(evidence, "cognitive", seed, REMAP)
        assert terms is not None
        own = found[f"oracle-s{seed}"][REMAP.name].welfare.sum()
        assert terms.gap.sum() == pytest.approx(
            own - found[f"random-s{seed}"][REMAP.name].welfare.sum()
        )
        one = adapted["oracle"][REMAP.name][seed]
        assert one is not None
        assert one.aurc == 1.0


def test_the_command_makes_the_same_comparison_again() -> None:
    changes = {
        "steps": 1000,
        "seeds": [3, 4],
        "arms": ["cognitive"],
        "contrasts": [["cognitive", "random"]],
        "shifts": [{"family": "cue_remap", "severity": 0.5}],
        "agent": {"ppo": {"num_worlds": 4}},
        "workers": 7,
    }
    comparison = load_comparison("quick", changes)
    command = shlex.split(command_of(comparison))
    assert command[:3] == ["empathy-loop", "compare", "quick"]
    assert "workers" not in " ".join(command)
    again = load_comparison("quick", parse_assignments(command[4::2]))
    assert replace(again, workers=7) == comparison
    assert command_of(load_comparison("quick")) == "empathy-loop compare quick"
    assert command_of(MADE) == "empathy-loop compare made.toml"


def test_the_episode_is_of_the_claim_then_of_what_learned_then_of_anything() -> None:
    comparison = replace(MADE, contrasts=(("cognitive", "ippo_gru"),))

    def shown(*finished: str) -> str | None:
        run = shown_run(comparison, finished)
        return run and run.name

    assert shown("oracle-s0", "ippo_gru-s0", "cognitive-s2", "cognitive-s1") == "cognitive-s1"
    assert shown("oracle-s0", "ippo_gru-s2") == "ippo_gru-s2"
    assert shown("oracle-s0", "random-s0") == "oracle-s0"
    assert shown() is None


def test_the_episode_is_drawn_if_its_run_still_has_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []

    def record(
        actor: Any, params: Any, seed: int, cell_pixels: int, seats: tuple[str, ...]
    ) -> list[Any]:
        drawn.append((actor.name, params.shift, params.shift_severity, seed))
        return []

    monkeypatch.setattr(compare, "record_episode", record)
    monkeypatch.setattr(compare, "write_episode", lambda frames, path: path)
    assert compare.draw_episode(MADE, ["cognitive-s1"], tmp_path) is None
    assert compare.draw_episode(MADE, [], tmp_path) is None
    assert compare.draw_episode(MADE, ["reader-s2"], tmp_path) == tmp_path / "episode.gif"
    small = {
        "network": {"hidden_size": 8, "belief_size": 6},
        "ppo": {"num_worlds": 4, "rollout_steps": 8},
    }
    tiny = Comparison("tiny", seeds=(1,), steps=1, agent=small)
    run = next(run for run in plan_runs(tiny) if run.arm == "cognitive")
    train(run.config, run_folder(tmp_path, run))
    assert compare.draw_episode(tiny, [run.name], tmp_path) == tmp_path / "episode.gif"
    assert drawn == [("reader", "cue_remap", 1.0, 2), ("cognitive", "partner_swap", 0.3, 1)]


# What is known of others' needs.


def test_reports_on_beliefs_are_averaged_over_seeds(results: dict[str, Any]) -> None:
    beliefs = results["beliefs"]
    assert beliefs.keys() == {"ippo_gru", "cognitive"}
    assert beliefs["ippo_gru"]["heldout"].keys() == {"probe", "filter"}
    # Third of PARTNERS, second of SOURCES and of QUALITIES: .1 * (2 + 1 + 1), and .01 a seed.
    auroc = beliefs["cognitive"]["heldout"]["probe"]["auroc"]
    assert auroc["runs"] == pytest.approx({"0": 0.4, "1": 0.41, "2": 0.42})
    assert auroc["mean"] == pytest.approx(0.41)
    assert (auroc["low"], auroc["high"]) == pytest.approx((0.4, 0.42))


def test_what_a_run_could_not_score_is_left_out_of_the_mean(found: Found, tmp_path: Path) -> None:
    write_logs(MADE, tmp_path)
    (run, *others) = [one for one in plan_runs(MADE) if one.arm == "ippo_gru"]
    path = run_folder(tmp_path, run) / "evaluation.json"
    report = json.loads(path.read_text())
    report["belief"]["train"]["probe"]["detection_steps"] = None
    path.write_text(json.dumps(report))
    (run_folder(tmp_path, others[-1]) / "evaluation.json").write_text('{"outcomes": {}}')
    beliefs = make_results(MADE, found, {}, tmp_path)["beliefs"]["ippo_gru"]["train"]["probe"]
    assert list(beliefs["auroc"]["runs"]) == ["0", "1"]
    assert beliefs["detection_steps"]["runs"]["0"] is None
    assert beliefs["detection_steps"]["note"] == "1 of 2 seeds"


def test_runs_that_failed_and_runs_without_reports_have_no_beliefs(
    found: Found, tmp_path: Path
) -> None:
    assert make_results(MADE, found, {}, tmp_path)["beliefs"] == {}
    write_logs(MADE, tmp_path)
    failed = [run.name for run in plan_runs(MADE) if run.arm == "cognitive"]
    assert make_results(MADE, without(found, *failed), {}, tmp_path)["beliefs"].keys() == {
        "ippo_gru"
    }
