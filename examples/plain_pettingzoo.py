"""The two loops of PettingZoo, with a random policy that heeds the action mask.

Run it: python examples/plain_pettingzoo.py [steps]
"""

import sys

import numpy as np

from empathy_loop.envs import mutual_aid_v0


def play_parallel(num_steps: int, seed: int = 0) -> float:
    """Let all agents act at once; return the mean reward of a step."""
    env, rng, total = mutual_aid_v0.parallel_env(), np.random.default_rng(seed), 0.0
    _, infos = env.reset(seed=seed)
    for _ in range(num_steps):
        actions = {
            agent: int(rng.choice(np.flatnonzero(infos[agent]["action_mask"])))
            for agent in env.agents
        }
        _, rewards, _, _, infos = env.step(actions)
        total += sum(rewards.values()) / len(rewards)
        if not env.agents:
            _, infos = env.reset()
    return total / num_steps


def play_in_turns(num_steps: int, seed: int = 0) -> float:
    """Let agents choose one after the other (AEC); return the mean reward of a step."""
    env, rng, total, done = mutual_aid_v0.env(), np.random.default_rng(seed), 0.0, 0
    env.reset(seed=seed)
    while done < num_steps:
        for agent in env.agent_iter():
            _, reward, termination, truncation, info = env.last()
            total += reward / env.max_num_agents
            done += agent == env.possible_agents[0]
            if termination or truncation:
                env.step(None)
            else:
                env.step(int(rng.choice(np.flatnonzero(info["action_mask"]))))
        env.reset()
    return total / done


if __name__ == "__main__":
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print(f"parallel: {play_parallel(steps):.3f} a step; in turns: {play_in_turns(steps):.3f}")
