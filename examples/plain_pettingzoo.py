"""The two loops of PettingZoo: REINFORCE in the parallel one, and what was learned in the other.

One small network for all agents, which heeds the action mask (Williams 1992), in a small world of
two agents with one kind of need. Run it: python examples/plain_pettingzoo.py [episodes]
"""

import sys
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

from empathy_loop.envs import mutual_aid_v0

WORLD: dict[str, Any] = {"grid_size": 3, "num_agents": 2, "num_kinds": 1, "shift": "none"}


def policy_of(network: nn.Module, observations: Any, masks: Any) -> Categorical:
    """Return the distribution over actions: of no probability where the mask is 0."""
    allowed = torch.as_tensor(np.array(masks)) == 1
    return Categorical(logits=network(torch.as_tensor(np.array(observations))).where(allowed, -1e9))


def play(network: nn.Module, env: Any, seed: int | None = None) -> tuple[list[Any], list[Any], Any]:
    """Let all agents act at once for an episode; return log-probabilities and rewards by step."""
    observations, infos = env.reset(seed=seed)
    logps, rewards = [], []
    while env.agents:
        masks = [info["action_mask"] for info in infos.values()]
        policy = policy_of(network, list(observations.values()), masks)
        actions = policy.sample()
        logps.append(policy.log_prob(actions))
        step = env.step(dict(zip(env.agents, actions.tolist(), strict=True)))
        observations, gained, _, _, infos = step
        rewards.append(list(gained.values()))
    return logps, rewards, observations
