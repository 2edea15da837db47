"""Results are what the schema says, and a damaged or foreign file is refused with its key."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from made_cells import MADE, write_logs
from made_teams import TEAMS, make_team_cells

from empathy_loop.train import schema
from empathy_loop.train.beliefs import PARTNERS, SOURCES
from empathy_loop.train.contrasts import SIGNS
from empathy_loop.train.results import make_results
from empathy_loop.train.results_file import RESULTS, check_results, read_results
from empathy_loop.train.team_tables import difference_tables


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("made")
    write_logs(TEAMS, folder)
    results = make_results(TEAMS, make_team_cells(TEAMS), {}, folder)
    found: dict[str, Any] = json.loads(json.dumps(results))
    return found


def test_results_of_a_comparison_are_what_the_schema_says(
    made: dict[str, Any], tmp_path: Path
) -> None:
    check_results(made, "made")
    nothing = make_results(MADE, {}, {}, tmp_path)
    check_results(json.loads(json.dumps(nothing)), "nothing finished")
    later = ("reliability", "profiles", "teams", "cross_play", "lesions", "continued", "speed")
    check_results({key: one for key, one in made.items() if key not in later}, "of 0.1.0")


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
        (
            lambda data: data["cross_play"]["cognitive"]["level"][1].pop(),
            "made: cross_play.cognitive.level[1] must have 3 entries, got 2",
        ),
        (
            lambda data: data["cross_play"]["cognitive"]["level"].pop(),
            "made: cross_play.cognitive.level must have 3 entries, got 2",
        ),
        (
            lambda data: data["reliability"].update(stranger={}),
            "made: reliability.stranger is unknown",
        ),
        (
            lambda data: data["reliability"]["cognitive"]["heldout"]["belief"]["mean_p"].pop(),
            "made: reliability.cognitive.heldout.belief.mean_p must have 3 entries, got 2",
        ),
        (
            lambda data: data["teams"].update(friends=data["teams"]["heldout"]),
            "made: teams.friends is unknown; the file knows self_play",
        ),
        (
            lambda data: data["teams"]["heldout"]["scores"]["reader"].pop("cue_remap 1"),
            "made: teams.heldout.scores.reader.cue_remap 1 is missing",
        ),
        (
            lambda data: data["teams"]["heldout"]["families"].pop("reader"),
            "made: teams.heldout.families.reader is missing",
        ),
        (
            lambda data: data["speed"]["arms"]["cognitive"].pop("0.5"),
            "made: speed.arms.cognitive.0.5 is missing",
        ),
        (
            lambda data: data["continued"]["arms"]["cognitive"].pop("deficit"),
            "made: continued.arms.cognitive.deficit is missing",
        ),
        (
            lambda data: data["contrasts"][0].update(seeds=[]),
            "made: contrasts[0].seeds must have 2 entries, got 0",
        ),
        (
            lambda data: data["differences"][2].update(team="friends"),
            "made: differences[2].friends is unknown; the file knows self_play",
        ),
        (
            lambda data: data["contrasts"][0].update(baseline="stranger"),
            "made: contrasts[0].stranger is unknown; the file knows random",
        ),
        (
            lambda data: data["scores"]["cognitive"]["cue_remap 1"].pop("aurc"),
            "made: scores.cognitive.cue_remap 1.aurc is missing",
        ),
        (
            lambda data: data["overall"]["cognitive"].pop("cas"),
            "made: overall.cognitive.cas is missing",
        ),
        (
            lambda data: data["scores"]["reader"]["partner_swap 0.3"]["aurc"]["runs"].pop("1"),
            "scores.reader.partner_swap 0.3.aurc.runs must be of the same seeds on each shift",
        ),
        (
            lambda data: data["profiles"]["arms"]["reader"]["low"].pop(),
            "made: profiles.arms.reader.low must have 201 entries, got 200",
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


def test_a_difference_without_a_team_is_one_of_self_play(made: dict[str, Any]) -> None:
    data = copy.deepcopy(made)
    for entry in (*data["contrasts"], *data["differences"]):
        del entry["team"]
    check_results(data, "of 0.1.0")
    (table,) = difference_tables(data)
    assert {row[1] for row in table.rows} == {"self_play"}


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
