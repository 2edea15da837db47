"""The network of every learned arm: an entity-structured recurrent actor-critic.

    exterior views ──> belief encoder (one GRU, shared by all streams) ──> decoder ──> belief
                             │ state, with the policy's gradient               │ detached, or zeros
    other-block, self block ─┴──────────> embedding e_ij of each other <───────┘
    self block ──> embedding ──(+)──> core GRU       (+): the mean of e_ij over others
    core ──> value, logits of plain actions;  core, e_ij ──> logit of helping j

All arms have this graph and its parameters; an arm without a belief reads zeros in its place.
Nothing in it tells others apart but what is seen of them: permuting the others permutes the help
logits, and nothing else changes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.critics import CentralCritic, OwnCritic
from empathy_loop.agents.empathy.module import BeliefDecoder, BeliefEncoder, policy_view
from empathy_loop.agents.gru import GRU
from empathy_loop.agents.objective import Network, weights_in
from empathy_loop.agents.sight import Sight
from empathy_loop.agents.streams import StreamTable, other_blocks, stream_views
from empathy_loop.agents.types import Belief, Inputs, Memory, Outputs
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import NUM_PLAIN_ACTIONS, WorldParams

MASKED = -1e9
"""Logit of a masked action: its probability is exactly 0, and p log p stays finite."""


class ActorCritic(Network):
    """Policy, value and belief of one agent, applied to many at once.

    Args:
        config: The arm.
        params: The world, of which only sizes matter.
    """

    impersonal: Tensor

    def __init__(self, config: AgentConfig, params: WorldParams) -> None:
        super().__init__()
        self.layout = layout = ObservationLayout.of(params)
        self.sight = Sight(config.view, layout)
        self.belief_input = config.empathy.belief_input
        self.shuffled = config.empathy.shuffled
        if self.shuffled and layout.num_others < 2:
            raise ValueError(
                f"agent {config.name!r}: empathy.shuffled puts the belief about one other in the "
                f"place of another's, which takes num_agents of at least 3; got {params.num_agents}"
            )
        hidden, belief = config.network.hidden_size, config.network.belief_size
        self.encoder = BeliefEncoder(len(layout.impersonal), belief)
        self.decoder = BeliefDecoder(belief, layout.num_kinds)
        self.embed_self = nn.Linear(layout.self_size, 2 * hidden)
        self.embed_block = nn.Linear(layout.other_size, hidden, bias=False)
        self.embed_stream = nn.Linear(belief + 2 * layout.num_kinds + 1, hidden, bias=False)
        self.core = GRU(hidden, hidden)
        central = config.network.critic == "central"
        self.critic = CentralCritic(hidden, layout) if central else OwnCritic(hidden)
        self.plain = nn.Linear(hidden, NUM_PLAIN_ACTIONS)
        self.help_core = nn.Linear(hidden, hidden)
        self.help_other = nn.Linear(hidden, hidden, bias=False)
        self.help = nn.Linear(hidden, 1)
        self.register_buffer("impersonal", torch.tensor(layout.impersonal), persistent=False)
        _initialise(self)

    def forward(self, inputs: Inputs, memory: Memory, table: StreamTable) -> Outputs:
        """Run over a chunk of a batch of worlds.

        Args:
            inputs: Inputs with leading axes [T, E, A]; no episode may begin within the chunk.
            memory: Memory before the first step, for the same table.
            table: The streams of a row.

        Returns:
            Outputs with leading axes [T, E, F].
        """
        inputs = self.sight(inputs)
        views = stream_views(inputs, self.layout, table)
        features, action_mask = table.focal(inputs.features), table.focal(inputs.action_mask)
        encoded, streams = self.encoder(views.index_select(-1, self.impersonal), memory.streams)
        belief = self.decoder(encoded)
        own, relation = self.embed_self(features[..., : self.layout.self_size]).chunk(2, -1)
        others = self._embed_others(features, encoded, belief, relation, table)
        x = torch.relu(own) + others.mean(-2)
        hidden, core = self.core(x.flatten(1, 2), memory.core.flatten(0, 1)[None])
        hidden = hidden.unflatten(1, memory.core.shape[:2])
        return Outputs(
            logits=self._logits(hidden, others).masked_fill(~action_mask, MASKED),
            values=self.critic(hidden, inputs),
            belief=belief,
            memory=Memory(streams, core[0].unflatten(0, memory.core.shape[:2])),
            hidden=hidden,
            others=others,
        )

    def first_memory(self, num_worlds: int, table: StreamTable) -> Memory:
        """Return the memory at the start of an episode, zeros, for a batch of worlds."""
        return Memory(
            streams=torch.zeros(num_worlds, table.num_streams, self.encoder.gru.hidden_size),
            core=torch.zeros(num_worlds, len(table.own), self.core.hidden_size),
        )

    def acting_weights(self) -> int:
        """Return the number of weights without those of the value."""
        return weights_in(self) - weights_in(self.critic)

    def _embed_others(
        self,
        features: Tensor,
        encoded: Tensor,
        belief: Belief,
        relation: Tensor,
        table: StreamTable,
    ) -> Tensor:
        """Return e_ij, float32 [T, E, F, O, H].

        The first layer is a sum of three, so that what depends on the stream alone is computed
        once for all its viewers.
        """
        if self.belief_input:
            view = policy_view(belief)
        else:
            view = encoded.new_zeros(*encoded.shape[:-1], 2 * self.layout.num_kinds + 1)
        if self.shuffled:
            exchanged = view[:, :, table.others.roll(1, dims=1)]
            seen = self.embed_stream(torch.cat([encoded[:, :, table.others], exchanged], dim=-1))
        else:
            seen = self.embed_stream(torch.cat([encoded, view], dim=-1))[:, :, table.others]
        blocks = self.embed_block(other_blocks(features, self.layout))
        return torch.relu(seen + blocks + relation.unsqueeze(-2))

    def _logits(self, hidden: Tensor, others: Tensor) -> Tensor:
        """Return the logits of all actions, float32 [T, E, F, N], not masked."""
        joint = self.help_core(hidden).unsqueeze(-2) + self.help_other(others)
        helps = self.help(torch.relu(joint)).squeeze(-1)
        return torch.cat([self.plain(hidden), helps], dim=-1)


def _initialise(network: ActorCritic) -> None:
    """Fill all weights: orthogonal, the policy's last layers small, biases zero.

    Small policy heads make the first policy nearly uniform over legal actions (Andrychowicz et
    al. 2021, arXiv 2006.05990). Draws from torch's global generator.
    """
    for name, weight in network.named_parameters():
        if weight.dim() == 1:
            nn.init.zeros_(weight)
        elif name.startswith(("encoder.gru.", "core.")):
            for gate in weight.chunk(3):
                nn.init.orthogonal_(gate)
        else:
            nn.init.orthogonal_(weight, math.sqrt(2.0))
    for head, gain in ((network.plain, 0.01), (network.help, 0.01), (network.critic.out, 1.0)):
        nn.init.orthogonal_(head.weight, gain)
    nn.init.orthogonal_(network.decoder.heads.weight, 1.0)
