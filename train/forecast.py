"""How long a comparison will take, told before it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

import torch

from empathy_loop.train.cells import Task, run_folder
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.continued import copy_folder
from empathy_loop.train.learner import Learner
from empathy_loop.train.logging import read_metrics
from empathy_loop.train.stages import steps_of
from empathy_loop.train.sweep_cells import points_for
from empathy_loop.train.teams import (
    CONTINUED,
    CROSS_PLAY,
    GREEDY,
    SELF_PLAY,
    SWEPT,
    lesions_of,
    seats_of_teams,
)

RATE = "charts/steps_per_second"
ACTING = ("time/env", "time/inference")
"""Shares of the time of an update in which worlds are stepped and actions chosen."""
LAST_UPDATES = 20
"""Updates of an earlier run whose speed is looked at."""
WARM_UPDATES = 5
"""Updates of a warm-up whose speed is looked at, after a first one that compiles."""


def forecast(tasks: Sequence[Task], workers: int) -> float:
    """Return about how many seconds tasks will take, from speeds of this machine.

    The speed of an arm is that which its runs in the folder have logged last, else that of a
    short warm-up here. A cell costs what acting costs in training. Arms that do not learn take
    next to nothing, and are not counted.

    Args:
        tasks: Those that are not done, of all stages.
        workers: Most tasks of one stage at the same time, each on a core of its own.
    """
    # What follows on the runs themselves is all one stage.
    together = Counter(task.condition == SELF_PLAY for task in tasks)
    speeds: dict[str, Mapping[str, float]] = {}
    total = 0.0
    for task in tasks:
        run = task.run
        if not run.is_learned:
            continue
        updates = _updates_in(run_folder(task.folder, run))
        if run.arm not in speeds:
            speeds[run.arm] = _mean(updates[-LAST_UPDATES:]) if updates else _warm_up(run.config)
        speed = speeds[run.arm]
        world = run.config.world
        played = played_episodes(task) * world.horizon * world.num_agents
        acting = sum(speed[name] for name in ACTING)
        seconds = (_steps_left(task, updates) + acting * played) / speed[RATE]
        total += seconds / min(workers, together[task.condition == SELF_PLAY])
    return total


def played_episodes(task: Task) -> int:
    """Return the episodes that the cells of a task take, an actor in each seat counting.

    Args:
        task: Of a learned run, in any stage.
    """
    comparison, num_agents = task.comparison, task.run.config.world.num_agents
    shifts = len(comparison.shifts) + 1
    if task.condition == CROSS_PLAY:
        cells = min(num_agents, len(task.team)) * shifts + 2 * (len(task.team) - 1)
    elif task.condition == CONTINUED:
        cells = 2
    elif task.condition == SWEPT:
        cells = len(points_for(comparison, task.run))
    else:
        partners = seats_of_teams(comparison.teams, num_agents, comparison.focal_seats)
        lesions = lesions_of(task.run.config.agent, comparison.lesions, num_agents)
        greedy = GREEDY in comparison.teams
        cells = (1 + greedy + len(partners) + len(lesions)) * shifts
    return cells * comparison.episodes


def _steps_left(task: Task, updates: Sequence[Mapping[str, float]]) -> float:
    """Return the agent steps that a task still trains, of a run that has logged these updates."""
    before = 0
    if task.condition == CONTINUED:
        updates, before = _updates_in(copy_folder(task)), task.run.config.steps
    done = updates[-1]["step"] - before if updates else 0
    return max(0, steps_of(task) - done)


def _updates_in(folder: Path) -> list[dict[str, float]]:
    """Return what the run in a folder has logged of each update."""
    return [line for line in read_metrics(folder) if RATE in line]


def _warm_up(config: TrainConfig) -> Mapping[str, float]:
    """Return the usual speeds of an update of a run, of which nothing is kept."""
    before = torch.get_num_threads()
    torch.set_num_threads(config.num_threads)
    try:
        learner = Learner(config)
        learner.advance()
        updates = [learner.advance() for _ in range(WARM_UPDATES)]
    finally:
        torch.set_num_threads(before)
    # On a busy machine a single update can take many times as long as the others.
    return {name: median(update[name] for update in updates) for name in (RATE, *ACTING)}


def _mean(updates: Iterable[Mapping[str, float]]) -> Mapping[str, float]:
    rows = list(updates)
    return {name: sum(row[name] for row in rows) / len(rows) for name in (RATE, *ACTING)}
