"""PPO of TorchRL through its PettingZooWrapper, with one policy for all agents, and masks.

Install: pip install "empathy-loop[torchrl]". Run it: python examples/torchrl_ppo.py [steps]
"""

import sys
from collections.abc import Iterator

import torch
from tensordict.nn import TensorDictModule
from torchrl.collectors import Collector
from torchrl.envs import PettingZooWrapper
from torchrl.modules import MaskedCategorical, MultiAgentMLP, ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss, ValueEstimators

from empathy_loop.envs import mutual_aid_v0


def train(num_steps: int, steps_per_batch: int = 512) -> Iterator[float]:
    """Train for some steps of one world; yield the mean reward of each batch."""
    torch.manual_seed(0)
    # All agents form one group, "ai": axes are time, agent, feature.
    env = PettingZooWrapper(mutual_aid_v0.parallel_env(), seed=0)
    agents, size = env.observation_spec["ai", "observation"].shape
    num_actions = env.observation_spec["ai", "action_mask"].shape[-1]
    shared = {"n_agents": agents, "centralized": False, "share_params": True}
    seen, logits = [("ai", "observation")], ("ai", "logits")
    actor = ProbabilisticActor(
        TensorDictModule(MultiAgentMLP(size, num_actions, **shared), seen, [logits]),
        spec=env.full_action_spec_unbatched,
        in_keys={"logits": logits, "mask": ("ai", "action_mask")},
        out_keys=[("ai", "action")],
        distribution_class=MaskedCategorical,
        return_log_prob=True,
        log_prob_key=("ai", "sample_log_prob"),
    )
    value_keys = [("ai", "state_value")]
    critic = ValueOperator(MultiAgentMLP(size, 1, **shared), in_keys=seen, out_keys=value_keys)

    loss_of = ClipPPOLoss(actor, critic)
    names = ("reward", "action", "done", "terminated", "sample_log_prob")
    loss_of.set_keys(**{name: ("ai", name) for name in names}, value=value_keys[0])
    loss_of.make_value_estimator(ValueEstimators.GAE, gamma=0.97, lmbda=0.95)
    optimiser = torch.optim.Adam(loss_of.parameters(), lr=1e-3)
    for batch in Collector(env, actor, frames_per_batch=steps_per_batch, total_frames=num_steps):
        with torch.no_grad():
            loss_of.value_estimator(batch)
        for _ in range(4):
            terms = loss_of(batch)
            loss = sum(term for name, term in terms.items() if name.startswith("loss_"))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        yield float(batch["next", "ai", "reward"].mean())


if __name__ == "__main__":
    for n, reward in enumerate(train(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)):
        print(f"batch {n}: mean reward {reward:.4f}")
