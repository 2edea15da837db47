"""Choosing actions from logits with given randomness, so that runs repeat and twins share it."""

from __future__ import annotations

import torch
from torch import Tensor


def sample_actions(logits: Tensor, noise: Tensor) -> Tensor:
    """Draw actions by inverting the cumulative distribution; uses no generator.

    Args:
        logits: float32 [..., N]. Masked logits; action 0, stay, is never masked.
        noise: float64 [...], in [0, 1). One uniform number for each choice.

    Returns:
        int64 [...], in [0, N). The first action whose cumulative probability exceeds the noise.
        A masked action has probability 0 and is never drawn.
    """
    cumulative = torch.softmax(logits, dim=-1).double().cumsum(-1)
    exceeded = cumulative > noise[..., None] * cumulative[..., -1:]
    # argmax takes the first of equals; were rounding to leave none, it is stay.
    return exceeded.byte().argmax(-1)


def greedy_actions(logits: Tensor) -> Tensor:
    """Return the most probable actions: float32 [..., N] to int64 [...], the first of equals."""
    return logits.argmax(-1)


def logp_of(logits: Tensor, actions: Tensor) -> Tensor:
    """Return the log-probability of each action.

    Args:
        logits: float32 [..., N]. Masked logits.
        actions: int64 [...], in [0, N).

    Returns:
        float32 [...], at most 0.
    """
    return torch.log_softmax(logits, dim=-1).gather(-1, actions[..., None]).squeeze(-1)
