"""How the rules are compiled."""

from __future__ import annotations

from typing import Any

from numba import njit

hot: Any = njit(cache=True, forceinline=True, error_model="numpy")
"""For what runs in every step. Inlined, because the state is a wide record, and passing it by
value to a call costs more than most rules do. Give such a function whole arrays and indices
rather than views: a view that crosses a call is reference-counted each time."""

rare: Any = njit(cache=True, error_model="numpy")
"""For what runs at resets and shifts only; kept out of line, so that the step stays small."""

batch: Any = njit(cache=True, nogil=True, error_model="numpy")
"""For loops over all worlds, called from Python; they let other threads run meanwhile."""
