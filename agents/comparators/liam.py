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
    for deep reinforcement learning" (LIAM), arXiv 2006.09447, the loss of encoder and decoder, as
    it stands in the authors' code (uoe-agents/LIAM, agent.py): the mean over time of

        |decoded observation - o_j|^2 / 2 - log p(a_j | z)

    with observation and action those of the present step. The paper itself was not read; readers'
    notes on it give the loss as eq. 2, without the half, which is of the code. At execution nothing
    of the decoder is needed, and z is made of what the agent itself sees and has done.

    Adapted:
    - z is what the backbone has of another: the core's state and the embedding of that other. One
      decoder serves all others, in place of one output for each.
    - There the policy's gradient does not enter the encoder, and the policy is a network of its
      own, which reads the observation beside z. Here the core carries all that the policy
      knows, and only single layers follow it: cutting the gradient would take the policy away, not
      the interference. Both gradients enter, as in every arm with an auxiliary loss, so that
      arms differ by that loss and not by the network.
    - Both terms have the weight .1 in place of 1, which leaves their proportion as it is. There the
      encoder has an optimiser of its own, whose steps do not depend on the scale of the loss; here
      the core is shared, and with 1 the policy's gradient would be a small part of what moves it.

    Others' observations, and in them their needs, are read in training.
    """

    loss_weights: ClassVar[Mapping[str, float]] = {"others_features": 0.1, "others_action": 0.1}
    privilege: ClassVar[str] = "training"

    def __init__(self, config: AgentConfig, params: WorldParams, table: StreamTable) -> None:
        super().__init__(config, params, table)
        size = config.network.hidden_size
        self.features = PairHead(size, self.layout.size)
        self.action = PairHead(size, params.num_actions)

    def loss_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return others_features and others_action.

        others_features = mean over others of half the sum over features of (decoded - feature)^2
        others_action   = mean over others of the cross-entropy of what they do now, in nats
        """
        agents = self.table.other_agents
        decoded = self.features(outputs.hidden, outputs.others)
        logits = self.action(outputs.hidden, outputs.others)
        features = batch.inputs.features[:-1][:, :, agents]
        actions = batch.actions[:, :, agents]
        return {
            "others_features": 0.5 * (decoded - features).square().sum(-1).mean(),
            "others_action": cross_entropy(logits.flatten(0, -2), actions.flatten()),
        }
