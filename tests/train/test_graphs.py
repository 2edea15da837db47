"""What a CUDA device replays is what it would compute; elsewhere, and where it may not, it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from empathy_loop.agents.registry import list_agents, load_agent
from empathy_loop.agents.types import Batch
from empathy_loop.train import graphs
from empathy_loop.train.buffers import empty_rollout
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.device import CPU, copied, map_tensors
from empathy_loop.train.distributed import ALONE
from empathy_loop.train.graphs import Replayed, is_repeatable, steps_of
from empathy_loop.train.learner import Learner
from empathy_loop.train.rollout import Seconds, act, collect
from empathy_loop.train.update import Gradients, gradients_of, lesson_of, take_worlds, update

MakeConfig = Callable[..., TrainConfig]

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
LEARNED = [name for name in list_agents() if load_agent(name).kind == "learned"]
REPEATABLE = [name for name in LEARNED if is_repeatable(load_agent(name))]
COMPUTED = {"cloned", "cognitive_separate", "observational"}
"""Arms that copy indices from the CPU as they compute."""


class Pair(NamedTuple):
    first: Tensor
    second: dict[str, Tensor]


@pytest.fixture
def without_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have results of the first call overwritten by what later calls compute, as graphs do."""

    def recorded(function: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        result = map_tensors(function(), torch.clone)

        def replay() -> None:
            for place, new in zip(tensors(result), tensors(function()), strict=True):
                place.copy_(new)

        return replay, result

    monkeypatch.setattr(graphs, "recorded", recorded)


def tensors(tree: Any) -> list[Tensor]:
    found: list[Tensor] = []
    map_tensors(tree, lambda tensor: (found.append(tensor.detach()), tensor)[1])
    return found


@contextmanager
def computed(learner: Learner) -> Iterator[None]:
    """Let a learner compute what it would replay."""
    steps = learner._steps
    learner._steps = steps._replace(
        act=lambda *given: act(learner.arm, *given),
        gradients=lambda batch: gradients_of(learner.arm, ALONE, batch),
    )
    yield
    learner._steps = steps


def experienced(learner: Learner) -> Batch:
    """Return a batch on the learner's device."""
    rollout = empty_rollout(learner.world, learner.config.agent.ppo.rollout_steps)
    collect(learner.world, learner.arm, learner.memory, rollout, Seconds())
    return lesson_of(copied(rollout, learner.device), learner.memory, learner.arm).batch


def test_a_replayed_function_returns_what_it_would_for_arguments_of_each_shape(
    without_device: None,
) -> None:
    calls = []

    def function(pair: Pair, factor: Tensor) -> Pair:
        calls.append(len(pair.first))
        return Pair(pair.first * factor, {"sum": pair.first.sum() + pair.second["x"]})

    replayed = Replayed(function, CPU)
    for size, scale in ((2, 1.0), (3, 2.0), (2, 3.0), (3, 4.0)):
        given = Pair(torch.arange(size) + scale, {"x": torch.tensor(scale)}), torch.tensor(scale)
        found, expected = replayed(*given), function(*given)
        assert torch.equal(found.first, expected.first)
        assert torch.equal(found.second["sum"], expected.second["sum"])
    first, again = (replayed(Pair(torch.ones(2), {"x": one}), one).first for one in torch.ones(2))
    assert first is again


def test_an_update_takes_the_gradients_of_each_minibatch_from_their_own_place(
    make_config: MakeConfig, without_device: None
) -> None:
    # Five worlds in two minibatches are of two shapes: each has gradients in another place.
    found, expected = (Learner(make_config()) for _ in range(2))

    def computed_elsewhere(part: Batch) -> Gradients:
        gradients = gradients_of(found.arm, ALONE, part)
        found.arm.zero_grad()  # what is replayed tells Python nothing of its gradients
        return gradients

    replayed = Replayed(computed_elsewhere, CPU)
    for n in range(2):
        batches = [experienced(learner) for learner in (found, expected)]
        losses = update(found.arm, found.optimiser, batches[0], (0, n), replayed)
        assert losses == update(expected.arm, expected.optimiser, batches[1], (0, n))
    for one, other in zip(found.arm.parameters(), expected.arm.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_rollout_that_is_replayed_is_the_same(
    make_config: MakeConfig, without_device: None
) -> None:
    found, expected = (Learner(make_config()) for _ in range(2))
    found._steps = found._steps._replace(act=Replayed(found._steps.act, CPU))
    for learner in (found, expected, found, expected):
        learner.advance()
    for one, other in zip(tensors(found._rollout), tensors(expected._rollout), strict=True):
        assert torch.equal(one, other)
    for one, other in zip(found.memory, expected.memory, strict=True):
        assert torch.equal(one, other)


def test_only_what_does_the_same_at_each_call_is_replayed() -> None:
    assert set(LEARNED) - set(REPEATABLE) == COMPUTED
    users = replace(load_agent("cognitive"), objectives=("introspective", "package.module:Learner"))
    assert not is_repeatable(users)


def test_on_a_cpu_nothing_is_replayed(make_config: MakeConfig) -> None:
    steps = steps_of(Learner(make_config()).arm, ALONE)
    assert not any(isinstance(step, Replayed) for step in steps)


@needs_cuda
@pytest.mark.parametrize("name", REPEATABLE)
def test_gradients_that_are_replayed_are_those_that_are_computed(
    name: str, make_config: MakeConfig
) -> None:
    learner = Learner(make_config(name, device="cuda"))
    assert isinstance(learner._steps.gradients, Replayed)
    for number in range(3):
        batch = experienced(learner)
        for worlds in ([0, 3, 1], [2, 4], [4, 1, 2]):
            part = take_worlds(batch, torch.tensor(worlds, device="cuda"))
            expected = map_tensors(gradients_of(learner.arm, ALONE, part), torch.clone)
            found = learner._steps.gradients(part)
            for one, other in zip(tensors(found), tensors(expected), strict=True):
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
        update(learner.arm, learner.optimiser, batch, (0, number), learner._steps.gradients)


@needs_cuda
@pytest.mark.parametrize("name", ["ippo", "ippo_gru", "cognitive"])
def test_updates_that_are_replayed_are_those_that_are_computed(
    name: str, make_config: MakeConfig
) -> None:
    found, expected = (Learner(make_config(name, device="cuda")) for _ in range(2))
    for _ in range(3):
        losses = found.advance()
        with computed(expected):
            others = expected.advance()
        assert torch.equal(found._rollout.actions, expected._rollout.actions)
        for term in (term for term in losses if not term.startswith(("time/", "charts/steps_"))):
            assert losses[term] == pytest.approx(others[term], rel=1e-3, abs=1e-4), term
