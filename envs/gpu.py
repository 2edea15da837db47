"""The same worlds on a CUDA device: the rules as they stand, compiled once more for it.

Needs the extra `cuda`. Each thread of the device steps a world of its own. Arrays stay there;
`torch.as_tensor(array, device="cuda")` shares them with torch, without a copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib import import_module
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.inputs import checked_whole
from empathy_loop.envs.observation import Observation
from empathy_loop.envs.params import WorldParams, rules_of
from empathy_loop.envs.random import ACTION, fill_uniform
from empathy_loop.envs.reset import check_first_steps
from empathy_loop.envs.state import State
from empathy_loop.envs.step import reset_batch, step_batch
from empathy_loop.envs.world import Transition, World

THREADS_PER_BLOCK = 64


class GPUWorld:
    """A batch of E worlds on a CUDA device, equal to those of `World` bit for bit.

    Args:
        params: The rules.
        num_worlds: Number of worlds E, at least 1; it takes tens of thousands to fill a device.
        seed: Seed of all draws, 0 to 2^63 - 1. World w of seed s is the same in any batch.
        first_world: Number of the batch's first world, at least 0.
        autoreset: Whether a truncated world begins its next episode inside `step`.

    Attributes:
        observation: Observation of device arrays, overwritten by each step.
        transition: Transition of device arrays, overwritten by each step.

    Raises:
        ValueError: a value is of another type or out of its range, numba-cuda is missing, or there
            is no device.
    """

    def __init__(
        self,
        params: WorldParams,
        num_worlds: int,
        seed: int,
        first_world: int = 0,
        autoreset: bool = True,
    ) -> None:
        demand_device()
        # It checks the arguments, and knows what belongs to a batch.
        like = World(params, num_worlds, seed, first_world, autoreset)
        self.params, self.num_worlds = params, like.num_worlds
        self._rules, self._keys = rules_of(params), (like.seed, like.first_world)
        self._autoreset = like.autoreset
        self._compiled: dict[str, Any] = {}
        self._records = _on_device(like.records)
        self._refusals = _on_device(like.refusals)
        self.observation: Observation = _on_device(like.observation)
        self.transition: Transition = _on_device(like.transition)
        self._noise = _on_device(np.zeros((self.num_worlds, params.num_agents)))
        self.reset()

    def reset(self, episode: int = 0, first_step: NDArray[np.int_] | None = None) -> Observation:
        """Begin an episode in every world; arguments and errors are those of `World.reset`.

        Returns:
            Observation of device arrays; overwritten by the next step.
        """
        episode = checked_whole("episode", episode)
        steps = check_first_steps(self.params, self.num_worlds, first_step)
        views = self.observation, self.transition
        self._launch("reset", (*views, *self._keys, episode, _on_device(steps)))
        return self.observation

    def step(self, actions: Any) -> Transition:
        """Advance every world by one step. The device is told to do so, and not waited for.

        Args:
            actions: int8 [E, A] in [0, N), on the device: of numba, torch or any other library
                that has `__cuda_array_interface__`. Which numbers they are is not checked.

        Returns:
            Transition of device arrays; overwritten by the next step.

        Raises:
            ValueError: the actions have another shape or dtype, or gaps.
        """
        given = numba_cuda().as_cuda_array(actions)
        shape = (self.num_worlds, self.params.num_agents)
        if given.shape != shape or given.dtype != np.int8 or not given.is_c_contiguous():
            raise ValueError(
                f"actions must be contiguous int8 {shape}, got {given.dtype} {given.shape}"
            )
        inputs = given, self._refusals, *self._keys, self._autoreset
        self._launch("step", (self.observation, self.transition, *inputs))
        return self.transition

    def noise(self) -> Any:
        """Return keyed uniform numbers for sampling this step's actions, those of `World.noise`.

        Returns:
            float64 [E, A] in [0, 1), on the device; overwritten by the next call.
        """
        self._launch("noise", (self._noise,))
        return self._noise

    def state(self) -> State:
        """Return a copy of the whole state on the CPU, once the device has done all steps."""
        return State.of(self._records.copy_to_host())

    def _launch(self, name: str, rest: tuple[Any, ...]) -> None:
        """Run one of the kernels in one thread for each world; compile it the first time."""
        arguments = self._rules, self._records, rest
        if name not in self._compiled:
            with _exact_sums():
                self._compiled[name] = getattr(_kernels(), name).specialize(*arguments)
        blocks = -(-self.num_worlds // THREADS_PER_BLOCK)
        self._compiled[name][blocks, THREADS_PER_BLOCK](*arguments)


def numba_cuda() -> Any:
    """Return numba's interface to CUDA devices, which takes long to import and has no types."""
    return import_module("numba.cuda")


def demand_device() -> None:
    """Raise an error that says what to do if worlds cannot be on a CUDA device here.

    Raises:
        ValueError: numba-cuda is not installed, or it finds no CUDA device.
    """
    try:
        import_module("numba_cuda")
    except ImportError as error:
        raise ValueError(
            "worlds on a CUDA device need numba-cuda; install it with: pip install "
            '"empathy-loop[cuda]"'
        ) from error
    if not numba_cuda().is_available():
        raise ValueError("numba finds no CUDA device here; install its driver, or use World")


class _Kernels(NamedTuple):
    """What is launched, with one thread for each world."""

    reset: Any
    step: Any
    noise: Any


@cache
def _kernels() -> _Kernels:
    """Return the loops over all worlds as kernels of a device; compiled at their first launch."""
    grid = numba_cuda().grid
    reset_rows, step_rows, draw_rows = map(_for_device, (reset_batch, step_batch, fill_uniform))

    def reset(rules: Any, records: Any, rest: Any) -> None:
        e = grid(1)
        if e < records.shape[0]:
            reset_rows(rules, records, *rest, e, e + 1)

    def step(rules: Any, records: Any, rest: Any) -> None:
        e = grid(1)
        if e < records.shape[0]:
            step_rows(rules, records, *rest, e, e + 1)

    def noise(rules: Any, records: Any, rest: Any) -> None:
        e = grid(1)
        if e < records.shape[0]:
            draw_rows(records, ACTION, *rest, e, e + 1)

    return _Kernels(*(_jit(kernel, device=False) for kernel in (reset, step, noise)))


@cache
def _for_device(kernel: Any) -> Any:
    """Return a function of a CUDA device: that of a kernel, calling those of all it calls."""
    function = kernel.py_func
    names = dict(function.__globals__)
    for name in function.__code__.co_names:
        if hasattr(names.get(name), "py_func"):
            names[name] = _for_device(names[name])
    return _jit(FunctionType(function.__code__, names, function.__name__), device=True)


def _jit(function: Any, device: bool) -> Any:
    """Return what compiles a function for a device, or a kernel; nothing is left to the linker.

    Sums would not be exact otherwise; and as a decorator, numba's `jit` forgets that.
    """
    return numba_cuda().jit(function, device=device, lto=False)


def _on_device(tree: Any) -> Any:
    """Return a copy on the device of an array [E, ...], or of named tuples of such arrays.

    Worlds lie side by side there (Fortran's order): threads that write the same entry of
    neighbouring worlds at the same time then write one stretch of memory.
    """
    if isinstance(tree, tuple):
        return type(tree)(*map(_on_device, tree))
    return numba_cuda().to_device(np.asfortranarray(tree))


@contextmanager
def _exact_sums() -> Iterator[None]:
    """Let what is compiled meanwhile round each product before it is added, as a CPU does.

    Otherwise sums differ from those of the CPU in their last bit. Numba hands no such option on.
    """
    nvvm: Any = import_module("numba.cuda.cudadrv.nvvm")
    compile_ir = nvvm.compile_ir
    nvvm.compile_ir = partial(compile_ir, fma=False)
    try:
        yield
    finally:
        nvvm.compile_ir = compile_ir
