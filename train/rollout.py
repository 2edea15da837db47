"""Collecting experience with a batch of worlds and one network."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.sampling import sample_actions
from empathy_loop.agents.types import Inputs, Memory
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.world import World
from empathy_loop.train.buffers import Decisions, Record, Rollout, rows_of, whole_world
from empathy_loop.train.device import copied, map_tensors


class Acted(NamedTuple):
    """What a network makes of one moment.

    Attributes:
        memory: Memory after it.
        actions: int64 [E, F], in [0, N). Actions that were drawn.
        logits: float32 [E, F, N]. Masked logits that they were drawn from.
        values: float32 [E, F]. Value of the moment.
        crisis: float32 [E, S, K]. Logit of the probability that each need is in crisis, as believed
            from each stream.
    """

    memory: Memory
    actions: Tensor
    logits: Tensor
    values: Tensor
    crisis: Tensor


Act = Callable[[Inputs, Memory, Tensor], Acted]
"""`act` of an arm."""


def act(arm: Arm, inputs: Inputs, memory: Memory, noise: Tensor) -> Acted:
    """Return what an arm does in one moment, on the device of its memory.

    Args:
        arm: Its network is the policy of all focal agents.
        inputs: Inputs of one row, on the CPU or that device.
        memory: Memory before it.
        noise: float64 [E, F], in [0, 1), on the CPU or that device. Decides the actions.
    """
    device = memory.core.device
    if device.type != "cpu":
        inputs, noise = copied(inputs, device), copied(noise, device)
    outputs = arm.network(inputs, memory, arm.table)
    logits = outputs.logits[0]
    return Acted(
        memory=outputs.memory,
        actions=sample_actions(logits, noise),
        logits=logits,
        values=outputs.values[0],
        crisis=outputs.belief.crisis[0],
    )


class Seconds:
    """Wall time spent on each part of an update, in seconds."""

    def __init__(self) -> None:
        self.env = self.inference = self.learning = 0.0

    @property
    def total(self) -> float:
        """Sum of the parts, in seconds."""
        return self.env + self.inference + self.learning

    def shares(self) -> dict[str, float]:
        """Return the share of each part in their sum, in [0, 1]."""
        total = max(self.total, 1e-9)
        return {name: spent / total for name, spent in vars(self).items()}


def collect(
    world: World | SeatedWorld,
    arm: Arm,
    memory: Memory,
    rollout: Rollout,
    seconds: Seconds,
    acting: Act | None = None,
) -> Memory:
    """Step the worlds through one rollout with sampled actions.

    Draws come from the worlds' keyed noise. No episode may end before the last step.

    Args:
        world: Stepped T times; must reset by itself. Partners in its seats act by themselves.
        arm: Its network is the policy of all focal agents.
        memory: Memory before the first step.
        rollout: Written.
        seconds: Time spent on env and inference is added.
        acting: `act` of the arm in another form, which may overwrite what it returned; None for
            itself.

    Returns:
        Memory before the next rollout: zeros in worlds whose episode ended.
    """
    memory = _step_through(world, arm, acting or partial(act, arm), memory, rollout, seconds)
    # Outside of inference mode, so that the memory may stand in a graph of gradients.
    goes_on = ~copied(rollout.truncated[-1], memory.core.device)[:, None, None]
    return Memory(*(part * goes_on for part in memory))


@torch.inference_mode()
def _step_through(
    world: World | SeatedWorld,
    arm: Arm,
    acting: Act,
    memory: Memory,
    rollout: Rollout,
    seconds: Seconds,
) -> Memory:
    """Write a rollout and return the memory after its last step."""
    whole, num_focal = whole_world(world), rollout.num_focal
    record, rows = Record(rollout), rows_of(rollout.inputs)
    decisions = Decisions(rollout, arm)
    started = perf_counter()
    for t, actions in enumerate(rollout.actions[:, :, :num_focal]):
        record.observation(whole, t)
        noise = torch.from_numpy(whole.noise()[:, :num_focal])
        observed = perf_counter()
        acted = acting(rows[t], memory, noise)
        memory = acted.memory
        decisions.keep(t, acted.logits, acted.values, acted.crisis)
        # The one copy that is waited for: the world needs the actions, and all before it is done.
        actions.copy_(acted.actions)
        decided = perf_counter()
        world.step_checked(actions.numpy().astype(np.int8))
        if isinstance(world, SeatedWorld):
            record.arrays.actions[t] = world.actions
        record.transition(whole.transition, t)
        seconds.env += observed - started
        seconds.inference += decided - observed
        started = perf_counter()
        seconds.env += started - decided
    record.following(whole)
    memory = map_tensors(memory, torch.clone)  # acting once more may write where it was returned
    # Only the value is asked for: nobody acts on the moment after the last step.
    decisions.values[-1].copy_(acting(rows[-1], memory, noise).values)
    decisions.write(rollout)
    seconds.inference += perf_counter() - started
    return memory
