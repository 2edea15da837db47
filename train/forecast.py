"""How long a comparison will take, told before it begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from empathy_loop.train.cells import run_folder
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.learner import Learner
from empathy_loop.train.logging import read_metrics
from empathy_loop.train.plan import Comparison, Run
from empathy_loop.train.teams import CROSS_PLAY, lesions_of, seats_of_teams

RATE = "charts/steps_per_second"
ACTING = ("time/env", "time/inference")
"""Shares of the time of an update in which worlds are stepped and actions chosen."""
LAST_UPDATES = 20
"""Updates of an earlier run whose speed is looked at."""


def forecast(comparison: Comparison, runs: Sequence[Run], folder: Path, workers: int) -> float:
    """Return about how many seconds runs will take, from speeds of this machine.

    The speed of an arm is that which its runs in the folder have logged last, else that of a
    short warm-up here. A cell costs what acting costs in training. Arms that do not learn take
    next to nothing, and are not counted.

    Args:
        comparison: Its settings.
        runs: Those that are not finished.
        folder: Folder of the comparison.
        workers: Runs at the same time, each on a core of its own.
    """
    speeds: dict[str, Mapping[str, float]] = {}
    total = 0.0
    for run in runs:
        if not run.is_learned:
            continue
        updates = _updates_of(run, folder)
        if run.arm not in speeds:
            speeds[run.arm] = _mean(updates[-LAST_UPDATES:]) if updates else _warm_up(run.config)
        speed = speeds[run.arm]
        done = updates[-1]["step"] if updates else 0
        steps = max(0, comparison.steps - done) + comparison.continued_steps
        config = run.config.world
        played = played_episodes(comparison, run) * config.horizon * config.num_agents
        acting = sum(speed[name] for name in ACTING)
        total += (steps + acting * played) / speed[RATE]
    return total / workers


def played_episodes(comparison: Comparison, run: Run) -> int:
    """Return the episodes that the cells of a learned run take, an actor in each seat counting."""
    num_agents, shifts = run.config.world.num_agents, len(comparison.shifts) + 1
    partners = seats_of_teams(comparison.teams, num_agents, comparison.focal_seats)
    lesions = lesions_of(run.config.agent, comparison.lesions, num_agents)
    cells = (1 + len(partners) + len(lesions)) * shifts
    if CROSS_PLAY in comparison.teams:
        cells += num_agents * shifts + 2 * (len(comparison.seeds) - 1)
    return cells * comparison.episodes


def _updates_of(run: Run, folder: Path) -> list[dict[str, float]]:
    """Return what a run has logged of each update."""
    return [line for line in read_metrics(run_folder(folder, run)) if RATE in line]


def _warm_up(config: TrainConfig) -> Mapping[str, float]:
    """Return the speeds of the second update of a run, of which nothing is kept."""
    learner = Learner(config)
    learner.advance()
    return learner.advance()


def _mean(updates: Iterable[Mapping[str, float]]) -> Mapping[str, float]:
    rows = list(updates)
    return {name: sum(row[name] for row in rows) / len(rows) for name in (RATE, *ACTING)}
