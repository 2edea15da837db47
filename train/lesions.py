"""Lesions: trained actors that lose something when the shift of their world comes.

A lesion is an intervention of whoever evaluates, who knows when the shift comes; the network that
acts is told nothing. In a world without a shift it comes in the step in which the shift would have
come. Before that step, a lesioned actor does what the intact one does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empathy_loop.agents.arm import build_network
from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.objective import Network
from empathy_loop.agents.types import Inputs, Memory, Outputs
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.world import World
from empathy_loop.train.actors import LearnedActor
from empathy_loop.train.learned import read_learned
from empathy_loop.train.teams import CLEAR_STEPS, MEMORY_CLEARED, SHUFFLED


class MemoryCleared(LearnedActor):
    """A trained network whose recurrent state is set to zero at the shift and regularly after it.

    That is before it acts in the steps s = 0, CLEAR_STEPS, 2 CLEAR_STEPS, ... since the shift of
    each world, so that from the shift on it remembers at most CLEAR_STEPS observations.
    """

    def _run(self, inputs: Inputs, world: World) -> Outputs:
        since = _steps_since(world)
        cleared = (since >= 0) & (since % CLEAR_STEPS == 0)
        first = self._network.first_memory(world.num_worlds, self._table)
        self._memory = Memory(*map(_chooser(cleared), first, self._memory))
        return super()._run(inputs, world)


class BeliefsShuffled(LearnedActor):
    """A trained network that reads, from the shift on, of each other the belief about the next.

    What it believes stays what it was, and so does its memory of each other; only where in the
    policy's input a belief stands is changed, as in the arm `shuffled`.

    Args:
        config: The arm.
        params: The world it was trained in, as it was shown it.
        weights: State of its network.

    Raises:
        ValueError: there is one other only.
    """

    def __init__(
        self, config: AgentConfig, params: WorldParams, weights: dict[str, Tensor]
    ) -> None:
        super().__init__(config, params, weights)
        shuffled = replace(config, empathy=replace(config.empathy, shuffled=True))
        self._shuffled: Network = build_network(shuffled, params, seed=0)
        self._shuffled.load_state_dict(weights)

    def _run(self, inputs: Inputs, world: World) -> Outputs:
        intact = super()._run(inputs, world)
        lesioned: Outputs = self._shuffled(inputs, self._memory, self._table)
        choose = _chooser(_steps_since(world) >= 0)
        return intact._replace(
            logits=choose(lesioned.logits[0], intact.logits[0])[None],
            memory=Memory(*map(choose, lesioned.memory, intact.memory)),
        )


def load_lesioned(folder: Path, lesion: str) -> LearnedActor:
    """Return the actor of a run with a lesion.

    Args:
        folder: Folder of the run.
        lesion: A name in LESIONS.

    Raises:
        CheckpointError: there is no checkpoint, or it cannot be read.
        ValueError: the settings of the run are refused, or beliefs cannot be shuffled.
    """
    lesions = {MEMORY_CLEARED: MemoryCleared, SHUFFLED: BeliefsShuffled}
    return lesions[lesion](*read_learned(folder))


def _steps_since(world: World) -> NDArray[np.int32]:
    """Return the steps since the shift of each world, int32 [E]; negative before it."""
    return np.asarray(world.state.step - world.state.shift_step, np.int32)


def _chooser(marked: NDArray[np.bool_]) -> Callable[[Tensor, Tensor], Tensor]:
    """Return what takes, of two tensors [E, ...], the first in marked worlds, else the second."""
    worlds = torch.from_numpy(marked)

    def choose(one: Tensor, other: Tensor) -> Tensor:
        return torch.where(worlds.view(-1, *[1] * (one.dim() - 1)), one, other)

    return choose
