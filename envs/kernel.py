"""How the rules are compiled."""

from __future__ import annotations

from typing import Any

from numba import njit

hot: Any = njit(cache=True, forceinline=True, error_model="numpy", _nrt=False)
"""For what runs in every step. Inlined, and without numba's reference counts: the state is a
record of many arrays, and counting references to them at every access takes fifteen times as long
as the rules themselves, and to compile them eight times as long. All that is asked in return is
that such a function makes no array: it neither allocates nor assigns whole rows."""

rare: Any = njit(cache=True, error_model="numpy", _nrt=True)
"""For what runs at resets and shifts only; kept out of line, so that the step stays small, and
free to make arrays."""

batch: Any = njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
"""For loops over all worlds, called from Python; they let other threads run meanwhile, and are as
free of reference counts as the rules that they call."""
