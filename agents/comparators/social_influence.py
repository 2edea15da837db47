"""Social influence: a reward for actions that change what others do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from empathy_loop.agents.comparators.heads import PairHead
from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.objective import Objective
from empathy_loop.agents.streams import StreamTable, seen_others
from empathy_loop.agents.types import Batch, Experience, Outputs
from empathy_loop.envs.params import WorldParams


class SocialInfluence(Objective):
    """Rewards an agent for its causal influence on others, by a model of other agents (MOA).

    Source: Jaques et al. 2019, "Social influence as intrinsic motivation for multi-agent deep
    reinforcement learning", arXiv 1810.08647: the reward r = alpha e + beta c with e the world's
    reward, the influence c (eq. 1), a sum over others of the divergence of what they do from what
    they would do whatever oneself did, and the section on the model of other agents, which stands
    in for others' policies and is trained by cross-entropy on what they do next.

    As in the paper, the model shares the trunk of the network: its loss trains encoder, embeddings
    and core as well as its own head, and neither the policy's heads nor the value. The influence
    is a number: no gradient passes from it into the model.

    Adapted:
    - The paper's model has a recurrent core of its own behind the shared trunk. Here the core is
      part of the trunk, so that the network at execution is that of all arms; others' last acts
      reach it by what is seen of them, as their actions are not observed otherwise.
    - Counterfactual actions are weighed by the masked policy: an action that is not legal has
      probability 0 in the marginal. Others' masks are not known to an agent, and their predicted
      actions are not masked.
    - The paper raises the weight of influence from 0 over a curriculum. Here the head begins with
      an output of zeros, by which nobody has influence before something has been learned.
    - Only others that are seen count; the paper leaves out those out of view, too.
    - The paper tunes the weights for each world. They are 1 here, as in its public successor for
      Cleanup; the loss is a mean, which the shared optimiser meets with its own step size.

    Exact actions of others are read in training, which nobody observes in full.
    """

    loss_weights: ClassVar[Mapping[str, float]] = {"next_action": 1.0}
    reward_weights: ClassVar[Mapping[str, float]] = {"influence": 1.0}
    privilege: ClassVar[str] = "training"

    def __init__(self, config: AgentConfig, params: WorldParams, table: StreamTable) -> None:
        super().__init__(config, params, table)
        size, num_actions = config.network.hidden_size, params.num_actions
        self.model = PairHead(size, num_actions, num_given=num_actions)
        nn.init.zeros_(self.model.out.weight)
        nn.init.zeros_(self.model.out.bias)

    def loss_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return next_action: mean cross-entropy of what seen others do next, in nats.

        The last step of the batch has no next action, and only others that are seen now and next
        are told of.
        """
        taken = one_hot(batch.actions[:-1], self.params.num_actions).float()
        logits = self.model(outputs.hidden[:-1], outputs.others[:-1], taken)
        following = batch.actions[1:][:, :, self.table.other_agents]
        loss = cross_entropy(logits.flatten(0, -2), following.flatten(), reduction="none")
        seen = seen_others(batch.inputs.features, self.layout)
        counted = (seen[:-2] * seen[1:-1]).flatten()
        return {"next_action": (counted * loss).sum() / counted.sum().clamp(min=1.0)}

    def reward_terms(self, experience: Experience, outputs: Outputs) -> dict[str, Tensor]:
        """Return influence, in nats: the sum over seen others j of a divergence.

        KL(p(a_j next | a_i, s_i) || sum over actions b of p(a_j next | b, s_i) pi(b | s_i))
        """
        policy = torch.log_softmax(outputs.logits[:-1], dim=-1)[..., None, :, None]
        told = self._told_for_each_action(outputs)
        marginal = torch.logsumexp(policy + told, dim=-2)
        taken = experience.actions[..., None, None, None]
        likely = told.take_along_dim(taken, dim=-2).squeeze(-2)
        divergence = (likely.exp() * (likely - marginal)).sum(-1)
        seen = seen_others(experience.inputs.features[:-1], self.layout)
        return {"influence": (seen * divergence).sum(-1)}

    def _told_for_each_action(self, outputs: Outputs) -> Tensor:
        """Return log p(a_j next | b, s_i) for each own action b, float32 [T, E, A, O, N, N]."""
        hidden, others = outputs.hidden[:-1], outputs.others[:-1]
        actions = torch.eye(self.params.num_actions, device=hidden.device)
        logits = torch.stack([self.model(hidden, others, action) for action in actions], dim=-2)
        return torch.log_softmax(logits, dim=-1)
