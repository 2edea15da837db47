"""Proximal policy optimisation as pure functions that return named loss terms.

Source: Schulman et al. 2017, arXiv 1707.06347.
"""

from __future__ import annotations

import torch
from torch import Tensor

from empathy_loop.agents.types import Batch


def ppo_terms(
    logits: Tensor, values: Tensor, batch: Batch, clip: float
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the terms of the loss and what tells whether the step was a good one.

        policy  = -mean(min(ratio * adv, clamp(ratio, 1 - clip, 1 + clip) * adv))     (eq. 7)
        value   = mean((V - returns)^2) / 2
        entropy = sum over actions of p log p, in nats, a loss: less is more random

    with ratio = exp(logp_now - logp_then) and advantages normalised over the minibatch.

    Args:
        logits: float32 [T, E, F, N]. Present masked logits of the focal agents.
        values: float32 [T, E, F]. Present values.
        batch: Batch of the same T, E and F.
        clip: Largest rewarded change of the ratio, above 0.

    Returns:
        Terms policy, value and entropy, scalars with gradient; and diagnostics without:
        approx_kl (Schulman's k3 estimator, in nats) and clip_fraction, in [0, 1].
    """
    logps = torch.log_softmax(logits, dim=-1)
    actions = batch.actions[..., : logits.shape[-2]]
    logp = logps.gather(-1, actions[..., None]).squeeze(-1)
    log_ratio = logp - batch.logp
    ratio = log_ratio.exp()
    adv = normalise(batch.adv)
    clipped = ratio.clamp(1.0 - clip, 1.0 + clip)
    terms = {
        "policy": -torch.min(ratio * adv, clipped * adv).mean(),
        "value": 0.5 * (values - batch.returns).square().mean(),
        "entropy": (logps.exp() * logps).sum(-1).mean(),
    }
    with torch.no_grad():
        change = ratio - 1.0
        diagnostics = {
            "approx_kl": (change - log_ratio).mean(),
            "clip_fraction": (change.abs() > clip).float().mean(),
        }
    return terms, diagnostics


def normalise(adv: Tensor) -> Tensor:
    """Return advantages of any shape with mean 0 and standard deviation 1."""
    return (adv - adv.mean()) / (adv.std() + 1e-8)


def explained_variance(values: Tensor, returns: Tensor) -> Tensor:
    """Return the share of the returns' variance that the values explain.

    Args:
        values: float32 [T, E, F]. What was expected.
        returns: float32 [T, E, F]. What came.

    Returns:
        float32 scalar, at most 1; 0 where the returns do not vary.
    """
    spread = returns.var()
    return torch.where(spread > 0.0, 1.0 - (returns - values).var() / spread, 0.0 * spread)
