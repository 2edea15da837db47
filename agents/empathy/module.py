"""The belief: what an agent concludes about another from the sequence of its exterior views."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from empathy_loop.agents.gru import GRU
from empathy_loop.agents.types import Belief

NUM_SOCIAL_ACTS = 4
"""Visible social acts: none, thank, offer, help."""


class BeliefEncoder(nn.Module):
    """Recurrent encoder of a stream of exterior views, shared by all streams.

    It reads only those columns of a view that do not depend on the viewer: an agent's own stream
    has no geometry, so an encoder that read it would not carry over from oneself to others.

    Args:
        num_columns: Columns of a view that are read.
        belief_size: Units of the state, H.
    """

    def __init__(self, num_columns: int, belief_size: int) -> None:
        super().__init__()
        self.gru = GRU(num_columns, belief_size)

    def forward(self, views: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Encode a chunk of streams.

        Args:
            views: float32 [T, E, S, columns]. Impersonal columns of the views.
            state: float32 [E, S, H]. State before the first step.

        Returns:
            States after each step, float32 [T, E, S, H], and the last of them, [E, S, H].
        """
        encoded, last = self.gru(views.flatten(1, 2), state.flatten(0, 1)[None])
        return encoded.unflatten(1, state.shape[:2]), last[0].unflatten(0, state.shape[:2])


class BeliefDecoder(nn.Module):
    """Reads a belief from the encoder's state.

    Args:
        belief_size: Units of the encoder's state, H.
        num_kinds: Number of need kinds, K.
    """

    def __init__(self, belief_size: int, num_kinds: int) -> None:
        super().__init__()
        self.sizes = [num_kinds, num_kinds, NUM_SOCIAL_ACTS, 5 + num_kinds]
        self.hidden = nn.Linear(belief_size, belief_size)
        self.heads = nn.Linear(belief_size, sum(self.sizes))

    def forward(self, encoded: Tensor) -> Belief:
        """Decode states of the encoder.

        Args:
            encoded: float32 [..., H].

        Returns:
            Belief with the leading axes of `encoded`.
        """
        heads = self.heads(torch.tanh(self.hidden(encoded)))
        crisis, level, next_act, next_cue = heads.split(self.sizes, dim=-1)
        return Belief(crisis, torch.sigmoid(level), next_act, next_cue)


def believed_need(belief: Belief) -> Tensor:
    """Return the expected need level: float32 [..., K], in [0, 1]."""
    return torch.sigmoid(belief.crisis) * belief.level


def uncertainty(belief: Belief) -> Tensor:
    """Return how unsure a belief is about who needs what.

    u = mean over kinds of the entropy of the crisis probability, over log 2: 0 where every kind
    is certain, 1 where all are even.

    Args:
        belief: Belief with leading axes [...].

    Returns:
        float32 [..., 1], in [0, 1].
    """
    p_crisis = torch.sigmoid(belief.crisis)
    # BCE of the logits against their own probabilities is the entropy, and stable at both ends.
    entropy = binary_cross_entropy_with_logits(belief.crisis, p_crisis, reduction="none")
    return entropy.mean(-1, keepdim=True) / math.log(2.0)


def policy_view(belief: Belief) -> Tensor:
    """Return the part of a belief that a policy reads, cut from the gradient.

    It is detached so that the belief stays an estimate: a policy that could push it would turn
    it into a message to itself.

    Args:
        belief: Belief with leading axes [...].

    Returns:
        float32 [..., 2 K + 1], in [0, 1]. Crisis probabilities, expected levels, uncertainty.
    """
    belief = Belief(*(part.detach() for part in belief))
    parts = [torch.sigmoid(belief.crisis), believed_need(belief), uncertainty(belief)]
    return torch.cat(parts, dim=-1)
