"""Nothing grows past what one can read at a sitting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from checkers import MAX_FILE, MAX_FUNCTION, MAX_KERNEL, ROOT, oversized

Plant = Callable[[dict[str, str]], Path]


def function_of(lines: int, decorator: str = "", indent: str = "") -> str:
    """Return the source of a function of that many lines, its decorator not counted."""
    head = f"{indent}{decorator}\n" if decorator else ""
    return f"{head}{indent}def f(x):\n" + f"{indent}    x = x\n" * (lines - 1)


def test_no_file_function_or_kernel_is_too_long() -> None:
    assert oversized(ROOT) == []


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("x = 1\n" * (MAX_FILE + 1), "file of 301 lines"),
        (function_of(MAX_FUNCTION + 1), "function f of 61 lines"),
        (function_of(MAX_FUNCTION + 1, "@property"), "function f of 61 lines"),
        ("class A:\n" + function_of(MAX_FUNCTION + 1, indent="    "), "function f of 61 lines"),
        (function_of(MAX_KERNEL + 1, "@hot"), "kernel f of 41 lines"),
        (function_of(MAX_KERNEL + 1, "@numba.njit(cache=True)"), "kernel f of 41 lines"),
    ],
)
def test_one_line_too_many_is_seen(plant: Plant, source: str, what: str) -> None:
    (found,) = oversized(plant({"train/a.py": source}))
    assert what in found


@pytest.mark.parametrize(
    "source",
    [
        "x = 1\n" * MAX_FILE,
        function_of(MAX_FUNCTION),
        function_of(MAX_FUNCTION, "@property"),
        function_of(MAX_KERNEL, "@hot"),
    ],
)
def test_the_longest_that_is_allowed_passes(plant: Plant, source: str) -> None:
    assert oversized(plant({"train/a.py": source})) == []
