"""Where each loss term reaches, and where it must not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from empathy_loop.agents.config import EMPATHY_TERMS, AgentConfig
from empathy_loop.agents.registry import build_network, load_agent, loss_of
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Batch
from empathy_loop.envs.params import WorldParams

Experience = Callable[[WorldParams], Batch]
TABLE = StreamTable.of(3, 2, shared=True)


def reached(config: AgentConfig, params: WorldParams, batch: Batch, *terms: str) -> set[str]:
    """Return the parts of the network that the sum of some terms has a gradient in."""
    network = build_network(config, params, seed=1)
    loss = loss_of(network, config, batch, TABLE)
    torch.autograd.backward(sum(loss.terms[name] for name in terms))
    return {
        name.split(".")[0]
        for name, weight in network.named_parameters()
        if weight.grad is not None and weight.grad.abs().max() > 0.0
    }


def test_the_policys_loss_reaches_everything_but_the_decoder(
    params: WorldParams, experience: Experience
) -> None:
    for name in ("cognitive", "ippo_gru"):
        config, batch = load_agent(name), experience(params)
        parts = {part for part, _ in build_network(config, params, 0).named_children()}
        assert reached(config, params, batch, "policy", "value") == parts - {"decoder"}


@pytest.mark.parametrize("term", EMPATHY_TERMS)
@pytest.mark.parametrize("name", ["cognitive", "cognitive_supervised"])
def test_a_belief_loss_reaches_encoder_and_decoder_and_nothing_else(
    params: WorldParams, experience: Experience, name: str, term: str
) -> None:
    found = reached(load_agent(name), params, experience(params), term)
    assert found == {"encoder", "decoder"}


def test_the_total_is_the_weighted_sum_of_the_terms(
    params: WorldParams, experience: Experience
) -> None:
    config = load_agent("cognitive", {"loss_weights": {"policy": 0.7, "next_cue": 0.3}})
    network = build_network(config, params, seed=1)
    loss = loss_of(network, config, experience(params), TABLE)
    assert loss.terms.keys() == config.loss_weights.keys()
    weighted = [config.loss_weights[name] * term for name, term in loss.terms.items()]
    expected = sum(float(term.detach()) for term in weighted)
    assert float(loss.total.detach()) == pytest.approx(expected, rel=1e-5)


def test_an_arm_without_target_has_no_belief_terms(
    params: WorldParams, experience: Experience
) -> None:
    config = load_agent("ippo_gru")
    loss = loss_of(build_network(config, params, 1), config, experience(params), TABLE)
    assert set(loss.terms) == {"policy", "value", "entropy"}


def test_introspection_does_not_touch_the_truth_and_supervision_does(
    params: WorldParams, experience: Experience
) -> None:
    batch = experience(params)
    poisoned = batch._replace(need=torch.full_like(batch.need, torch.nan))
    for name, touches in (
        ("ippo_gru", False),
        ("cognitive", False),
        ("cognitive_supervised", True),
    ):
        config = load_agent(name)
        network = build_network(config, params, 1)
        one = loss_of(network, config, batch, TABLE).total
        other = loss_of(network, config, poisoned, TABLE).total
        assert torch.equal(one, other) is not touches


def test_one_batch_can_be_learned_by_heart(params: WorldParams, experience: Experience) -> None:
    config, batch = load_agent("cognitive"), experience(params)
    config = replace(config, loss_weights=config.loss_weights | {"entropy": 0.0})
    network = build_network(config, params, seed=1)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    first = loss_of(network, config, batch, TABLE).terms
    for _ in range(150):
        loss = loss_of(network, config, batch, TABLE)
        optimiser.zero_grad()
        torch.autograd.backward(loss.total)
        optimiser.step()
    assert loss.terms["value"] < 0.05 * first["value"]
    assert loss.terms["belief_crisis"] < 0.5 * first["belief_crisis"]
    assert loss.terms["next_cue"] < 0.6 * first["next_cue"]
    assert loss.terms["policy"] < -0.1
