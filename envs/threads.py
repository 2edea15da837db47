"""Rows of a batch, divided over threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any


def run_in_rows(
    kernel: Callable[..., None], arguments: tuple[Any, ...], num_rows: int, num_threads: int
) -> None:
    """Call a kernel on all rows of a batch, each thread on its own stretch of them.

    Args:
        kernel: Takes the arguments, then the first row and the end of its rows; leaves the
            interpreter's lock alone, and rows do not depend on each other.
        arguments: What it takes first.
        num_rows: Rows of the batch, at least 1.
        num_threads: Threads, at least 1; the calling one is the first of them.
    """
    if num_threads == 1:
        kernel(*arguments, 0, num_rows)
        return
    ends = [num_rows * n // num_threads for n in range(num_threads + 1)]
    pool = _pool(num_threads - 1)
    parts = [pool.submit(kernel, *arguments, first, end) for first, end in pairwise(ends[1:])]
    try:
        kernel(*arguments, 0, ends[1])
    finally:
        for part in parts:
            part.result()


@cache
def _pool(num_workers: int) -> ThreadPoolExecutor:
    """Return the threads that all batches of a process share."""
    return ThreadPoolExecutor(num_workers, thread_name_prefix="empathy_loop-worlds")


# A forked process has none of its parent's threads, and would wait for them for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)
