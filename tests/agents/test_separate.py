"""Networks apart: each agent acts with its own, as if the others were not there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from empathy_loop.agents.arm import Arm, streams_of
from empathy_loop.agents.config import AgentConfig, NetworkConfig
from empathy_loop.agents.registry import load_agent
from empathy_loop.agents.separate import SeparateNetworks
from empathy_loop.agents.types import Batch
from empathy_loop.envs.params import WorldParams

Experience = Callable[[WorldParams], Batch]


def separate_arm(params: WorldParams, name: str = "cognitive") -> Arm:
    return Arm(load_agent(name, {"network": {"shared": False}}), params, seed=0)


def with_memory(arm: Arm, batch: Batch) -> Batch:
    return batch._replace(memory=arm.network.first_memory(batch.actions.shape[1], arm.table))


def test_equal_weights_apart_act_as_shared_ones(
    params: WorldParams, experience: Experience
) -> None:
    apart = separate_arm(params)
    assert isinstance(apart.network, SeparateNetworks)
    together = Arm(load_agent("cognitive"), params, seed=0)
    for network in apart.network.networks:
        network.load_state_dict(together.network.state_dict())
    batch = experience(params)
    outputs = [
        arm.network(batch.inputs, with_memory(arm, batch).memory, arm.table)
        for arm in (apart, together)
    ]
    torch.testing.assert_close(outputs[0].logits, outputs[1].logits, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(outputs[0].values, outputs[1].values, rtol=1e-4, atol=1e-5)
    subjects = apart.table.subject
    for one, other in zip(outputs[0].belief, outputs[1].belief, strict=True):
        torch.testing.assert_close(one, other[:, :, subjects], rtol=1e-4, atol=1e-5)
    streams = outputs[1].memory.streams[:, subjects]
    torch.testing.assert_close(outputs[0].memory.streams, streams, rtol=1e-4, atol=1e-5)


def test_each_agent_has_weights_of_its_own(params: WorldParams) -> None:
    network = separate_arm(params).network
    assert isinstance(network, SeparateNetworks)
    first, second, third = (one.core.weight_hh_l0 for one in network.networks)
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)


def test_a_chunk_in_two_parts_gives_what_it_gives_in_one(
    params: WorldParams, experience: Experience
) -> None:
    arm = separate_arm(params)
    batch = with_memory(arm, experience(params))
    whole = arm.network(batch.inputs, batch.memory, arm.table)
    first = arm.network(type(batch.inputs)(*(p[:3] for p in batch.inputs)), batch.memory, arm.table)
    rest = arm.network(type(batch.inputs)(*(p[3:] for p in batch.inputs)), first.memory, arm.table)
    torch.testing.assert_close(whole.logits[3:], rest.logits, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(whole.memory.streams, rest.memory.streams, rtol=1e-4, atol=1e-5)


def test_no_gradient_of_one_agents_own_stream_reaches_anothers_weights(
    params: WorldParams, experience: Experience
) -> None:
    arm = separate_arm(params)
    batch = with_memory(arm, experience(params))
    belief = arm.network(batch.inputs, batch.memory, arm.table).belief
    torch.autograd.backward(belief.crisis[:, :, 1].sum())
    touched = {
        name.split(".")[1]
        for name, weight in arm.network.named_parameters()
        if weight.grad is not None and weight.grad.any()
    }
    assert touched == {"1"}


def test_an_arm_apart_has_a_loss_with_every_term(
    params: WorldParams, experience: Experience
) -> None:
    for name in ("cognitive", "empathic", "ippo"):
        arm = separate_arm(params, name)
        loss = arm.loss(with_memory(arm, experience(params)))
        assert loss.terms.keys() == arm.config.loss_weights.keys()
        assert torch.isfinite(loss.total)


def test_streams_are_apart_where_weights_are(params: WorldParams) -> None:
    shared = streams_of(AgentConfig("one"), params)
    apart = streams_of(AgentConfig("one", network=NetworkConfig(shared=False)), params)
    assert (shared.num_streams, apart.num_streams) == (3, 9)


def test_a_central_critic_of_separate_networks_is_refused() -> None:
    with pytest.raises(ValueError, match="set shared to true or critic to 'own'"):
        NetworkConfig(shared=False, critic="central")
