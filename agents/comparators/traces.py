"""Traces: what each agent has lately earned, over the bounds of rollouts."""

from __future__ import annotations

import torch
from torch import Tensor

from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.objective import Objective
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Experience
from empathy_loop.envs.params import WorldParams


class RewardTraces(Objective):
    """Smooths the rewards of all agents; what is made of them is for a derived class to say.

    Args:
        config: The arm, of which the number of worlds and the discount count.
        params: The world.
        table: The streams of a row.

    Attributes:
        trace: float32 [E, A]. Traces after the last step of the last rollout, 0 where its episode
            ended. A buffer, so that a resumed run goes on with them.
    """

    trace: Tensor

    def __init__(self, config: AgentConfig, params: WorldParams, table: StreamTable) -> None:
        super().__init__(config, params, table)
        self.register_buffer("trace", torch.zeros(config.ppo.num_worlds, params.num_agents))

    def advance(self, experience: Experience, decay: float) -> Tensor:
        """Return the traces of a rollout, and keep the last for the rollout that follows.

            e_t = discount * decay * e_{t-1} + r_t,  e = 0 before an episode

        Source: Hughes et al. 2018, arXiv 1803.08884, eq. 4. A world whose first episode begins in
        its middle begins without a trace, as it does without memory.

        Args:
            experience: The rollout.
            decay: lambda of the paper, in [0, 1].

        Returns:
            float32 [T, E, A]. Trace after each step.
        """
        trace, traces = self.trace, []
        for rewards in experience.rewards:
            trace = self.config.ppo.discount * decay * trace + rewards
            traces.append(trace)
        self.trace.copy_(trace * ~experience.truncated[-1][:, None])
        return torch.stack(traces)
