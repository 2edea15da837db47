"""What the belief is trained on, and the loss terms that follow.

`introspective` uses each agent's OWN stream (how I look from outside) against its own felt
needs, which it observes; the decoder is then applied to the streams of others. Nobody's hidden
state is touched. `supervised` uses the streams of others against their true needs, which exist
at training time only. Both also predict others' next visible act and cue.

Where everybody sees everybody and all agents share parameters, the stream of j that others see
IS j's own stream: pooled over agents, both targets then hold the same data, and train the same
belief. They part where views are limited, or where agents do not share parameters.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from empathy_loop.agents.streams import StreamTable, stream_views
from empathy_loop.agents.types import Batch, Belief
from empathy_loop.envs.observation import ObservationLayout


class NeedTarget(NamedTuple):
    """Which streams are to tell whose needs.

    Attributes:
        streams: int64 [S']. The streams.
        need: float32 [T, E, S', K], in [0, 1]. Needs of the agents that they show.
    """

    streams: Tensor
    need: Tensor


def need_target(
    target: str, batch: Batch, layout: ObservationLayout, table: StreamTable
) -> NeedTarget:
    """Return whose needs the belief is to tell, and from which streams.

    Args:
        target: "introspective", which reads nothing but the agents' own observations, or
            "supervised", which reads `batch.need`.
        batch: The batch.
        layout: Where the needs stand in the features.
        table: The streams.

    Returns:
        NeedTarget.

    Raises:
        ValueError: the target is unknown.
    """
    if target == "introspective":
        return NeedTarget(table.own, batch.inputs.features[:-1, ..., layout.self_block["need"]])
    if target == "supervised":
        return NeedTarget(table.shown, batch.need.index_select(2, table.subject[table.shown]))
    raise ValueError(f"target must be introspective or supervised, got {target!r}")


def empathy_terms(
    belief: Belief, target: str, batch: Batch, layout: ObservationLayout, table: StreamTable
) -> dict[str, Tensor]:
    """Return the loss terms of the belief.

        belief_crisis = mean over needs of the cross-entropy of "is in crisis", in nats
        belief_level  = mean over needs in crisis of (level - need)^2
        next_act      = mean over views of others of the cross-entropy of the act seen next
        next_cue      = the same, of the cue seen next

    Args:
        belief: Belief with leading axes [T, E, S], with gradient.
        target: "introspective" or "supervised".
        batch: Batch of the same T and E.
        layout: Where the quantities stand.
        table: The streams.

    Returns:
        The four terms: float32 scalars with gradient.
    """
    about = need_target(target, batch, layout, table)
    in_crisis = (about.need > 0.0).float()
    crisis = belief.crisis.index_select(2, about.streams)
    level = belief.level.index_select(2, about.streams)
    missed = in_crisis * (level - about.need).square()
    views = stream_views(batch.inputs, layout, table).index_select(2, table.shown)
    now, then = views[:-1], views[1:]
    seen = (now * then)[..., layout.other_block["visible"]].squeeze(-1)

    def predict(logits: Tensor, part: str) -> Tensor:
        codes = one_hot_codes(then[..., layout.other_block[part]])
        logits = logits.index_select(2, table.shown)
        loss = cross_entropy(logits.flatten(0, 2), codes.flatten(), reduction="none")
        return (seen.flatten() * loss).sum() / seen.sum().clamp(min=1.0)

    return {
        "belief_crisis": binary_cross_entropy_with_logits(crisis, in_crisis),
        "belief_level": missed.sum() / in_crisis.sum().clamp(min=1.0),
        "next_act": predict(belief.next_act, "social_act"),
        "next_cue": predict(belief.next_cue, "cue"),
    }


def one_hot_codes(block: Tensor) -> Tensor:
    """Return the codes of one-hot rows, float32 [..., n] to int64 [...]: 0 for a row of zeros."""
    codes = torch.arange(1, block.shape[-1] + 1, dtype=block.dtype)
    return (block * codes).sum(-1).round().long()
