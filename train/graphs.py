"""Acting and gradients on a CUDA device as graphs, which one launch replays.

With few worlds, a network is thousands of operations so small that the device waits for the next
launch. All are launched alike at every step, so that CUDA can record them once, and repeat them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.registry import OBJECTIVES, learns_from
from empathy_loop.train.device import map_tensors
from empathy_loop.train.distributed import Team
from empathy_loop.train.rollout import Act, act
from empathy_loop.train.update import GradientsOf, gradients_of

WARM_UP_CALLS = 3
"""Calls before recording: libraries set up what they need, and choose their algorithms."""

Result = TypeVar("Result")


class Steps(NamedTuple):
    """What learning calls most often.

    Attributes:
        act: What acts in one step of the worlds.
        gradients: What computes the gradients of a minibatch.
    """

    act: Act
    gradients: GradientsOf


def steps_of(arm: Arm, team: Team) -> Steps:
    """Return how an arm acts and computes gradients; on a CUDA device as graphs, if that may be."""
    device = arm.table.own.device
    steps = Steps(partial(act, arm), partial(gradients_of, arm, team))
    if device.type == "cuda" and team.size == 1 and is_repeatable(arm.config):
        return Steps(Replayed(steps.act, device), Replayed(steps.gradients, device))
    return steps


def is_repeatable(agent: AgentConfig) -> bool:
    """Return whether all that an arm computes of a batch is the same operations for each batch.

    A user's class may do what it likes, such as read a number, which a graph would never do again.
    Separate networks, and what learns from others' acts, copy indices from the CPU as they compute.
    """
    is_own = set(agent.objectives) <= OBJECTIVES.keys()
    return is_own and agent.network.shared and learns_from(agent) <= {"itself"}


class Replayed(Generic[Result]):
    """A function of tensors that is recorded at its first call with tensors of certain shapes.

    Args:
        function: Does the same operations on a CUDA device at each call and waits for none of them.
            What else it reads or writes must keep its place in memory.
        device: Where its arguments are to be when it is called.
    """

    def __init__(self, function: Callable[..., Result], device: torch.device) -> None:
        self._function, self._device = function, device
        self._records: dict[Any, tuple[list[Tensor], Callable[[], None], Result]] = {}

    def __call__(self, *arguments: Any) -> Result:
        """Return what the function returns, in tensors that the next call overwrites.

        Args:
            arguments: Records of tensors, on any device, and of the same form at each call.
        """
        given = _tensors_of(arguments)
        shapes = tuple(tensor.shape for tensor in given)
        if shapes not in self._records:
            here = map_tensors(list(arguments), lambda part: part.to(self._device, copy=True))
            replay, result = recorded(lambda: self._function(*here))
            self._records[shapes] = _tensors_of(here), replay, result
        places, replay, result = self._records[shapes]
        for place, tensor in zip(places, given, strict=True):
            place.copy_(tensor, non_blocking=True)
        replay()
        return result


def recorded(function: Callable[[], Result]) -> tuple[Callable[[], None], Result]:
    """Record the operations of a function on the current CUDA device.

    Returns:
        What does them again, and the result, whose tensors it overwrites; they hold nothing yet.
    """
    new_stream: Any = torch.cuda.Stream  # which torch has left without types
    stream, graph = new_stream(), torch.cuda.CUDAGraph()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP_CALLS):
            function()
    torch.cuda.current_stream().wait_stream(stream)
    with torch.cuda.graph(graph, stream=stream):
        result = function()
    return graph.replay, result


def _tensors_of(tree: Any) -> list[Tensor]:
    """Return the tensors of a record, in the order of its fields."""
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    map_tensors(list(tree), note)
    return found
