"""Influence on others: worked numbers, a slow reference, and what is trained by it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from empathy_loop.agents.comparators.social_influence import SocialInfluence
from empathy_loop.agents.types import Inputs, Outputs

Case = Callable[..., Any]
TRUNK = {"encoder", "embed_self", "embed_block", "embed_stream", "core"}


class Table(nn.Module):
    """Tells an other's next action by the own action alone: rows of log-probabilities."""

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.rows = rows

    def forward(self, hidden: Tensor, others: Tensor, given: Tensor) -> Tensor:
        return given[..., : len(self.rows)] @ self.rows


def influential(made: Any, scale: float = 1.0) -> SocialInfluence:
    """Return the objective of a case, with a head that does not tell zeros."""
    generator = torch.Generator().manual_seed(5)
    objective: SocialInfluence = made.objective
    with torch.no_grad():
        for weight in objective.model.parameters():
            weight.copy_(scale * torch.randn(weight.shape, generator=generator))
    return objective


def outputs_of(made: Any, inputs: Inputs) -> Outputs:
    found: Outputs = made.arm.network(inputs, made.experience.memory, made.table)
    return found


def test_influence_has_the_value_worked_out_by_hand(case: Case) -> None:
    made = case("social_influence", num_agents=2)
    rows = torch.full((9, 9), -1e9)
    rows[:, :2] = torch.tensor([0.25, 0.75]).log()
    rows[0, :2] = torch.tensor([0.5, 0.5]).log()
    made.objective.model = Table(rows)
    features = torch.ones_like(made.experience.inputs.features)
    experience = made.experience._replace(
        inputs=made.experience.inputs._replace(features=features),
        actions=torch.tensor([[[0, 1]]]),
    )
    logits = torch.full((2, 1, 2, 9), -1e9)
    logits[..., :2] = 0.0
    outputs = Outputs(logits, *[torch.zeros(2, 1, 2, 1, 1)] * 5)  # type: ignore[arg-type]
    found = made.objective.reward_terms(experience, outputs)["influence"]
    # Both actions are as likely: the marginal is (.375, .625).
    first = 0.5 * math.log(0.5 / 0.375) + 0.5 * math.log(0.5 / 0.625)
    second = 0.25 * math.log(0.25 / 0.375) + 0.75 * math.log(0.75 / 0.625)
    assert found[0, 0].tolist() == pytest.approx([first, second], rel=1e-5)


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), num_agents=st.integers(2, 4))
def test_influence_and_loss_are_those_of_a_slow_reference(
    case: Case, seed: int, num_agents: int
) -> None:
    made = case("social_influence", seed, num_agents)
    objective, count = influential(made, 0.3), num_agents
    with torch.no_grad():
        outputs = outputs_of(made, made.experience.inputs)
        present = outputs_of(made, Inputs(*(part[:-1] for part in made.batch.inputs)))
        influence = objective.reward_terms(made.experience, outputs)["influence"]
        loss = objective.loss_terms(made.batch, present)["next_action"]
        policy, actions = torch.softmax(outputs.logits, -1), made.experience.actions
        width, start = objective.layout.other_size, objective.layout.self_size
        losses = []
        for t, e, i in torch.cartesian_prod(*map(torch.arange, actions.shape)).tolist():
            expected = 0.0
            for o in range(count - 1):
                j = (i + 1 + o) % count
                place = (e, i, start + o * width)
                eye = torch.eye(objective.params.num_actions)
                encoding = outputs.hidden[t, e, i], outputs.others[t, e, i, o : o + 1]
                told = [
                    torch.softmax(objective.model(*encoding, both[None])[0], -1)
                    for both in (torch.cat([mine, eye[actions[t, e, j]]]) for mine in eye)
                ]
                likely = told[int(actions[t, e, i])]
                marginal = sum(p * row for p, row in zip(policy[t, e, i], told, strict=True))
                if made.experience.inputs.features[(t, *place)] > 0:
                    expected += float((likely * (likely / marginal).log()).sum())
                if t + 1 < len(actions) and all(
                    made.experience.inputs.features[(s, *place)] > 0 for s in (t, t + 1)
                ):
                    losses.append(-float(likely[actions[t + 1, e, j]].log()))
            assert float(influence[t, e, i]) == pytest.approx(expected, abs=1e-4)
    assert float(loss) == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_illegal_actions_do_not_count_as_counterfactuals(case: Case) -> None:
    made = case("social_influence")
    objective = influential(made)
    stays = torch.zeros_like(made.experience.inputs.action_mask)
    stays[..., 0] = True
    inputs = made.experience.inputs._replace(action_mask=stays)
    experience = made.experience._replace(
        inputs=inputs, actions=torch.zeros_like(made.experience.actions)
    )
    with torch.no_grad():
        influence = objective.reward_terms(experience, outputs_of(made, inputs))["influence"]
    assert float(influence.abs().max()) < 1e-5


def test_nobody_has_influence_before_something_is_learned(case: Case) -> None:
    made = case("social_influence")
    assert float(made.arm.reward_terms(made.experience)["influence"].abs().max()) < 1e-6
    influential(made)
    influence = made.arm.reward_terms(made.experience)["influence"]
    assert not influence.requires_grad and float(influence.max()) > 0.01


def test_the_models_loss_trains_trunk_and_head_but_neither_policy_nor_value(case: Case) -> None:
    made = case("social_influence")
    objective = influential(made, 0.3)
    made.arm.loss(made.batch).terms["next_action"].backward()
    reached = {
        name.split(".")[0]
        for name, weight in made.arm.network.named_parameters()
        if weight.grad is not None and weight.grad.abs().max() > 0.0
    }
    assert reached == TRUNK
    assert all(weight.grad.abs().max() > 0.0 for weight in objective.model.parameters())


def test_the_policys_loss_does_not_train_the_model(case: Case) -> None:
    made = case("social_influence")
    objective = influential(made)
    terms = made.arm.loss(made.batch).terms
    (terms["policy"] + terms["value"] + terms["entropy"]).backward()
    assert all(weight.grad is None for weight in objective.model.parameters())
