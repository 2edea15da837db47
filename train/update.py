"""One update: what a rollout teaches, in a few epochs of minibatches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from empathy_loop.agents.advantages import gae
from empathy_loop.agents.arm import Arm
from empathy_loop.agents.config import PPOConfig
from empathy_loop.agents.ppo import explained_variance
from empathy_loop.agents.types import Batch, Experience, Inputs, Memory
from empathy_loop.envs.rules.reward import REWARD_TERMS
from empathy_loop.train.buffers import Rollout
from empathy_loop.train.demonstrations import Demonstrations
from empathy_loop.train.device import copied, map_tensors
from empathy_loop.train.distributed import ALONE, Team


def set_step_size(optimiser: Optimizer, ppo: PPOConfig, agent_steps: int) -> None:
    """Set the step size for the next update, in place.

    It is learning_rate / (1 + agent_steps / halving_steps), which does not ask how long the run is
    to be: one that is given more steps goes on as if it had had them from the start.

    Args:
        optimiser: Its step size is written.
        ppo: The settings.
        agent_steps: Agent steps done so far.
    """
    age = agent_steps / ppo.halving_steps if ppo.halving_steps else 0.0
    for group in optimiser.param_groups:
        group["lr"] = ppo.learning_rate / (1.0 + age)


class Gradients(NamedTuple):
    """What a minibatch says of the weights.

    Attributes:
        names: M names: the terms of the loss, its diagnostics, and gradient_norm.
        values: float32 [M]. What they came to: the terms before they are weighted, and the norm
            before clipping.
        clipped: Gradient of each weight of the arm, after clipping; None where it has none.
    """

    names: tuple[str, ...]
    values: Tensor
    clipped: list[Tensor | None]


GradientsOf = Callable[[Batch], Gradients]
"""`gradients_of` an arm."""


def gradients_of(arm: Arm, team: Team, batch: Batch) -> Gradients:
    """Compute the gradients of a minibatch, into those of the arm's weights.

    Args:
        arm: The gradients of its weights are written.
        team: The processes that learn together, all from the same minibatch.
        batch: The minibatch.
    """
    for weight in arm.weights:
        weight.grad = None
    loss = arm.loss(batch)
    loss.backward()
    team.sum_gradients(arm)
    gradients = [weight.grad for weight in arm.weights]
    norm = clip(gradients, arm.config.ppo.max_grad_norm)
    found = {**loss.terms, **loss.diagnostics, "gradient_norm": norm}
    with torch.no_grad():
        return Gradients(tuple(found), torch.stack([*found.values()]), gradients)


@torch.no_grad()
def clip(gradients: Sequence[Tensor | None], max_norm: float) -> Tensor:
    """Scale gradients in place so that their norm as one vector is `max_norm` at most.

    It is `torch.nn.utils.clip_grad_norm_` to the bit, without its search for devices and types.

    Args:
        gradients: float32, all on one device; None where a weight has none.
        max_norm: Above 0.

    Returns:
        float32 scalar. The norm before.
    """
    present = [gradient for gradient in gradients if gradient is not None]
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(present)))
    # On a CPU, which has the norm already, what is short enough need not be multiplied by 1.
    if norm.device.type != "cpu" or not float(norm) + 1e-6 < 0.999 * max_norm:
        torch._foreach_mul_(present, torch.clamp(max_norm / (norm + 1e-6), max=1.0))
    return norm


def update(
    arm: Arm,
    optimiser: Optimizer,
    batch: Batch,
    key: tuple[int, int],
    gradients: GradientsOf | None = None,
    demonstrations: Demonstrations | None = None,
) -> dict[str, float]:
    """Take the gradient steps of one update.

    Worlds are dealt into minibatches anew in every epoch, by a generator made from the key, so
    that an update is the same whatever was drawn before it.

    Args:
        arm: Changed in place.
        optimiser: Changed in place.
        batch: A whole rollout.
        key: Seed of the run and number of the update.
        gradients: `gradients_of` the arm in another form, which may overwrite what it returned;
            None for itself, in a process alone.
        demonstrations: Records of which each gradient step has as many chunks as worlds, drawn by
            the same generator.

    Returns:
        losses/<term or diagnostic>: means over the gradient steps; gradient_norm is the norm
        before clipping.

    Raises:
        NotFiniteError: a term of the loss, or the gradient, is not finite; the terms are named. The
            weights are those before the bad step.
    """
    generator, ppo = np.random.default_rng(key), arm.config.ppo
    num_worlds = batch.actions.shape[1]
    gradients = gradients or partial(gradients_of, arm, ALONE)
    steps: list[list[float]] = []
    for _ in range(ppo.epochs):
        order = torch.from_numpy(generator.permutation(num_worlds)).to(batch.actions.device)
        for worlds in order.tensor_split(ppo.minibatches):
            part = take_worlds(batch, worlds)
            if demonstrations is not None:
                drawn = demonstrations.draw(generator, len(worlds), len(batch.actions))
                part = part._replace(recorded=copied(drawn, batch.actions.device))
            names, values, clipped = gradients(part)
            measured = values.tolist()
            for weight, gradient in zip(arm.weights, clipped, strict=True):
                weight.grad = gradient  # each form of the gradients may have a place of its own
            _demand_finite(dict(zip(names, measured, strict=True)), arm, part)
            optimiser.step()
            steps.append(measured)
    means = np.mean(steps, axis=0).tolist()
    return {f"losses/{name}": mean for name, mean in zip(names, means, strict=True)}


class NotFiniteError(FloatingPointError):
    """A term of the reward or of the loss, or a gradient, is not a finite number.

    Attributes:
        dump: What it came from, as tensors. Of a reward: the rollout, the weights of the arm, and
            the terms of the reward. Of a loss: the minibatch, the weights of the arm, the
            gradients, and the terms of the loss.
    """

    def __init__(self, message: str, dump: dict[str, Any]) -> None:
        super().__init__(message)
        self.dump = dump


class Lesson(NamedTuple):
    """What an update learns from.

    Attributes:
        batch: Batch whose arrays are the rollout's own.
        explained_variance: float32 scalar. How well the values foretold the returns.
        reward_terms: Name to float32 [T, E, F]. What objectives added to the reward, weighted.
    """

    batch: Batch
    explained_variance: Tensor
    reward_terms: dict[str, Tensor]


def lesson_of(rollout: Rollout, memory: Memory, arm: Arm) -> Lesson:
    """Return a rollout with its advantages as a batch.

    Args:
        rollout: What was experienced. The world never terminates.
        memory: Memory before the first step.
        arm: The arm, whose objectives may add to the reward before advantages are estimated.

    Returns:
        Lesson.

    Raises:
        NotFiniteError: a term of the reward is not finite; it is named.
    """
    experience = Experience(
        rollout.inputs,
        memory,
        rollout.actions,
        rollout.rewards,
        rollout.need,
        rollout.drive.float(),
        rollout.truncated,
    )
    added = arm.reward_terms(experience)
    _demand_finite_rewards(rollout, added, arm, memory)
    values, next_values = rollout.values[:-1], rollout.values[1:]
    adv = gae(
        sum(added.values(), arm.table.focal(rollout.rewards)),
        values,
        next_values,
        torch.zeros_like(rollout.truncated),
        rollout.truncated,
        arm.config.ppo.discount,
        arm.config.ppo.gae_lambda,
    )
    returns = adv + values
    batch = Batch(
        rollout.inputs,
        memory,
        rollout.actions,
        rollout.logp,
        adv,
        returns,
        rollout.need,
        rollout.rewards,
    )
    return Lesson(batch, explained_variance(values, returns), added)


def take_worlds(batch: Batch, worlds: Tensor) -> Batch:
    """Return a batch of some worlds only, beside the same records.

    Args:
        batch: Batch of E worlds.
        worlds: int64 [E']. Which of them.
    """
    return Batch(
        Inputs(*[part.index_select(1, worlds) for part in batch.inputs]),
        Memory(*[part.index_select(0, worlds) for part in batch.memory]),
        **{name: getattr(batch, name).index_select(1, worlds) for name in _PER_STEP},
        recorded=batch.recorded,
    )


_PER_STEP = ("actions", "logp", "adv", "returns", "need", "rewards")
"""The arrays of a batch that have axes [T, E, ...]."""


def _demand_finite_rewards(
    rollout: Rollout, added: dict[str, Tensor], arm: Arm, memory: Memory
) -> None:
    """Raise NotFiniteError if a term of the reward, the world's own included, is not finite."""
    if all(terms.isfinite().all() for terms in (rollout.reward_terms, *added.values())):
        return
    world = rollout.reward_terms.unbind(-1)
    terms = dict(zip(REWARD_TERMS, world, strict=True)) | added
    guilty = [name for name, term in terms.items() if not term.isfinite().all()]
    raise NotFiniteError(
        f"the reward term {', '.join(guilty)} is not finite; lower its weight, or mend the "
        "objective that adds it",
        {
            "reward_terms": terms,
            "arm": map_tensors(arm.state_dict(), torch.clone),
            "inputs": rollout.inputs._asdict(),
            "memory": memory._asdict(),
            "actions": rollout.actions,
            "need": rollout.need,
        },
    )


def _demand_finite(found: dict[str, float], arm: Arm, batch: Batch) -> None:
    """Raise NotFiniteError if a step would spoil the weights, or a term of the loss is none."""
    terms = {name: value for name, value in found.items() if name in arm.config.loss_weights}
    if all(map(math.isfinite, (*terms.values(), found["gradient_norm"]))):
        return
    guilty = [name for name, value in terms.items() if not math.isfinite(value)]
    what = f"the loss term {', '.join(guilty)}" if guilty else "the gradient"
    listed = ", ".join(f"{name}={value:.4g}" for name, value in terms.items())
    raise NotFiniteError(
        f"{what} is not finite (norm of the gradient {found['gradient_norm']}; terms {listed}); "
        "lower ppo.learning_rate or the weight of the term that is not a number",
        {
            "terms": terms,
            "arm": map_tensors(arm.state_dict(), torch.clone),
            "gradients": {name: weight.grad for name, weight in arm.named_parameters()},
            "inputs": batch.inputs._asdict(),
            "memory": batch.memory._asdict(),
            **{name: getattr(batch, name) for name in _PER_STEP},
        },
    )
