"""Scores stand between random and oracle on the same worlds, with honest intervals."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empathy_loop.envs import scenarios
from empathy_loop.envs.params import WorldParams
from empathy_loop.train.actors import load_actor
from empathy_loop.train.assess import Assessment, assess, world_of, write_assessment
from empathy_loop.train.beliefs import belief_report
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.evaluate import run_episodes, score_belief
from empathy_loop.train.files import read_json
from empathy_loop.train.loop import train
from empathy_loop.train.outcomes import outcomes
from empathy_loop.train.runs import write_config

MakeConfig = Callable[..., TrainConfig]
WORLD = {"horizon": 48, "shift": "cue_remap", "shift_severity": 1.0}


def request_of(*agents: str, **changes: Any) -> Assessment:
    return Assessment(**({"agents": agents, "world": WORLD, "episodes": 40, "seed": 3} | changes))


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return assess(request_of("reader"))


@pytest.fixture
def run(tmp_path: Path, make_config: MakeConfig) -> Path:
    """Return the folder of a run with a trained belief and settings, without an evaluation."""
    config = make_config(updates=1, world={"view_radius": 3})
    train(config, tmp_path / "run")
    write_config(tmp_path / "run", config)
    return tmp_path / "run"


def test_random_and_oracle_are_always_there_and_are_the_ends(report: dict[str, Any]) -> None:
    assert report["agents"] == ["random", "reader", "oracle"]
    assert report["cells"] == ["cue_remap 1", "none"]
    for cell in report["cells"]:
        for agent, value in (("random", 0.0), ("oracle", 1.0)):
            assert report["scores"][agent][cell]["normalised"] == {
                "mean": value,
                "low": value,
                "high": value,
            }


def test_scores_are_those_of_the_logs(report: dict[str, Any]) -> None:
    shifted = WorldParams(**WORLD)
    for cell, world in (("cue_remap 1", shifted), ("none", replace(shifted, shift="none"))):
        logs = {
            name: run_episodes(load_actor(name), world, 40, seed=3) for name in report["agents"]
        }
        for name, log in logs.items():
            for measure, value in outcomes(log).items():
                assert report["scores"][name][cell][measure]["mean"] == pytest.approx(value)
        # n = (sum y - sum R) / (sum O - sum R)
        random, reader, oracle = (logs[name].welfare.sum() for name in report["agents"])
        found = report["scores"]["reader"][cell]["normalised"]["mean"]
        assert found == pytest.approx((reader - random) / (oracle - random))


def test_intervals_hold_their_means_and_are_as_wide_as_the_central_limit_says(
    report: dict[str, Any],
) -> None:
    log = run_episodes(load_actor("reader"), WorldParams(**WORLD), 40, seed=3)
    welfare = report["scores"]["reader"]["cue_remap 1"]["welfare"]
    assert welfare["low"] < welfare["mean"] < welfare["high"]
    # Of a mean of 40 worlds: 2 * 1.96 standard errors, within a fifth.
    expected = 2 * 1.96 * log.welfare.sum(0).std() / np.sqrt(40)
    assert welfare["high"] - welfare["low"] == pytest.approx(expected, rel=0.2)
    for scores in report["scores"].values():
        for measures in scores.values():
            for score in measures.values():
                assert score["low"] <= score["mean"] <= score["high"]


def test_the_same_request_gives_the_same_report(report: dict[str, Any]) -> None:
    assert assess(request_of("reader")) == report
    assert assess(request_of("reader", seed=4))["scores"] != report["scores"]


def test_a_world_without_a_shift_has_no_twin() -> None:
    report = assess(request_of("reader", world=WORLD | {"shift": "none"}, episodes=5))
    assert report["cells"] == ["none"]


def test_anchors_that_are_asked_for_are_played_once() -> None:
    report = assess(request_of("oracle", "random", episodes=2))
    assert report["agents"] == ["random", "oracle"]
    assert report["requested"] == ["oracle", "random"]


def test_one_episode_has_no_interval() -> None:
    report = assess(request_of("reader", episodes=1))
    for score in report["scores"]["reader"]["none"].values():
        assert score["mean"] is not None
        assert score["low"] is score["high"] is None


def test_where_the_oracle_is_not_ahead_nothing_is_normalised() -> None:
    # Without hazard nobody ever has a need; random helps cost, so the oracle is ahead, but
    # with free and harmless helps all episodes are worth 0.
    world = {"horizon": 8, "total_hazard": 0.0, "help_cost": 0.0, "misattuned_hurt": 0.0}
    report = assess(request_of("reader", world=world, episodes=3))
    assert report["scores"]["reader"]["none"]["welfare"]["mean"] == 0.0
    assert report["scores"]["reader"]["none"]["normalised"] == {
        "mean": None,
        "low": None,
        "high": None,
    }


def test_who_never_helps_has_no_precision() -> None:
    scores = assess(request_of("stay", episodes=3))["scores"]["stay"]["none"]
    assert scores["helps"]["mean"] == 0.0
    assert scores["help_precision"] == {"mean": None, "low": None, "high": None}


def test_a_run_brings_its_world_and_the_quality_of_its_belief(run: Path) -> None:
    report = assess(Assessment(("reader", str(run)), episodes=4))
    assert report["world"]["view_radius"] == 3
    assert report["agents"] == ["random", "reader", str(run), "oracle"]
    assert report["belief"].keys() == {str(run)}
    for quality in report["belief"][str(run)].values():
        assert quality.keys() == {"crisis_loss", "auroc", "calibration_error"}
        assert 0.0 <= quality["auroc"] <= 1.0


def test_a_report_on_beliefs_is_made_where_it_is_asked_for(run: Path) -> None:
    request = Assessment(("filter", str(run)), episodes=4, seed=3, beliefs=True)
    report = assess(request)
    assert report["belief_report"].keys() == {"filter", str(run)}
    world = world_of(request)
    assert report["belief_report"][str(run)] == belief_report(load_actor(run), world, 4, seed=3)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    plain = assess(replace(request, beliefs=False))
    assert plain == report | {"belief_report": {}}


def test_greedy_changes_what_a_learned_agent_does(run: Path) -> None:
    sampled, greedy = (assess(Assessment((str(run),), episodes=4, greedy=g)) for g in (False, True))
    assert sampled["scores"][str(run)] != greedy["scores"][str(run)]
    assert sampled["scores"]["random"] == greedy["scores"]["random"]


def test_the_world_comes_from_the_scenario_the_first_run_or_the_default(run: Path) -> None:
    assert world_of(Assessment(("reader",))) == WorldParams()
    assert world_of(Assessment(("reader", str(run)))).view_radius == 3
    assert world_of(Assessment((str(run),), env="mutual_aid_v0")).view_radius == 32
    amended = world_of(Assessment((str(run),), world={"shift": "none", "horizon": 9}))
    assert (amended.view_radius, amended.shift, amended.horizon) == (3, "none", 9)


def test_a_run_that_lost_its_settings_is_scored_only_in_a_world_that_is_named(run: Path) -> None:
    (run / "config.json").unlink()
    with pytest.raises(ValueError, match=r"a checkpoint, but no config.json .*name the world with"):
        world_of(Assessment((str(run),)))
    assert world_of(Assessment((str(run),), env="mutual_aid_v0")) == WorldParams()


def test_what_was_changed_against_the_scenario_is_said(report: dict[str, Any], run: Path) -> None:
    assert report["changed"] == {"horizon": 48}
    changed = assess(Assessment((str(run),), episodes=1))["changed"]
    assert changed["view_radius"] == 3
    assert {"shift", "shift_severity", "num_agents"}.isdisjoint(changed)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"agents": ()}, r"name at least one agent to evaluate"),
        ({"agents": ("reder",)}, r"'reder' is neither the folder of a run .*did you mean reader"),
        ({"episodes": 0}, r"episodes must be in \[1, 10000\], got 0"),
        ({"seed": -1}, r"seed must be in \[0, 1e\+09\], got -1"),
        ({"env": "mutual_aid"}, r"did you mean mutual_aid_v0"),
        ({"world": {"horizn": 4}}, r"unknown key 'horizn'; did you mean horizon"),
        ({"world": {"num_agents": 1}}, r"num_agents must be in \[2, 16\], got 1"),
        ({"seats": ("focal", "train")}, r"one seat for each of 3 agents, got 2 \(focal, train\)"),
        ({"seats": ("focal", "heldot", "train")}, r"unknown seat 'heldot'; did you mean heldout"),
        ({"agents": (), "seats": ("focal",)}, r"at least one agent .*; name it before the seats"),
        ({"world": {"shift": "cue_remp"}}, r"shift must be one of none, .*got 'cue_remp'"),
        ({"world": {"shift_severity": 0.0}}, r"shift_severity must be in \(0, 1\], got 0.0"),
    ],
)
def test_what_cannot_be_assessed_is_explained(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        assess(request_of("reader", **changes))


# Partners in some of the seats


def test_all_agents_and_anchors_play_the_same_focal_seats_beside_the_same_partners() -> None:
    seats = ("focal", "filter", "heldout")
    report = assess(request_of("filter", seats=seats, episodes=20))
    assert report["seats"] == list(seats)
    assert report["agents"] == ["random", "filter", "oracle"]
    shifted = WorldParams(**WORLD)
    for cell, world in (("cue_remap 1", shifted), ("none", replace(shifted, shift="none"))):
        logs = {
            name: run_episodes(load_actor(name), world, 20, seed=3, seats=seats)
            for name in report["agents"]
        }
        for name, log in logs.items():
            for measure, value in outcomes(log).items():
                assert report["scores"][name][cell][measure]["mean"] == pytest.approx(value)
        random, own, oracle = (log.welfare.sum() for log in logs.values())
        found = report["scores"]["filter"][cell]["normalised"]["mean"]
        assert found == pytest.approx((own - random) / (oracle - random))
        assert report["belief"]["filter"][cell] == score_belief(logs["filter"])
    # Beside partners who do the work, even random play is not what it is alone.
    alone = assess(request_of("filter", episodes=20))
    assert alone["seats"] == ["focal"] * 3
    welfare = [one["scores"]["random"]["none"]["welfare"]["mean"] for one in (alone, report)]
    assert welfare[1] > welfare[0] + 0.5


def test_seats_are_those_of_the_scenario_where_it_is_named_and_else_all_focal(
    monkeypatch: pytest.MonkeyPatch, run: Path
) -> None:
    seats, load = ("focal", "stay", "stay"), scenarios.load_scenario
    monkeypatch.setattr(scenarios, "load_scenario", lambda name: replace(load(name), seats=seats))
    for changes, expected in (
        ({"env": "mutual_aid_v0"}, seats),
        ({"env": "mutual_aid_v0", "seats": ("focal", "focal", "stay")}, ("focal", "focal", "stay")),
        ({}, ("focal",) * 3),
    ):
        for agent in ("reader", str(run)):
            report = assess(request_of(agent, episodes=1, **changes))
            assert report["seats"] == list(expected)


def test_the_report_is_plain_data_in_the_file_that_was_asked_for(
    report: dict[str, Any], tmp_path: Path
) -> None:
    path = write_assessment(report, tmp_path / "new" / "numbers.json")
    assert path == tmp_path / "new" / "numbers.json"
    assert read_json(path) == json.loads(json.dumps(report))


def test_the_file_is_named_after_agents_shift_seed_and_the_whole_request(
    report: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    agents = ["runs/cognitive-mutual_aid_v0-s0", "my.module:Mine", "reader"]
    path = write_assessment(report | {"requested": agents})
    begins = "cognitive-mutual_aid_v0-s0+my.module.Mine+reader-cue_remap-s3-"
    assert path.parent == Path("results", "evaluate")
    assert path.name.startswith(begins)
    assert path.is_file()
    others = [{"episodes": 41}, {"seats": ["focal", "heldout", "heldout"]}, {"greedy": True}]
    others += [{"belief_report": {"reader": {}}}, {"world": report["world"] | {"horizon": 47}}]
    others += [{"requested": ["elsewhere/cognitive-mutual_aid_v0-s0", *agents[1:]]}]
    paths = [write_assessment(report | {"requested": agents} | other) for other in others]
    assert all(other.name.startswith(begins) for other in paths)
    assert len({path, *paths}) == 7
    assert write_assessment(report | {"requested": agents}) == path
    names = {
        write_assessment(report | {"requested": [f"runs/agent_{i}_{last}" for i in range(40)]}).name
        for last in ("a", "b")
    }
    assert len(names) == 2
    assert all(len(name) < 200 for name in names)
