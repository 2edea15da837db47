"""A floor calls the network as an update does, and what the machine does is counted right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from empathy_loop.agents.registry import list_agents, load_agent
from empathy_loop.train import ceilings
from empathy_loop.train.ceilings import Floor, matrix_product, memory_copy
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.learner import Learner

MakeConfig = Callable[..., TrainConfig]


def calls_of(network: nn.Module, work: Callable[[], Any]) -> list[tuple[Any, ...]]:
    """Return how a network is called by some work: gradients, types and shapes of what it gets."""
    calls: list[tuple[Any, ...]] = []

    def note(_: nn.Module, positional: Any, named: Any, outputs: Any) -> None:
        inputs, memory, table = (*positional, *named.values())
        arrays = [(part.dtype, tuple(part.shape)) for part in (*inputs, *memory)]
        calls.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled(), table, *arrays))

    handle = network.register_forward_hook(note, with_kwargs=True)
    work()
    handle.remove()
    # Tables are equal if what they hold is.
    return [(*call[:2], call[2].num_streams, call[2].others.tolist(), *call[3:]) for call in calls]


def steps_of(optimiser: torch.optim.Optimizer, work: Callable[[], Any]) -> int:
    """Return how often some work moves an optimiser on."""
    steps = []
    handle = optimiser.register_step_post_hook(lambda *_: steps.append(1))
    work()
    handle.remove()
    return len(steps)


def layer_calls_of(layers: list[nn.Module], work: Callable[[], Any]) -> list[tuple[Any, ...]]:
    """Return how some layers are called: which, by what shape, and where gradients flow."""
    calls: list[tuple[Any, ...]] = []

    def note(layer: Any, positional: Any, output: Any) -> None:
        x = positional[0]
        flows = (x.requires_grad, layer.weight.requires_grad, output.requires_grad)
        calls.append((layers.index(layer), tuple(x.shape), *flows))

    handles = [layer.register_forward_hook(note) for layer in layers]
    work()
    for handle in handles:
        handle.remove()
    return calls


CASES = [
    ("ippo", {}),
    ("ippo_gru", {}),
    ("cognitive", {}),
    ("cognitive_supervised", {}),
    ("cognitive", {"view_radius": 1}),
]


@pytest.mark.parametrize(("arm", "world"), CASES)
def test_a_floor_calls_the_network_as_an_update_does(
    make_config: MakeConfig, arm: str, world: dict[str, Any]
) -> None:
    config = make_config(arm, world=world)
    learner, floor = Learner(config), Floor(config)
    expected = calls_of(learner.arm.network, learner.advance)
    # 8 steps and the value of what follows, then 2 epochs of 2 minibatches, of 3 worlds and of 2.
    assert [(call[0], call[4][1][:2]) for call in expected] == [
        *[(False, (1, 5))] * 9,
        *[(True, (8, 3)), (True, (8, 2))] * 2,
    ]
    assert calls_of(floor.network, floor.update) == expected


@pytest.mark.parametrize(("arm", "world"), CASES)
def test_a_floor_takes_as_many_gradient_steps_over_the_same_weights(
    make_config: MakeConfig, arm: str, world: dict[str, Any]
) -> None:
    config = make_config(arm, world=world)
    learner, floor = Learner(config), Floor(config)
    assert steps_of(learner.optimiser, learner.advance) == 4
    assert steps_of(floor.optimiser, floor.update) == 4
    (group,), (bare,) = learner.optimiser.param_groups, floor.optimiser.param_groups
    assert type(floor.optimiser) is torch.optim.Adam and bare["fused"]
    assert {**bare, "lr": 0.0, "params": 0} == {**group, "lr": 0.0, "params": 0}
    assert len(bare["params"]) == len(group["params"])
    moved, touched = (
        {name: weight.grad is not None for name, weight in network.named_parameters()}
        for network in (learner.arm.network, floor.network)
    )
    assert touched == moved
    assert all(
        weight.grad.abs().sum() > 0.0
        for weight in floor.network.parameters()
        if weight.grad is not None
    )


LEARNED = [name for name in list_agents() if load_agent(name).kind == "learned"]


@pytest.mark.parametrize("arm", LEARNED)
def test_the_floor_of_every_arm_has_all_passes_and_weights_of_its_update(
    make_config: MakeConfig, arm: str
) -> None:
    config = make_config(arm)
    learner, floor = Learner(config), Floor(config)
    assert calls_of(floor.network, floor.update) == calls_of(learner.arm.network, learner.advance)
    moved = [weight.grad is not None for weight in learner.arm.parameters()]
    floor.update()
    assert [weight.grad is not None for weight in floor.arm.parameters()] == moved


@pytest.mark.parametrize("arm", ["liam", "social_influence", "lase"])
def test_a_floor_calls_the_layers_that_only_training_has(
    make_config: MakeConfig, arm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_config(arm)
    learner, floor = Learner(config), Floor(config)
    layers = [part for part in learner.arm.objectives.modules() if isinstance(part, nn.Linear)]
    expected = layer_calls_of(layers, learner.advance)
    again: list[tuple[Any, ...]] = []
    own = [part for part in floor.arm.objectives.modules() if isinstance(part, nn.Linear)]
    weights = [layer.weight.data_ptr() for layer in own]
    linear = torch.nn.functional.linear

    def noted(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        output = linear(x, weight, bias)
        flows = (x.requires_grad, weight.requires_grad, output.requires_grad)
        again.append((weights.index(weight.data_ptr()), tuple(x.shape), *flows))
        return output

    monkeypatch.setattr(ceilings, "linear", noted)
    floor.update()
    assert again == expected
    assert len(expected) > 4


def test_a_floor_counts_the_agent_steps_of_an_update(make_config: MakeConfig) -> None:
    config = make_config()
    learner = Learner(config)
    learner.advance()
    # 8 steps of 5 worlds of 3 agents.
    assert Floor(config).update() == learner.agent_steps == 120


def test_a_floor_leaves_the_weights_where_they_are(make_config: MakeConfig) -> None:
    config = make_config()
    floor, fresh = Floor(config), Floor(config)
    for _ in range(3):
        floor.update()
    for name, weight in fresh.network.state_dict().items():
        assert torch.equal(floor.network.state_dict()[name], weight), name


def test_a_floor_draws_nothing_from_the_generators_of_others(make_config: MakeConfig) -> None:
    before = torch.get_rng_state()
    Floor(make_config()).update()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_product_of_matrices_is_counted_in_gflop(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []
    multiply = torch.mm

    def noted(left: torch.Tensor, right: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        shapes.append((left.dtype, left.shape, right.shape, out.shape))
        return multiply(left, right, out=out)

    monkeypatch.setattr(ceilings, "MATRIX_SIZE", 10)
    monkeypatch.setattr(torch, "mm", noted)
    work = matrix_product()
    # 10 x 10 sums of 10 products, an addition and a multiplication each: 2000 operations.
    assert work() == work() == pytest.approx(2e-6)
    assert shapes == [(torch.float32, (10, 10), (10, 10), (10, 10))] * 2


def test_a_copy_is_counted_in_gb(monkeypatch: pytest.MonkeyPatch) -> None:
    copied = []
    copyto = np.copyto

    def noted(target: Any, source: Any) -> None:
        copyto(target, source)
        copied.append((np.shares_memory(target, source), target.nbytes, bool((target == 1).all())))

    monkeypatch.setattr(ceilings, "COPY_MIB", 3)
    work = memory_copy()
    monkeypatch.setattr(np, "copyto", noted)
    # 3 * 2^20 bytes.
    assert work() == pytest.approx(0.003145728)
    assert copied == [(False, 3_145_728, True)]
