"""LIAM: an encoding of others that tells what they observe and do, from local information."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import cross_entropy

from empathy_loop.agents.comparators.heads import PairHead
from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.objective import Objective
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Batch, Outputs
from empathy_loop.envs.params import WorldParams


class Liam(Objective):
    """Trains the network to tell others' observations and actions from an agent's own view.

    Source: Papoudakis, Christianos and Albrecht 2021, "Agent modelling under partial observability
    for deep reinforcement learning" (LIAM), arXiv 2006.09447, the loss of encoder and decoder: the
    mean over time of |decoded observation - o_j|^2 - log p(a_j | z). At execution nothing of the
    decoder is needed, and z is made of what the agent itself sees.

    Adapted:
    - z is what the backbone has of another: the core's state and the embedding of that other. One
      decoder serves all others, in place of one output for each.
    - In the paper the policy's gradient does not enter the encoder, and the policy is a network of
      its own, which reads the observation beside z. Here the core carries all that the policy
      knows, and only single layers follow it: cutting the gradient would take the policy away, not
      the interference. Both gradients enter, as in every arm with an auxiliary loss, so that
      arms differ by that loss and not by the network.
    - The squared error is a mean over features, not a sum: the paper's encoder has an optimiser of
      its own, whose steps do not depend on the scale of the loss, while here the policy's gradient
      is clipped together with it.

    Others' observations, and in them their needs, are read in training.
    """

    loss_weights: ClassVar[Mapping[str, float]] = {"others_features": 1.0, "others_action": 1.0}
    privilege: ClassVar[str] = "training"

    def __init__(self, config: AgentConfig, params: WorldParams, table: StreamTable) -> None:
        super().__init__(config, params, table)
        size = config.network.hidden_size
        self.features = PairHead(size, self.layout.size)
        self.action = PairHead(size, params.num_actions)

    def loss_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return others_features and others_action.

        others_features = mean over others and features of (decoded - feature)^2
        others_action   = mean over others of the cross-entropy of what they do now, in nats
        """
        agents = self.table.other_agents
        decoded = self.features(outputs.hidden, outputs.others)
        logits = self.action(outputs.hidden, outputs.others)
        features = batch.inputs.features[:-1][:, :, agents]
        actions = batch.actions[:, :, agents]
        return {
            "others_features": (decoded - features).square().mean(),
            "others_action": cross_entropy(logits.flatten(0, -2), actions.flatten()),
        }
