"""LASE: gifts of reward to others, by how much their actions have been worth to the giver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy, one_hot

from empathy_loop.agents.comparators.heads import PairHead
from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.networks import MASKED
from empathy_loop.agents.objective import Objective
from empathy_loop.agents.streams import StreamTable, other_blocks, seen_others
from empathy_loop.agents.types import Batch, Experience, Outputs
from empathy_loop.envs.params import WorldParams

LEAST_SPREAD = 1e-6
"""Difference of values below which another's action counts as worth the same whatever it is."""


class Lase(Objective):
    """Gives reward to others as far as their actions are inferred to be friendly.

    Source: Kong et al. 2024, "Learning to balance altruism and self-interest based on empathy in
    mixed-motive games" (LASE, NeurIPS 2024, arXiv 2410.07863), as it stands in the first author's
    code (kfq20/Empathy, branch master, self_play_train_parallel.py and train_staghunt.py). The
    numbers of these equations in the paper were not checked, as of it only the abstract was read:

        r_i_tot = sum over j of g_ji r_j,  sum over j of g_ij = 1                  (gifting)
        w_ij    = (Q_i(s, a) - sum over b of p_j(b) Q_i(s, a with b for a_j)) / M  (relationship)
        g_ij    = max(w_ij, 0) / (N - 1) for j other than i; the rest is kept

    with M the spread of Q_i over the other's actions, which keeps w within [-1, 1], and p_j the
    policy that i has itself in the place of j: perspective taking imagines what j observes, and
    loses (1 - delta) times the cross-entropy of what j does, and delta times the absolute error of
    what it has imagined, summed over what is observed; delta is .1. As there, the policy put in the
    place of j is a constant in that loss, others out of view get nothing and are not learned from,
    losses are passed on as gains are, and the heads of this module are apart from the policy, which
    learns from r_tot.

    Adapted:
    - Q_i, of the extrinsic reward, reads the encoding in place of observations: the core's state,
      and the mean over others of what each embedding and action give. Its loss ends there, as the
      encoding is the policy's. It is learned from steps within a batch, as the action after the
      last is not known.
    - The policy that is put in the other's place is an actor there, which learns from the errors of
      Q_i. Here it imitates what the agents do.
    - The imagined view is drawn to i's own there, a picture in which j stands, too. Our features
      are seen from oneself, so that what i sees of j (item, face, gift) is compared with the same
      quantities of the imagined view.
    - Actions that are not legal for j are left out of p_j and of M.

    Where coordination is 1 all rewards are one, and gifts move little: this arm is read in
    `self_interest_v0`.

    Others' rewards, exact actions and legal actions are read in training.
    """

    loss_weights: ClassVar[Mapping[str, float]] = {
        "social_value": 0.5,
        "own_action": 1.0,
        "perspective": 1.0,
    }
    reward_weights: ClassVar[Mapping[str, float]] = {"gifts_received": 1.0, "gifts_given": -1.0}
    settings: ClassVar[tuple[str, ...]] = ("lase_view_share",)
    privilege: ClassVar[str] = "training"

    shown_of_self: Tensor
    shown_of_other: Tensor

    def __init__(self, config: AgentConfig, params: WorldParams, table: StreamTable) -> None:
        super().__init__(config, params, table)
        size, num_actions = config.network.hidden_size, params.num_actions
        self.value = JointValue(size, num_actions)
        self.policy = nn.Sequential(
            nn.Linear(self.layout.size, size), nn.ReLU(), nn.Linear(size, num_actions)
        )
        self.imagine = PairHead(size, self.layout.size)
        blocks = self.layout.self_block, self.layout.other_block
        shared = [name for name in blocks[0] if name in blocks[1]]
        for name, block in zip(("shown_of_self", "shown_of_other"), blocks, strict=True):
            columns = [c for part in shared for c in range(block[part].start, block[part].stop)]
            self.register_buffer(name, torch.tensor(columns), persistent=False)

    def loss_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return social_value, own_action and perspective.

        social_value = mean of (Q_t - r_t - discount * Q_{t+1})^2, the latter a constant
        own_action   = mean cross-entropy of what is done, by the features, in nats
        perspective  = mean over seen others of (1 - delta) * cross-entropy of what they do
                       + delta * sum of absolute errors of the view imagined
        """
        hidden, others = outputs.hidden.detach(), outputs.others.detach()
        features, mask, actions, rewards = map(
            self.table.focal,
            (batch.inputs.features, batch.inputs.action_mask, batch.actions, batch.rewards),
        )
        values = self.value(hidden, others, actions, self._of_others(batch.actions))
        targets = rewards[:-1] + self.config.ppo.discount * values[1:].detach()
        own = self.policy(features[:-1]).masked_fill(~mask[:-1], MASKED)
        return {
            "social_value": (values[:-1] - targets).square().mean(),
            "own_action": cross_entropy(own.flatten(0, -2), actions.flatten()),
            "perspective": self._perspective_loss(hidden, others, batch),
        }

    def reward_terms(self, experience: Experience, outputs: Outputs) -> dict[str, Tensor]:
        """Return gifts_received and gifts_given; over the agents of a world, as much of each.

        Partners give nothing, and what is given to them is lost.

        gifts_received_i = sum over others j of g_ji r_j
        gifts_given_i    = r_i * sum over others j of g_ij
        """
        relations = self.relations(experience, outputs)
        shares = torch.relu(relations) / relations.shape[-1]
        gifts = shares * self.table.focal(experience.rewards).unsqueeze(-1)
        takers = self.table.other_agents.flatten()
        received = torch.zeros_like(experience.rewards)
        return {
            "gifts_received": self.table.focal(received.index_add(-1, takers, gifts.flatten(-2))),
            "gifts_given": gifts.sum(-1),
        }

    def relations(self, experience: Experience, outputs: Outputs) -> Tensor:
        """Return w_ij, float32 [T, E, F, O], in [-1, 1]; 0 of others that are not seen.

        Args:
            experience: The rollout.
            outputs: What the network made of it, with T + 1 rows.
        """
        hidden, others = outputs.hidden[:-1], outputs.others[:-1]
        theirs = self._of_others(experience.actions)
        legal = self._of_others(experience.inputs.action_mask[:-1])
        mine = self.table.focal(experience.actions)
        values = self.value.counterfactuals(hidden, others, mine, theirs)
        logits = self.policy(self.imagined(hidden, others)).masked_fill(~legal, MASKED)
        expected = (torch.softmax(logits, dim=-1) * values).sum(-1)
        spread = values.masked_fill(~legal, -torch.inf).amax(-1)
        spread = spread - values.masked_fill(~legal, torch.inf).amin(-1)
        worth = values.take_along_dim(theirs[..., None], dim=-1).squeeze(-1) - expected
        seen = seen_others(self.table.focal(experience.inputs.features[:-1]), self.layout)
        counts = seen * (spread > LEAST_SPREAD)
        return counts * worth / spread.clamp(min=LEAST_SPREAD)

    def imagined(self, hidden: Tensor, others: Tensor) -> Tensor:
        """Return the features that each other is imagined to have, float32 [T, E, F, O, D]."""
        return torch.tanh(self.imagine(hidden, others))

    def _perspective_loss(self, hidden: Tensor, others: Tensor, batch: Batch) -> Tensor:
        features = self.table.focal(batch.inputs.features[:-1])
        share = self.config.comparator.lase_view_share
        view = self.imagined(hidden, others)
        constant = {name: weight.detach() for name, weight in self.policy.named_parameters()}
        legal = self._of_others(batch.inputs.action_mask[:-1])
        logits = functional_call(self.policy, constant, (view,)).masked_fill(~legal, MASKED)
        done = self._of_others(batch.actions)
        missed = cross_entropy(logits.flatten(0, -2), done.flatten(), reduction="none")
        shown = other_blocks(features, self.layout)[..., self.shown_of_other]
        error = (view[..., self.shown_of_self] - shown).abs().sum(-1)
        seen = seen_others(features, self.layout)
        loss = (1.0 - share) * missed.view_as(error) + share * error
        return (seen * loss).sum() / seen.sum().clamp(min=1.0)

    def _of_others(self, values: Tensor) -> Tensor:
        """Return values of agents [T, E, A, ...] as those of each other [T, E, F, O, ...]."""
        return values[:, :, self.table.other_agents]


class JointValue(nn.Module):
    """The value of what all do, to one of them.

        Q_i = out(relu(own(h_i, a_i) + mean over others j of u_ij)),  u_ij = relu(other(e_ij, a_j))

    Args:
        hidden_size: Units of the core and of an embedding, H.
        num_actions: N.
    """

    def __init__(self, hidden_size: int, num_actions: int) -> None:
        super().__init__()
        self.num_actions = num_actions
        self.own = nn.Linear(hidden_size + num_actions, hidden_size)
        self.other = nn.Linear(hidden_size + num_actions, hidden_size)
        self.out = nn.Linear(hidden_size, 1)

    def forward(self, hidden: Tensor, others: Tensor, mine: Tensor, theirs: Tensor) -> Tensor:
        """Return the value of what is done.

        Args:
            hidden: float32 [T, E, F, H]. State of the core.
            others: float32 [T, E, F, O, H]. Embedding of each other.
            mine: int64 [T, E, F]. Own actions.
            theirs: int64 [T, E, F, O]. Actions of each other.

        Returns:
            float32 [T, E, F].
        """
        own, parts = self._parts(hidden, others, mine, theirs)
        return self._read(own + parts.mean(-2))

    def counterfactuals(
        self, hidden: Tensor, others: Tensor, mine: Tensor, theirs: Tensor
    ) -> Tensor:
        """Return the value for each action that one other might have done instead.

        Args:
            hidden: float32 [T, E, F, H]. State of the core.
            others: float32 [T, E, F, O, H]. Embedding of each other.
            mine: int64 [T, E, F]. Own actions.
            theirs: int64 [T, E, F, O]. Actions of each other, which all but that one did.

        Returns:
            float32 [T, E, F, O, N].
        """
        own, parts = self._parts(hidden, others, mine, theirs)
        rest = (own + parts.mean(-2)).unsqueeze(-2) - parts / parts.shape[-2]
        values = []
        for action in range(self.num_actions):
            instead = self._part(others, torch.full_like(theirs, action))
            values.append(self._read(rest + instead / parts.shape[-2]))
        return torch.stack(values, dim=-1)

    def _parts(
        self, hidden: Tensor, others: Tensor, mine: Tensor, theirs: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return what oneself gives, [T, E, F, H], and each other, [T, E, F, O, H]."""
        own = self.own(torch.cat([hidden, one_hot(mine, self.num_actions)], dim=-1))
        return own, self._part(others, theirs)

    def _part(self, others: Tensor, actions: Tensor) -> Tensor:
        part: Tensor = self.other(torch.cat([others, one_hot(actions, self.num_actions)], dim=-1))
        return torch.relu(part)

    def _read(self, layer: Tensor) -> Tensor:
        values: Tensor = self.out(torch.relu(layer)).squeeze(-1)
        return values
