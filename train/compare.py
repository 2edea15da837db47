"""A comparison from its settings to its report, whatever interrupts it."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Any

from rich.console import Console

from empathy_loop.train.actors import load_actor
from empathy_loop.train.cells import Cell, Task, do_task, load_cells, run_folder
from empathy_loop.train.checkpoint import find_checkpoint
from empathy_loop.train.files import exclusive, read_json, write_json, write_text
from empathy_loop.train.notes import shown_run
from empathy_loop.train.plan import Comparison, Run, identity_of, plan_runs, world_of_cell
from empathy_loop.train.playback import record_episode, write_episode
from empathy_loop.train.pool import run_tasks
from empathy_loop.train.reference import SETTINGS, describe_settings
from empathy_loop.train.report import EPISODE, write_report
from empathy_loop.train.results import RESULTS, make_results
from empathy_loop.train.watch import ComparisonView

CELL_PIXELS = 48
"""Size of a cell, in pixels, of the episode in the report."""


def compare(comparison: Comparison, folder: Path, console: Console) -> dict[str, Any]:
    """Train and evaluate what is not finished yet, and write the report.

    Args:
        comparison: What to compare.
        folder: Everything is written here; what an earlier call has finished is used.
        console: Where to show how far it is.

    Returns:
        The content of results.json; `train.results` documents it.

    Raises:
        ValueError: the folder holds another comparison, or another process works in it.
        OSError: a file cannot be written.
        KeyboardInterrupt: Ctrl-C; finished runs are kept, and the others go on from where they
            are when the comparison is called again.
    """
    with exclusive(folder):
        _claim(comparison, folder)
        runs = plan_runs(comparison)
        failures = _run_all(comparison, runs, folder, console)
        cells = {run.name: load_cells(folder, run) for run in runs}
        found: dict[str, dict[str, Cell]] = {name: cell for name, cell in cells.items() if cell}
        with console.status("scoring and drawing"):
            results = make_results(comparison, found, failures, folder)
            draw_episode(comparison, found, folder)
            write_json(folder / RESULTS, results)
            write_report(results, folder)
        return results


def draw_episode(comparison: Comparison, finished: Container[str], folder: Path) -> Path | None:
    """Draw the episode that a report shows: of `shown_run`, on the first shift, in world 0.

    Args:
        comparison: Its settings.
        finished: Names of the runs that have cells.
        folder: Folder of the comparison; episode.gif is written there.

    Returns:
        The path; None where no run is finished, or the checkpoint of the run is gone.

    Raises:
        CheckpointError: the checkpoint cannot be read.
        OSError: the file cannot be written.
    """
    run = shown_run(comparison, finished)
    if run is None:
        return None
    trained = run_folder(folder, run)
    if run.is_learned and find_checkpoint(trained) is None:
        return None
    actor = load_actor(trained if run.is_learned else run.arm)
    params = world_of_cell(run.config.world, comparison.shifts[0])
    frames = record_episode(actor, params, run.config.seed, CELL_PIXELS)
    return write_episode(frames, folder / EPISODE)


def _claim(comparison: Comparison, folder: Path) -> None:
    """Mark a folder as that of a comparison, or refuse one that holds another."""
    path, identity = folder / SETTINGS, identity_of(comparison)
    before = read_json(path) if path.exists() else {"fingerprint": identity}
    other = before["fingerprint"]
    if other != identity:
        raise ValueError(
            f"{folder} holds a comparison with other settings (fingerprint {other}, here "
            f"{identity}); choose another folder with --out, or delete that one"
        )
    # Earlier versions did not write the settings in full.
    if "settings" not in before:
        write_json(path, describe_settings(comparison))


def _run_all(
    comparison: Comparison, runs: list[Run], folder: Path, console: Console
) -> dict[str, str]:
    """Finish all runs; return the reasons of those that failed."""
    finished = [run for run in runs if load_cells(folder, run) is not None]
    open_runs = [run for run in runs if run not in finished]
    if not open_runs:
        return {}
    workers = min(comparison.workers, len(open_runs))
    _announce(comparison, open_runs, finished, workers, folder, console)
    tasks = {
        run.name: Task(run, comparison.shifts, comparison.episodes, folder) for run in open_runs
    }
    steps = {run.name: comparison.steps if run.is_learned else 0 for run in runs}
    view = ComparisonView(console, steps, [run.name for run in finished], workers)
    with view:
        run_tasks(tasks, do_task, workers, view.on_event)
    for name, (_, trace) in view.failures.items():
        write_text(folder / "failures" / f"{name}.txt", trace)
    return {name: reason for name, (reason, _) in view.failures.items()}


def _announce(
    comparison: Comparison,
    open_runs: list[Run],
    finished: list[Run],
    workers: int,
    folder: Path,
    console: Console,
) -> None:
    learned = sum(run.is_learned for run in open_runs)
    console.print(
        f"[bold]{comparison.name}[/]: {comparison.summary}\n"
        f"{learned} runs of {comparison.steps:,} agent steps to train and {len(open_runs)} to "
        f"evaluate, {len(finished)} finished before; {workers} at a time, into {folder}\n"
        f"Watch: tensorboard --logdir {folder / 'runs'}. Ctrl-C saves; the same command goes on.",
        highlight=False,
    )
