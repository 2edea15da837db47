"""The cells of a comparison: one arm with one seed, on each shift and on its twin without it.

In each team and with each lesion, a cell and its twin have the same worlds, partners and draws:
they differ by the shift alone.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from empathy_loop.train.actors import Actor, load_actor
from empathy_loop.train.evaluate import EpisodeLog, run_episodes, score_belief
from empathy_loop.train.files import write_bytes
from empathy_loop.train.lesions import load_lesioned
from empathy_loop.train.loop import Progress
from empathy_loop.train.plan import Comparison, Run, Shift, world_of_cell
from empathy_loop.train.pool import Report
from empathy_loop.train.runs import train_run
from empathy_loop.train.teams import GREEDY, SELF_PLAY, lesions_of, seats_of_teams


class Task(NamedTuple):
    """What a worker of a comparison does.

    Attributes:
        run: The arm and its seed, with the fingerprint of the cells that are made.
        comparison: What it is evaluated on, in which teams and with which lesions.
        folder: Folder of the comparison.
        condition: Under which cells are made that need more than the run itself; self-play
            stands for all others.
        team: In cross-play, all trained runs of the arm, in the order of their seeds.
    """

    run: Run
    comparison: Comparison
    folder: Path
    condition: str = SELF_PLAY
    team: tuple[Run, ...] = ()


class Status(NamedTuple):
    """How far a task is.

    Attributes:
        stage: training or evaluating.
        done: Agent steps done.
        total: Agent steps to do.
        rate: Agent steps per second.
        welfare: Episode welfare of the last update, in training.
    """

    stage: str
    done: int = 0
    total: int = 0
    rate: float = 0.0
    welfare: float = 0.0


class Cell(NamedTuple):
    """The part of an EpisodeLog that scores are made of.

    Attributes:
        welfare: float64 [T, E], at most 0. Unshaped welfare of each step.
        drive: float32 [T, E, A]. Drive after each step.
        helps: int8 [T, E, A]. Helps given in each step.
        misattuned: int8 [T, E, A]. Those of them that were misattuned.
        shift_step: int32 [E]. Step of the shift, or in a twin where it would have been.
        belief: float64 [3] or [0]. Crisis loss, AUROC and calibration error of the beliefs
            about others, against the truth; nothing where no belief is trained.
        social: float32 [T, C] or [0]. What goes on between AI and people; nothing where no person
            sits, or in a file from before they could.
    """

    welfare: NDArray[np.float64]
    drive: NDArray[np.float32]
    helps: NDArray[np.int8]
    misattuned: NDArray[np.int8]
    shift_step: NDArray[np.int32]
    belief: NDArray[np.float64]
    social: NDArray[np.float32] = np.zeros(0, np.float32)


class Player(NamedTuple):
    """Who plays the cells of a condition.

    Attributes:
        actor: Acts for all focal agents.
        seats: A seat for each agent; none for those of the run, in which it was trained.
        greedy: Whether it takes its most probable actions instead of sampling.
    """

    actor: Actor
    seats: tuple[str, ...] = ()
    greedy: bool = False


def do_task(task: Task, report: Report) -> None:
    """Train an arm, unless it needs no training or has had it, and evaluate its cells.

    Args:
        task: What to do; picklable.
        report: Called with a Status after each update and before each cell.
    """
    run, folder = task.run, task.folder

    def on_update(progress: Progress) -> None:
        metrics = progress.metrics
        rate, welfare = metrics["charts/steps_per_second"], metrics["charts/welfare"]
        report(Status("training", progress.agent_steps, progress.total, rate, welfare))

    if run.is_learned:
        report(Status("training", total=run.config.steps))
        train_run(run.config, run_folder(folder, run), on_update)
    actor = actor_of(task)
    comparison, num_agents = task.comparison, run.config.world.num_agents
    seats = seats_of_teams(comparison.teams, num_agents, comparison.focal_seats)
    lesions = lesions_of(run.config.agent, comparison.lesions, num_agents)
    is_greedy = GREEDY in comparison.teams and run.is_learned
    players: dict[str, Player] = {
        SELF_PLAY: Player(actor),
        **({GREEDY: Player(actor, greedy=True)} if is_greedy else {}),
        **{team: Player(actor, chosen) for team, chosen in seats.items()},
        **{lesion: Player(load_lesioned(run_folder(folder, run), lesion)) for lesion in lesions},
    }
    cells: dict[str, Cell] = {}
    for condition, player in players.items():
        for shift in (None, *comparison.shifts):
            report(Status("evaluating"))
            cells[cell_name(shift, condition)] = play(task, player, shift)
    save_cells(folder, run, cells)


def actor_of(task: Task) -> Actor:
    """Return what acts for the run of a task, which is trained if it learns."""
    run = task.run
    return load_actor(run_folder(task.folder, run) if run.is_learned else run.config.agent.name)


def play(task: Task, player: Player, shift: Shift | None) -> Cell:
    """Return a cell of a run.

    Args:
        task: The run, whose seed is that of the worlds.
        player: Who acts, and how.
        shift: What comes unsignalled; None for the twin, the same but for the shift.
    """
    config = task.run.config
    params = world_of_cell(config.world, shift)
    episodes, seats = task.comparison.episodes, player.seats or config.seats
    return cell_of(run_episodes(player.actor, params, episodes, config.seed, player.greedy, seats))


def run_folder(folder: Path, run: Run) -> Path:
    """Return where a comparison trains a run."""
    return folder / "runs" / run.name


def cell_name(shift: Shift | None, condition: str = SELF_PLAY) -> str:
    """Return the name of a cell; the twin without a shift is the same for all shifts.

    Args:
        shift: Which; None for the twin.
        condition: A team, a lesion or continued training, which stands before the shift.
    """
    name = "none" if shift is None else shift.name
    return name if condition == SELF_PLAY else f"{condition}/{name}"


def save_cells(folder: Path, run: Run, cells: dict[str, Cell], condition: str = SELF_PLAY) -> None:
    """Write the cells of a run, with its fingerprint; conditions that need others' runs apart."""
    buffer = io.BytesIO()
    arrays = {
        f"{name}/{part}": array
        for name, cell in cells.items()
        for part, array in cell._asdict().items()
    }
    np.savez_compressed(buffer, fingerprint=np.array(run.fingerprint), **arrays)
    write_bytes(_path(folder, run, condition), buffer.getvalue())


def load_cells(folder: Path, run: Run, condition: str = SELF_PLAY) -> dict[str, Cell] | None:
    """Return the cells of a run by name, or None if they are missing, damaged or of another run."""
    try:
        content = _path(folder, run, condition).read_bytes()
    except FileNotFoundError:
        return None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = dict(file)
        if str(arrays.pop("fingerprint")) != run.fingerprint:
            return None
        names = dict.fromkeys(key.rpartition("/")[0] for key in arrays)
        return {
            name: Cell(
                **{
                    part: arrays[f"{name}/{part}"]
                    for part in Cell._fields
                    if f"{name}/{part}" in arrays
                }
            )
            for name in names
        }
    except Exception:  # whatever a damaged file makes the reader raise: it is made again
        return None


def _path(folder: Path, run: Run, condition: str) -> Path:
    return folder / "cells" / ("" if condition == SELF_PLAY else condition) / f"{run.name}.npz"


def cell_of(log: EpisodeLog) -> Cell:
    """Return the part of a log that scores are made of."""
    return Cell(
        welfare=log.welfare,
        drive=log.drive.astype(np.float32),
        helps=log.helps,
        misattuned=log.misattuned,
        shift_step=log.shift_step,
        belief=np.array(list(score_belief(log).values())),
        social=np.zeros(0, np.float32) if log.social is None else log.social,
    )
