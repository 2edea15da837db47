"""Kernels, as tests call them from Python."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numba

from empathy_loop.envs.kernel import Kernel


@cache
def from_python(kernel: Kernel) -> Callable[..., Any]:
    """Return a function that calls a kernel which is for other kernels only."""

    def call(*args: Any) -> Any:
        return kernel(*args)

    return numba.njit(call)
