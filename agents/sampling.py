"""Choosing actions from logits with given randomness, so that runs repeat and twins share it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from empathy_loop.agents.ppo_kernels import pick


def sample_actions(logits: Tensor, noise: Tensor) -> Tensor:
    """Draw actions by inverting the cumulative distribution; uses no generator.

    Args:
        logits: float32 [..., N]. Masked logits; action 0, stay, is never masked.
        noise: float64 [...], in [0, 1). One uniform number for each choice.

    Returns:
        int64 [...], in [0, N). The first action whose cumulative probability exceeds the noise.
        A masked action has probability 0 and is never drawn.

    Raises:
        ValueError: there is not one number for each choice.
    """
    if noise.shape != logits.shape[:-1]:
        raise ValueError(
            f"noise must have one number for each row of logits, {tuple(logits.shape[:-1])}, "
            f"got {tuple(noise.shape)}"
        )
    p = torch.softmax(logits, dim=-1)
    if is_compiled(p):
        rows, numbers = p.detach().numpy().ravel(), noise.numpy().ravel()
        actions = np.empty(noise.shape, np.int64)
        pick(rows.reshape(-1, p.shape[-1]), numbers, actions.ravel())
        return torch.from_numpy(actions)
    cumulative = p.double().cumsum(-1)
    exceeded = cumulative > noise[..., None] * cumulative[..., -1:]
    # argmax takes the first of equals; were rounding to leave none, it is stay.
    return exceeded.byte().argmax(-1)


def greedy_actions(logits: Tensor) -> Tensor:
    """Return the most probable actions: float32 [..., N] to int64 [...], the first of equals."""
    return logits.argmax(-1)


@torch.no_grad()
def logp_of(logits: Tensor, actions: Tensor) -> Tensor:
    """Return the log-probability of each action, without a gradient.

    Args:
        logits: float32 [..., N]. Masked logits.
        actions: int64 [...], in [0, N).

    Returns:
        float32 [...], at most 0.
    """
    logps = torch.log_softmax(columns_of(logits), dim=0)
    return logps.gather(0, actions.reshape(1, -1)).view(actions.shape)


def is_compiled(values: Tensor) -> bool:
    """Return whether kernels of `ppo_kernels` can read values: float32 on the CPU."""
    return values.device.type == "cpu" and values.dtype == torch.float32


def columns_of(logits: Tensor) -> Tensor:
    """Return logits [..., N] as [N, B], one contiguous row for each action, without a gradient.

    Along such an axis a softmax takes a CPU a sixth of the time that it takes along a short last
    one, where numbers that are added up lie side by side.
    """
    rows = logits.detach().reshape(-1, logits.shape[-1])
    if is_compiled(rows):  # for numpy transposes in a third of the time
        return torch.from_numpy(np.ascontiguousarray(rows.numpy().T))
    return rows.t().contiguous()
