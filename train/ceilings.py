"""What bounds the speeds: arithmetic and memory of the machine, and the bare network of an arm."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Inputs, Memory, Outputs
from empathy_loop.train.adam import EPS
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.device import map_tensors
from empathy_loop.train.learner import Learner

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


class Call(NamedTuple):
    """How an update called a network, or a layer that only training has.

    Attributes:
        module: What was called.
        arguments: Tensors of the same types and shapes, uniform in [0, 1); all actions are legal.
        table: The streams of a network; None of a layer.
        reads: Numbers of those of `_read_by_losses` that the loss did read.
        mode: What was asked of gradients, one of _MODES.
        is_trained: Whether the weights of a layer were no constants.
    """

    module: nn.Module
    arguments: list[Tensor]
    table: StreamTable | None
    reads: list[int]
    mode: str
    is_trained: bool

    def again(self) -> tuple[list[Tensor], list[Tensor]]:
        """Call again.

        Returns:
            Mean squares of what the loss reads of a network; and the output of a layer.
        """
        with _MODES[self.mode]():
            if self.table is None:
                outputs = [self._layer()]
                return [], outputs if self.mode == "gradient" else []
            inputs, memory = Inputs(*self.arguments[:3]), Memory(*self.arguments[3:])
            found = _read_by_losses(self.module(inputs, memory, self.table))
            return [found[number].square().mean() for number in self.reads], []

    def _layer(self) -> Tensor:
        layer, x = self.module, self.arguments[0]
        assert isinstance(layer, nn.Linear)
        x.grad = None
        if self.is_trained:
            return linear(x, layer.weight, layer.bias)
        return linear(x, layer.weight.detach(), None if layer.bias is None else layer.bias.detach())


class Floor:
    """What an arm's networks alone ask of the machine for one update.

    One real update is made and watched. Then the same networks, the layers that objectives have of
    their own, and torch's own fused Adam are called as often, with and without gradients as it was,
    on random numbers of the same shapes. Worlds, sampling, advantages, dealing into minibatches,
    activations of objectives, and the terms of the loss are left out: the outputs that the arm's
    loss reads are squared, and the means of each summed; layers of objectives are given a gradient.
    The step size is 0, which takes Adam as long, so that weights do not drift to where arithmetic
    is slower. Draws come from generators of their own.

    Args:
        config: The run.
    """

    def __init__(self, config: TrainConfig) -> None:
        learner = Learner(config)
        self.arm = learner.arm
        self.network = self.arm.network
        weights = map_tensors(self.arm.state_dict(), torch.clone)
        self._steps = calls_in(learner)
        self.arm.load_state_dict(weights)
        # As anybody has it: what an arm's own Adam saves counts as nearer to the floor.
        self.optimiser = torch.optim.Adam(self.arm.weights, lr=0.0, eps=EPS, fused=True)
        self._agent_steps, self._ones = learner.agent_steps, cache(torch.ones)

    def update(self) -> int:
        """Do what one update needs, and return of how many agent steps it is."""
        for calls in self._steps:
            self.optimiser.zero_grad()
            squares: list[Tensor] = []
            layers: list[Tensor] = []
            for call in calls:
                more_squares, more_layers = call.again()
                squares += more_squares
                layers += more_layers
            ends = [torch.stack(squares).sum(), *layers]
            # What comes to a layer comes from what is left out: any numbers will do.
            torch.autograd.backward(ends, [self._ones(end.shape) for end in ends])
            self.optimiser.step()
        return self._agent_steps


def calls_in(learner: Learner) -> list[list[Call]]:
    """Make an update, and return the calls that it takes up to each gradient step.

    Args:
        learner: Goes on by one update.
    """
    arm, steps, like = learner.arm, list[list[Call]]([[]]), cache(_like)

    def note_network(module: nn.Module, positional: Any, named: Any, outputs: Outputs) -> None:
        given: Any = (*positional, *named.values())
        inputs, memory, table = given
        reads: list[int] = []
        for number, part in enumerate(_read_by_losses(outputs)):
            if part.requires_grad:
                hook: Any = part.register_hook
                hook(partial(_note_gradient, reads, number))
        arguments = [like(part.shape, part.dtype) for part in (*inputs, *memory)]
        steps[-1].append(Call(module, arguments, table, reads, _mode(), True))

    def note_layer(module: nn.Module, positional: tuple[Tensor], _: Any) -> None:
        # Of a module that is called with other weights, these are no parameters.
        x, weight = positional[0], cast(Tensor, module.weight)
        flows = x.requires_grad or weight.requires_grad
        arguments = [_like(x.shape, x.dtype).requires_grad_(x.requires_grad)]
        mode = _mode() if flows else "constant"
        steps[-1].append(Call(module, arguments, None, [], mode, weight.requires_grad))

    handles = [arm.network.register_forward_hook(note_network, with_kwargs=True)]
    layers = [part for part in arm.objectives.modules() if isinstance(part, nn.Linear)]
    handles += [layer.register_forward_hook(note_layer) for layer in layers]
    handles.append(learner.optimiser.register_step_post_hook(lambda *_: steps.append([])))
    learner.advance()
    for handle in handles:
        handle.remove()
    return steps[:-1]


_MODES = {
    "inference": torch.inference_mode,
    "constant": torch.no_grad,
    "gradient": torch.enable_grad,
}
"""What may be asked of gradients."""


def _mode() -> str:
    """Return which of _MODES is on."""
    if torch.is_grad_enabled():
        return "gradient"
    return "inference" if torch.is_inference_mode_enabled() else "constant"


def _read_by_losses(outputs: Outputs) -> list[Tensor]:
    """Return the outputs that losses end at; what lies behind them is reached through them."""
    return [outputs.logits, outputs.values, *outputs.belief]


def _note_gradient(reads: list[int], number: int, _: Tensor) -> None:
    """Write down that a gradient has come to an output."""
    reads.append(number)


def _like(shape: torch.Size, dtype: torch.dtype) -> Tensor:
    """Return float32 of a shape uniform in [0, 1), the same at every call; or True everywhere."""
    return torch.ones(shape, dtype=dtype) if dtype == torch.bool else _uniform(*shape)


def _uniform(*shape: int) -> Tensor:
    """Return float32 of a shape, uniform in [0, 1), the same at every call."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))
