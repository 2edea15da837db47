"""What a rollout shows, worked out by hand."""

from __future__ import annotations

import pytest
import torch

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.world import World
from empathy_loop.train.buffers import empty_rollout
from empathy_loop.train.charts import episode_metrics


def test_charts_are_sums_over_an_episode() -> None:
    world = World(WorldParams(horizon=16), 2, seed=0)
    rollout = empty_rollout(world, 4)
    rollout.rewards.fill_(0.5)
    rollout.reward_terms.copy_(torch.tensor([1.0, -0.25, -0.25]).expand(4, 2, 3, 3))
    rollout.welfare.fill_(-0.1)
    rollout.drive.fill_(0.75)
    rollout.helps[0] = 1
    rollout.misattuned[0, 0] = 1
    # Six helps in four steps of two worlds; three of them misattuned.
    assert episode_metrics(rollout, horizon=16) == pytest.approx(
        {
            "charts/return": 8.0,
            "charts/welfare": -1.6,
            "charts/drive": 0.75,
            "charts/helps": 12.0,
            "charts/help_precision": 0.5,
            "reward/drive": 16.0,
            "reward/help_cost": -4.0,
            "reward/hurt": -4.0,
        }
    )
    rollout.helps.zero_()
    rollout.misattuned.zero_()
    assert episode_metrics(rollout, horizon=16)["charts/help_precision"] == 0.0
