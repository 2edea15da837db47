"""An attempt at one run of a comparison: in one process at a time, and what went wrong is kept."""

from __future__ import annotations

import platform
from pathlib import Path

from empathy_loop.train.cells import Cell, Task, load_cells, run_folder
from empathy_loop.train.checkpoint import load_checkpoint
from empathy_loop.train.errors import explanation
from empathy_loop.train.files import exclusive, read_json, write_text
from empathy_loop.train.logging import read_metrics
from empathy_loop.train.plan import Run
from empathy_loop.train.pool import Report
from empathy_loop.train.reference import SETTINGS
from empathy_loop.train.runs import EVALUATION, is_run, read_config
from empathy_loop.train.stages import do, name_of

PATIENCE_SECONDS = 60.0
"""How long to wait for another process that still saves the same run."""


def attempt(task: Task, report: Report) -> None:
    """Finish a run, in whatever process and on whatever machine, unless it is finished.

    Args:
        task: What to do; picklable.
        report: Called with a Status after each update and before each cell.

    Raises:
        ValueError: this machine does not see the folder, or another process works on the run.
        Exception: whatever the work of its stage raises.
    """
    if not (task.folder / SETTINGS).is_file():
        raise ValueError(
            f"machine {platform.node()} does not see {task.folder}: every machine that takes part "
            "must share the folder of the comparison under this path; choose one with --out"
        )
    with exclusive(task.folder, PATIENCE_SECONDS, name=name_of(task)):
        if sound_cells(task) is None:
            do(task, report)


def sound_cells(task: Task) -> dict[str, Cell] | None:
    """Return the cells of a task, or None if it is not done or the folder of its run is damaged."""
    cells = load_cells(task.folder, task.run, task.condition)
    return None if cells is None or damage_of(task.folder, task.run) else cells


def damage_of(folder: Path, run: Run) -> str | None:
    """Return what is wrong with a file of a run, or None; files that are missing are not damaged.

    Args:
        folder: Folder of the comparison.
        run: Which of its runs.
    """
    trained = run_folder(folder, run)
    try:
        load_checkpoint(trained)
        read_metrics(trained)
        if is_run(trained):
            read_config(trained)
        if (trained / EVALUATION).exists():
            read_json(trained / EVALUATION)
    except Exception as error:  # whatever a damaged file makes a reader raise
        return explanation(error) or f"{trained} is damaged ({type(error).__name__}: {error})"
    return None


def keep_failure(folder: Path, name: str, reason: str, trace: str) -> None:
    """Write why a run failed, for those who read its folder or make the report later."""
    write_text(_path(folder, name), f"{reason}\n\n{trace}")


def forget_failure(folder: Path, name: str) -> None:
    """Remove what an earlier attempt at a run has left, if there is anything."""
    _path(folder, name).unlink(missing_ok=True)


def read_failure(task: Task) -> str | None:
    """Return why a task has no sound cells, or None if it was not attempted yet."""
    if reason := damage_of(task.folder, task.run):
        return reason
    path = _path(task.folder, name_of(task))
    return path.read_text(encoding="utf-8").partition("\n\n")[0] if path.exists() else None


def _path(folder: Path, name: str) -> Path:
    return folder / "failures" / f"{name}.txt"
