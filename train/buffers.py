"""What a rollout is written into: buffers that are made once, and what fills them step by step."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.sampling import logp_of
from empathy_loop.agents.types import Inputs
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


def empty_rollout(world: World | SeatedWorld, num_steps: int) -> Rollout:
    """Return zeroed buffers for rollouts of a batch of worlds.

    Args:
        world: Gives the sizes.
        num_steps: Steps of a rollout, T.
    """
    whole, params = whole_world(world), world.params
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


class Decisions:
    """What the network made of each moment, where the network is.

    Probabilities are computed of all steps at once, which takes less time than step by step.

    Args:
        rollout: Gives the sizes.
        arm: What decides.

    Attributes:
        values: Rows of a tensor: T + 1 of float32 [E, F].
    """

    def __init__(self, rollout: Rollout, arm: Arm) -> None:
        self._arm, device = arm, arm.table.own.device
        num_steps, num_worlds, _, num_kinds = rollout.need.shape
        num_actions = rollout.inputs.action_mask.shape[-1]
        crisis = (num_steps, num_worlds, arm.table.num_streams, num_kinds)
        self._crisis = torch.empty(crisis, device=device)
        self._logits = torch.empty(*rollout.logp.shape, num_actions, device=device)
        self._values = torch.empty(rollout.values.shape, device=device)
        self.values = self._values.unbind()

    def keep(self, t: int, logits: Tensor, values: Tensor, crisis: Tensor) -> None:
        """Keep those of step t, as `Acted` has them."""
        self._logits[t] = logits
        self.values[t].copy_(values)
        if self._arm.config.trains_belief:
            self._crisis[t] = crisis

    def write(self, rollout: Rollout) -> None:
        """Write logp, values and p_crisis; the actions must be there."""
        device = self._values.device
        actions = copied(rollout.actions[:, :, : rollout.num_focal], device)
        rollout.logp.copy_(logp_of(self._logits, actions))
        rollout.values.copy_(self._values)
        if self._arm.config.trains_belief:
            others = self._arm.table.others
            rollout.p_crisis.copy_(torch.sigmoid(self._crisis)[:, :, others])


class Record:
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


def whole_world(world: World | SeatedWorld) -> World:
    """Return the worlds with the rows of all agents, partners included."""
    return world.world if isinstance(world, SeatedWorld) else world


def rows_of(inputs: Inputs) -> list[Inputs]:
    """Return inputs of T + 1 rows as so many of one row."""
    rows = zip(*(torch.split(part, 1) for part in inputs), strict=True)
    return [Inputs(*row) for row in rows]
