"""References that ship are of this version's worlds, and any other is refused with the reason."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from made_cells import MADE, make_cells

from empathy_loop.train.actors import load_actor
from empathy_loop.train.comparisons import load_comparison
from empathy_loop.train.config import hash_of
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.plan import CEILING, FLOOR, identity_of, plan_runs, world_of_cell
from empathy_loop.train.reference import (
    SETTINGS,
    Reference,
    check_anchors,
    check_arms,
    check_worlds,
    describe_references,
    describe_settings,
    list_references,
    load_reference,
    refuse_mixture,
)
from empathy_loop.train.results import make_results
from empathy_loop.train.results_file import RESULTS

HASH = re.compile(r"\b[0-9a-f]{16}\b")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a reference made from known levels; nobody writes into it."""
    folder = tmp_path_factory.mktemp("made")
    (folder / SETTINGS).write_text(json.dumps(describe_settings(MADE)))
    results = make_results(MADE, make_cells(MADE), {}, folder)
    (folder / RESULTS).write_text(json.dumps(results))
    return folder


@pytest.fixture
def made(folder: Path) -> Reference:
    """Return the reference; a test may change its settings and results."""
    return load_reference(str(folder))


@pytest.mark.parametrize("name", list_references())
def test_a_reference_that_ships_is_of_the_worlds_and_the_arms_of_this_version(name: str) -> None:
    reference = load_reference(name)
    check_worlds(reference)
    check_arms(reference, reference.comparison.all_arms)
    assert describe_references()[name] == reference.comparison.summary != ""
    assert "empathy" in list_references()


@pytest.mark.parametrize("name", list_references())
def test_a_reference_that_ships_is_of_the_comparison_that_ships_under_its_name(name: str) -> None:
    file = Path(str(files("empathy_loop.configs"))) / "reference" / name / SETTINGS
    kept = json.loads(file.read_text())["fingerprint"]
    assert kept == identity_of(load_comparison(name)), "make the reference anew, or name it anew"


@pytest.mark.parametrize("name", list_references())
def test_the_anchors_of_a_reference_that_ships_come_out_again(name: str) -> None:
    reference = load_reference(name)
    comparison, scores = reference.comparison, dict[str, Any]()
    shift = comparison.shifts[0]
    config, seed = plan_runs(comparison)[0].config, comparison.seeds[0]
    params = world_of_cell(config.world, shift)
    for anchor in (FLOOR, CEILING):
        actor = load_actor(anchor)
        log = run_episodes(actor, params, comparison.episodes, seed, seats=config.seats)
        welfare = float(log.welfare.sum(0).mean())
        then = reference.results["scores"][anchor][shift.name]["welfare"]["runs"]
        assert welfare == pytest.approx(then[str(comparison.seeds[0])], abs=1e-6)
        runs = {"runs": {str(comparison.seeds[0]): welfare}}
        scores[anchor] = {shift.name: {"welfare": runs}}
    check_anchors(reference._replace(comparison=replace(comparison, shifts=(shift,))), scores)


def test_anchors_that_come_out_otherwise_show_other_worlds(made: Reference) -> None:
    scores = copy.deepcopy(made.results["scores"])
    check_anchors(made, scores)
    scores["oracle"]["cue_remap 1"]["welfare"]["runs"]["1"] += 1.0
    with pytest.raises(
        ValueError, match=r"with seed 1, oracle has a welfare of .* after cue_remap"
    ):
        check_anchors(made, scores)


@pytest.mark.parametrize(
    ("key", "damage"),
    [
        ("env", lambda settings: settings.update(env="mutual_aid_v9")),
        ("world.misattuned_hurt", lambda settings: settings["world"].update(misattuned_hurt=0.7)),
        ("layout.self.cue", lambda settings: settings["layout"]["self"].update(cue=[8, 20])),
    ],
)
def test_other_worlds_or_another_layout_are_refused_with_both_fingerprints(
    made: Reference, key: str, damage: Callable[[dict[str, Any]], None]
) -> None:
    check_worlds(made)
    settings = copy.deepcopy(dict(made.settings))
    damage(settings)
    with pytest.raises(ValueError, match=rf"{key} was .* and is .*cannot be compared") as refusal:
        check_worlds(made._replace(settings=settings))
    part = key.partition(".")[0]
    assert HASH.findall(str(refusal.value)) == [
        hash_of({part: settings[part]}),
        hash_of({part: made.settings[part]}),
    ]


def test_an_arm_with_other_settings_is_refused(made: Reference) -> None:
    check_arms(made, ["cognitive", "random"])
    settings = copy.deepcopy(dict(made.settings))
    settings["arms"]["cognitive"]["ppo"]["clip"] = 0.4
    other = made._replace(settings=settings)
    check_arms(other, ["ippo_gru"])
    with pytest.raises(ValueError, match=r"cognitive.ppo.clip was 0.4 and is 0.\d"):
        check_arms(other, ["ippo_gru", "cognitive"])


def test_a_setting_that_came_later_is_no_difference(made: Reference) -> None:
    settings = copy.deepcopy(dict(made.settings))
    del settings["world"]["misattuned_hurt"]
    del settings["arms"]["cognitive"]["ppo"]["clip"]
    check_worlds(made._replace(settings=settings))
    check_arms(made._replace(settings=settings), ["cognitive"])


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (SETTINGS, None, "holds no comparison.json"),
        (RESULTS, None, "there is no file"),
        (SETTINGS, {"fingerprint": "0" * 16}, "they belong to different comparisons"),
        (SETTINGS, {"version": 3}, "comparison.json: version must be a text, got '3'"),
        (SETTINGS, {"comparison": {"name": "x", "planets": 1}}, "unknown key 'comparison.planets'"),
        (SETTINGS, {"comparison": {"name": "x"}}, r"comparison is damaged \('contrasts'\)"),
        (RESULTS, {"arms": []}, "results.json: scores.random is unknown"),
    ],
)
def test_a_folder_that_is_no_reference_is_refused(
    folder: Path, tmp_path: Path, file: str, change: dict[str, Any] | None, message: str
) -> None:
    for path in (folder / SETTINGS, folder / RESULTS):
        data = json.loads(path.read_text())
        if path.name != file:
            (tmp_path / path.name).write_text(json.dumps(data))
        elif change is not None:
            (tmp_path / path.name).write_text(json.dumps(data | change))
    with pytest.raises(ValueError, match=message):
        load_reference(str(tmp_path))


def test_settings_of_an_earlier_version_say_what_to_do(folder: Path, tmp_path: Path) -> None:
    data = json.loads((folder / SETTINGS).read_text())
    del data["settings"]
    (tmp_path / SETTINGS).write_text(json.dumps(data))
    with pytest.raises(ValueError, match="run its comparison again, which trains nothing"):
        load_reference(str(tmp_path))


def test_an_unknown_name_is_refused_with_the_close_matches() -> None:
    with pytest.raises(ValueError, match=r"'empthy' is neither .*; did you mean empathy"):
        load_reference("empthy")


def test_a_comparison_is_read_as_it_was_written(made: Reference) -> None:
    assert made.comparison == MADE


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ((None, None, (), {}), "compare takes either the name of a comparison"),
        (("quick", "empathy", ("a",), {}), "compare takes either the name of a comparison"),
        ((None, "empathy", (), {}), "--against and --agent belong together"),
        (("quick", None, ("a",), {}), "--against and --agent belong together"),
        ((None, "empathy", ("a",), {"steps": 1, "workers": 2}), "so that steps, workers cannot"),
    ],
)
def test_options_that_do_not_belong_together_are_refused(typed: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        refuse_mixture(*typed)


def test_options_that_belong_together_are_taken() -> None:
    refuse_mixture("quick", None, (), {"steps": 1})
    refuse_mixture(None, "empathy", ("a", "b"), {})
