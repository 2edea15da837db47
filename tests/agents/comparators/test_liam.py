"""Telling others' observations and actions: worked numbers, a slow reference, gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from empathy_loop.agents.types import Inputs

Case = Callable[..., Any]
TRUNK = {"encoder", "embed_self", "embed_block", "embed_stream", "core"}


class Constant(nn.Module):
    """Tells the same of every other."""

    def __init__(self, told: Tensor) -> None:
        super().__init__()
        self.told = told

    def forward(self, hidden: Tensor, others: Tensor) -> Tensor:
        return self.told.expand(*others.shape[:-1], -1)


def test_terms_have_the_values_worked_out_by_hand(case: Case) -> None:
    made = case("liam", num_agents=2)
    features = torch.zeros_like(made.batch.inputs.features)
    features[:, :, 0], features[:, :, 1] = 0.5, -0.1
    actions = torch.zeros_like(made.batch.actions)
    actions[:, :, 1] = 1
    batch = made.batch._replace(
        inputs=made.batch.inputs._replace(features=features), actions=actions
    )
    objective = made.objective
    objective.features = Constant(torch.full((features.shape[-1],), 0.2))
    logits = torch.zeros(9)
    logits[1] = math.log(8.0)
    objective.action = Constant(logits)
    present = Inputs(*(part[:-1] for part in batch.inputs))
    terms = objective.loss_terms(batch, made.arm.network(present, batch.memory, made.table))
    # In each of 55 features, half of the time (.2 - .5)^2 / 2, half of the time (.2 + .1)^2 / 2.
    assert features.shape[-1] == 55
    assert terms["others_features"].item() == pytest.approx(55 * 0.045, rel=1e-5)
    # Action 1 has probability 8 / 16, action 0 has 1 / 16.
    assert float(terms["others_action"]) == pytest.approx(
        0.5 * math.log(2.0) + 0.5 * math.log(16.0), rel=1e-5
    )


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), num_agents=st.integers(2, 4))
def test_terms_are_those_of_a_slow_reference(case: Case, seed: int, num_agents: int) -> None:
    made = case("liam", seed, num_agents)
    batch, objective = made.batch, made.objective
    squares, entropies = [], []
    with torch.no_grad():
        present = Inputs(*(part[:-1] for part in batch.inputs))
        outputs = made.arm.network(present, batch.memory, made.table)
        terms = objective.loss_terms(batch, outputs)
        for t, e, i in torch.cartesian_prod(*map(torch.arange, batch.actions.shape)).tolist():
            for o in range(num_agents - 1):
                j = (i + 1 + o) % num_agents
                encoding = outputs.hidden[t, e, i], outputs.others[t, e, i, o : o + 1]
                decoded = objective.features(*encoding)[0]
                missed = decoded - batch.inputs.features[t, e, j]
                squares.append(sum(float(error) ** 2 for error in missed) / 2.0)
                told = torch.softmax(objective.action(*encoding)[0], -1)
                entropies.append(-math.log(told[batch.actions[t, e, j]]))
    assert float(terms["others_features"]) == pytest.approx(sum(squares) / len(squares), rel=1e-4)
    assert float(terms["others_action"]) == pytest.approx(sum(entropies) / len(entropies), rel=1e-4)


@pytest.mark.parametrize("term", ["others_features", "others_action"])
def test_decoding_trains_the_trunk_but_neither_policy_nor_value(case: Case, term: str) -> None:
    made = case("liam")
    made.arm.loss(made.batch).terms[term].backward()
    reached = {
        name.split(".")[0]
        for name, weight in made.arm.network.named_parameters()
        if weight.grad is not None and weight.grad.abs().max() > 0.0
    }
    assert reached == TRUNK


def test_the_policys_loss_enters_the_trunk_and_not_the_decoder(case: Case) -> None:
    made = case("liam")
    terms = made.arm.loss(made.batch).terms
    (terms["policy"] + terms["value"]).backward()
    core = made.arm.network.core
    assert all(weight.grad.abs().max() > 0.0 for weight in core.parameters())
    assert all(weight.grad is None for weight in made.objective.parameters())


def test_what_is_told_is_the_others_present_and_not_what_follows(case: Case) -> None:
    made = case("liam")
    terms = made.arm.loss(made.batch).terms
    inputs = made.batch.inputs
    later = inputs.features.clone()
    later[-1] = torch.nan
    changed = made.arm.loss(made.batch._replace(inputs=inputs._replace(features=later))).terms
    assert torch.equal(terms["others_features"], changed["others_features"])
