"""Where each loss term reaches, and where it must not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from empathy_loop.agents.arm import Arm, build_network
from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.empathy.targets import Introspective
from empathy_loop.agents.registry import load_agent
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Batch
from empathy_loop.envs.params import WorldParams

Experience = Callable[[WorldParams], Batch]
TABLE = StreamTable.of(3, 2, shared=True)


def reached(config: AgentConfig, params: WorldParams, batch: Batch, *terms: str) -> set[str]:
    """Return the parts of the network that the sum of some terms has a gradient in."""
    arm = Arm(config, params, seed=1)
    loss = arm.loss(batch)
    torch.autograd.backward(sum(loss.terms[name] for name in terms))
    return {
        name.split(".")[0]
        for name, weight in arm.network.named_parameters()
        if weight.grad is not None and weight.grad.abs().max() > 0.0
    }


def test_the_policys_loss_reaches_everything_but_the_decoder(
    params: WorldParams, experience: Experience
) -> None:
    for name in ("cognitive", "ippo_gru"):
        config, batch = load_agent(name), experience(params)
        parts = {part for part, _ in build_network(config, params, 0).named_children()}
        assert reached(config, params, batch, "policy", "value") == parts - {"decoder", "sight"}


@pytest.mark.parametrize("term", Introspective.loss_weights)
@pytest.mark.parametrize("name", ["cognitive", "cognitive_supervised", "gru_dummy"])
def test_a_belief_loss_reaches_encoder_and_decoder_and_nothing_else(
    params: WorldParams, experience: Experience, name: str, term: str
) -> None:
    found = reached(load_agent(name), params, experience(params), term)
    assert found == {"encoder", "decoder"}


def test_the_total_is_the_weighted_sum_of_the_terms(
    params: WorldParams, experience: Experience
) -> None:
    config = load_agent("cognitive", {"loss_weights": {"policy": 0.7, "next_cue": 0.3}})
    loss = Arm(config, params, seed=1).loss(experience(params))
    assert loss.terms.keys() == config.loss_weights.keys()
    weighted = [config.loss_weights[name] * term for name, term in loss.terms.items()]
    expected = sum(float(term.detach()) for term in weighted)
    assert float(loss.total.detach()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["ippo", "cognitive", "gru_dummy", "liam"])
def test_the_gradient_of_a_loss_is_that_of_its_total(
    params: WorldParams, experience: Experience, name: str
) -> None:
    arm = Arm(load_agent(name, {"loss_weights": {"policy": 0.7}}), params, seed=1)
    loss = arm.loss(experience(params))
    expected = torch.autograd.grad(loss.total, arm.weights, retain_graph=True, allow_unused=True)
    loss.backward()
    for weight, gradient in zip(arm.weights, expected, strict=True):
        assert (weight.grad is None) == (gradient is None)
        if weight.grad is not None and gradient is not None:
            torch.testing.assert_close(weight.grad, gradient, rtol=1e-4, atol=1e-8)


def test_a_term_without_a_gradient_adds_none(params: WorldParams, experience: Experience) -> None:
    arm = Arm(load_agent("ippo"), params, seed=1)
    batch = experience(params)
    gradients = []
    for constant in ({}, {"value": torch.tensor(2.0)}, {"value": 0.0 * arm.weights[0].sum()}):
        arm.zero_grad()
        loss = arm.loss(batch)
        loss._replace(terms=loss.terms | constant).backward()
        gradients.append([weight.grad for weight in arm.network.policy.parameters()])
    for without in gradients[1:]:
        assert all(map(torch.equal, gradients[0], without))


def test_an_arm_without_objectives_has_no_belief_terms(
    params: WorldParams, experience: Experience
) -> None:
    config = load_agent("ippo_gru")
    loss = Arm(config, params, seed=1).loss(experience(params))
    assert set(loss.terms) == {"policy", "value", "entropy"}


def test_introspection_does_not_touch_the_truth_and_supervision_does(
    params: WorldParams, experience: Experience
) -> None:
    batch = experience(params)
    poisoned = batch._replace(need=torch.full_like(batch.need, torch.nan))
    for name, touches in (
        ("ippo_gru", False),
        ("cognitive", False),
        ("predictive", False),
        ("gru_dummy", False),
        ("cognitive_supervised", True),
    ):
        arm = Arm(load_agent(name), params, seed=1)
        assert torch.equal(arm.loss(batch).total, arm.loss(poisoned).total) is not touches


def test_one_batch_can_be_learned_by_heart(params: WorldParams, experience: Experience) -> None:
    config, batch = load_agent("cognitive"), experience(params)
    config = replace(config, loss_weights=config.loss_weights | {"entropy": 0.0})
    arm = Arm(config, params, seed=1)
    optimiser = torch.optim.Adam(arm.parameters(), lr=1e-2)
    first = arm.loss(batch).terms
    for _ in range(150):
        loss = arm.loss(batch)
        optimiser.zero_grad()
        torch.autograd.backward(loss.total)
        optimiser.step()
    assert loss.terms["value"] < 0.05 * first["value"]
    assert loss.terms["belief_crisis"] < 0.5 * first["belief_crisis"]
    assert loss.terms["next_cue"] < 0.6 * first["next_cue"]
    assert loss.terms["policy"] < -0.1
