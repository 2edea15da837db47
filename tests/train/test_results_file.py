"""Results are what the schema says, and a damaged or foreign file is refused with its key."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from made_cells import MADE, make_cells, write_logs

from empathy_loop.train import schema
from empathy_loop.train.beliefs import PARTNERS, SOURCES
from empathy_loop.train.contrasts import SIGNS
from empathy_loop.train.results import make_results
from empathy_loop.train.results_file import RESULTS, check_results, read_results


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("made")
    write_logs(MADE, folder)
    found: dict[str, Any] = json.loads(json.dumps(make_results(MADE, make_cells(MADE), {}, folder)))
    return found


def test_results_of_a_comparison_are_what_the_schema_says(
    made: dict[str, Any], tmp_path: Path
) -> None:
    check_results(made, "made")
    check_results(json.loads(json.dumps(make_results(MADE, {}, {}, tmp_path))), "nothing finished")
    check_results({key: one for key, one in made.items() if key != "reliability"}, "of 0.1.0")


def test_every_key_of_the_results_says_what_it_is() -> None:
    source = Path(schema.__file__ or "").read_text()
    records = source.partition("def read_results")[0]
    fields = [line for line in records.splitlines() if line.startswith("    ") and ": " in line]
    keys = [line for line in fields if line.split(":")[0].strip().isidentifier()]
    assert len(keys) > 50
    lines = records.splitlines()
    for line in keys:
        assert lines[lines.index(line) + 1].startswith('    """'), line


def test_names_of_the_schema_are_those_of_the_code() -> None:
    assert get_args(schema.Partners) == tuple(PARTNERS)
    assert get_args(schema.Source) == tuple(SOURCES)
    assert get_args(get_type_hints(schema.Contrast)["measure"]) == tuple(SIGNS)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data.pop("families"), "made: families is missing"),
        (lambda data: data.update(extra=1), "made: extra is unknown"),
        (lambda data: data.update(name=None), "made: name must be a text, got 'None'"),
        (
            lambda data: data["scores"]["cognitive"]["cue_remap 1"]["aurc"].update(mean="much"),
            "made: scores.cognitive.cue_remap 1.aurc.mean must be a finite number, got 'much'",
        ),
        (
            lambda data: data["scores"]["cognitive"]["cue_remap 1"]["aurc"].update(mean=1e999),
            "made: scores.cognitive.cue_remap 1.aurc.mean must be a finite number, got 'inf'",
        ),
        (
            lambda data: data["overall"]["reader"]["cas"].pop("runs"),
            "made: overall.reader.cas.runs is missing",
        ),
        (
            lambda data: data["scores"]["cognitive"].pop("cue_remap 1"),
            "made: scores.cognitive.cue_remap 1 is missing",
        ),
        (lambda data: data.update(fingerprint="mine"), "fingerprint must be 16 hexadecimal digits"),
        (lambda data: data["arms"].append([]), "made: arms[5] must be an object, got '[]'"),
        (lambda data: data["arms"].pop(1), "made: scores.reader is unknown; the file knows random"),
        (
            lambda data: data["contrasts"][1].update(measure="reward"),
            "made: contrasts[1].measure must be one of aurc, deficit, got 'reward'",
        ),
        (
            lambda data: data["beliefs"]["cognitive"].update(friends={}),
            "made: beliefs.cognitive.friends must be one of self_play, train, heldout",
        ),
        (lambda data: data["shifts"][0].update(trained=1), "trained must be true or false, got"),
        (lambda data: data["arms"][0].update(seeds=True), "seeds must be a whole number, got"),
        (
            lambda data: data["learning"]["cognitive"]["runs"][1].pop(),
            "made: learning.cognitive.runs[1] must have 4 entries, got 3",
        ),
        (
            lambda data: data["recovery"]["cue_remap 1"]["arms"]["reader"]["twin"].append(1.0),
            "made: recovery.cue_remap 1.arms.reader.twin must have",
        ),
    ],
)
def test_what_is_wrong_is_named(
    made: dict[str, Any], damage: Callable[[dict[str, Any]], Any], message: str
) -> None:
    data = copy.deepcopy(made)
    damage(data)
    with pytest.raises(ValueError) as refusal:
        check_results(data, "made")
    assert message in str(refusal.value)


def test_results_are_read_from_a_folder_or_a_file(made: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / RESULTS).write_text(json.dumps(made))
    assert read_results(tmp_path) == read_results(tmp_path / RESULTS) == made


def test_what_is_no_file_of_results_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no file .*results.json; give the folder"):
        read_results(tmp_path)
    (tmp_path / RESULTS).write_text("[1, 2")
    with pytest.raises(ValueError, match=r"results.json is damaged"):
        read_results(tmp_path)
    (tmp_path / RESULTS).write_text("[1, 2]")
    with pytest.raises(ValueError, match=r"results.json must be an object, got"):
        read_results(tmp_path)
