"""Collecting experience: a batch of worlds, one network, and buffers that are made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.sampling import logp_of, sample_actions
from empathy_loop.agents.types import Inputs, Memory
from empathy_loop.envs.observation import Observation
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
            each other is in crisis.
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
        p_crisis: float32 [E, F, O, K]. Probability that each need of each other is in crisis.
    """

    memory: Memory
    actions: Tensor
    logp: Tensor
    values: Tensor
    p_crisis: Tensor


Act = Callable[[Inputs, Memory, Tensor], Acted]
"""`act` of an arm."""


def act(arm: Arm, inputs: Inputs, memory: Memory, noise: Tensor) -> Acted:
    """Return what an arm does in one moment, on the device of its memory.

    Args:
        arm: Its network is the policy of all focal agents.
        inputs: Inputs of one row, on any device.
        memory: Memory before it.
        noise: float64 [E, F], in [0, 1), on any device. Decides the actions.
    """
    device = memory.core.device
    outputs = arm.network(copied(inputs, device), memory, arm.table)
    logits = outputs.logits[0]
    actions = sample_actions(logits, copied(noise, device))
    believed = torch.sigmoid(outputs.belief.crisis[0])
    return Acted(
        memory=outputs.memory,
        actions=actions,
        logp=logp_of(logits, actions),
        values=outputs.values[0],
        p_crisis=believed[:, arm.table.others],
    )


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
    whole, num_focal, num_steps = _whole(world), rollout.num_focal, len(rollout.actions)
    started = perf_counter()
    for t in range(num_steps):
        _record_observation(whole.observation, rollout.inputs, t)
        rollout.need.numpy()[t] = whole.state.need
        noise = torch.from_numpy(whole.noise()[:, :num_focal])
        observed = perf_counter()
        acted = acting(_row(rollout.inputs, t), memory, noise)
        memory = acted.memory
        rollout.logp[t].copy_(acted.logp, non_blocking=True)
        rollout.values[t].copy_(acted.values, non_blocking=True)
        rollout.p_crisis[t].copy_(acted.p_crisis, non_blocking=True)
        # The one copy that is waited for: the world needs the actions, and all before it is done.
        rollout.actions[t, :, :num_focal] = acted.actions
        decided = perf_counter()
        world.step(rollout.actions[t, :, :num_focal].numpy())
        if isinstance(world, SeatedWorld):
            rollout.actions.numpy()[t] = world.actions
        _record_transition(whole.transition, rollout, t)
        seconds.env += observed - started
        seconds.inference += decided - observed
        started = perf_counter()
        seconds.env += started - decided
    _record_following(whole, rollout)
    memory = map_tensors(memory, torch.clone)  # acting once more may write where it was returned
    # Only the value is asked for: nobody acts on the moment after the last step.
    rollout.values[-1] = acting(_row(rollout.inputs, num_steps), memory, noise).values
    seconds.inference += perf_counter() - started
    return memory


def episode_metrics(rollout: Rollout, horizon: int) -> dict[str, float]:
    """Return charts and reward terms of a rollout, by their logged names.

    Worlds are staggered over the episode, so that the rollout holds all phases of it; sums over
    an episode are means per step times the horizon.

    Args:
        rollout: What was experienced.
        horizon: Steps in an episode.

    Returns:
        charts/return and reward/<term>: sums over an episode, mean over focal agents and worlds;
        charts/welfare: the same, of the whole group; charts/drive: mean per focal agent;
        charts/helps: helps given by them in one world's episode; charts/help_precision: share of
        these that were not misattuned, 0 without helps.
    """

    def focal(part: Tensor) -> Tensor:
        return part[:, :, : rollout.num_focal]

    helps, misattuned = float(focal(rollout.helps).sum()), float(focal(rollout.misattuned).sum())
    terms = focal(rollout.reward_terms).mean((0, 1, 2)) * horizon
    return {
        "charts/return": float(focal(rollout.rewards).mean()) * horizon,
        "charts/welfare": float(rollout.welfare.mean()) * horizon,
        "charts/drive": float(focal(rollout.drive).mean()),
        "charts/helps": helps / rollout.welfare.numel() * horizon,
        "charts/help_precision": (helps - misattuned) / max(helps, 1.0),
        **{f"reward/{name}": float(term) for name, term in zip(REWARD_TERMS, terms, strict=True)},
    }


def _whole(world: World | SeatedWorld) -> World:
    """Return the worlds with the rows of all agents, partners included."""
    return world.world if isinstance(world, SeatedWorld) else world


def _row(inputs: Inputs, t: int) -> Inputs:
    return Inputs(*(part[t : t + 1] for part in inputs))


def _record_observation(observation: Observation, inputs: Inputs, t: int) -> None:
    for name, array in observation._asdict().items():
        getattr(inputs, name).numpy()[t] = array


def _record_transition(transition: Transition, rollout: Rollout, t: int) -> None:
    rollout.rewards.numpy()[t] = transition.reward
    for name in ("reward_terms", "truncated", "welfare", "drive", "helps", "misattuned"):
        getattr(rollout, name).numpy()[t] = getattr(transition, name)


def _record_following(world: World, rollout: Rollout) -> None:
    """Write the observation after the last step: of an ended episode, its final one."""
    ended = world.transition.truncated[:, None, None]
    final = world.transition.final_observation._asdict()
    for name, array in world.observation._asdict().items():
        getattr(rollout.inputs, name).numpy()[-1] = np.where(ended, final[name], array)
