"""Worlds on a CUDA device are those on the CPU, bit for bit; without a device, an error says so."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from empathy_loop.envs import gpu
from empathy_loop.envs.gpu import GPUWorld
from empathy_loop.envs.params import SHIFT_FAMILIES, WorldParams
from empathy_loop.envs.world import World

NUM_WORLDS = 200
"""More than fit into one block of threads, and no multiple of one."""


def missing() -> str:
    """Return why there can be no worlds on a device here, or nothing."""
    try:
        gpu.demand_device()
    except ValueError as error:
        return str(error)
    return ""


needs_gpu = pytest.mark.skipif(bool(missing()), reason=missing())

WORLDS = {
    **{family: WorldParams(shift=family, horizon=40) for family in SHIFT_FAMILIES},
    "severe": WorldParams(severe=True, severe_share=0.5, offers=True, horizon=40),
    "alone": WorldParams(coordination=0.0, shift_severity=1.0, horizon=40),
    "shown": WorldParams(show_needs=True, view_radius=1, horizon=40),
    "scrambled": WorldParams(p_scrambled_cue=0.3, horizon=40),
    "crowd": WorldParams(num_agents=8, grid_size=9, num_kinds=5, horizon=20),
}


def on_device(actions: NDArray[np.int8]) -> Any:
    from numba import cuda

    return cuda.to_device(actions)


def demand_same(found: Any, expected: Any, where: str) -> None:
    """Compare named tuples of arrays, the first of which may lie on the device, bit for bit."""
    for name, array in expected._asdict().items():
        other = getattr(found, name)
        if isinstance(array, tuple):
            demand_same(other, array, f"{where}.{name}")
            continue
        host = other.copy_to_host() if hasattr(other, "copy_to_host") else other
        np.testing.assert_array_equal(host, array, err_msg=f"{where}.{name}")


@needs_gpu
@pytest.mark.parametrize("name", WORLDS)
def test_every_step_is_that_of_the_cpu_bit_for_bit(name: str) -> None:
    params = WORLDS[name]
    world, twin = World(params, NUM_WORLDS, 7, 3), GPUWorld(params, NUM_WORLDS, 7, 3)
    phases = np.arange(NUM_WORLDS) % params.horizon
    world.reset(episode=2, first_step=phases)
    twin.reset(episode=2, first_step=phases)
    demand_same(twin.state(), world.state, "reset")
    draws = np.random.default_rng(0)
    shape = (NUM_WORLDS, params.num_agents)
    for t in range(2 * params.horizon + 5):
        actions = draws.integers(0, params.num_actions, shape).astype(np.int8)
        world.step(actions)
        twin.step(on_device(actions))
        demand_same(twin.state(), world.state, f"step {t}")
        demand_same(twin.transition, world.transition, f"step {t}")
        demand_same(twin.observation, world.observation, f"step {t}")
        np.testing.assert_array_equal(twin.noise().copy_to_host(), world.noise())


@needs_gpu
def test_torch_shares_the_arrays_of_the_device() -> None:
    world = GPUWorld(WorldParams(), 64, 0)
    features = torch.as_tensor(world.observation.features, device="cuda")
    before = features.clone()
    world.step(torch.full((64, 3), 1, dtype=torch.int8, device="cuda"))
    torch.cuda.synchronize()
    assert not torch.equal(features, before)


@needs_gpu
def test_without_autoreset_the_episode_is_left_at_its_end() -> None:
    params = replace(WorldParams(), horizon=3)
    world = GPUWorld(params, 5, 0, autoreset=False)
    for _ in range(3):
        world.step(on_device(np.zeros((5, 3), np.int8)))
    assert world.transition.truncated.copy_to_host().all()
    assert (world.state().step == 3).all()


@needs_gpu
def test_actions_of_another_shape_or_dtype_or_with_gaps_are_refused() -> None:
    world = GPUWorld(WorldParams(), 4, 0)
    for bad in (
        torch.zeros(4, 2, dtype=torch.int8, device="cuda"),
        torch.zeros(4, 3, device="cuda"),
        torch.zeros(4, 6, dtype=torch.int8, device="cuda")[:, ::2],
    ):
        with pytest.raises(ValueError, match=r"actions must be contiguous int8 \(4, 3\), got"):
            world.step(bad)


@needs_gpu
def test_numbers_out_of_range_are_refused_as_those_of_the_cpu_are() -> None:
    with pytest.raises(ValueError, match="num_worlds must be a whole number of at least 1, got 0"):
        GPUWorld(WorldParams(), 0, 0)
    with pytest.raises(ValueError, match=r"episode must be a whole number in .*, got -1"):
        GPUWorld(WorldParams(), 1, 0).reset(-1)


def test_without_numba_cuda_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba_cuda", None)
    with pytest.raises(ValueError, match=r'pip install "empathy-loop\[cuda\]"'):
        GPUWorld(WorldParams(), 1, 0)


def test_without_a_device_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba import cuda

    monkeypatch.setitem(sys.modules, "numba_cuda", sys)
    monkeypatch.setattr(cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="numba finds no CUDA device here; install its driver"):
        GPUWorld(WorldParams(), 1, 0)
