"""The commands that record and replay, as a user types them, and the example that learns."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from dataclasses import fields
from pathlib import Path

import pytest
from checkers import ROOT
from played import played

from empathy_loop.train.cli import main
from empathy_loop.train.commands import playing
from empathy_loop.train.records import read_record, write_record

FILE = "records/filter-mutual_aid_v0-s3-w00002.npz"
RECORD = ["record", "filter", "--seed", "3", "--world", "2", "--set", "horizon=12"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


def test_an_episode_is_recorded_replayed_and_drawn(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*RECORD, "--shift", "cue_remap", "--seats", "focal", "focal", "train"]) == 0
    assert "Recorded in records; 1 of 1 written now" in told(capsys)
    header = read_record(Path(FILE)).header
    assert (header.params.shift, header.params.horizon) == ("cue_remap", 12)
    assert header.policies[:2] == ("filter", "filter") and header.policies[2].startswith("train/")
    assert main(["replay", FILE, "--out", "new/episode.gif", "--cell-pixels", "16"]) == 0
    assert "bit for bit 13 pictures written to new/episode.gif" in told(capsys)
    assert (place / "new" / "episode.gif").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replay", "nowhere.npz"], "No such file or directory: nowhere.npz"),
        (["replay", "damaged.npz"], "damaged.npz is damaged, or not a record"),
        (["replay", "one.npz", "--out", "a.avi"], "out must end in .gif or .mp4"),
        (["replay", "changed.npz"], "the replay differs from the record, first in reward at step"),
        (["record", "nobody"], "'nobody' is neither the folder of a run nor a scripted agent"),
        (["record", "reader", "--episodes", "0"], "episodes must be in"),
        (["record", "reader", "--seats", "heldout"], "seats must name one seat for each of 3"),
        (["record", "reader", "--world", "-1"], "world must be at least 0, got -1"),
    ],
)
@pytest.mark.usefixtures("place")
def test_what_cannot_be_done_is_explained(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    record = played(("reader",) * 3)
    write_record(Path("one.npz"), record)
    record.arrays["reward"][5, 0] += 1
    write_record(Path("changed.npz"), record)
    Path("damaged.npz").write_bytes(b"PK")
    assert main(arguments) == 2
    assert message in told(capsys)


def test_the_example_of_the_page_learns_from_what_people_did(place: Path) -> None:
    write_record(place / "records" / "one.npz", played(("reader", "human", "filter")))
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/play.md").read_text(), re.DOTALL)
    found: dict[str, object] = {}
    exec(compile(code.replace("range(50)", "range(3)"), "docs/play.md", "exec"), found)
    assert float(found["loss"].detach()) < 3.0  # type: ignore[attr-defined]


def test_the_page_names_every_array_of_a_record() -> None:
    from empathy_loop.train.records import ARRAYS

    page = (ROOT / "docs/play.md").read_text()
    assert [name for name in ARRAYS if f"`{name}`" not in page] == []


@pytest.mark.parametrize("command", [playing.Record, playing.Replay, playing.Play])
def test_the_manual_explains_every_option(
    capsys: pytest.CaptureFixture[str], command: type
) -> None:
    with pytest.raises(SystemExit):
        main([command.__name__.lower(), "--help"])
    manual = re.sub(r"[│╭╮╰╯─\s]+", " ", capsys.readouterr().out)
    body = ast.parse(textwrap.dedent(inspect.getsource(command))).body[0]
    assert isinstance(body, ast.ClassDef)
    lines = [ast.literal_eval(one.value) for one in body.body if isinstance(one, ast.Expr)]
    assert len(lines) == len(fields(command)) + 1
    for line in lines:
        assert " ".join(line.split()).rstrip(".") in manual
