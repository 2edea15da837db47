"""Continued training: what more steps under a held-out shift bring, beside adapting in context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from empathy_loop.train.actors import load_actor
from empathy_loop.train.cells import (
    Player,
    Status,
    Task,
    cell_name,
    play,
    run_folder,
    save_cells,
)
from empathy_loop.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from empathy_loop.train.config import hash_of
from empathy_loop.train.loop import Progress, train
from empathy_loop.train.plan import Comparison, Run, Shift, world_of_cell
from empathy_loop.train.pool import Report
from empathy_loop.train.teams import CONTINUED


def shift_of(comparison: Comparison) -> Shift:
    """Return the shift under which training goes on: the first of its family that is evaluated."""
    return next(one for one in comparison.shifts if one.family == comparison.continued_shift)


def copy_folder(task: Task) -> Path:
    """Return where the copy of a run is trained on."""
    return task.folder / CONTINUED / task.run.name


def plan_continued(comparison: Comparison, trained: Sequence[Run], folder: Path) -> list[Task]:
    """Return the tasks of continued training: one for each learned run that is trained.

    Args:
        comparison: Its settings.
        trained: The runs that are there.
        folder: Folder of the comparison.
    """
    if not comparison.continued_steps:
        return []
    more = [comparison.continued_steps, comparison.continued_shift]
    return [
        Task(
            run._replace(fingerprint=hash_of([run.fingerprint, *more])),
            comparison,
            folder,
            CONTINUED,
        )
        for run in trained
        if run.is_learned
    ]


def continue_run(task: Task, report: Report) -> None:
    """Train a copy of a run on under the shift, and evaluate it on that shift and the twin.

    The copy begins with the run's last checkpoint: weights, optimiser, worlds and step size go on
    where they were, and only the shift of the worlds is another. The run itself is only read;
    the copy has a folder of its own, and goes on from there after an interruption.

    Args:
        task: What to do; picklable.
        report: Called with a Status after each update and before each cell.

    Raises:
        CheckpointError: the run has no checkpoint, or one cannot be read or written.
    """
    run, comparison = task.run, task.comparison
    shift, steps = shift_of(comparison), comparison.continued_steps
    config = replace(
        run.config,
        steps=run.config.steps + steps,
        world=world_of_cell(run.config.world, shift),
    )
    folder = copy_folder(task)
    if load_checkpoint(folder) is None:
        saved = load_checkpoint(run_folder(task.folder, run))
        if saved is None:
            raise CheckpointError(
                f"{run_folder(task.folder, run)} holds no checkpoint to go on from"
            )
        folder.mkdir(parents=True, exist_ok=True)
        save_checkpoint(folder, {**saved, "config": asdict(config)})

    def on_update(progress: Progress) -> None:
        metrics = progress.metrics
        rate, welfare = metrics["charts/steps_per_second"], metrics["charts/welfare"]
        done = progress.agent_steps - run.config.steps
        report(Status("training", done, steps, rate, welfare))

    report(Status("training", total=steps))
    train(config, folder, on_update)
    player = Player(load_actor(folder))
    cells = {}
    for one in (None, shift):
        report(Status("evaluating"))
        cells[cell_name(one, CONTINUED)] = play(task, player, one)
    save_cells(task.folder, run, cells, CONTINUED)
