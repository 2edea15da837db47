"""Collecting experience: a batch of worlds, one network, and buffers that are made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.sampling import logp_of, sample_actions
from empathy_loop.agents.types import Belief, Inputs, Memory
from empathy_loop.envs.rules.reward import REWARD_TERMS
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.world import Transition, World
from empathy_loop.train.device import copied, map_tensors


class Rollout(NamedTuple):
    """T steps of E worlds, overwritten by the next rollout.

    F of the A agents of a world are focal, the first of them; the others are partners.

    Attributes:
        inputs: Inputs with T + 1 rows: what was observed before each step, and after the last.
            Where an episode ended with the last step, that row is its final observation.
        actions: int64 [T, E, A]. Actions taken, in [0, N).
        logp: float32 [T, E, F]. Log-probabilities of those of focal agents.
        values: float32 [T + 1, E, F]. Value of each row of the inputs.
        rewards: float32 [T, E, A]. Rewards.
        reward_terms: float32 [T, E, A, R]. Their named terms, in the order of REWARD_TERMS.
        truncated: bool [T, E]. Whether the episode ended with the step; in the last row only.
        welfare: float64 [T, E]. Unshaped welfare of the step, at most 0.
        drive: float64 [T, E, A]. Drive after the step.
        helps: int8 [T, E, A]. Helps given.
        misattuned: int8 [T, E, A]. Those of them that were misattuned.
        need: float32 [T, E, A, K]. True needs beside each observation; privileged.
        p_crisis: float32 [T, E, F, O, K]. Probability, as focal agents believe, that each need of
            each other is in crisis; zeros where the arm trains no belief.
    """

    inputs: Inputs
    actions: Tensor
    logp: Tensor
    values: Tensor
    rewards: Tensor
    reward_terms: Tensor
    truncated: Tensor
    welfare: Tensor
    drive: Tensor
    helps: Tensor
    misattuned: Tensor
    need: Tensor
    p_crisis: Tensor

    @property
    def num_focal(self) -> int:
        """Number of focal agents, F."""
        return self.logp.shape[2]

    @property
    def agent_steps(self) -> int:
        """Steps of focal agents, T * E * F."""
        return self.logp.numel()


class Acted(NamedTuple):
    """What a network makes of one moment.

    Attributes:
        memory: Memory after it.
        actions: int64 [E, F], in [0, N). Actions that were drawn.
        logp: float32 [E, F]. Their log-probabilities.
        values: float32 [E, F]. Value of the moment.
        p_crisis: float32 [E, F, O, K]. Probability that each need of each other is in crisis, as
            believed; None of an arm that trains no belief.
    """

    memory: Memory
    actions: Tensor
    logp: Tensor
    values: Tensor
    p_crisis: Tensor | None


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
    actions = sample_actions(logits, noise)
    return Acted(
        memory=outputs.memory,
        actions=actions,
        logp=logp_of(logits, actions),
        values=outputs.values[0],
        p_crisis=_believed(arm, outputs.belief) if arm.config.trains_belief else None,
    )


def _believed(arm: Arm, belief: Belief) -> Tensor:
    """Return the probability of each other's crises: Belief of one row to [E, F, O, K]."""
    return torch.sigmoid(belief.crisis[0])[:, arm.table.others]


class Seconds:
    """Wall time spent on each part of an update, in seconds."""

    def __init__(self) -> None:
        self.env = self.inference = self.learning = 0.0

    def shares(self) -> dict[str, float]:
        """Return the share of each part in their sum, in [0, 1]."""
        total = max(sum(vars(self).values()), 1e-9)
        return {name: spent / total for name, spent in vars(self).items()}


def empty_rollout(world: World | SeatedWorld, num_steps: int) -> Rollout:
    """Return zeroed buffers for rollouts of a batch of worlds.

    Args:
        world: Gives the sizes.
        num_steps: Steps of a rollout, T.
    """
    whole, params = _whole(world), world.params
    layout, num_worlds = whole.layout, whole.num_worlds
    num_focal = world.num_focal if isinstance(world, SeatedWorld) else params.num_agents
    per_world = (num_steps, num_worlds)
    per_agent, per_focal = (*per_world, params.num_agents), (*per_world, num_focal)
    rows = (num_steps + 1, num_worlds, params.num_agents)
    return Rollout(
        inputs=Inputs(
            features=torch.zeros(*rows, layout.size),
            exterior=torch.zeros(*rows, layout.other_size),
            action_mask=torch.zeros(*rows, params.num_actions, dtype=torch.bool),
        ),
        actions=torch.zeros(per_agent, dtype=torch.int64),
        logp=torch.zeros(per_focal),
        values=torch.zeros(num_steps + 1, num_worlds, num_focal),
        rewards=torch.zeros(per_agent),
        reward_terms=torch.zeros(*per_agent, len(REWARD_TERMS)),
        truncated=torch.zeros(per_world, dtype=torch.bool),
        welfare=torch.zeros(per_world, dtype=torch.float64),
        drive=torch.zeros(per_agent, dtype=torch.float64),
        helps=torch.zeros(per_agent, dtype=torch.int8),
        misattuned=torch.zeros(per_agent, dtype=torch.int8),
        need=torch.zeros(*per_agent, params.num_kinds),
        p_crisis=torch.zeros(*per_focal, params.num_others, params.num_kinds),
    )


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
    memory = _step_through(world, acting or partial(act, arm), memory, rollout, seconds)
    # Outside of inference mode, so that the memory may stand in a graph of gradients.
    goes_on = ~copied(rollout.truncated[-1], memory.core.device)[:, None, None]
    return Memory(*(part * goes_on for part in memory))


@torch.inference_mode()
def _step_through(
    world: World | SeatedWorld, acting: Act, memory: Memory, rollout: Rollout, seconds: Seconds
) -> Memory:
    """Write a rollout and return the memory after its last step."""
    whole, num_focal = _whole(world), rollout.num_focal
    record, rows = _Record(rollout), _rows_of(rollout.inputs)
    steps = zip(rollout.actions[:, :, :num_focal], rollout.logp, rollout.values, strict=False)
    started = perf_counter()
    for t, (actions, logp, values) in enumerate(steps):
        record.observation(whole, t)
        noise = torch.from_numpy(whole.noise()[:, :num_focal])
        observed = perf_counter()
        acted = acting(rows[t], memory, noise)
        memory = acted.memory
        logp.copy_(acted.logp, non_blocking=True)
        values.copy_(acted.values, non_blocking=True)
        if acted.p_crisis is not None:
            rollout.p_crisis[t].copy_(acted.p_crisis, non_blocking=True)
        # The one copy that is waited for: the world needs the actions, and all before it is done.
        actions.copy_(acted.actions)
        decided = perf_counter()
        world.step(actions.numpy())
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
    rollout.values[-1] = acting(rows[-1], memory, noise).values
    seconds.inference += perf_counter() - started
    return memory


class _Record:
    """Writes what happens into a rollout.

    Args:
        rollout: Written.

    Attributes:
        arrays: The rollout's own numbers, as arrays of numpy.
    """

    def __init__(self, rollout: Rollout) -> None:
        # Once for all steps: to see a tensor as an array takes as long as to copy a small one.
        self.arrays: Any = map_tensors(rollout, lambda part: cast(Tensor, part.numpy()))
        self._transitions = [(name, getattr(self.arrays, name)) for name in _OF_TRANSITIONS]

    def observation(self, world: World, t: int) -> None:
        """Write row t of the inputs, and what everybody needs."""
        for rows, seen in zip(self.arrays.inputs, world.observation, strict=True):
            rows[t] = seen
        self.arrays.need[t] = world.state.need

    def transition(self, transition: Transition, t: int) -> None:
        """Write row t of what a step brought."""
        self.arrays.rewards[t] = transition.reward
        for name, rows in self._transitions:
            rows[t] = getattr(transition, name)

    def following(self, world: World) -> None:
        """Write the observation after the last step: of an ended episode, its final one."""
        ended, final = world.transition.truncated[:, None, None], world.transition.final_observation
        for rows, seen, last in zip(self.arrays.inputs, world.observation, final, strict=True):
            rows[-1] = np.where(ended, last, seen)


_OF_TRANSITIONS = ("reward_terms", "truncated", "welfare", "drive", "helps", "misattuned")
"""What a rollout takes over from transitions under its name."""


def _whole(world: World | SeatedWorld) -> World:
    """Return the worlds with the rows of all agents, partners included."""
    return world.world if isinstance(world, SeatedWorld) else world


def _rows_of(inputs: Inputs) -> list[Inputs]:
    """Return inputs of T + 1 rows as so many of one row."""
    rows = zip(*(torch.split(part, 1) for part in inputs), strict=True)
    return [Inputs(*row) for row in rows]
