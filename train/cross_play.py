"""Cross-play: agents that were trained apart, in one world (Hu et al. 2020, arXiv 2003.02979).

What copies of one run have agreed on among themselves is worth nothing here; what an agent can
read in a stranger is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from empathy_loop.envs.populations import count_focal
from empathy_loop.train.actors import load_actor
from empathy_loop.train.cast import MixedActor
from empathy_loop.train.cells import (
    Cell,
    Player,
    Status,
    Task,
    cell_name,
    play,
    run_folder,
    save_cells,
)
from empathy_loop.train.config import hash_of
from empathy_loop.train.plan import Comparison, Run
from empathy_loop.train.pool import Report
from empathy_loop.train.teams import CROSS_PLAY, beside


def rotation(home: int, num_runs: int, num_seats: int) -> list[int]:
    """Return which of several runs plays each seat: the home run first, then those that follow.

    Over all home runs, each run sits in each seat once; a world with fewer seats than runs holds
    no run twice.

    Args:
        home: Place of the run that plays the first seat, 0 to num_runs - 1.
        num_runs: Number of runs, at least 1.
        num_seats: Number of agents.
    """
    return [(home + seat) % num_runs for seat in range(num_seats)]


def pair(home: int, partner: int, num_seats: int, num_focal: int) -> list[int]:
    """Return who plays each seat: the partner the last focal one, the home run all others.

    Args:
        home: Place of the run with most seats.
        partner: Place of the run with one.
        num_seats: Number of agents.
        num_focal: How many of them, the first, are played by runs.
    """
    return [partner if seat == num_focal - 1 else home for seat in range(num_seats)]


def plan_cross_play(comparison: Comparison, trained: Sequence[Run], folder: Path) -> list[Task]:
    """Return the tasks of cross-play: one for each learned run that is trained and has partners.

    Args:
        comparison: Its settings.
        trained: The runs that are there; what is missing plays with nobody.
        folder: Folder of the comparison.
    """
    if CROSS_PLAY not in comparison.teams:
        return []
    tasks = []
    for run in trained:
        team = tuple(one for one in trained if one.arm == run.arm)
        if run.is_learned and len(team) > 1:
            identity = hash_of([CROSS_PLAY, run.fingerprint, [one.fingerprint for one in team]])
            own = run._replace(fingerprint=identity)
            tasks.append(Task(own, comparison, folder, CROSS_PLAY, team))
    return tasks


def play_crossed(task: Task, report: Report) -> None:
    """Evaluate a run beside other seeds of its arm: rotated on all shifts, in pairs without one.

    Args:
        task: What to do, with all trained runs of the arm as `team`; picklable.
        report: Called with a Status before each cell.
    """
    run, num_seats = task.run, task.run.config.world.num_agents
    num_focal = count_focal(run.config.seats) or num_seats
    actors = [load_actor(run_folder(task.folder, one)) for one in task.team]
    home = [one.name for one in task.team].index(run.name)
    mixed = MixedActor([actors[i] for i in rotation(home, len(actors), num_seats)])
    cells: dict[str, Cell] = {}
    for shift in (None, *task.comparison.shifts):
        report(Status("evaluating"))
        cells[cell_name(shift, CROSS_PLAY)] = play(task, Player(mixed), shift)
    for i, partner in enumerate(task.team):
        if i != home:
            report(Status("evaluating"))
            both = MixedActor([actors[k] for k in pair(home, i, num_seats, num_focal)])
            cells[cell_name(None, beside(partner.config.seed))] = play(task, Player(both), None)
    save_cells(task.folder, run, cells, CROSS_PLAY)
