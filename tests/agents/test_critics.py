"""The central critic reads what all agents show, and nobody's needs but through its own core."""

from __future__ import annotations

from collections.abc import Callable

import torch

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.critics import CentralCritic
from empathy_loop.agents.registry import load_agent
from empathy_loop.agents.types import Batch
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams

Experience = Callable[[WorldParams], Batch]


def test_the_shared_state_is_each_agents_view_first_and_then_the_others_in_order(
    params: WorldParams, experience: Experience
) -> None:
    batch, layout = experience(params), ObservationLayout.of(params)
    state = CentralCritic(8, layout).shared_state(batch.inputs)
    size = state.shape[-1] // 3
    assert size == 2 + layout.other_size + 2 * 2
    blocks = state.unflatten(-1, (3, size))
    for i in range(3):
        for place, j in enumerate((i, (i + 1) % 3, (i + 2) % 3)):
            assert torch.equal(blocks[:, :, i, place], blocks[:, :, j, 0])
    own = blocks[:, :, :, 0]
    position = batch.inputs.features[..., layout.self_block["position"]]
    assert torch.equal(own[..., :2], position)
    assert torch.equal(own[..., 2 : 2 + layout.other_size], batch.inputs.exterior)
    ties = [
        batch.inputs.features[..., layout.self_size + o * layout.other_size + column]
        for o in range(2)
        for column in (
            layout.other_block["helped_me"].start,
            layout.other_block["thanked_me"].start,
        )
    ]
    assert torch.equal(own[..., -4:], torch.stack(ties, dim=-1))


def test_nobodys_need_is_in_the_shared_state(params: WorldParams, experience: Experience) -> None:
    batch, layout = experience(params), ObservationLayout.of(params)
    critic = CentralCritic(8, layout)
    features = batch.inputs.features.clone()
    features[..., layout.self_block["need"]] += 0.5
    changed = batch.inputs._replace(features=features)
    assert torch.equal(critic.shared_state(changed), critic.shared_state(batch.inputs))


def test_the_policy_of_mappo_is_that_of_the_baseline(
    params: WorldParams, experience: Experience
) -> None:
    batch = experience(params)
    arms = [Arm(load_agent(name), params, seed=0) for name in ("mappo_gru", "ippo_gru")]
    mine, theirs = (arm.network.state_dict() for arm in arms)
    arms[0].network.load_state_dict(mine | {k: v for k, v in theirs.items() if k in mine})
    outputs = [arm.network(batch.inputs, batch.memory, arm.table) for arm in arms]
    torch.testing.assert_close(outputs[0].logits, outputs[1].logits)
    assert not torch.allclose(outputs[0].values, outputs[1].values)
