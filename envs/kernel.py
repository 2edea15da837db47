"""How the rules are compiled, and where what was compiled is kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numba

_HERE = Path(__file__).parent


def _cache_folder() -> Path:
    """Return where compiled rules are kept: a folder of their own for each state of the source.

    Rules are compiled into each other across files, while numba looks only at the one file of
    the outermost: it would go on using a rule that has changed since.
    """
    sources = sorted(_HERE.rglob("*.py"))
    fingerprint = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
    if numba.config.CACHE_DIR:  # type: ignore[attr-defined]  # set when numba is imported
        base = Path(numba.config.CACHE_DIR)  # type: ignore[attr-defined]
    elif os.access(_HERE, os.W_OK):
        base = _HERE / "__pycache__"
    else:
        base = Path.home() / ".cache" / "empathy-loop"
    return base / f"kernels-{fingerprint[:16]}"


_FOLDER = str(_cache_folder())

# Numba's annotations leave out the options that are not for everyone.
_compile: Any = numba.njit


class Kernel:
    """A function for other kernels only: compiled into them, and never called from Python.

    So it needs no entry from Python, which would take a third of the time to compile. It makes no
    array: it neither allocates nor assigns whole rows. So it can do without numba's counts of
    references, which at every access to an array would take several times as long as the rules
    themselves, and it can be compiled for a GPU (`empathy_loop.envs.gpu`).

    Args:
        function: What is compiled, once for each combination of types.
        options: Options of numba.
    """

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        self.py_func = function
        self._dispatcher: Any = _compile(
            function,
            error_model="numpy",
            no_cpython_wrapper=True,
            no_cfunc_wrapper=True,
            _nrt=False,
            **options,
        )
        self._dispatcher.get_call_template = _untyped_constants(self._dispatcher.get_call_template)
        # By this name numba finds out what a kernel that it meets in another one is.
        self._numba_type_: Any = numba.typeof(self._dispatcher)  # type: ignore[no-untyped-call]

    def __call__(self, *args: Any) -> Any:
        """Refuse.

        Raises:
            TypeError: always.
        """
        name = self.py_func.__name__
        raise TypeError(
            f"{name} is for kernels, not for Python; call numba.njit(lambda *args: {name}(*args))"
        )


def _untyped_constants(get_call_template: Callable[..., Any]) -> Callable[..., Any]:
    """Let a kernel be compiled once for all constants that it is called with.

    Numba would type each constant by its value and compile the kernel anew for it. Inlined kernels
    have their constants put in later anyway, by LLVM.
    """
    types: Any = numba.types
    plain = types.unliteral

    def for_any_constant(args: Any, kws: Any) -> Any:
        return get_call_template(tuple(map(plain, args)), {name: plain(kws[name]) for name in kws})

    return for_any_constant


def hot(function: Callable[..., Any]) -> Kernel:
    """Compile what runs in every step: inlined."""
    return Kernel(function, forceinline=True)


def rare(function: Callable[..., Any]) -> Kernel:
    """Compile what runs at resets and shifts only: out of line."""
    return Kernel(function)


def batch(function: Callable[..., Any]) -> Any:
    """Compile a loop over all worlds, called from Python, and keep it on disk.

    It lets other threads run meanwhile, and is as free of reference counts as the rules that it
    calls.
    """
    config: Any = numba.config
    before = config.CACHE_DIR
    # Numba decides here and now where this one function will be kept.
    config.CACHE_DIR = _FOLDER
    try:
        compiled = _compile(function, cache=True, error_model="numpy", nogil=True, _nrt=False)
    finally:
        config.CACHE_DIR = before
    _keep_apart(compiled)
    return compiled


def _keep_apart(compiled: Any) -> None:
    """Let everything that is kept of a function have a file of its own.

    Numba numbers the files: two processes that compile for different sizes at the same time would
    take the same number, and a third would run the one's code on the other's worlds.
    """
    cache_file = compiled._cache._cache_file
    base = cache_file._index_name.removesuffix(".nbi")
    cache_file._data_name = lambda number: f"{base}.{uuid4().hex}.nbc"
