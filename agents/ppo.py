"""Proximal policy optimisation as pure functions that return named loss terms.

Source: Schulman et al. 2017, arXiv 1707.06347.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from empathy_loop.agents.ppo_kernels import (
    measure_means,
    normalise_rows,
    write_exponents,
    write_gradients,
)
from empathy_loop.agents.sampling import columns_of, is_compiled
from empathy_loop.agents.types import Batch

_log_softmax_backward: Any = torch.ops.aten._log_softmax_backward_data


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

    Raises:
        ValueError: what there is one of for each choice has another shape than the choices.
    """
    taken = batch.actions[..., : logits.shape[-2]]
    _demand_shapes(logits, values, taken, batch)
    means: Any = _Compiled.apply if is_compiled(logits) and is_compiled(values) else _plain
    policy, value, entropy, approx_kl, clip_fraction = means(
        logits, values, taken, batch.logp, batch.adv, batch.returns, clip
    )
    terms = {"policy": policy, "value": value, "entropy": entropy}
    return terms, {"approx_kl": approx_kl, "clip_fraction": clip_fraction}


def _demand_shapes(logits: Tensor, values: Tensor, taken: Tensor, batch: Batch) -> None:
    """Raise ValueError unless there is one number of each for each choice."""
    parts = {"values": values, "actions": taken, "logp": batch.logp, "adv": batch.adv}
    choices = logits.shape[:-1]
    for name, part in {**parts, "returns": batch.returns}.items():
        if part.shape != choices:
            raise ValueError(
                f"{name} must have the axes of the logits but for the last, {tuple(choices)}, "
                f"got {tuple(part.shape)}"
            )


def _plain(
    logits: Tensor,
    values: Tensor,
    actions: Tensor,
    logp_then: Tensor,
    adv: Tensor,
    returns: Tensor,
    clip: float,
) -> tuple[Tensor, ...]:
    """Return the terms and the diagnostics, each by operations of torch."""
    logps = torch.log_softmax(logits, dim=-1)
    log_ratio = logps.gather(-1, actions[..., None]).squeeze(-1) - logp_then
    ratio = log_ratio.exp()
    clipped, adv = ratio.clamp(1.0 - clip, 1.0 + clip), normalise(adv)
    policy = -torch.min(ratio * adv, clipped * adv).mean()
    value = 0.5 * (values - returns).square().mean()
    entropy = (logps.exp() * logps).sum(-1).mean()
    with torch.no_grad():
        change = ratio - 1.0
        approx_kl = (change - log_ratio).mean()
        clip_fraction = (change.abs() > clip).float().mean()
    return policy, value, entropy, approx_kl, clip_fraction


class _Compiled(torch.autograd.Function):
    """The same as one operation with a gradient of its own.

    Calling some forty operations takes most of their time on a CPU, as the tensors are small. Means
    are summed in float64. Gradients are those of the plain terms within rounding, and to the bit
    where torch adds up rows of logits alike along either axis, as it does for minibatches of the
    default size on the processors of the published runs.
    """

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        values: Tensor,
        actions: Tensor,
        logp_then: Tensor,
        adv: Tensor,
        returns: Tensor,
        clip: float,
    ) -> tuple[Tensor, ...]:
        rows, then, *rest = (
            part.numpy().ravel() for part in (actions, logp_then, values, returns, adv)
        )
        logps = torch.log_softmax(columns_of(logits), dim=0)
        gains, log_ratio = np.empty(len(rows), np.float32), np.empty(len(rows), np.float32)
        normalise_rows(rest.pop(), float(adv.mean()), gains)
        powers = torch.empty(len(logps) + 1, len(rows))
        write_exponents(logps.numpy(), rows, then, log_ratio, powers.numpy())
        powers.exp_()
        seen = (logps.numpy(), powers.numpy(), *rest, gains)
        means = torch.empty(5)
        measure_means(seen, log_ratio, clip, means.numpy())
        ctx.logps, ctx.read, ctx.shape = logps, (seen, rows, clip), logits.shape
        terms = means.unbind()
        ctx.mark_non_differentiable(*terms[3:])
        return terms

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *by_means: Tensor) -> tuple[Tensor | None, ...]:
        by_terms = tuple(float(by_mean) for by_mean in by_means[:3])
        by_logps, by_values = torch.empty_like(ctx.logps), torch.empty(ctx.shape[:-1])
        write_gradients(by_terms, *ctx.read, by_logps.numpy(), by_values.numpy().ravel())
        columns = _log_softmax_backward(by_logps, ctx.logps, 0, by_logps.dtype).numpy()
        by_logits = torch.from_numpy(np.ascontiguousarray(columns.T).reshape(ctx.shape))
        return by_logits, by_values, None, None, None, None, None


def normalise(adv: Tensor) -> Tensor:
    """Return advantages of any shape with mean 0 and standard deviation 1."""
    return (adv - adv.mean()).div_(adv.std().add_(1e-8))


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
