"""The plain network of the field: two layers for the policy, two for the value, and no memory.

It reads the features as they are, so that it can neither follow another agent over time nor carry
what it learns about one of them over to the next. The baseline `ippo` is this network.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.empathy.module import NUM_SOCIAL_ACTS
from empathy_loop.agents.networks import MASKED
from empathy_loop.agents.objective import Network, weights_in
from empathy_loop.agents.sight import Sight
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Belief, Inputs, Memory, Outputs
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams


class FlatActorCritic(Network):
    """Policy and value of one agent, applied to many at once, without a belief.

    Args:
        config: The arm.
        params: The world, of which only sizes matter.
    """

    def __init__(self, config: AgentConfig, params: WorldParams) -> None:
        super().__init__()
        self.layout = ObservationLayout.of(params)
        self.sight = Sight(config.view, self.layout)
        size, hidden = self.layout.size, config.network.hidden_size
        self.policy = _layers(size, hidden, params.num_actions, gain=0.01)
        self.value = _layers(size, hidden, 1, gain=1.0)

    def forward(self, inputs: Inputs, memory: Memory, table: StreamTable) -> Outputs:
        """Run over a chunk of a batch of worlds.

        Args:
            inputs: Inputs with leading axes [T, E, A]. Only features and mask are read.
            memory: Memory of no units, handed on.
            table: The streams of a row, of which only the number matters.

        Returns:
            Outputs with leading axes [T, E, F]. The belief is the same of everyone, logits of 0.
        """
        inputs = self.sight(inputs)
        features = table.focal(inputs.features)
        # Layer by layer, for a slice of them would be a new module at every call.
        *layers, last = self.policy
        hidden = features
        for layer in layers:
            hidden = layer(hidden)
        streams = (*inputs.features.shape[:2], table.num_streams)
        return Outputs(
            logits=last(hidden).masked_fill(~table.focal(inputs.action_mask), MASKED),
            values=self.value(features).squeeze(-1),
            belief=self._no_belief(features.new_zeros(()), streams),
            memory=memory,
            hidden=hidden,
            others=hidden.new_zeros(*hidden.shape[:-1], self.layout.num_others, 0),
        )

    def first_memory(self, num_worlds: int, table: StreamTable) -> Memory:
        """Return a memory of no units, for a batch of worlds."""
        return Memory(
            streams=torch.zeros(num_worlds, table.num_streams, 0),
            core=torch.zeros(num_worlds, len(table.own), 0),
        )

    def acting_weights(self) -> int:
        """Return the number of weights of the policy."""
        return weights_in(self.policy)

    def _no_belief(self, zero: Tensor, streams: tuple[int, ...]) -> Belief:
        """Return a belief that tells nothing, in one stored number."""
        kinds = self.layout.num_kinds
        sizes = (kinds, kinds, NUM_SOCIAL_ACTS, 5 + kinds)
        return Belief(*(zero.expand(*streams, size) for size in sizes))


def _layers(num_inputs: int, hidden: int, num_outputs: int, gain: float) -> nn.Sequential:
    """Return two hidden layers and an output: orthogonal weights, the last of a gain; biases 0."""
    sizes = (num_inputs, hidden, hidden)
    parts: list[nn.Module] = []
    for before, after in pairwise(sizes):
        parts += [_linear(before, after, math.sqrt(2.0)), nn.ReLU()]
    return nn.Sequential(*parts, _linear(hidden, num_outputs, gain))


def _linear(num_inputs: int, num_outputs: int, gain: float) -> nn.Linear:
    layer = nn.Linear(num_inputs, num_outputs)
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer
