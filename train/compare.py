"""A comparison from its settings to its report, whatever interrupts it."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from empathy_loop.train.actors import load_actor
from empathy_loop.train.cells import Cell, Task, load_cells, run_folder
from empathy_loop.train.checkpoint import find_checkpoint
from empathy_loop.train.continued import plan_continued
from empathy_loop.train.cross_play import plan_cross_play
from empathy_loop.train.files import exclusive, read_json, write_json, write_text
from empathy_loop.train.forecast import forecast
from empathy_loop.train.notes import shown_run
from empathy_loop.train.plan import Comparison, Run, identity_of, plan_runs, world_of_cell
from empathy_loop.train.playback import record_episode, write_episode
from empathy_loop.train.pool import run_stages
from empathy_loop.train.report import EPISODE, write_report
from empathy_loop.train.results import RESULTS, make_results
from empathy_loop.train.stages import cells_of, do, name_of, plan_own, steps_of
from empathy_loop.train.watch import ComparisonView

SETTINGS = "comparison.json"
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
        found, failures = _finish(comparison, folder, console)
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
    if path.exists():
        other = read_json(path)["fingerprint"]
        if other != identity:
            raise ValueError(
                f"{folder} holds a comparison with other settings (fingerprint {other}, here "
                f"{identity}); choose another folder with --out, or delete that one"
            )
        return
    head = {"fingerprint": identity, "version": version("empathy-loop")}
    write_json(path, {**head, "comparison": asdict(comparison)})


def _finish(
    comparison: Comparison, folder: Path, console: Console
) -> tuple[dict[str, dict[str, Cell]], dict[str, str]]:
    """Do all tasks that are not done; return the cells of each run, and why others failed."""
    runs = plan_runs(comparison)
    _announce(comparison, runs, folder, console)
    found: dict[str, dict[str, Cell]] = {}
    view = ComparisonView(console, comparison.workers)

    def stages() -> Iterator[dict[str, Task]]:
        """Yield what is left to do of each stage, and take up what was made of it."""
        trained = runs
        for plan in (plan_own, plan_cross_play, plan_continued):
            tasks = {name_of(task): task for task in plan(comparison, trained, folder)}
            cells = {name: cells_of(task) for name, task in tasks.items()}
            view.expect(
                {name: steps_of(task) for name, task in tasks.items()},
                [name for name, one in cells.items() if one],
            )
            left = {name: task for name, task in tasks.items() if not cells[name]}
            yield left
            cells |= {name: cells_of(task) for name, task in left.items()}
            for name, task in tasks.items():
                if one := cells[name]:
                    found.setdefault(task.run.name, {}).update(one)
            trained = [run for run in runs if run.name in found]

    with view:
        run_stages(stages(), do, comparison.workers, view.on_event)
    for name, (_, trace) in view.failures.items():
        write_text(folder / "failures" / f"{name}.txt", trace)
    return found, {name: reason for name, (reason, _) in view.failures.items()}


def _announce(comparison: Comparison, runs: Sequence[Run], folder: Path, console: Console) -> None:
    """Say what there is to do, and about how long it will take."""
    left = [run for run in runs if load_cells(folder, run) is None]
    if not left:
        return
    workers = min(comparison.workers, len(left))
    learned = sum(run.is_learned for run in left)
    console.print(
        f"[bold]{comparison.name}[/]: {comparison.summary}\n"
        f"{learned} runs of {comparison.steps:,} agent steps to train and {len(left)} to "
        f"evaluate, {len(runs) - len(left)} finished before; {workers} at a time, into {folder}",
        highlight=False,
    )
    minutes = forecast(comparison, left, folder, workers) / 60.0
    about = f"{minutes / 60.0:.1f} hours" if minutes >= 90.0 else f"{max(1.0, minutes):.0f} min"
    console.print(
        f"On this machine that takes about {about}.\n"
        f"Watch: tensorboard --logdir {folder / 'runs'}. Ctrl-C saves; the same command goes on.",
        highlight=False,
    )
