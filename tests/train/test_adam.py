"""Adam is torch's, to the bit, whichever weights have a gradient."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from empathy_loop.train.adam import EPS, Adam

SHAPES = ((7, 5), (5,), (), (3, 64))


def new_weights() -> list[Tensor]:
    """Return some weights, the same at every call."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in SHAPES]


def torchs(weights: list[Tensor], lr: float = 0.01) -> torch.optim.Adam:
    return torch.optim.Adam(weights, lr=lr, eps=EPS, fused=True)


def set_gradients(weights: list[Tensor], present: list[bool], number: int) -> None:
    """Give weights a gradient that depends on the number of the step, or None."""
    generator = torch.Generator().manual_seed(number)
    for weight, is_present in zip(weights, present, strict=True):
        drawn = torch.randn(weight.shape, generator=generator)
        weight.grad = drawn if is_present else None


def take_step(
    optimiser: torch.optim.Optimizer, weights: list[Tensor], present: list[bool], number: int
) -> None:
    set_gradients(weights, present, number)
    optimiser.step()


def state_of(optimiser: torch.optim.Optimizer, weights: list[Tensor]) -> list[dict[str, Any]]:
    return [dict(optimiser.state.get(weight, {})) for weight in weights]


def assert_equal(
    one: torch.optim.Optimizer, mine: list[Tensor], other: torch.optim.Optimizer, its: list[Tensor]
) -> None:
    """Demand the same weights and the same states, bit for bit."""
    for weight, expected in zip(mine, its, strict=True):
        assert torch.equal(weight, expected)
    for state, expected_state in zip(state_of(one, mine), state_of(other, its), strict=True):
        assert state.keys() == expected_state.keys()
        assert all(torch.equal(state[name], expected_state[name]) for name in state)


ALL = [True] * len(SHAPES)
patterns = st.lists(st.booleans(), min_size=len(SHAPES), max_size=len(SHAPES))


@given(steps=st.lists(patterns | st.just(ALL), min_size=1, max_size=6))
def test_a_step_is_torchs_to_the_bit_whichever_weights_have_a_gradient(
    steps: list[list[bool]],
) -> None:
    mine, its = new_weights(), new_weights()
    optimiser, expected = Adam(mine, lr=0.01), torchs(its)
    for number, present in enumerate(steps):
        for each in (optimiser, expected):
            each.param_groups[0]["lr"] = 0.01 / (1 + number)
        take_step(optimiser, mine, present, number)
        take_step(expected, its, present, number)
        assert_equal(optimiser, mine, expected, its)


@pytest.mark.parametrize("to_torch", [True, False])
def test_its_state_goes_on_in_torchs_and_back(to_torch: bool) -> None:
    mine, its = new_weights(), new_weights()
    optimiser, expected = Adam(mine, lr=0.01), torchs(its)
    some = [True, False, True, True]
    for number, present in enumerate((ALL, some, ALL)):
        take_step(optimiser, mine, present, number)
        take_step(expected, its, present, number)
    source, target = (optimiser, expected) if to_torch else (expected, optimiser)
    target.load_state_dict(deepcopy(source.state_dict()))
    for number, present in enumerate((ALL, some)):
        take_step(optimiser, mine, present, 10 + number)
        take_step(expected, its, present, 10 + number)
        assert_equal(optimiser, mine, expected, its)
    assert [float(state["step"]) for state in state_of(optimiser, mine)] == [5.0, 3.0, 5.0, 5.0]


def test_a_loaded_state_is_gone_on_from_and_not_the_one_before() -> None:
    mine, its = new_weights(), new_weights()
    optimiser, expected = Adam(mine, lr=0.01), torchs(its)
    take_step(optimiser, mine, ALL, 0)
    start = deepcopy(optimiser.state_dict())
    expected.load_state_dict(deepcopy(start))
    for weight, before in zip(its, mine, strict=True):
        weight.data.copy_(before.data)
    kept = [weight.detach().clone() for weight in mine]
    take_step(optimiser, mine, ALL, 1)
    optimiser.load_state_dict(start)
    for weight, value in zip(mine, kept, strict=True):
        weight.data.copy_(value)
    take_step(optimiser, mine, ALL, 2)
    take_step(expected, its, ALL, 2)
    assert_equal(optimiser, mine, expected, its)


def test_a_copy_goes_on_by_itself() -> None:
    weights = new_weights()
    optimiser = Adam(weights, lr=0.01)
    take_step(optimiser, weights, ALL, 0)
    copies, copy = deepcopy((weights, optimiser))
    take_step(copy, copies, ALL, 1)
    assert [float(state["step"]) for state in state_of(optimiser, weights)] == [1.0] * 4
    take_step(optimiser, weights, ALL, 1)
    assert_equal(copy, copies, optimiser, weights)


def test_hooks_are_called_once_a_step() -> None:
    weights, calls = new_weights(), list[int]()
    optimiser = Adam(weights, lr=0.01)
    optimiser.register_step_post_hook(lambda *_: calls.append(1))
    for number in range(3):
        take_step(optimiser, weights, ALL, number)
    assert len(calls) == 3


def test_a_closure_is_refused() -> None:
    with pytest.raises(ValueError, match="takes no closure"):
        Adam(new_weights(), lr=0.01).step(lambda: 0.0)
