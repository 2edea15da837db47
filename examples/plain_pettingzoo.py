"""The two loops of PettingZoo: agents learn in the parallel one, and are scored in turns (AEC).

The learner is that of torch_arrays.py. Run it: python examples/plain_pettingzoo.py [updates]
"""

import sys
from typing import Any

import numpy as np
import torch
from torch_arrays import STEPS_PER_UPDATE, WORLD, Learner

from empathy_loop.envs import mutual_aid_v0


def tensors_of(told: list[Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what the agents of all environments see [E, A, D] and are allowed to do [E, A, N]."""
    seen = np.array([list(observations.values()) for observations, _ in told])
    masks = [[info["action_mask"] for info in infos.values()] for _, infos in told]
    return torch.from_numpy(seen), torch.from_numpy(np.array(masks) == 1)


def step(env: Any, actions: list[int]) -> tuple[Any, Any, list[float]]:
    """Let all agents act at once; return what came of it, and that or a reset to go on from."""
    seen, rewards, _, _, infos = env.step(dict(zip(env.agents, actions, strict=True)))
    return (seen, infos), (seen, infos) if env.agents else env.reset(), list(rewards.values())


def train(learner: Learner, num_updates: int, num_envs: int = 16) -> None:
    """Train in the parallel loop of some environments."""
    envs = [mutual_aid_v0.parallel_env(**WORLD) for _ in range(num_envs)]
    told = [env.reset(seed=n) for n, env in enumerate(envs)]
    for _ in range(num_updates):
        moments = []
        for _ in range(STEPS_PER_UPDATE):
            actions, logp, value = learner.act(*tensors_of(told))
            last, told, rewards = zip(*map(step, envs, actions.tolist()), strict=True)
            moments.append((logp, value, torch.tensor(rewards)))
        learner.learn(moments, tensors_of(last)[0])  # an episode is cut off, not over


def welfare(learner: Learner, rules: Any) -> float:
    """Play eight episodes in turns; return the mean score: rewards without their shaping."""
    env, total = mutual_aid_v0.env(**WORLD), 0.0
    for seed in range(1000, 1008):
        env.reset(seed=seed)
        for _ in env.agent_iter():
            seen, reward, _, is_over, info = env.last()  # its own need comes first in `seen`
            total += reward + (is_over * rules.drive_scale - rules.drive_weight) * seen[0] ** 2
            action = learner.act(*tensors_of([({0: seen}, {0: info})]))[0]
            env.step(None if is_over else int(action))
    return total / rules.num_agents / 8


if __name__ == "__main__":
    env = mutual_aid_v0.parallel_env(**WORLD)
    learner = Learner(env.observation_space("ai_0").shape[0], env.params.num_actions)
    before = welfare(learner, env.params)
    train(learner, int(sys.argv[1]) if len(sys.argv) > 1 else 160)
    print(f"welfare: {before:.2f} before, {welfare(learner, env.params):.2f} after")
