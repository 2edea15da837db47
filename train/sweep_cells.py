"""The cells of sweeps: trained arms under each of the circumstances, in the same worlds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from empathy_loop.train.cells import Cell, Status, Task, actor_of, cell_of, save_cells
from empathy_loop.train.config import hash_of, world_data
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.plan import CEILING, FLOOR, Comparison, Run
from empathy_loop.train.pool import Report
from empathy_loop.train.social import CHANNELS
from empathy_loop.train.sweeps import Circumstances, Point, circumstances_of, points_of
from empathy_loop.train.teams import SWEPT


def plan_swept(comparison: Comparison, finished: Sequence[Run], folder: Path) -> list[Task]:
    """Return the tasks of the sweeps: one for each run that is finished and swept.

    Args:
        comparison: Its settings.
        finished: The runs that are there.
        folder: Folder of the comparison.
    """
    tasks = []
    for run in finished:
        points = points_for(comparison, run)
        if points:
            there = [circumstances(comparison, run, point) for point in points]
            places = [{**asdict(one), "params": world_data(one.params)} for one in there]
            # With what is counted: cells of a version that counted less are made anew.
            counted = [comparison.count_from, *CHANNELS]
            identity = hash_of([SWEPT, run.fingerprint, places, counted])
            own = run._replace(fingerprint=identity)
            tasks.append(Task(own, comparison, folder, SWEPT))
    return tasks


def play_swept(task: Task, report: Report) -> None:
    """Evaluate a run at each point of the sweeps that are about its arm.

    Worlds, partners and draws are the same at each point, but for what the point changes.

    Args:
        task: What to do; picklable.
        report: Called with a Status before each cell.
    """
    run, comparison = task.run, task.comparison
    actor = actor_of(task)
    cells: dict[str, Cell] = {}
    for point in points_for(comparison, run):
        report(Status("evaluating"))
        there = circumstances(comparison, run, point)
        log = run_episodes(
            actor,
            there.params,
            comparison.episodes,
            run.config.seed,
            seats=there.seats,
            doses=there.doses,
            forget_at=there.forget_at,
        )
        cell = cell_of(log)
        cells[f"{SWEPT}/{point.name}"] = _counted(cell, comparison.count_from)
    save_cells(task.folder, run, cells, SWEPT)


def _counted(cell: Cell, count_from: int) -> Cell:
    """Return a cell with what readouts need alone, welfare as one step: there are many points."""
    nothing = {name: getattr(cell, name)[:0] for name in ("drive", "helps", "misattuned")}
    return cell._replace(welfare=cell.welfare[count_from:].sum(0, keepdims=True), **nothing)


def points_for(comparison: Comparison, run: Run) -> list[Point]:
    """Return the points at which a run is evaluated."""
    swept = [
        sweep
        for sweep in comparison.sweeps
        if run.arm in (sweep.arms or set(comparison.all_arms) - {FLOOR, CEILING})
    ]
    return [point for sweep in swept for point in points_of(sweep)]


def circumstances(comparison: Comparison, run: Run, point: Point) -> Circumstances:
    """Return under what a run is evaluated at a point."""
    return circumstances_of(point, comparison.env, run.config.world, run.config.seats)
