"""How the rules are compiled, and where what was compiled is kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def _compiler(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles with some options."""

    def compile_kernel(function: Callable[..., Any]) -> Any:
        config: Any = numba.config
        before = config.CACHE_DIR
        # Numba decides here and now where this one function will be kept.
        config.CACHE_DIR = _FOLDER
        try:
            kernel = numba.njit(function, error_model="numpy", **options)
        finally:
            config.CACHE_DIR = before
        return _without_literals(kernel)

    return compile_kernel


def _without_literals(kernel: Any) -> Any:
    """Let a kernel be compiled once for all constants that it is called with.

    Numba would type each constant by its value and compile the kernel anew for it. Inlined kernels
    have their constants put in later anyway, by LLVM.
    """
    types: Any = numba.types
    compile_for, plain = kernel.get_call_template, types.unliteral

    def get_call_template(args: Any, kws: Any) -> Any:
        return compile_for(tuple(map(plain, args)), {name: plain(kws[name]) for name in kws})

    kernel.get_call_template = get_call_template
    return kernel


hot = _compiler(forceinline=True, _nrt=False, no_cfunc_wrapper=True)
"""For what runs in every step. Inlined, and without numba's reference counts: counting references
to every array at every access takes several times as long as the rules themselves, and to compile
them too. All that is asked in return is that such a function makes no array: it neither allocates
nor assigns whole rows. What is inlined is kept with the batch kernel, and not by itself."""

rare = _compiler(_nrt=True, no_cfunc_wrapper=True)
"""For what runs at resets and shifts only; kept out of line, so that the step stays small, and
free to make arrays."""

batch = _compiler(cache=True, nogil=True, _nrt=False)
"""For loops over all worlds, called from Python; they let other threads run meanwhile, are as free
of reference counts as the rules that they call, and are kept on disk once compiled."""
