"""Streams: the sequences of exterior views that the belief encoder runs over.

An agent's belief about another rests on the stream of views it has of that other. Where
everybody sees everybody at every step, the stream of j is the same from every viewer, and equals
j's own exterior view, so that one stream for each agent serves all viewers: A streams a world.
Otherwise each agent has its own stream and one for each other: A + A * O streams. A table of
indices hides the difference from everything else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from empathy_loop.agents.types import Inputs
from empathy_loop.envs.observation import ObservationLayout


@dataclass(frozen=True)
class StreamTable:
    """Which stream shows whom to whom.

    Attributes:
        shared: Whether all viewers of an agent share one stream of it.
        num_streams: Number of streams of a world, S.
        own: int64 [A]. Each agent's own stream.
        others: int64 [A, O]. The stream that shows other o = (i + 1 + o) % A to agent i.
        shown: int64 [S']. The distinct streams among `others`.
        subject: int64 [S]. The agent that each stream shows.
    """

    shared: bool
    num_streams: int
    own: Tensor
    others: Tensor
    shown: Tensor
    subject: Tensor

    @classmethod
    def of(cls, num_agents: int, num_others: int, shared: bool) -> StreamTable:
        """Return the table of a batch whose rows hold some agents of one world.

        Args:
            num_agents: Agents in a row, A. Only the whole world (A = O + 1) can share streams;
                one agent alone (A = 1) cannot.
            num_others: Others that each agent sees, O.
            shared: Whether to share streams; right only if every agent sees all others always.

        Returns:
            StreamTable. With A other than O + 1, `subject` counts on from the agent itself.

        Raises:
            ValueError: streams are to be shared, but the row does not hold the whole world.
        """
        if shared and num_agents != num_others + 1:
            raise ValueError(
                "shared streams need all agents of a world in one row, got "
                f"{num_agents} agents of {num_others + 1}; build the table with shared=False"
            )
        own = torch.arange(num_agents)
        others = (own[:, None] + 1 + torch.arange(num_others)) % (num_others + 1)
        if shared:
            return cls(True, num_agents, own, others, own, own)
        shown = num_agents + torch.arange(num_agents * num_others)
        return cls(
            shared=False,
            num_streams=num_agents * (1 + num_others),
            own=own,
            others=shown.view(num_agents, num_others),
            shown=shown,
            subject=torch.cat([own, others.flatten()]),
        )

    @property
    def other_agents(self) -> Tensor:
        """Which agent is other o of agent i, int64 [A, O]: (i + 1 + o) % A in a whole world."""
        return self.subject[self.others]

    def to(self, device: torch.device) -> StreamTable:
        """Return the table with its indices on a device."""
        return replace(
            self,
            own=self.own.to(device),
            others=self.others.to(device),
            shown=self.shown.to(device),
            subject=self.subject.to(device),
        )


def stream_views(inputs: Inputs, layout: ObservationLayout, table: StreamTable) -> Tensor:
    """Return the exterior view that each stream shows at each step.

    Args:
        inputs: Inputs with leading axes [T, E, A].
        layout: Where the other-blocks stand in the features.
        table: The streams.

    Returns:
        float32 [T, E, S, X]. Own views first, then, if streams are not shared, what each agent
        sees of each other.
    """
    if table.shared:
        return inputs.exterior
    blocks = other_blocks(inputs.features, layout)
    return torch.cat([inputs.exterior, blocks.flatten(2, 3)], dim=2)


def other_blocks(features: Tensor, layout: ObservationLayout) -> Tensor:
    """Return the other-blocks of features [..., D] as float32 [..., O, X]."""
    blocks = features[..., layout.self_size :]
    return blocks.reshape(*features.shape[:-1], layout.num_others, layout.other_size)


def seen_others(features: Tensor, layout: ObservationLayout) -> Tensor:
    """Return whether each other is seen, of features [..., D] as float32 [..., O], 0 or 1."""
    return other_blocks(features, layout)[..., layout.other_block["visible"].start]
