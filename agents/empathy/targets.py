"""What the belief is trained on: objectives, of which an arm has one.

`introspective` uses each focal agent's OWN stream (how I look from outside) against its own
needs, which it observes; the decoder is then applied to the streams of others. Nobody's hidden
state is touched. `supervised` uses the streams of others against their true needs, which exist
at training time only. Both also predict others' next visible act and cue; `predictive` does
nothing else, and `dummy` has the terms of `introspective` with everything that is to be told taken
from another world: as much gradient, and nothing to be learned from it.

Where everybody sees everybody and all agents share parameters, the stream of j that others see
IS j's own stream: pooled over agents, both targets then hold the same data, and train the same
belief. They part where views are limited, or where agents do not share parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.objective import Objective
from empathy_loop.agents.streams import StreamTable, stream_views
from empathy_loop.agents.types import Batch, Belief, Inputs, Outputs
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams


class Introspective(Objective):
    """Trains the belief on the agents' own streams against their own needs.

    Source of the idea: Man and Yoshida 2025, arXiv 2506.12894, whose agents learn to decode their
    own expression into their own state, and read their partner's by the same decoder. There the
    expression is a fixed function of the state; here it is a face over time, sometimes misleading.
    """

    loss_weights: ClassVar[Mapping[str, float]] = {
        "belief_crisis": 1.0,
        "belief_level": 1.0,
        "next_act": 0.1,
        "next_cue": 0.1,
    }

    def loss_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return belief_crisis, belief_level, next_act and next_cue."""
        own = self.table.focal(batch.inputs.features)
        need = own[:-1, ..., self.layout.self_block["need"]]
        return {
            **need_terms(outputs.belief, self.table.own, need),
            **prediction_terms(outputs.belief, batch, self.layout, self.table),
        }


class Supervised(Introspective):
    """Trains the belief on the streams of others against their true needs."""

    privilege: ClassVar[str] = "training"

    def loss_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return belief_crisis, belief_level, next_act and next_cue."""
        shown = self.table.shown
        need = batch.need.index_select(2, self.table.subject[shown])
        return {
            **need_terms(outputs.belief, shown, need),
            **prediction_terms(outputs.belief, batch, self.layout, self.table),
        }


class Predictive(Objective):
    """Trains the encoder on what others do and show next, and on nothing else.

    The heads of needs stay as they were made: what the policy reads of them are fixed numbers made
    of a trained state.
    """

    loss_weights: ClassVar[Mapping[str, float]] = {"next_act": 0.1, "next_cue": 0.1}

    def loss_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return next_act and next_cue."""
        return prediction_terms(outputs.belief, batch, self.layout, self.table)


class Dummy(Introspective):
    """Control: as much gradient as `introspective`, and nothing about anybody to be learned.

    Raises:
        ValueError: a minibatch may hold a single world, which would be its own next one.
    """

    def __init__(self, config: AgentConfig, params: WorldParams, table: StreamTable) -> None:
        super().__init__(config, params, table)
        ppo = config.ppo
        if ppo.num_worlds < 2 * ppo.minibatches:
            raise ValueError(
                "dummy tells each world what goes on in the next of its minibatch, which takes "
                f"two: ppo.num_worlds must be at least {2 * ppo.minibatches} with ppo.minibatches="
                f"{ppo.minibatches}, got {ppo.num_worlds}"
            )

    def loss_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return the terms of Introspective, with all that is to be told from the next world."""
        elsewhere = Inputs(*(part.roll(1, dims=1) for part in batch.inputs))
        return super().loss_terms(batch._replace(inputs=elsewhere), outputs)


def need_terms(belief: Belief, streams: Tensor, need: Tensor) -> dict[str, Tensor]:
    """Return how well needs are told.

        belief_crisis = mean over needs of the cross-entropy of "is in crisis", in nats
        belief_level  = mean over needs in crisis of (level - need)^2

    Args:
        belief: Belief with leading axes [T, E, S], with gradient.
        streams: int64 [S']. The streams that are to tell them.
        need: float32 [T, E, S', K], in [0, 1]. Needs of the agents that they show.

    Returns:
        The two terms: float32 scalars with gradient.
    """
    in_crisis = (need > 0.0).float()
    crisis = belief.crisis.index_select(2, streams)
    level = belief.level.index_select(2, streams)
    missed = in_crisis * (level - need).square()
    return {
        "belief_crisis": binary_cross_entropy_with_logits(crisis, in_crisis),
        "belief_level": missed.sum() / in_crisis.sum().clamp(min=1.0),
    }


def prediction_terms(
    belief: Belief, batch: Batch, layout: ObservationLayout, table: StreamTable
) -> dict[str, Tensor]:
    """Return how well it is told what others do and show next.

        next_act = mean over views of others of the cross-entropy of the act seen next, in nats
        next_cue = the same, of the cue seen next

    Only others that are seen now and next count.

    Args:
        belief: Belief with leading axes [T, E, S], with gradient.
        batch: Batch of the same T and E.
        layout: Where the quantities stand.
        table: The streams.

    Returns:
        The two terms: float32 scalars with gradient.
    """
    views = stream_views(batch.inputs, layout, table).index_select(2, table.shown)
    now, then = views[:-1], views[1:]
    seen = (now * then)[..., layout.other_block["visible"]].flatten()

    def predict(logits: Tensor, part: str) -> Tensor:
        codes = one_hot_codes(then[..., layout.other_block[part]])
        logits = logits.index_select(2, table.shown)
        loss = cross_entropy(logits.flatten(0, 2), codes.flatten(), reduction="none")
        return (seen * loss).sum() / seen.sum().clamp(min=1.0)

    return {
        "next_act": predict(belief.next_act, "social_act"),
        "next_cue": predict(belief.next_cue, "cue"),
    }


def one_hot_codes(block: Tensor) -> Tensor:
    """Return the codes of one-hot rows, float32 [..., n] to int64 [...]: 0 for a row of zeros."""
    codes = torch.arange(1, block.shape[-1] + 1, dtype=block.dtype, device=block.device)
    return (block * codes).sum(-1).round().long()
