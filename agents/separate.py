"""A network for each agent: nothing that one has learned reaches another but through the world."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import torch
from torch import Tensor, nn

from empathy_loop.agents.objective import Network
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Belief, Inputs, Memory, Outputs


class SeparateNetworks(Network):
    """As many networks as agents; agent i, by its place in a row, acts with the i-th.

    An agent's belief about others is then trained by its own experience alone, which tells whether
    introspection needs that of others to have trained the same weights.

    Args:
        make: Returns a new network for one agent.
        num_agents: Agents of a world, A.
    """

    def __init__(self, make: Callable[[], Network], num_agents: int) -> None:
        super().__init__()
        self.networks = nn.ModuleList([make() for _ in range(num_agents)])
        self.alone = StreamTable.of(1, num_agents - 1, shared=False)

    def forward(self, inputs: Inputs, memory: Memory, table: StreamTable) -> Outputs:
        """Run each agent's network over a chunk of a batch of worlds.

        Args:
            inputs: Inputs of all agents of a world, with leading axes [T, E, A].
            memory: Memory before the first step, for the same table.
            table: The streams of a row, which may not be shared.

        Returns:
            Outputs with leading axes [T, E, F]; what would act for partners is left as it is.
        """
        found: list[Outputs] = []
        alone = self.alone.to(inputs.features.device)
        for i, network in enumerate(list(self.networks)[: len(table.own)]):
            streams = torch.cat([table.own[i : i + 1], table.others[i]])
            one = slice(i, i + 1)
            part = Memory(memory.streams[:, streams], memory.core[:, one])
            mine = Inputs(*(each[:, :, one] for each in inputs))
            found.append(network(mine, part, alone))
        beliefs = zip(*(outputs.belief for outputs in found), strict=True)
        return Outputs(
            logits=torch.cat([outputs.logits for outputs in found], dim=2),
            values=torch.cat([outputs.values for outputs in found], dim=2),
            belief=Belief(*(_by_table(parts, dim=2) for parts in beliefs)),
            memory=Memory(
                _by_table((outputs.memory.streams for outputs in found), dim=1),
                torch.cat([outputs.memory.core for outputs in found], dim=1),
            ),
            hidden=torch.cat([outputs.hidden for outputs in found], dim=2),
            others=torch.cat([outputs.others for outputs in found], dim=2),
        )

    def first_memory(self, num_worlds: int, table: StreamTable) -> Memory:
        """Return the memory at the start of an episode, zeros, for a batch of worlds."""
        first: Memory = cast(Network, self.networks[0]).first_memory(num_worlds, table)
        return first

    def acting_weights(self) -> int:
        """Return the number of weights of one of the networks."""
        return cast(Network, self.networks[0]).acting_weights()


def _by_table(parts: Iterable[Tensor], dim: int) -> Tensor:
    """Return one agent's streams after another in the order of a table: all own streams first."""
    own, others = zip(*(part.tensor_split([1], dim=dim) for part in parts), strict=True)
    return torch.cat([*own, *others], dim=dim)
