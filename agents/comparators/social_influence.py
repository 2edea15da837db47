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
    reinforcement learning", arXiv 1810.08647: the world's reward plus the influence, a sum over
    others of the divergence of what they do from what they would do whatever oneself did (eq. 1,
    which the text also calls eq. 4; with the memory of the other among what is given, eq. 3); and
    the model of other agents, which stands in for their policies, is told what all do now, and is
    trained by cross-entropy on what the others do next (section 6, without a number; the other's
    action in eq. 1 is then that of the next step). Read from the paper, and from the authors' code
    (sequential_social_dilemma_games, common_funcs_moa.py and moa_model.py).

    As there, the model shares a trunk with the policy and trains it, but neither the policy's heads
    nor the value; no gradient passes from the influence into the model; the other's present action
    is the same in all counterfactuals; and others out of view neither count nor are learned from.

    Adapted:
    - The authors' model has a recurrent core of its own behind the shared layers. Here the core is
      part of the trunk, so that the network at execution is that of all arms.
    - It tells all others at once, from the actions of all. Here one head tells each of them, from
      the own action and that other's.
    - Counterfactual actions are weighed by the masked policy: an action that is not legal has
      probability 0 in the marginal. Others' masks are not known to an agent, and their predicted
      actions are not masked.
    - The weight of influence is raised from 0 over a curriculum there. Here the head begins with
      an output of zeros, by which nobody has influence before something has been learned.
    - The weights were searched for each world there. The influence's, 1, is that of their runs of
      Cleanup (2.5 in Harvest). The loss's is .07 and .09 there, and .1 here, by which all
      predictions of acts are weighed in this package.

    Exact actions of others are read in training, which nobody observes in full.
    """

    loss_weights: ClassVar[Mapping[str, float]] = {"next_action": 0.1}
    reward_weights: ClassVar[Mapping[str, float]] = {"influence": 1.0}
    privilege: ClassVar[str] = "training"

    def __init__(self, config: AgentConfig, params: WorldParams, table: StreamTable) -> None:
        super().__init__(config, params, table)
        size, num_actions = config.network.hidden_size, params.num_actions
        self.model = PairHead(size, num_actions, num_given=2 * num_actions)
        nn.init.zeros_(self.model.out.weight)
        nn.init.zeros_(self.model.out.bias)

    def loss_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return next_action: mean cross-entropy of what seen others do next, in nats.

        The last step of the batch has no next action, and only others that are seen now and next
        are told of.
        """
        mine = self._one_hot(self.table.focal(batch.actions[:-1]))
        logits = self._told(outputs.hidden[:-1], outputs.others[:-1], mine, batch.actions[:-1])
        following = batch.actions[1:][:, :, self.table.other_agents]
        loss = cross_entropy(logits.flatten(0, -2), following.flatten(), reduction="none")
        seen = seen_others(self.table.focal(batch.inputs.features), self.layout)
        counted = (seen[:-2] * seen[1:-1]).flatten()
        return {"next_action": (counted * loss).sum() / counted.sum().clamp(min=1.0)}

    def reward_terms(self, experience: Experience, outputs: Outputs) -> dict[str, Tensor]:
        """Return influence, in nats: the sum over seen others j of a divergence (eq. 1).

        KL(p(a_j next | a_i, a_j, s_i) || sum over b of p(a_j next | b, a_j, s_i) pi(b | s_i))
        """
        policy = torch.log_softmax(outputs.logits[:-1], dim=-1)[..., None, :, None]
        told = self._told_for_each_action(outputs, experience.actions)
        marginal = torch.logsumexp(policy + told, dim=-2)
        taken = self.table.focal(experience.actions)[..., None, None, None]
        likely = told.take_along_dim(taken, dim=-2).squeeze(-2)
        divergence = (likely.exp() * (likely - marginal)).sum(-1)
        seen = seen_others(self.table.focal(experience.inputs.features[:-1]), self.layout)
        return {"influence": (seen * divergence).sum(-1)}

    def _told_for_each_action(self, outputs: Outputs, actions: Tensor) -> Tensor:
        """Return log p(a_j next | b, a_j, s_i) for each own b, float32 [T, E, F, O, N, N]."""
        hidden, others = outputs.hidden[:-1], outputs.others[:-1]
        choices = torch.eye(self.params.num_actions, device=hidden.device)
        logits = [self._told(hidden, others, mine, actions) for mine in choices]
        return torch.log_softmax(torch.stack(logits, dim=-2), dim=-1)

    def _told(self, hidden: Tensor, others: Tensor, mine: Tensor, actions: Tensor) -> Tensor:
        """Return logits of each other's next action, given the own and that other's present one.

        Args:
            hidden: float32 [T, E, F, H]. State of the core.
            others: float32 [T, E, F, O, H]. Embedding of each other.
            mine: float32 [T, E, F, N] or [N]. Own actions, one-hot.
            actions: int64 [T, E, A]. Actions of all.

        Returns:
            float32 [T, E, F, O, N].
        """
        theirs = self._one_hot(actions[:, :, self.table.other_agents])
        both = torch.cat([mine.unsqueeze(-2).expand_as(theirs), theirs], dim=-1)
        logits: Tensor = self.model(hidden, others, both)
        return logits

    def _one_hot(self, actions: Tensor) -> Tensor:
        return one_hot(actions, self.params.num_actions).float()
