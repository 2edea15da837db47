"""The training loop: update, report, save; killed at any moment, it goes on where it was."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from empathy_loop.train.checkpoint import CHECKPOINT, load_checkpoint, save_checkpoint
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.distributed import ALONE, Team
from empathy_loop.train.files import write_bytes
from empathy_loop.train.learner import Learner
from empathy_loop.train.signals import PostponedInterrupt
from empathy_loop.train.update import NotFiniteError

NOT_FINITE = "not_finite.pt"
"""Name of the file with what was not finite and what it came from: tensors, for torch.load."""


class Progress(NamedTuple):
    """How far a run is, after an update.

    Attributes:
        agent_steps: Agent steps done.
        total: Agent steps to do.
        metrics: Logged name to value, of this update.
    """

    agent_steps: int
    total: int
    metrics: dict[str, float]


def train(
    config: TrainConfig,
    folder: Path,
    on_update: Callable[[Progress], None] | None = None,
    team: Team = ALONE,
) -> Path:
    """Train an agent, from the checkpoint in the folder if there is one.

    A run that was interrupted and resumed ends with the same weights, bit for bit, as one that
    was not. Updates after the last checkpoint are done again, and reported again.

    Args:
        config: The run. Sets the number of torch's threads in this process.
        folder: Folder of the run; made if it is missing.
        on_update: Called after each update, before it is saved.
        team: The processes that train it together, each of which calls this with the same config
            and folder; the one that leads saves.

    Returns:
        The path of the last checkpoint. If all steps are already done, nothing happens.

    Raises:
        ValueError: the agent does not learn, or settings do not fit together.
        CheckpointError: a checkpoint cannot be read, cannot be written, or is of another run.
        NotFiniteError: a term of the reward or of the loss, or a gradient, is not finite. What it
            came from is in NOT_FINITE, in the folder; the last checkpoint is of the update before.
        TeamError: another process has stopped.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the present update is finished and saved first. A
            second Ctrl-C leaves at once, with the last checkpoint on disk.
    """
    torch.set_num_threads(config.num_threads)
    learner = Learner(config, team)
    folder.mkdir(parents=True, exist_ok=True)
    saved = load_checkpoint(folder)
    if saved is not None:
        learner.restore(saved, folder)
    saved_updates = learner.num_updates
    # To save is to exchange worlds: only processes that are at the same place can.
    together = team.size == 1
    with PostponedInterrupt() as interrupt:
        try:
            while learner.agent_steps < config.steps:
                metrics = learner.advance()
                if on_update is not None:
                    on_update(Progress(learner.agent_steps, config.steps, metrics))
                if team.any(interrupt.seen):
                    together = True
                    raise KeyboardInterrupt
                if learner.num_updates - saved_updates >= config.checkpoint_every:
                    _save(learner, folder)
                    saved_updates = learner.num_updates
            together = True
        except NotFiniteError as error:
            together = True  # as all see the same numbers
            raise (_dumped(error, folder, learner) if team.leads else error) from error
        finally:
            if together and learner.is_whole and learner.num_updates > saved_updates:
                _save(learner, folder)
    return folder / CHECKPOINT


def _dumped(error: NotFiniteError, folder: Path, learner: Learner) -> NotFiniteError:
    """Return the error with a word on where what it came from has been written, and what is saved.

    The learner is as it was at the end of the update before, which is saved next.
    """
    done = learner.num_updates
    path = folder / NOT_FINITE
    buffer = io.BytesIO()
    torch.save(error.dump, buffer)
    write_bytes(path, buffer.getvalue())
    saved = "there is no checkpoint, as this was the first update"
    if done:
        saved = f"{folder / CHECKPOINT} holds the {done} before it, with which it can be done again"
    return NotFiniteError(
        f"{error}. This was in update {done + 1}; {saved}. What it came from is in {path}",
        error.dump,
    )


def _save(learner: Learner, folder: Path) -> None:
    """Write a checkpoint of the worlds of all processes, each of which must call this."""
    snapshot = learner.snapshot()
    if learner.team.leads:
        save_checkpoint(folder, snapshot)
