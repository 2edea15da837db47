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
            return numba.njit(function, cache=True, error_model="numpy", **options)
        finally:
            config.CACHE_DIR = before

    return compile_kernel


hot = _compiler(forceinline=True, _nrt=False)
"""For what runs in every step. Inlined, and without numba's reference counts: the state is a
record of many arrays, and counting references to them at every access takes fifteen times as long
as the rules themselves, and to compile them eight times as long. All that is asked in return is
that such a function makes no array: it neither allocates nor assigns whole rows."""

rare = _compiler(_nrt=True)
"""For what runs at resets and shifts only; kept out of line, so that the step stays small, and
free to make arrays."""

batch = _compiler(nogil=True, _nrt=False)
"""For loops over all worlds, called from Python; they let other threads run meanwhile, and are as
free of reference counts as the rules that they call."""
