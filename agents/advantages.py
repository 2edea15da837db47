"""How much better an action turned out than the value expected it to."""

from __future__ import annotations

import torch
from torch import Tensor

from empathy_loop.agents.ppo_kernels import decay_back


def gae(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    discount: float,
    gae_lambda: float,
) -> Tensor:
    """Estimate advantages by exponentially weighted temporal differences.

        delta_t = r_t + discount * (1 - terminated_t) * V(s_{t+1}) - V(s_t)
        adv_t   = delta_t + discount * gae_lambda * (1 - ended_t) * adv_{t+1}

    (Schulman et al. 2016, arXiv 1506.02438, eq. 16.) Truncation is not termination: the episode
    would have gone on, so the value of its last observation counts, while no trace crosses
    into the next episode: ended = terminated or truncated.

    Args:
        rewards: float32 [T, E, A]. Reward of each step.
        values: float32 [T, E, A]. Value of the observation before the step.
        next_values: float32 [T, E, A]. Value of the observation that followed the step, of an
            ended episode its final one; not the first of the next episode.
        terminated: bool [T, E]. Whether nothing can follow the step.
        truncated: bool [T, E]. Whether the episode was cut off after the step.
        discount: In [0, 1].
        gae_lambda: In [0, 1]. 0 trusts the values, 1 the rewards.

    Returns:
        float32 [T, E, A]. Advantages. Added to `values` they are the targets of the values.
    """
    deltas = rewards + discount * ~terminated[..., None] * next_values - values
    decay = discount * gae_lambda * ~(terminated | truncated)[..., None]
    if deltas.device.type == "cpu":
        deltas, decay = deltas.contiguous(), decay.expand_as(deltas).contiguous()
        decay_back(deltas.flatten(1).numpy(), decay.flatten(1).numpy())
        return deltas
    following = torch.zeros_like(deltas[0])
    for t in reversed(range(len(deltas))):
        following = deltas[t].add_(decay[t] * following)
    return deltas
