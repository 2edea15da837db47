"""What bounds the speeds: arithmetic and memory of the machine, and the bare network of an arm."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.types import Inputs, Memory, Outputs
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.train.config import TrainConfig, as_seen_by
from empathy_loop.train.update import make_optimiser

MATRIX_SIZE = 512
"""Rows and columns of the matrices that are multiplied."""
COPY_MIB = 64
"""MiB of the array that is copied: more than a processor keeps near itself."""
_GIGA = 1e9


def matrix_product() -> Callable[[], float]:
    """Return a function that multiplies two matrices and counts in GFLOP.

    The matrices are float32 [512, 512], uniform in [0, 1), and torch multiplies them, with as many
    threads as it has; a product takes 2 * 512^3 operations.
    """
    left, right = _uniform(2, MATRIX_SIZE, MATRIX_SIZE).unbind()
    product = torch.empty_like(left)

    def multiply() -> float:
        torch.mm(left, right, out=product)
        return 2 * MATRIX_SIZE**3 / _GIGA

    return multiply


def memory_copy() -> Callable[[], float]:
    """Return a function that copies an array of COPY_MIB and counts in GB.

    One thread copies it. A GB is 1e9 bytes, and a byte that is read and written counts once.
    """
    source = np.ones(COPY_MIB * 2**20, np.uint8)
    target = np.zeros_like(source)

    def copy() -> float:
        np.copyto(target, source)
        return source.nbytes / _GIGA

    return copy


class Floor:
    """What an arm's network alone asks of the machine for one update.

    The network and the optimiser are the arm's own, and they are called as often, on arrays of the
    same shapes, as `train.rollout.collect` and `train.update.update` call them. Worlds, sampling,
    advantages, dealing into minibatches and the terms of the loss are left out: all outputs that
    the arm's loss reads are squared, and the means of each summed. Inputs are random; all actions
    are legal. The step size is 0, which takes Adam as long, so that weights do not drift to where
    arithmetic is slower. Draws come from generators of their own.

    Args:
        config: The run.
    """

    def __init__(self, config: TrainConfig) -> None:
        agent, ppo = config.agent, config.agent.ppo
        world = as_seen_by(agent, config.world)
        arm = Arm(agent, world, config.seed)
        self.network, self._table = arm.network, arm.table
        self.optimiser = make_optimiser(arm)
        for group in self.optimiser.param_groups:
            group["lr"] = 0.0
        self._trains_belief = "belief_crisis" in agent.loss_weights
        self._epochs = ppo.epochs
        layout = ObservationLayout.of(world)
        rows = (ppo.rollout_steps + 1, ppo.num_worlds, world.num_agents)
        inputs = Inputs(
            features=_uniform(*rows, layout.size),
            exterior=_uniform(*rows, layout.other_size),
            action_mask=torch.ones(*rows, world.num_actions, dtype=torch.bool),
        )
        self._rows = [_part(inputs, slice(t, t + 1)) for t in range(rows[0])]
        self._memory = self.network.first_memory(ppo.num_worlds, self._table)
        parts = torch.arange(ppo.num_worlds).tensor_split(ppo.minibatches)
        present = _part(inputs, slice(0, ppo.rollout_steps))
        self._minibatches = [
            (
                Inputs(*(part.index_select(1, worlds) for part in present)),
                Memory(*(part.index_select(0, worlds) for part in self._memory)),
            )
            for worlds in parts
        ]
        self._agent_steps = math.prod((ppo.rollout_steps, *rows[1:]))

    def update(self) -> int:
        """Do what one update needs, and return of how many agent steps it is."""
        self._act()
        for _ in range(self._epochs):
            for inputs, memory in self._minibatches:
                outputs = self.network(inputs, memory, self._table)
                loss = torch.stack([part.square().mean() for part in self._trained(outputs)]).sum()
                self.optimiser.zero_grad()
                torch.autograd.backward(loss)
                self.optimiser.step()
        return self._agent_steps

    @torch.inference_mode()
    def _act(self) -> None:
        """Pass through a rollout, and value the observation after its last step."""
        memory = self._memory
        for row in self._rows:
            memory = self.network(row, memory, self._table).memory

    def _trained(self, outputs: Outputs) -> Iterator[Tensor]:
        """Yield the outputs through which the arm's loss reaches its weights."""
        yield from (outputs.logits, outputs.values)
        if self._trains_belief:
            yield from outputs.belief


def _part(inputs: Inputs, steps: slice) -> Inputs:
    return Inputs(*(part[steps] for part in inputs))


def _uniform(*shape: int) -> Tensor:
    """Return float32 of a shape, uniform in [0, 1), the same at every call."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))
