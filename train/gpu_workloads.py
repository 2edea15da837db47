"""What `empathy-loop bench gpu` measures of worlds on a CUDA device."""

from __future__ import annotations

import numpy as np

from empathy_loop.envs.gpu import GPUWorld, demand_device, numba_cuda
from empathy_loop.envs.params import WorldParams
from empathy_loop.train.timing import Workload

BATCHES = (16_384, 65_536, 262_144, 1_048_576)
"""Worlds stepped together on the device."""
STEPS_PER_CALL = 128
"""Steps between two looks at the clock: an episode, so that each call has its resets."""


def gpu_worlds() -> list[Workload]:
    """Return batches of worlds on the device.

    Raises:
        ValueError: there is no CUDA device, or not all that it needs.
    """
    demand_device()
    return [_worlds(WorldParams(), num_worlds) for num_worlds in BATCHES]


def _worlds(params: WorldParams, num_worlds: int) -> Workload:
    """Return the stepping of a batch of worlds, with actions drawn beforehand."""
    world = GPUWorld(params, num_worlds, seed=0)
    shape = (STEPS_PER_CALL, num_worlds, params.num_agents)
    drawn = np.random.default_rng(0).integers(0, params.num_actions, shape).astype(np.int8)
    actions = [numba_cuda().to_device(row) for row in drawn]

    def steps() -> float:
        for row in actions:
            world.step(row)
        numba_cuda().synchronize()
        return drawn.size

    grid = f"{params.grid_size} x {params.grid_size} cells"
    name = f"{num_worlds} worlds, {params.num_agents} agents, {grid}, on {device_name()}"
    return Workload(name, "speed", "agent steps/s", steps, 1, num_worlds, params.num_agents)


def device_name() -> str:
    """Return the name of the CUDA device that is used."""
    name = numba_cuda().get_current_device().name
    return name.decode() if isinstance(name, bytes) else str(name)
