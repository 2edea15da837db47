"""A comparison from its settings to its report, whatever interrupts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from empathy_loop.envs.reading import close_matches
from empathy_loop.train.actors import load_actor
from empathy_loop.train.attempts import (
    attempt,
    forget_failure,
    keep_failure,
    read_failure,
    sound_cells,
)
from empathy_loop.train.cells import Cell, Task, run_folder
from empathy_loop.train.checkpoint import find_checkpoint
from empathy_loop.train.files import InUseError, exclusive, read_json, write_json
from empathy_loop.train.forecast import forecast
from empathy_loop.train.notes import shown_run
from empathy_loop.train.plan import Comparison, Run, identity_of, plan_runs, world_of_cell
from empathy_loop.train.playback import record_episode, write_episode
from empathy_loop.train.pool import Event, Work, run_tasks
from empathy_loop.train.reference import SETTINGS, describe_settings
from empathy_loop.train.report import EPISODE, write_report
from empathy_loop.train.results import RESULTS, make_results
from empathy_loop.train.stages import ALONE, STAGES, Stages, plan_stage, steps_of
from empathy_loop.train.teams import SELF_PLAY
from empathy_loop.train.watch import ComparisonView

Engine = Callable[[Mapping[str, Any], Work, int, Callable[[Event], None]], None]
"""What does tasks, as `train.pool.run_tasks` documents it."""
REPORT_SECONDS = 120.0
"""How long to wait for another process that makes the report."""
CELL_PIXELS = 48
"""Size of a cell, in pixels, of the episode in the report."""


def compare(
    comparison: Comparison,
    folder: Path,
    console: Console,
    only: Sequence[str] = (),
    engine: Engine = run_tasks,
) -> dict[str, Any] | None:
    """Train and evaluate what is not finished yet, and write the report on all that is.

    Several processes, on several machines too, may work in one folder at the same time if each
    names its runs: the last of them to end writes the report.

    Args:
        comparison: What to compare.
        folder: Everything is written here; what an earlier call has finished is used.
        console: Where to show how far it is.
        only: Names of the runs to finish, of `plan_runs`; none for all. The others stay as they
            are.
        engine: What does the tasks.

    Returns:
        The content of results.json, which `train.schema` documents; None if other processes
        still work in the folder.

    Raises:
        ValueError: the folder holds another comparison, another process works in it, no run has
            such a name, or a run failed that `only` names; the report is written then.
        OSError: a file cannot be written.
        KeyboardInterrupt: Ctrl-C or SIGTERM; finished runs are kept, and the others go on from
            where they are when the comparison is called again.
    """
    runs = plan_runs(comparison)
    if not only:
        with exclusive(folder):
            _claim(comparison, folder)
            _finish(comparison, runs, folder, console, engine, STAGES)
            return _report(comparison, folder, console)
    chosen = _named(runs, only)
    with exclusive(folder, REPORT_SECONDS, shared=True):
        _claim(comparison, folder)
        _finish(comparison, chosen, folder, console, engine, ALONE)
    results = None
    # Whoever leaves last is alone, and whoever is not alone has saved what the last will read.
    with suppress(InUseError), exclusive(folder, patience_seconds=0.0):
        results = _report(comparison, folder, console)
    if results is None:
        console.print(f"Others still work in {folder}; the last of them writes the report.")
    _refuse_failures(comparison, chosen, folder)
    return results


def _report(comparison: Comparison, folder: Path, console: Console) -> dict[str, Any]:
    """Write the report on all that is there, and return the results."""
    found: dict[str, dict[str, Cell]] = {}
    failures = {}
    for stage in _stages(comparison, plan_runs(comparison), folder, STAGES):
        for name, task in stage.items():
            if cells := sound_cells(task):
                found.setdefault(task.run.name, {}).update(cells)
            elif reason := read_failure(task):
                failures[name] = reason
    with console.status("scoring and drawing"):
        results = make_results(comparison, found, failures, folder)
        draw_episode(comparison, found, folder)
        write_json(folder / RESULTS, results)
        write_report(results, folder)
    return results


def _named(runs: list[Run], names: Sequence[str]) -> list[Run]:
    """Return the runs that have these names."""
    known = {run.name: run for run in runs}
    for name in names:
        if name not in known:
            raise ValueError(
                f"unknown run {name!r}; {close_matches(name, known)} --list-runs lists all"
            )
    return [run for run in runs if run.name in names]


def _refuse_failures(comparison: Comparison, runs: list[Run], folder: Path) -> None:
    """Raise ValueError if runs have failed: to a scheduler, the task has failed then."""
    stages = _stages(comparison, runs, folder, ALONE)
    tasks = {name: task for stage in stages for name, task in stage.items()}
    unfinished = {name: task for name, task in tasks.items() if sound_cells(task) is None}
    if unfinished:
        reasons = [f"{name}: {read_failure(task)}" for name, task in unfinished.items()]
        raise ValueError(
            f"{len(unfinished)} of {len(tasks)} runs failed; {'; '.join(reasons)}; the report is "
            "made without them, and the same command tries them again"
        )


def engine_of(name: str, address: str | None = None) -> Engine:
    """Return what does the tasks.

    Args:
        name: pool or ray.
        address: Of the Ray cluster to join; None starts a local one.

    Raises:
        ValueError: the engine takes no address, or needs an extra that is not installed.
    """
    if name == "pool":
        if address is not None:
            raise ValueError(f"ray_address {address!r} needs --engine ray; pool has no cluster")
        return run_tasks
    try:
        from empathy_loop.train import ray_engine
    except ImportError as error:
        raise ValueError(
            f'engine ray needs Ray ({error}); install it with: pip install "empathy-loop[ray]"'
        ) from error
    return partial(ray_engine.run_tasks, address=address)


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
    actor = load_actor(trained if run.is_learned else run.config.agent.name)
    params = world_of_cell(run.config.world, comparison.shifts[0])
    seed, seats = run.config.seed, run.config.seats
    frames = record_episode(actor, params, seed, CELL_PIXELS, seats=seats)
    return write_episode(frames, folder / EPISODE)


def _claim(comparison: Comparison, folder: Path) -> None:
    """Mark a folder as that of a comparison, or refuse one that holds another."""
    path, identity = folder / SETTINGS, identity_of(comparison)
    with exclusive(folder, name="settings"):
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


def _stages(
    comparison: Comparison, runs: list[Run], folder: Path, stages: Stages
) -> Iterator[dict[str, Task]]:
    """Yield name to task of one stage after the other, each of the runs that are there by then."""
    for plans in stages:
        yield plan_stage(plans, comparison, runs, folder.absolute())
        runs = [run for run in runs if sound_cells(Task(run, comparison, folder)) is not None]


def _finish(
    comparison: Comparison,
    runs: list[Run],
    folder: Path,
    console: Console,
    engine: Engine,
    stages: Stages,
) -> None:
    """Do all tasks that are not done, and keep the reasons of those that fail."""
    _announce(comparison, runs, folder, console, stages)
    view = ComparisonView(console, comparison.workers)

    def on_event(event: Event) -> None:
        if event.kind == "failed":
            keep_failure(folder, event.name, *event.detail)
        elif event.kind == "done":
            forget_failure(folder, event.name)
        view.on_event(event)

    with view:
        for stage in _stages(comparison, runs, folder, stages):
            left = {name: task for name, task in stage.items() if sound_cells(task) is None}
            view.expect(
                {name: steps_of(task) for name, task in stage.items()}, stage.keys() - left.keys()
            )
            if left:
                engine(left, attempt, min(comparison.workers, len(left)), on_event)


def _announce(
    comparison: Comparison,
    runs: Sequence[Run],
    folder: Path,
    console: Console,
    stages: Stages,
) -> None:
    """Say what there is to do in all stages, and about how long it will take."""
    planned = (plan_stage(plans, comparison, runs, folder.absolute()) for plans in stages)
    left = [task for stage in planned for task in stage.values() if sound_cells(task) is None]
    if not left:
        return
    own = [task for task in left if task.condition == SELF_PLAY]
    learned = sum(task.run.is_learned for task in own)
    later = Counter(task.condition for task in left if task.condition != SELF_PLAY)
    then = "".join(f", {number} for {condition}" for condition, number in later.items())
    workers = min(comparison.workers, len(left))
    console.print(
        f"[bold]{comparison.name}[/]: {comparison.summary}\n"
        f"{learned} runs of {comparison.steps:,} agent steps to train and {len(own)} to "
        f"evaluate{then}, {len(runs) - len(own)} finished before; {workers} at a time, into "
        f"{folder}",
        highlight=False,
    )
    minutes = forecast(left, comparison.workers) / 60.0
    about = f"{minutes / 60.0:.1f} hours" if minutes >= 90.0 else f"{max(1.0, minutes):.0f} min"
    console.print(
        f"On this machine that takes about {about}, if nothing else runs here.\n"
        f"Watch: tensorboard --logdir {folder / 'runs'}. Ctrl-C saves; the same command goes on.",
        highlight=False,
    )
