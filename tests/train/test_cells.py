"""A run's cells are made once, kept with its fingerprint, and damaged ones are made again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empathy_loop.envs.scenarios import load_scenario
from empathy_loop.train.actors import load_actor
from empathy_loop.train.cells import (
    Cell,
    Status,
    Task,
    cell_name,
    do_task,
    load_cells,
    run_folder,
    save_cells,
)
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.plan import Comparison, Run, Shift, plan_runs, world_of_cell

SHIFTS = (Shift("cue_remap", 1.0), Shift("partner_swap", 0.3))
TINY = {
    "network": {"hidden_size": 8, "belief_size": 6},
    "ppo": {"num_worlds": 4, "rollout_steps": 16, "minibatches": 2, "epochs": 1},
}
UPDATE = 4 * 16 * 3


PLAIN = Comparison(
    "tiny",
    arms=("reader", "ippo_gru", "cognitive"),
    seeds=(3,),
    steps=2 * UPDATE,
    shifts=SHIFTS,
    episodes=5,
    agent=TINY,
)


def run_of(arm: str, **changes: Any) -> Run:
    return next(run for run in plan_runs(replace(PLAIN, **changes)) if run.arm == arm)


def do(run: Run, folder: Path) -> list[Status]:
    reports: list[Status] = []
    do_task(Task(run, PLAIN, folder), reports.append)
    return reports


def made_up(number: float) -> Cell:
    return Cell(
        welfare=np.full((4, 2), -number),
        drive=np.full((4, 2, 3), number, np.float32),
        helps=np.ones((4, 2, 3), np.int8),
        misattuned=np.zeros((4, 2, 3), np.int8),
        shift_step=np.array([1, 2], np.int32),
        belief=np.zeros(0),
    )


def test_self_play_beside_people_is_played_in_the_scenarios_seats(tmp_path: Path) -> None:
    there = {"env": "human_loop_v0", "world": {"horizon": 16}}
    comparison = replace(PLAIN, **there, arms=("reader",), contrasts=())
    seats = load_scenario("human_loop_v0").seats
    for run in plan_runs(comparison):
        do_task(Task(run, comparison, tmp_path), lambda _: None)
        cells = load_cells(tmp_path, run)
        world = world_of_cell(run.config.world, None)
        log = run_episodes(load_actor(run.arm), world, 5, seed=3, seats=seats)
        assert cells is not None and np.array_equal(cells["none"].welfare, log.welfare), run.arm


@pytest.mark.parametrize("arm", ["cognitive", "ippo_gru"])
def test_a_learned_arm_is_trained_then_played_on_every_shift_and_its_twin(
    tmp_path: Path, arm: str
) -> None:
    run = run_of(arm)
    reports = do(run, tmp_path)
    assert [report.stage for report in reports] == ["training"] * 3 + ["evaluating"] * 3
    assert [report.done for report in reports[:3]] == [0, UPDATE, 2 * UPDATE]
    cells = load_cells(tmp_path, run)
    assert cells is not None
    assert list(cells) == ["none", "cue_remap 1", "partner_swap 0.3"]
    actor = load_actor(run_folder(tmp_path, run))
    for shift in (None, *SHIFTS):
        cell = cells[cell_name(shift)]
        log = run_episodes(actor, world_of_cell(run.config.world, shift), 5, seed=3)
        assert np.array_equal(cell.welfare, log.welfare)
        assert np.array_equal(cell.helps, log.helps)
        assert cell.belief.shape == ((3,) if arm == "cognitive" else (0,))


def test_greedy_cells_are_those_of_the_most_probable_actions(tmp_path: Path) -> None:
    comparison = replace(PLAIN, teams=("self_play", "greedy"), shifts=SHIFTS[:1])
    (run, reader) = (
        next(run for run in plan_runs(comparison) if run.arm == arm)
        for arm in ("cognitive", "reader")
    )
    for one in (run, reader):
        do_task(Task(one, comparison, tmp_path), lambda _: None)
    cells = load_cells(tmp_path, run)
    assert cells is not None
    assert list(cells) == ["none", "cue_remap 1", "greedy/none", "greedy/cue_remap 1"]
    actor = load_actor(run_folder(tmp_path, run))
    for shift in (None, *comparison.shifts):
        world = world_of_cell(run.config.world, shift)
        log = run_episodes(actor, world, 5, seed=3, greedy=True)
        cell = cells[cell_name(shift, "greedy")]
        assert np.array_equal(cell.helps, log.helps)
        assert np.array_equal(cell.welfare, log.welfare)
        assert not np.array_equal(cell.welfare, cells[cell_name(shift)].welfare)
    # There is nothing to be greedy about in a rule: its self-play stands in.
    rule = load_cells(tmp_path, reader)
    assert rule is not None and list(rule) == ["none", "cue_remap 1"]


def test_cells_without_greedy_ones_do_not_count_where_these_are_asked_for(tmp_path: Path) -> None:
    with_greedy = run_of("ippo_gru", teams=("self_play", "greedy"))
    assert with_greedy.fingerprint != run_of("ippo_gru").fingerprint


def test_a_scripted_arm_is_played_without_training(tmp_path: Path) -> None:
    run = run_of("reader")
    assert [report.stage for report in do(run, tmp_path)] == ["evaluating"] * 3
    assert load_cells(tmp_path, run) is not None
    assert not run_folder(tmp_path, run).exists()


def test_a_trained_run_whose_cells_are_lost_is_not_trained_again(tmp_path: Path) -> None:
    run = run_of("ippo_gru")
    do(run, tmp_path)
    before = load_cells(tmp_path, run)
    (tmp_path / "cells" / f"{run.name}.npz").unlink()
    assert [report.stage for report in do(run, tmp_path)] == ["training"] + ["evaluating"] * 3
    after = load_cells(tmp_path, run)
    assert before is not None
    assert after is not None
    assert all(np.array_equal(before[name].welfare, after[name].welfare) for name in before)


def test_cells_come_back_as_they_were(tmp_path: Path) -> None:
    cells = {"none": made_up(1.0), "cue_remap 1": made_up(2.0)}
    save_cells(tmp_path, run_of("reader"), cells)
    loaded = load_cells(tmp_path, run_of("reader"))
    assert loaded is not None
    assert loaded.keys() == cells.keys()
    for name, cell in cells.items():
        for part, array in cell._asdict().items():
            assert np.array_equal(getattr(loaded[name], part), array)
            assert getattr(loaded[name], part).dtype == array.dtype


def test_cells_of_other_settings_do_not_count(tmp_path: Path) -> None:
    assert load_cells(tmp_path, run_of("reader")) is None
    save_cells(tmp_path, run_of("reader"), {"none": made_up(1.0)})
    assert load_cells(tmp_path, run_of("reader")) is not None
    assert load_cells(tmp_path, run_of("reader", train_shift="none")) is None
    assert load_cells(tmp_path, run_of("random")) is None


@pytest.mark.parametrize("length", [0, 30, -1])
def test_damaged_cells_do_not_count(tmp_path: Path, length: int) -> None:
    run = run_of("reader")
    save_cells(tmp_path, run, {"none": made_up(1.0)})
    path = tmp_path / "cells" / f"{run.name}.npz"
    path.write_bytes(path.read_bytes()[:length])
    assert load_cells(tmp_path, run) is None


def test_a_bit_that_flipped_on_the_disk_is_noticed(tmp_path: Path) -> None:
    run = run_of("reader")
    save_cells(tmp_path, run, {"none": made_up(1.0)})
    path = tmp_path / "cells" / f"{run.name}.npz"
    content = path.read_bytes()
    for place in range(0, len(content), 13):
        hurt = bytearray(content)
        hurt[place] ^= 0xFF
        path.write_bytes(hurt)
        cells = load_cells(tmp_path, run)
        # A flipped bit in what no reader looks at, such as the date of an entry, does no harm.
        assert cells is None or np.array_equal(cells["none"].welfare, made_up(1.0).welfare)
