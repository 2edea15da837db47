"""Runs are made by name, one process at a time; what fails or is damaged is named and left out."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from small_comparison import RUNS, SCRIPTED, SMALL, in_this_process

from empathy_loop.train import attempts
from empathy_loop.train import compare as comparing
from empathy_loop.train.cells import Task
from empathy_loop.train.checkpoint import CHECKPOINT
from empathy_loop.train.cli import main
from empathy_loop.train.compare import compare, engine_of
from empathy_loop.train.comparisons import load_comparison
from empathy_loop.train.files import exclusive, write_text
from empathy_loop.train.plan import Comparison, plan_runs
from empathy_loop.train.pool import run_tasks
from empathy_loop.train.results_file import read_results
from empathy_loop.train.runs import CONFIG, EVALUATION

pytestmark = pytest.mark.xdist_group("attempts")


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return load(tmp_path_factory.mktemp("scripted"), SCRIPTED)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the report and its pictures, which take longer than all else here."""
    monkeypatch.setattr(comparing, "draw_episode", lambda *arguments: None)
    monkeypatch.setattr(comparing, "write_report", lambda *arguments: None)


def load(folder: Path, settings: str) -> Comparison:
    return load_comparison(str(write_text(folder / "small.toml", settings)))


def make(comparison: Comparison, folder: Path, *only: str) -> tuple[dict[str, Any] | None, str]:
    """Make a comparison here, and return its results and what it printed."""
    out = io.StringIO()
    console = Console(file=out, width=1000)
    return compare(comparison, folder, console, only, in_this_process), out.getvalue()


def seeds_of(results: dict[str, Any] | None) -> dict[str, int]:
    assert results is not None
    return {arm["name"]: arm["seeds"] for arm in results["arms"]}


def break_run(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    real = attempts.do

    def do(task: Task, report: Any) -> None:
        if task.run.name == name:
            raise RuntimeError("it broke")
        real(task, report)

    monkeypatch.setattr(attempts, "do", do)


def test_only_what_is_named_is_made_and_the_report_is_on_all_that_is_there(
    scripted: Comparison, tmp_path: Path
) -> None:
    some, whole = tmp_path / "some", tmp_path / "whole"
    results, _ = make(scripted, some, "reader-s1", "random-s0")
    assert seeds_of(results) == {"random": 1, "reader": 1, "oracle": 0}
    assert {path.stem for path in (some / "cells").iterdir()} == {"reader-s1", "random-s0"}
    assert results is not None and results["failures"] == {}
    assert (some / "report.html").is_file()
    before = {path: path.stat().st_mtime_ns for path in (some / "cells").iterdir()}
    make(scripted, some)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    make(scripted, whole)
    assert (some / "results.json").read_bytes() == (whole / "results.json").read_bytes()


def test_a_name_that_no_run_has_is_refused_with_close_ones(
    scripted: Comparison, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"unknown run 'raeder-s0'; did you mean reader-s0"):
        make(scripted, tmp_path / "none", "raeder-s0")
    assert not (tmp_path / "none").exists()


@pytest.mark.usefixtures("undrawn")
def test_a_run_that_failed_is_kept_with_its_reason_and_retried_alone(
    scripted: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_run(monkeypatch, "reader-s0")
    results, _ = make(scripted, tmp_path)
    assert results is not None and results["failures"] == {"reader-s0": "RuntimeError: it broke"}
    assert seeds_of(results) == {"random": 2, "reader": 1, "oracle": 2}
    trace = (tmp_path / "failures" / "reader-s0.txt").read_text()
    assert trace.startswith("RuntimeError: it broke\n\nTraceback")

    # What failed before is still named by one that makes something else.
    results, _ = make(scripted, tmp_path, "random-s0")
    assert results is not None and results["failures"] == {"reader-s0": "RuntimeError: it broke"}
    with pytest.raises(ValueError, match=r"1 of 1 runs failed; reader-s0: RuntimeError: it broke"):
        make(scripted, tmp_path, "reader-s0")
    monkeypatch.undo()
    results, _ = make(scripted, tmp_path, "reader-s0")
    assert results is not None and results["failures"] == {}
    assert seeds_of(results) == {"random": 2, "reader": 2, "oracle": 2}
    assert not (tmp_path / "failures" / "reader-s0.txt").exists()


@pytest.mark.usefixtures("undrawn")
def test_those_who_name_their_runs_share_a_folder_and_the_last_one_reports(
    scripted: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with exclusive(tmp_path, shared=True):  # as another one that names its runs
        results, out = make(scripted, tmp_path, "reader-s0")
        assert results is None
        assert "Others still work in" in out
        assert not (tmp_path / "results.json").exists()
        with monkeypatch.context() as patch:
            patch.setattr("time.monotonic", iter(range(0, 10**6, 100)).__next__)
            with pytest.raises(ValueError, match="another process works in"):
                make(scripted, tmp_path)
    results, _ = make(scripted, tmp_path, "random-s0")
    assert seeds_of(results) == {"random": 1, "reader": 1, "oracle": 0}


@pytest.mark.usefixtures("undrawn")
def test_a_run_that_another_process_makes_is_left_to_it(
    scripted: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PATIENCE_SECONDS", 0.0)
    with exclusive(tmp_path, name="reader-s0"):
        with pytest.raises(ValueError, match=r"reader-s0: another process works on reader-s0 in"):
            make(scripted, tmp_path, "reader-s0", "reader-s1")
        assert {path.stem for path in (tmp_path / "cells").iterdir()} == {"reader-s1"}


def test_a_machine_that_does_not_see_the_folder_says_so(
    scripted: Comparison, tmp_path: Path
) -> None:
    task = Task(plan_runs(scripted)[0], scripted, tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=r"does not see .*elsewhere: every machine .* must share"):
        attempts.attempt(task, print)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.usefixtures("undrawn")
def test_damaged_runs_are_named_and_the_rest_is_reported(
    tmp_path: Path, small_finished: Path
) -> None:
    comparison, folder = load(tmp_path, SMALL), tmp_path / "out"
    shutil.copytree(small_finished, folder)
    whole = read_results(folder)
    one, other = folder / "runs" / "cognitive-s0", folder / "runs" / "cognitive-s1"
    content = (one / CHECKPOINT).read_bytes()
    (one / CHECKPOINT).write_bytes(content[:1000])
    (other / CONFIG).write_text('{"fingerprint": ')

    results, _ = make(comparison, folder, "random-s0")
    assert seeds_of(results) == {"random": 2, "cognitive": 0, "oracle": 2}
    assert results is not None
    assert set(results["failures"]) == {"cognitive-s0", "cognitive-s1"}
    assert f"checkpoint {one / CHECKPOINT} is corrupt" in results["failures"]["cognitive-s0"]
    assert f"{other / CONFIG} is damaged" in results["failures"]["cognitive-s1"]

    # The settings can be written again, and so can the evaluation; what was learned cannot.
    (other / EVALUATION).write_text("[")
    results, _ = make(comparison, folder)
    assert seeds_of(results) == {"random": 2, "cognitive": 1, "oracle": 2}
    assert results is not None and set(results["failures"]) == {"cognitive-s0"}
    (one / CHECKPOINT).write_bytes(content)
    make(comparison, folder)
    assert read_results(folder) == whole


def test_a_damaged_line_of_a_log_is_named(tmp_path: Path, scripted: Comparison) -> None:
    run = plan_runs(scripted)[0]
    log = write_text(tmp_path / "runs" / run.name / "metrics.jsonl", '{"step": 1}\n{"st\n{"ste')
    found = attempts.damage_of(tmp_path, run)
    assert found is not None and found.startswith(f"line 2 of {log} is damaged")
    log.write_text('{"step": 1}\n{"ste')
    assert attempts.damage_of(tmp_path, run) is None


def test_the_command_lists_runs_and_makes_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_text(tmp_path / "small.toml", SMALL)
    assert main(["compare", str(file), "--list-runs"]) == 0
    assert capsys.readouterr().out.split() == RUNS
    out = tmp_path / "out"
    assert main(["compare", str(file), "--out", str(out), "--only", "random-s0"]) == 0
    assert [path.stem for path in (out / "cells").iterdir()] == ["random-s0"]
    assert json.loads((out / "results.json").read_text())["failures"] == {}


def test_the_engine_is_the_pool_which_has_no_cluster() -> None:
    assert engine_of("pool") is run_tasks
    with pytest.raises(ValueError, match=r"'auto' needs --engine ray"):
        engine_of("pool", "auto")
