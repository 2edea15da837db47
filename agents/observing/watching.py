"""Who is there to be learned from, live or recorded, brought into one form."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Batch, Inputs, Memory, Recorded


class Scene(NamedTuple):
    """Chunks of some worlds, and who acts as an example in them.

    Attributes:
        inputs: Inputs with T + 1 rows.
        actions: int64 [T, E, A]. What each agent asked for, in [0, N).
        demonstrates: bool [T, E, A]. Whose action is to be learned from.
        streams: float32 [E, S, H]. State of the belief encoder before the first step.
        table: StreamTable of those who watch, the first V agents of each world.
        first: The first agent that may demonstrate; those after it in order, and round, follow.
        num_shown: How many may.
    """

    inputs: Inputs
    actions: Tensor
    demonstrates: Tensor
    streams: Tensor
    table: StreamTable
    first: int
    num_shown: int

    @property
    def present(self) -> Inputs:
        """The inputs without those after the last step."""
        return Inputs(*(part[:-1] for part in self.inputs))


def live_scene(batch: Batch, table: StreamTable) -> Scene:
    """Return what learners see of their partners or, without any, of each other.

    Args:
        batch: Batch.
        table: The streams of its F learners.
    """
    num_agents, num_focal = batch.actions.shape[-1], len(table.own)
    agents = torch.arange(num_agents, device=batch.actions.device)
    partners = num_focal < num_agents
    demonstrates = (agents >= num_focal * partners).expand_as(batch.actions)
    return Scene(
        inputs=batch.inputs,
        actions=batch.actions,
        demonstrates=demonstrates,
        streams=batch.memory.streams,
        table=table,
        first=num_focal % num_agents,
        num_shown=num_agents - num_focal * partners,
    )


def recorded_scene(recorded: Recorded, table: StreamTable, belief_size: int) -> Scene:
    """Return what the first agent of each record sees of the demonstrators in it.

    What went before the chunk is not remembered: streams begin at zeros.

    Args:
        recorded: Recorded.
        table: The streams of a batch, for whether they are shared.
        belief_size: Units of the belief encoder.
    """
    num_worlds, num_agents = recorded.demonstrates.shape
    table = StreamTable.of(1, num_agents - 1, table.shared).to(recorded.actions.device)
    streams = recorded.inputs.features.new_zeros(num_worlds, table.num_streams, belief_size)
    return Scene(
        inputs=recorded.inputs,
        actions=recorded.actions,
        demonstrates=recorded.valid[..., None] & recorded.demonstrates,
        streams=streams,
        table=table,
        first=1,
        num_shown=num_agents - 1,
    )


def rows_in_turn(inputs: Inputs, first: int) -> Inputs:
    """Return the same worlds with agent `first` as agent 0: who comes after whom stays."""
    return Inputs(*(part.roll(-first, dims=2) for part in inputs))


def fresh_memory(streams: Tensor, count: int, hidden_size: int) -> Memory:
    """Return memory of given streams and, for a number of agents, a core that remembers nothing.

    Args:
        streams: float32 [E, S, H]. State of the belief encoder.
        count: Agents that act, F.
        hidden_size: Units of the core.
    """
    return Memory(streams, streams.new_zeros(len(streams), count, hidden_size))
