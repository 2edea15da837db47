"""PPO of Stable-Baselines3, with one policy for all agents.

Install: pip install "empathy-loop[sb3]". Run it: python examples/stable_baselines3_ppo.py [steps]
"""

import sys

import numpy as np
from stable_baselines3 import PPO

from empathy_loop.envs.vector import AgentVectorEnv
from empathy_loop.train.sb3 import AgentVecEnv


def train(num_steps: int, num_worlds: int = 16, scenario: str = "mutual_aid_v0") -> PPO:
    """Train for some agent steps; each agent of each world is a row of the batch."""
    rows = AgentVecEnv(AgentVectorEnv(scenario, num_worlds), seed=0)
    model = PPO("MlpPolicy", rows, n_steps=64, batch_size=512, gamma=0.97, seed=0, device="cpu")
    return model.learn(total_timesteps=num_steps)


def welfare(model: PPO, num_worlds: int = 16, scenario: str = "mutual_aid_v0") -> float:
    """Return the score: mean welfare of an episode, which is not the return."""
    env = AgentVectorEnv(scenario, num_worlds)
    observations, _ = env.reset(seed=1)
    total = np.zeros(num_worlds)
    for _ in range(env.params.horizon):
        actions, _ = model.predict(observations)
        observations, *_ = env.step(actions)
        total += env.batch.transition.welfare
    return float(total.mean())


if __name__ == "__main__":
    trained = train(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
    print(f"welfare of an episode: {welfare(trained):.2f}")
