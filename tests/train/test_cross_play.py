"""Who sits where: runs with other seeds, and partners, each with its no-shift twin."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.world import World
from empathy_loop.train.actors import Decision, load_actor
from empathy_loop.train.cast import MixedActor
from empathy_loop.train.cells import Cell, Status, Task, do_task, load_cells, run_folder
from empathy_loop.train.continued import continue_run, plan_continued
from empathy_loop.train.cross_play import (
    pair,
    plan_cross_play,
    play_crossed,
    rotation,
)
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.loop import train
from empathy_loop.train.plan import Comparison, Run, Shift, plan_runs, world_of_cell

UPDATE = 4 * 16 * 3
REMAP = Shift("cue_remap", 1.0)
TINY = {
    "network": {"hidden_size": 8, "belief_size": 6},
    "ppo": {"num_worlds": 4, "rollout_steps": 16, "minibatches": 2, "epochs": 1},
}
COMPARISON = Comparison(
    "tiny",
    arms=("reader", "cognitive"),
    contrasts=(),
    seeds=(3, 5),
    steps=2 * UPDATE,
    shifts=(REMAP,),
    episodes=5,
    teams=("self_play", "cross_play", "heldout"),
    lesions=("memory_cleared",),
    continued_steps=UPDATE,
    agent=TINY,
)
RUNS = plan_runs(COMPARISON)
LEARNED = [run for run in RUNS if run.is_learned]

pytestmark = pytest.mark.xdist_group("cross_play")


class Constant:
    """Takes one and the same action, and believes as much."""

    name = "constant"

    def __init__(self, action: int) -> None:
        self.action, self.begun = action, 0

    def view(self, params: WorldParams) -> WorldParams:
        return params

    def begin(self, params: WorldParams, num_worlds: int) -> None:
        self.begun += 1

    def act(self, world: World, greedy: bool) -> Decision:
        actions = np.full((world.num_worlds, 3), self.action)
        return Decision(actions, actions[..., None].astype(np.float32))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a comparison whose learned runs are trained."""
    folder = tmp_path_factory.mktemp("tiny")
    for run in LEARNED:
        train(run.config, run_folder(folder, run))
    return folder


def tasks(folder: Path, trained: list[Run] = RUNS) -> list[Task]:
    return plan_cross_play(COMPARISON, trained, folder)


def assert_twins(shifted: Cell, twin: Cell) -> None:
    """Assert that two cells are the same but for the shift."""
    assert np.array_equal(shifted.shift_step, twin.shift_step)
    before = np.arange(len(twin.welfare))[:, None] < twin.shift_step
    same = (shifted.welfare == twin.welfare) & (shifted.drive == twin.drive).all(2)
    assert same[before].all()
    assert not same[~before].all()


def test_each_seat_is_played_by_its_own_actor() -> None:
    first, second = Constant(1), Constant(2)
    mixed = MixedActor([first, second, first])
    mixed.begin(WorldParams(), 4)
    assert (first.begun, second.begun) == (1, 1)
    found = mixed.act(World(WorldParams(), 4, seed=0), greedy=False)
    assert found.actions.tolist() == [[1, 2, 1]] * 4
    assert found.belief is not None and found.belief[0, :, 0].tolist() == [1, 2, 1]
    assert found.p_crisis is None


def test_every_run_sits_in_every_seat_once_beside_others() -> None:
    rows = np.array([rotation(home, 5, 3) for home in range(5)])
    assert rows[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert (np.sort(rows, axis=0) == np.arange(5)[:, None]).all()
    assert all(len(set(row)) == 3 for row in rows)
    assert rotation(1, 2, 3) == [1, 0, 1]
    assert pair(2, 4, 3, 3) == [2, 2, 4]
    assert pair(2, 4, 4, 2) == [2, 4, 2, 2]


def test_copies_of_one_run_are_its_self_play(folder: Path) -> None:
    actor, world = load_actor(run_folder(folder, LEARNED[0])), LEARNED[0].config.world
    alone, mixed = (run_episodes(one, world, 5, 3) for one in (actor, MixedActor([actor] * 3)))
    for name, part in alone._asdict().items():
        assert np.array_equal(part, getattr(mixed, name)), name


def test_cross_play_has_all_shifts_their_twin_and_each_partner(folder: Path) -> None:
    first, second = tasks(folder)
    reports: list[Status] = []
    play_crossed(first, reports.append)
    cells = load_cells(folder, first.run, "cross_play")
    assert cells is not None
    assert list(cells) == [
        "cross_play/none",
        "cross_play/cue_remap 1",
        "cross_play_with_5/none",
    ]
    assert len(reports) == 3
    assert_twins(cells["cross_play/cue_remap 1"], cells["cross_play/none"])
    # Seeds 3, 5, 3 in the seats, in the worlds of seed 3; with one partner, 3, 3, 5.
    actors = {run.config.seed: load_actor(run_folder(folder, run)) for run in LEARNED}
    world = world_of_cell(first.run.config.world, None)
    for name, seats in (("cross_play/none", (3, 5, 3)), ("cross_play_with_5/none", (3, 3, 5))):
        log = run_episodes(MixedActor([actors[seed] for seed in seats]), world, 5, 3)
        assert np.array_equal(cells[name].welfare, log.welfare)
    assert second.run.config.seed == 5


def test_a_run_that_is_missing_leaves_the_others_to_play(folder: Path) -> None:
    assert tasks(folder, [run for run in RUNS if run is not LEARNED[1]]) == []
    assert plan_cross_play(replace(COMPARISON, teams=("self_play",)), RUNS, folder) == []
    # With another run in the team, the cells of before do not count.
    (task, _) = tasks(folder)
    more = replace(COMPARISON, seeds=(3, 5, 7))
    (other, *_) = plan_cross_play(more, plan_runs(more), folder)
    assert other.run.fingerprint != task.run.fingerprint


def test_teams_and_lesions_are_played_with_their_twins(folder: Path) -> None:
    for run in (LEARNED[0], next(run for run in RUNS if run.arm == "reader")):
        reports: list[Any] = []
        do_task(Task(run, COMPARISON, folder), reports.append)
        cells = load_cells(folder, run)
        assert cells is not None
        conditions = ["", "heldout/"] + (["memory_cleared/"] if run.is_learned else [])
        names = [f"{one}{shift}" for one in conditions for shift in ("none", "cue_remap 1")]
        assert list(cells) == names
        for one in conditions:
            assert_twins(cells[f"{one}cue_remap 1"], cells[f"{one}none"])
        assert not np.array_equal(cells["heldout/none"].welfare, cells["none"].welfare)


def test_a_copy_is_trained_on_and_the_run_stays_as_it_was(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "copy"
    shutil.copytree(folder, mine)
    (task, _) = plan_continued(COMPARISON, RUNS, mine)
    run = run_folder(mine, task.run)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    reports: list[Status] = []
    continue_run(task, reports.append)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert [(report.stage, report.done) for report in reports] == [
        ("training", 0),
        ("training", UPDATE),
        ("evaluating", 0),
        ("evaluating", 0),
    ]
    cells = load_cells(mine, task.run, "continued")
    assert cells is not None
    assert list(cells) == ["continued/none", "continued/cue_remap 1"]
    assert_twins(cells["continued/cue_remap 1"], cells["continued/none"])
    # Called again, it trains nothing more.
    again: list[Status] = []
    continue_run(task, again.append)
    assert [report.stage for report in again] == ["training", "evaluating", "evaluating"]
    assert plan_continued(replace(COMPARISON, continued_steps=0), RUNS, mine) == []
