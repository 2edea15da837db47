"""The stage of a comparison that plays its sweeps, with scripted arms that take no training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from small_comparison import in_this_process

from empathy_loop.envs.doses import Doses
from empathy_loop.train import sweep_cells
from empathy_loop.train.actors import load_actor
from empathy_loop.train.cells import load_cells, save_cells
from empathy_loop.train.compare import compare
from empathy_loop.train.comparisons import load_comparison
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.plan import Comparison, plan_runs
from empathy_loop.train.social import CHANNELS, read_out
from empathy_loop.train.sweep_cells import plan_swept
from empathy_loop.train.teams import SWEPT

SETTINGS = """
env = "human_loop_v0"
arms = ["reader", "filter"]
contrasts = []
seeds = [0, 1]
episodes = 4
train_shift = "none"
shifts = [{ family = "cue_remap", severity = 1.0 }]
count_from = 8

[world]
horizon = 64
total_hazard = 0.2

[sweeps.care]
arms = ["reader"]
ai_to_people = [0.0, 1.0]

[[claims]]
says = "helped people help"
readout = "people_to_ai"
sweep = "care"
arm = "reader"
at = { ai_to_people = 1.0 }
than_at = { ai_to_people = 0.0 }
"""


def load(folder: Path, settings: str = SETTINGS) -> Comparison:
    path = folder / "small.toml"
    path.write_text(settings)
    return load_comparison(str(path))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("swept")
    comparison = load(folder)
    results = compare(comparison, folder / "out", Console(quiet=True), engine=in_this_process)
    assert results is not None
    return comparison, folder / "out", results


def test_only_the_arms_of_a_sweep_are_swept_and_each_seed_is(finished: Any):
    comparison, folder, results = finished
    tasks = plan_swept(comparison, plan_runs(comparison), folder)
    assert [task.run.name for task in tasks] == ["reader-s0", "reader-s1"]
    assert list(results["sweeps"]["scores"]) == ["reader"]
    assert results["failures"] == {}


def test_a_point_is_what_an_evaluation_under_its_circumstances_gives(finished: Any):
    comparison, folder, results = finished
    (task, _) = plan_swept(comparison, plan_runs(comparison), folder)
    cells = load_cells(folder, task.run, SWEPT)
    assert cells is not None
    config, actor = task.run.config, load_actor("reader")
    log = run_episodes(actor, config.world, 4, 0, seats=config.seats, doses=Doses(0.0))
    cell = cells[f"{SWEPT}/care, ai_to_people 0"]
    assert log.social is not None
    assert np.array_equal(cell.social, log.social)
    assert cell.welfare.sum() == pytest.approx(log.welfare[8:].sum())
    found = results["sweeps"]["scores"]["reader"]["care, ai_to_people 0"]
    expected = read_out(log.social, log.welfare[8:], 8)
    assert {name: one["runs"]["0"] for name, one in found.items()} == pytest.approx(expected)
    assert expected["ai_to_people"] == 0.0


def test_cells_in_which_less_was_counted_are_played_again_and_runs_are_not(
    finished: Any, monkeypatch: pytest.MonkeyPatch
):
    comparison, folder, results = finished
    runs, fewer = plan_runs(comparison), dict(list(CHANNELS.items())[:-2])
    with monkeypatch.context() as before:
        now = plan_swept(comparison, runs, folder)
        before.setattr(sweep_cells, "CHANNELS", fewer)
        for task, old in zip(now, plan_swept(comparison, runs, folder), strict=True):
            cells = load_cells(folder, task.run, SWEPT)
            assert cells is not None
            shorter = {
                name: cell._replace(social=cell.social[:, : len(fewer)])
                for name, cell in cells.items()
            }
            save_cells(folder, old.run, shorter, SWEPT)
    own = {path: path.stat().st_mtime_ns for path in (folder / "cells").glob("*.npz")}
    again = compare(comparison, folder, Console(quiet=True), engine=in_this_process)
    assert again is not None
    assert again["sweeps"]["scores"] == results["sweeps"]["scores"]
    assert {path: path.stat().st_mtime_ns for path in own} == own


def test_what_is_finished_is_not_played_again_and_another_sweep_leaves_the_runs_as_they_are(
    finished: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    comparison, folder, _ = finished
    played: list[str] = []
    original = sweep_cells.run_episodes

    def counted(*args: Any, **kwargs: Any) -> Any:
        played.append("one")
        return original(*args, **kwargs)

    monkeypatch.setattr(sweep_cells, "run_episodes", counted)
    compare(comparison, folder, Console(quiet=True), engine=in_this_process)
    assert played == []
    wider = load(tmp_path, SETTINGS.replace("[0.0, 1.0]", "[0.0, 0.5, 1.0]"))
    (folder / "comparison.json").unlink()
    before = {path: path.stat().st_mtime_ns for path in (folder / "cells").glob("*.npz")}
    compare(wider, folder, Console(quiet=True), engine=in_this_process)
    assert len(played) == 2 * 3
    assert {path: path.stat().st_mtime_ns for path in before} == before
