"""Arrays in and out: an actor-critic that reads the batch of worlds through torch, without copies.

Small worlds: two agents, one kind of need. Run it: python examples/torch_arrays.py [updates]
"""

import sys

import torch
from torch import Tensor, nn

from empathy_loop.envs.vector import make_vector

WORLD = {"grid_size": 3, "num_agents": 2, "num_kinds": 1, "shift": "none"}
STEPS_PER_UPDATE = 16


class Learner(nn.Module):
    """One policy for all agents, which heeds the action mask, and its critic."""

    def __init__(self, size: int, num_actions: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.actor = nn.Sequential(nn.Linear(size, 32), nn.Tanh(), nn.Linear(32, num_actions))
        self.critic = nn.Linear(size, 1)
        self.optimiser = torch.optim.Adam(self.parameters(), lr=0.02)

    def act(self, seen: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return actions, their log-probabilities and values [E, A]; draws are torch's."""
        logits = self.actor(seen).masked_fill(~allowed, -1e9)
        policy = torch.distributions.Categorical(logits=logits)
        return (actions := policy.sample()), policy.log_prob(actions), self.critic(seen)[..., 0]

    def learn(self, moments: list[tuple[Tensor, Tensor, Tensor]], last: Tensor) -> None:
        """Improve by log-probabilities, values and rewards of some steps, and what came last."""
        logps, values, rewards = (torch.stack(part) for part in zip(*moments, strict=True))
        returns, after = torch.zeros_like(rewards), self.critic(last)[..., 0].detach()
        for t in reversed(range(len(rewards))):
            returns[t] = after = rewards[t] + 0.97 * after
        gap = returns - values
        advantage = ((gap - gap.mean()) / gap.std()).detach()
        self.optimiser.zero_grad()
        (gap.square() / 2 - logps * advantage).mean().backward()
        self.optimiser.step()


if __name__ == "__main__":
    batch = make_vector("mutual_aid_v0", num_worlds=32, seed=0, **WORLD)
    # Each step writes into these very arrays: what is needed after it has to be cloned.
    seen, _, allowed = map(torch.from_numpy, batch.observation)
    learner, welfare = Learner(seen.shape[-1], allowed.shape[-1]), []
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 160):
        moments = []
        for _ in range(STEPS_PER_UPDATE):
            actions, logp, value = learner.act(seen.clone(), allowed)
            step = batch.step(actions.numpy())
            welfare.append(step.welfare.mean())
            moments.append((logp, value, torch.tensor(step.reward)))
        last = step.final_observation if step.truncated.all() else batch.observation
        learner.learn(moments, torch.tensor(last.features))  # an episode is cut off, not over
    print(f"welfare: {sum(welfare[:128]):.2f} at first, {sum(welfare[-128:]):.2f} at last")
