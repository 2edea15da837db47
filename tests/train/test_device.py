"""The network computes on a device of choice, and what is saved can be read on any other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.registry import list_agents, load_agent
from empathy_loop.agents.types import Batch
from empathy_loop.train.buffers import empty_rollout
from empathy_loop.train.checkpoint import load_checkpoint
from empathy_loop.train.config import TrainConfig, fingerprint
from empathy_loop.train.device import CPU, choose_device, copied, map_tensors, pinned
from empathy_loop.train.learner import Learner
from empathy_loop.train.loop import train
from empathy_loop.train.rollout import Seconds, collect
from empathy_loop.train.update import lesson_of

MakeConfig = Callable[..., TrainConfig]
META = torch.device("meta")
"""A device whose tensors have no numbers, and refuse to be combined with those of another."""
LEARNED = [name for name in list_agents() if load_agent(name).kind == "learned"]

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


class Pair(NamedTuple):
    first: Tensor
    second: Tensor


def devices_of(tree: object) -> set[str]:
    """Return the types of devices of all tensors in a record."""
    found: set[str] = set()

    def note(tensor: Tensor) -> Tensor:
        found.add(tensor.device.type)
        return tensor

    map_tensors(tree, note)
    return found


def lesson_batch(learner: Learner) -> Batch:
    """Return a batch that a learner has experienced."""
    rollout = empty_rollout(learner.world, learner.config.agent.ppo.rollout_steps)
    collect(learner.world, learner.arm, learner.memory, rollout, Seconds())
    return lesson_of(rollout, learner.memory, learner.arm).batch


def test_auto_is_the_cpu_where_torch_sees_no_cuda_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == CPU


def test_auto_is_cuda_where_there_is_one_and_each_process_has_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda", 0)
    assert choose_device("auto", 1) == torch.device("cuda", 1)
    assert choose_device("cpu", 5) == CPU
    with pytest.raises(ValueError, match="there are 2; start at most 2 processes here"):
        choose_device("auto", 2)


def test_cuda_where_there_is_none_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, make_config: MakeConfig
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="sees no CUDA device here; choose 'cpu' or 'auto', or"):
        Learner(make_config(device="cuda"))


def test_an_unknown_device_is_refused(make_config: MakeConfig) -> None:
    with pytest.raises(ValueError, match="device must be one of auto, cpu, cuda, got 'tpu'"):
        make_config(device="tpu")


def test_a_copy_moves_all_tensors_of_a_record_and_nothing_else() -> None:
    tree = {"a": [torch.ones(2), 3], "b": Pair(torch.ones(1), torch.zeros(1)), "c": "text"}
    moved = copied(tree, META)
    assert devices_of(moved) == {"meta"}
    assert isinstance(moved["b"], Pair)
    assert (moved["a"][1], moved["c"]) == (3, "text")
    assert devices_of(tree) == {"cpu"}


def test_what_is_there_already_is_not_copied() -> None:
    pair = Pair(torch.ones(2), torch.zeros(2))
    assert copied(pair, CPU).first is pair.first


def test_a_run_may_go_on_on_another_device_and_is_the_same_run(make_config: MakeConfig) -> None:
    one, other = make_config(device="cpu"), make_config(device="auto")
    assert fingerprint(one) == fingerprint(other)
    learner = Learner(one)
    learner.advance()
    restored = Learner(other)
    restored.restore(learner.snapshot(), Path("run"))
    assert restored.num_updates == 1


def test_what_is_saved_lies_on_the_cpu(make_config: MakeConfig) -> None:
    learner = Learner(make_config())
    learner.advance()
    learner.arm.to(META)
    learner.memory = copied(learner.memory, META)
    # Numbers cannot come back from the meta device: that it is tried shows where they are sent.
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor"):
        learner.snapshot()


@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("view_radius", [None, 1])
def test_no_loss_or_reward_makes_tensors_on_a_device_of_its_own(
    make_config: MakeConfig, name: str, view_radius: int | None
) -> None:
    world = {} if view_radius is None else {"view_radius": view_radius}
    learner = Learner(make_config(name, world=world))
    batch = copied(lesson_batch(learner), META)
    arm = Arm(learner.config.agent, learner.world.params, 0, META)
    loss = arm.loss(batch)
    torch.autograd.backward(loss.total)
    assert devices_of([loss.total, *loss.terms.values(), *loss.diagnostics.values()]) == {"meta"}
    gradients = [weight.grad for weight in arm.parameters() if weight.grad is not None]
    assert gradients and devices_of(gradients) == {"meta"}


@needs_cuda
def test_a_run_trains_on_cuda_and_goes_on_on_the_cpu(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    train(make_config(updates=2, device="cuda"), tmp_path)
    assert devices_of(load_checkpoint(tmp_path)) == {"cpu"}
    train(make_config(updates=4, device="cpu"), tmp_path)
    train(make_config(updates=6, device="cuda"), tmp_path)
    saved = load_checkpoint(tmp_path)
    assert saved is not None and saved["num_updates"] == 6


@needs_cuda
def test_one_update_on_cuda_is_that_on_the_cpu_within_rounding(make_config: MakeConfig) -> None:
    whole = {"ppo": {"num_worlds": 5, "rollout_steps": 8, "minibatches": 1, "epochs": 1}}
    learners = [Learner(make_config(overrides=whole, device=name)) for name in ("cpu", "cuda")]
    for learner in learners:
        learner.advance()
    for one, other in zip(*(learner.arm.parameters() for learner in learners), strict=True):
        torch.testing.assert_close(one, other.cpu(), rtol=1e-2, atol=1e-4)


@needs_cuda
@pytest.mark.parametrize("name", LEARNED)
def test_every_learned_arm_trains_on_cuda(name: str, make_config: MakeConfig) -> None:
    seats = ("focal", "person:reserved", "person:reserved") if name == "cloned" else ()
    learner = Learner(make_config(name, device="cuda", seats=seats))
    for _ in range(2):
        metrics = learner.advance()
    assert all(math.isfinite(value) for value in metrics.values())


@needs_cuda
def test_pinned_memory_holds_the_same_numbers() -> None:
    pair = pinned(Pair(torch.ones(2), torch.zeros(2)))
    assert pair.first.is_pinned() and torch.equal(pair.first, torch.ones(2))


def test_the_device_is_a_setting_of_the_run(make_config: MakeConfig) -> None:
    assert replace(make_config(), device="auto").device == "auto"
