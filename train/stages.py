"""The stages of a comparison: what can be done when the runs that it needs are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from empathy_loop.train.cells import Task, do_task
from empathy_loop.train.continued import continue_run, plan_continued
from empathy_loop.train.cross_play import plan_cross_play, play_crossed
from empathy_loop.train.plan import Comparison, Run
from empathy_loop.train.pool import Report, Work
from empathy_loop.train.sweep_cells import plan_swept, play_swept
from empathy_loop.train.teams import CONTINUED, CROSS_PLAY, SELF_PLAY, SWEPT

WORK: dict[str, Work] = {
    SELF_PLAY: do_task,
    CROSS_PLAY: play_crossed,
    CONTINUED: continue_run,
    SWEPT: play_swept,
}
"""What does the tasks of each condition."""


def plan_own(comparison: Comparison, runs: Sequence[Run], folder: Path) -> list[Task]:
    """Return the tasks of the first stage, which need no run but their own.

    Args:
        comparison: Its settings.
        runs: Its runs.
        folder: Folder of the comparison.
    """
    return [Task(run, comparison, folder) for run in runs]


Plan = Callable[[Comparison, Sequence[Run], Path], list[Task]]
"""Returns the tasks of a stage, given the runs that are there by then and the folder."""
Stages = tuple[tuple[Plan, ...], ...]
"""Plans whose tasks need nothing of each other, one stage after another."""
STAGES: Stages = ((plan_own,), (plan_cross_play, plan_continued, plan_swept))
"""The stages of a comparison."""
ALONE: Stages = ((plan_own,), (plan_continued, plan_swept))
"""Those that need no runs but their own, and so can be done for some runs and not for others."""


def plan_stage(
    plans: Sequence[Plan], comparison: Comparison, runs: Sequence[Run], folder: Path
) -> dict[str, Task]:
    """Return name to task of one stage; arguments are those of its plans."""
    tasks = [task for plan in plans for task in plan(comparison, runs, folder)]
    return {name_of(task): task for task in tasks}


def do(task: Task, report: Report) -> None:
    """Do a task of any stage, as WORK says.

    Args:
        task: What to do; picklable.
        report: Called with a Status after each update and before each cell.
    """
    WORK[task.condition](task, report)


def name_of(task: Task) -> str:
    """Return what a task is called: as its run and, beyond the first stage, its condition."""
    return task.run.name + ("" if task.condition == SELF_PLAY else f" {task.condition}")


def steps_of(task: Task) -> int:
    """Return the agent steps that a task trains."""
    steps = {SELF_PLAY: task.comparison.steps, CONTINUED: task.comparison.continued_steps}
    return steps.get(task.condition, 0) if task.run.is_learned else 0
