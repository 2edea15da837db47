"""The flat network: no memory, no belief, and otherwise an arm like the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from empathy_loop.agents.arm import Arm, build_network
from empathy_loop.agents.config import AgentConfig, EmpathyConfig, NetworkConfig
from empathy_loop.agents.flat import FlatActorCritic
from empathy_loop.agents.registry import load_agent
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Batch, Inputs, Memory
from empathy_loop.envs.params import WorldParams

TABLE = StreamTable.of(3, 2, shared=True)


def made(params: WorldParams) -> FlatActorCritic:
    network = build_network(load_agent("ippo"), params, seed=0)
    assert isinstance(network, FlatActorCritic)
    return network


def batch_of(params: WorldParams, experience: Callable[[WorldParams], Batch]) -> Batch:
    batch = experience(params)
    return batch._replace(memory=made(params).first_memory(batch.actions.shape[1], TABLE))


def test_it_has_two_layers_for_the_policy_and_two_for_the_value(params: WorldParams) -> None:
    # 78 features: 2 x (78 x 64 + 64) + 2 x (64 x 64 + 64) + (64 x 10 + 10) + (64 + 1).
    config = load_agent("ippo", {"network": {"hidden_size": 64}})
    network = build_network(config, params, seed=0)
    assert sum(weight.numel() for weight in network.parameters()) == 19_147


def test_what_it_does_depends_on_the_present_observation_only(
    params: WorldParams, experience: Callable[[WorldParams], Batch]
) -> None:
    batch, network = batch_of(params, experience), made(params)
    outputs = network(batch.inputs, batch.memory, TABLE)
    last = Inputs(*(part[-1:] for part in batch.inputs))
    alone = network(last, network.first_memory(batch.actions.shape[1], TABLE), TABLE)
    torch.testing.assert_close(outputs.logits[-1:], alone.logits)
    torch.testing.assert_close(outputs.values[-1:], alone.values)
    assert all(part.numel() == 0 for part in outputs.memory)


def test_masked_actions_have_no_probability(
    params: WorldParams, experience: Callable[[WorldParams], Batch]
) -> None:
    batch = batch_of(params, experience)
    logits = made(params)(batch.inputs, batch.memory, TABLE).logits
    p = torch.softmax(logits, dim=-1)
    assert (p[~batch.inputs.action_mask] == 0.0).all()
    assert (p[batch.inputs.action_mask] > 0.0).all()


def test_every_weight_learns_and_the_loss_is_that_of_ppo_alone(
    params: WorldParams, experience: Callable[[WorldParams], Batch]
) -> None:
    batch, arm = batch_of(params, experience), Arm(load_agent("ippo"), params, seed=0)
    loss = arm.loss(batch)
    assert loss.terms.keys() == {"policy", "value", "entropy"}
    torch.autograd.backward(loss.total)
    assert all(weight.grad is not None and weight.grad.any() for weight in arm.parameters())


def test_its_belief_is_that_of_nobody(
    params: WorldParams, experience: Callable[[WorldParams], Batch]
) -> None:
    batch = batch_of(params, experience)
    belief = made(params)(batch.inputs, batch.memory, TABLE).belief
    assert belief.crisis.shape == (*batch.inputs.features.shape[:2], 3, params.num_kinds)
    assert not any(part.any() for part in belief)


def test_a_flat_network_with_a_belief_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match="flat network, which has no belief, no objectives"):
        AgentConfig("mine", network=NetworkConfig(kind="flat"), objectives=("introspective",))
    with pytest.raises(ValueError, match="flat network, which has no belief"):
        AgentConfig(
            "mine",
            network=NetworkConfig(kind="flat"),
            empathy=EmpathyConfig(belief_input=True),
        )


def test_an_unknown_graph_is_refused() -> None:
    with pytest.raises(ValueError, match="kind must be one of entity, flat, got 'deep'"):
        NetworkConfig(kind="deep")


def test_memory_of_no_units_survives_what_is_done_with_memory(params: WorldParams) -> None:
    memory = made(params).first_memory(5, TABLE)
    assert isinstance(memory, Memory)
    assert [tuple(part.shape) for part in memory] == [(5, 3, 0), (5, 3, 0)]
