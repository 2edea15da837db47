"""The contract checks of users' classes: the examples pass, and each fault is explained."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from empathy_loop.envs.reading import load_class
from empathy_loop.train.testing import check_agent, check_objective

EXAMPLES = Path(__file__).parents[2] / "examples"

FAULTY = """
import numpy as np
import torch
from empathy_loop.agents.objective import Objective

class Acts:
    def act(self, observation, state):
        return np.zeros(len(observation.features), int), state

class Shape(Acts):
    def act(self, observation, state):
        return np.zeros((len(observation.features), 1), int), state

class Alone(Acts):
    def act(self, observation, state):
        return np.zeros(len(observation.features), int)

class Range(Acts):
    def act(self, observation, state):
        return np.full(len(observation.features), 99), state

class Writes(Acts):
    def act(self, observation, state):
        observation.features[0] = 1.0
        return super().act(observation, state)

class Flat(Acts):
    def act(self, observation, state):
        return observation.features @ np.ones(12), state

class Fine(Objective):
    loss_weights = {"small": 1.0}
    def loss_terms(self, batch, outputs):
        return {"small": outputs.logits.clamp(min=-9.0).square().mean()}

class Undeclared(Fine):
    loss_weights = {}

class Missing(Fine):
    loss_weights = {"small": 1.0, "other": 1.0}
    def build(self): ...

class Infinite(Fine):
    def loss_terms(self, batch, outputs):
        return {"small": outputs.values.mean() / 0.0}

class Constant(Fine):
    def loss_terms(self, batch, outputs):
        return {"small": (0.0 * outputs.values).sum()}

class Peeks(Fine):
    def loss_terms(self, batch, outputs):
        return {"small": (outputs.values * batch.need.mean()).mean()}

class Confesses(Peeks):
    privilege = "training"

class RewardShape(Objective):
    reward_weights = {"bonus": 1.0}
    def reward_terms(self, experience, outputs):
        return {"bonus": torch.zeros(3)}
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "faulty_classes.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "faulty_classes", raising=False)
    return "faulty_classes"


def test_the_examples_keep_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    check_agent("my_agent:MyAgent")
    check_agent(load_class("my_agent:MyAgent"))
    check_objective("my_learner:MyLearner")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Shape", r"for each of 18 rows, got int64 \(18, 1\).*features float32"),
        ("Range", r"in \[0, 9\] for each of 18 rows, got 99 to 99"),
        ("Alone", r"act must return \(actions, state\) .*, got a ndarray that is no such pair"),
        ("Writes", r"raised ValueError: assignment destination is read-only"),
        ("Flat", r"raised ValueError: matmul.*it was given features float32 \[18, 78\], exterior"),
    ],
)
def test_an_agent_that_breaks_the_contract_is_told_how(
    module: str, name: str, message: str
) -> None:
    with pytest.raises(AssertionError, match=message):
        check_agent(f"{module}:{name}")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Missing", r"loss_terms must return \['other', 'small'\]"),
        ("Infinite", r"loss term 'small' .* must be one finite number"),
        ("Constant", r"loss term 'small' .* has a gradient in no weight"),
        ("Peeks", r"declares no privilege, but what it learns changes with others' hidden needs"),
        ("RewardShape", r"reward term 'bonus' .* of shape \[16, 6, 3\], got \[3\]"),
    ],
)
def test_an_objective_that_breaks_the_contract_is_told_how(
    module: str, name: str, message: str
) -> None:
    with pytest.raises(AssertionError, match=message):
        check_objective(f"{module}:{name}")


def test_a_term_without_a_weight_is_refused(module: str) -> None:
    with pytest.raises(ValueError, match=r"loss term 'small', which has no weight; declare it in"):
        check_objective(f"{module}:Undeclared")


def test_classes_that_keep_the_contract_pass(module: str) -> None:
    check_agent(f"{module}:Acts")
    check_objective(f"{module}:Fine")
    check_objective(f"{module}:Confesses")


def test_a_class_that_is_no_objective_is_refused(module: str) -> None:
    with pytest.raises(ValueError, match="only acts and cannot be trained; derive it"):
        check_objective(f"{module}:Acts")
