"""Streams: the sequences of exterior views that the belief encoder runs over.

An agent's belief about another rests on the stream of views it has of that other. Where
everybody sees everybody at every step, the stream of j is the same from every viewer, and equals
j's own exterior view, so that one stream for each agent serves all viewers: A streams a world.
Otherwise each agent has its own stream and one for each other: A + A * O streams. A table of
indices hides the difference from everything else.

Where others sit in some of the seats, only the F focal agents, the first of a world, look at
streams: the table is then one of F viewers, of whom the partners' streams are read like anyone's.
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
        own: int64 [F]. Each focal agent's own stream.
        others: int64 [F, O]. The stream that shows other o = (i + 1 + o) % A to agent i.
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
    def of(cls, num_focal: int, num_others: int, shared: bool) -> StreamTable:
        """Return the table of a batch of worlds, or of one in which each row is an agent alone.

        Args:
            num_focal: Agents that look at streams, F, the first of a world.
            num_others: Others that each agent sees, O.
            shared: Whether to share streams; right only if every agent sees all others always,
                and if the exterior views of the whole world (A = O + 1) stand in each row.

        Returns:
            StreamTable. Of an agent alone (F = 1), `subject` counts on from the agent itself.
        """
        own = torch.arange(num_focal)
        others = (own[:, None] + 1 + torch.arange(num_others)) % (num_others + 1)
        if shared:
            everybody = torch.arange(num_others + 1)
            shown = everybody[torch.isin(everybody, others)]
            return cls(True, len(everybody), own, others, shown, everybody)
        shown = num_focal + torch.arange(num_focal * num_others)
        return cls(
            shared=False,
            num_streams=num_focal * (1 + num_others),
            own=own,
            others=shown.view(num_focal, num_others),
            shown=shown,
            subject=torch.cat([own, others.flatten()]),
        )

    @property
    def other_agents(self) -> Tensor:
        """Which agent is other o of agent i, int64 [F, O]: (i + 1 + o) % A in a whole world."""
        return self.subject[self.others]

    def focal(self, values: Tensor) -> Tensor:
        """Return the focal agents' rows, [T, E, F, ...], of values of all agents [T, E, A, ...]."""
        return values[:, :, : len(self.own)]

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
        float32 [T, E, S, X]. Own views first, then, if streams are not shared, what each focal
        agent sees of each other.
    """
    if table.shared:
        return inputs.exterior
    blocks = other_blocks(table.focal(inputs.features), layout)
    return torch.cat([table.focal(inputs.exterior), blocks.flatten(2, 3)], dim=2)


def other_blocks(features: Tensor, layout: ObservationLayout) -> Tensor:
    """Return the other-blocks of features [..., D] as float32 [..., O, X]."""
    blocks = features[..., layout.self_size :]
    return blocks.reshape(*features.shape[:-1], layout.num_others, layout.other_size)


def seen_others(features: Tensor, layout: ObservationLayout) -> Tensor:
    """Return whether each other is seen, of features [..., D] as float32 [..., O], 0 or 1."""
    return other_blocks(features, layout)[..., layout.other_block["visible"].start]
