"""Recorded episodes to learn from: who demonstrates in them, and chunks drawn from them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from empathy_loop.agents.types import Inputs, Recorded
from empathy_loop.envs.params import WorldParams
from empathy_loop.train.batches import to_batch
from empathy_loop.train.records import Record, read_record, records_in

MUST_MATCH = (
    *("grid_size", "num_agents", "num_kinds", "help_reach", "view_radius", "offers"),
    *("show_cues", "show_positive_cues", "p_scrambled_cue", "show_needs", "show_trust"),
)
"""Rules that say what an observation holds and means."""


class Demonstrations:
    """The records of a folder, in memory.

    Where people act in an episode, they demonstrate, and are watched from the seat of somebody
    else; where all or none are people, all demonstrate, and are watched from the seat of any.

    Args:
        folder: Folder of records, as `empathy-loop record` and `empathy-loop play` write them.
        params: The world of the run that learns from them, as the learner sees it.

    Raises:
        ValueError: there is no such folder, no record or no step in it, one cannot be read, or it
            is of a world in which observations are others.
        OSError: a file cannot be read.
    """

    def __init__(self, folder: Path, params: WorldParams) -> None:
        # In an order that their names do not decide, as the hash of the folder does not.
        files = sorted(_files_in(folder), key=_digest)
        records = [read_record(file) for file in files]
        for file, record in zip(files, records, strict=True):
            _demand_same_world(file, record, params)
        batch = to_batch(records)
        if not batch.valid.any():
            raise ValueError(f"no record in {folder} has a step; record whole episodes")
        self._inputs = Inputs(batch.features, batch.exterior, batch.action_mask)
        self._actions = batch.actions
        self._steps = batch.valid.sum(0).numpy()
        self._demonstrates = batch.is_human | ~batch.is_human.any(1, keepdim=True)

    def draw(self, generator: np.random.Generator, episodes: int, steps: int) -> Recorded:
        """Return chunks of episodes, each from a random step on, seen from a random seat.

        Args:
            generator: Draws everything.
            episodes: Number of chunks, E; the same episode may come twice.
            steps: Steps of a chunk, T; shorter episodes are padded.

        Returns:
            Recorded, on the CPU.
        """
        which = generator.integers(len(self._steps), size=episodes)
        starts = np.maximum(self._steps[which] - steps + 1, 1)
        start = (generator.random(episodes) * starts).astype(np.int64)
        num_agents = self._actions.shape[2]
        chance = generator.random((episodes, num_agents))
        chance -= ~self._demonstrates.numpy()[which]  # who only watches comes first
        seats = (chance.argmin(1)[:, None] + np.arange(num_agents)) % num_agents
        moments = torch.from_numpy(start + np.arange(steps + 1)[:, None])
        world, seat = torch.from_numpy(which), torch.from_numpy(seats)
        present = moments[:-1]

        def chunk(values: Tensor, at: Tensor) -> Tensor:
            inside = at < len(values)
            found = values[at.clamp(max=len(values) - 1)[..., None], world[:, None], seat]
            return found * inside.view(*inside.shape, *[1] * (found.dim() - 2))

        return Recorded(
            inputs=Inputs(*(chunk(part, moments) for part in self._inputs)),
            actions=chunk(self._actions, present),
            demonstrates=self._demonstrates[world[:, None], seat],
            valid=present < torch.from_numpy(self._steps)[world],
        )


def hash_of_records(folder: Path) -> str:
    """Return 16 hexadecimal digits that identify the records of a folder, whatever their names.

    Raises:
        ValueError: there is no such folder, or no record in it.
        OSError: a file cannot be read.
    """
    digests = "".join(sorted(_digest(file) for file in _files_in(folder)))
    return hashlib.sha256(digests.encode()).hexdigest()[:16]


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _files_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ValueError(
            f"there is no folder {folder} of demonstrations; make one by `empathy-loop record` or "
            "`empathy-loop play`"
        )
    return records_in([folder])


def _demand_same_world(file: Path, record: Record, params: WorldParams) -> None:
    """Raise ValueError if what a record shows does not mean what it would mean here."""
    for name in MUST_MATCH:
        found, wanted = getattr(record.header.params, name), getattr(params, name)
        if found != wanted:
            raise ValueError(
                f"{file} was recorded in a world with {name}={found!r}, but this run has "
                f"{name}={wanted!r}; record in the same scenario, or train in that one"
            )
