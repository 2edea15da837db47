"""The compiled recurrent unit is torch's: its results, its gradients, its parameters."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from empathy_loop.agents import gru_kernels
from empathy_loop.agents.arm import Arm
from empathy_loop.agents.gru import GRU
from empathy_loop.agents.networks import ActorCritic
from empathy_loop.agents.registry import load_agent
from empathy_loop.agents.types import Batch
from empathy_loop.envs.params import WorldParams


def pair(num_inputs: int, num_units: int, seed: int = 0) -> tuple[GRU, nn.GRU]:
    """Return ours and torch's with the same weights."""
    torch.manual_seed(seed)
    theirs = nn.GRU(num_inputs, num_units)
    ours = GRU(num_inputs, num_units)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def everything(gru: nn.GRU, x: Tensor, h: Tensor) -> dict[str, Tensor]:
    """Return results and all gradients of a loss that reads both results, unevenly."""
    x, h = x.clone().requires_grad_(), h.clone().requires_grad_()
    gru.zero_grad()
    states, last = gru(x, h)
    weights = torch.linspace(-1.0, 1.0, states.numel()).view_as(states)
    torch.autograd.backward((weights * states.sin()).sum() + last.square().sum())
    grads = {name: weight.grad for name, weight in gru.named_parameters()}
    found = {"states": states, "last": last, "x": x.grad, "h": h.grad, **grads}
    return {name: value.detach() for name, value in found.items() if value is not None}


@settings(max_examples=40, derandomize=True, database=None)
@given(
    num_steps=st.integers(1, 9),
    num_rows=st.integers(1, 10),
    num_inputs=st.integers(1, 7),
    num_units=st.integers(1, 13),
    scale=st.sampled_from([0.1, 1.0, 10.0]),
)
def test_results_and_gradients_are_those_of_torch_for_any_size(
    num_steps: int, num_rows: int, num_inputs: int, num_units: int, scale: float
) -> None:
    ours, theirs = pair(num_inputs, num_units)
    x = scale * torch.randn(num_steps, num_rows, num_inputs)
    h = torch.tanh(torch.randn(1, num_rows, num_units))
    found, expected = everything(ours, x, h), everything(theirs, x, h)
    assert found.keys() == expected.keys()
    for name in found:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-4, atol=5e-5, msg=name)


def test_a_state_of_one_unit_has_the_value_worked_out_by_hand() -> None:
    gru = GRU(1, 1)
    with torch.no_grad():
        # Order r, z, n. r = sigmoid(0), z = sigmoid(0), n = tanh(2 * 1 + 0.5 * (1 * 0.5 + 0.4)).
        gru.weight_ih_l0.copy_(torch.tensor([[0.0], [0.0], [2.0]]))
        gru.weight_hh_l0.copy_(torch.tensor([[0.0], [0.0], [1.0]]))
        gru.bias_ih_l0.zero_()
        gru.bias_hh_l0.copy_(torch.tensor([0.0, 0.0, 0.4]))
    states, _ = gru(torch.ones(1, 1, 1), torch.full((1, 1, 1), 0.5))
    # tanh(2.45) = 0.98521; h' = n + 0.5 * (0.5 - n) = 0.74260.
    assert states.item() == pytest.approx(0.74260, abs=2e-5)


def test_gradients_are_those_of_finite_differences() -> None:
    ours, _ = pair(2, 3)
    x, h = torch.randn(4, 2, 2), torch.randn(1, 2, 3)
    grads = everything(ours, x, h)
    double = copy.deepcopy(ours).double()  # goes through torch's own code
    reference = everything(double, x.double(), h.double())
    for name in ("x", "h", "weight_hh_l0", "bias_hh_l0"):
        torch.testing.assert_close(grads[name].double(), reference[name], rtol=1e-4, atol=1e-5)


def test_rows_do_not_depend_on_each_other_bit_for_bit() -> None:
    ours, _ = pair(5, 8)
    x, h = torch.randn(6, 9, 5), torch.randn(1, 9, 8)
    with torch.no_grad():
        together, _ = ours(x, h)
        # Nine rows are two blocks of four and one; alone, each is the last kind.
        alone = torch.cat([ours(x[:, b : b + 1], h[:, b : b + 1])[0] for b in range(9)], dim=1)
    torch.testing.assert_close(together, alone, rtol=0.0, atol=3e-7)


def test_nothing_is_written_into_what_was_given() -> None:
    ours, _ = pair(3, 4)
    x, h = torch.randn(2, 5, 3), torch.randn(1, 5, 4)
    before = x.clone(), h.clone(), copy.deepcopy(ours.state_dict())
    everything(ours, x, h)
    assert torch.equal(x, before[0])
    assert torch.equal(h, before[1])
    assert all(torch.equal(value, before[2][name]) for name, value in ours.state_dict().items())


def test_tanh_is_exact_to_float32_and_keeps_its_sign_and_bounds() -> None:
    x = np.concatenate([np.linspace(-12, 12, 20_001), [-np.inf, np.inf, 0.0]]).astype(np.float32)
    out = apply_to(gru_kernels.tanh, x)
    assert np.abs(out - np.tanh(x.astype(np.float64))).max() < 4e-7
    assert np.abs(out).max() <= 1.0
    assert out[-1] == 0.0


def test_sigmoid_is_exact_to_float32() -> None:
    x = np.linspace(-30, 30, 20_001).astype(np.float32)
    out = apply_to(gru_kernels.sigmoid, x)
    assert np.abs(out - 1.0 / (1.0 + np.exp(-x.astype(np.float64)))).max() < 3e-7
    assert out.min() >= 0.0
    assert out.max() <= 1.0


def apply_to(function: object, x: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Return a kernel's value of each entry."""

    def every(x, out):  # type: ignore[no-untyped-def]
        for n in range(x.shape[0]):
            out[n] = function(x[n])  # type: ignore[operator]

    out = np.empty_like(x)
    numba.njit(every)(x, out)
    return out


@pytest.mark.parametrize("name", ["ippo_gru", "cognitive"])
def test_an_arm_has_the_losses_and_gradients_that_it_has_with_torchs_own_unit(
    name: str, params: WorldParams, experience: Callable[[WorldParams], Batch]
) -> None:
    batch, config = experience(params), load_agent(name)
    found = []
    for plain in (False, True):
        arm = Arm(config, params, seed=0)
        network = arm.network
        assert isinstance(network, ActorCritic)
        if plain:
            for owner, part in ((network, "core"), (network.encoder, "gru")):
                ours = getattr(owner, part)
                theirs = nn.GRU(ours.input_size, ours.hidden_size)
                theirs.load_state_dict(ours.state_dict())
                setattr(owner, part, theirs)
        loss = arm.loss(batch)
        torch.autograd.backward(loss.total)
        grads = {key: weight.grad for key, weight in network.named_parameters()}
        found.append((loss.terms, {key: grad for key, grad in grads.items() if grad is not None}))
    for ours, theirs in zip(*found, strict=True):
        assert ours.keys() == theirs.keys()
        for key in ours:
            torch.testing.assert_close(ours[key], theirs[key], rtol=1e-4, atol=1e-6, msg=key)
