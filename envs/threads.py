"""Rows of a batch, divided over threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from queue import SimpleQueue
from threading import Thread
from typing import Any

Outcomes = SimpleQueue[BaseException | None]
Tasks = SimpleQueue[tuple[Callable[..., None], tuple[Any, ...], Outcomes]]


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

    Raises:
        BaseException: what the kernel raises, on whatever rows, once all are done with theirs.
    """
    if num_threads == 1:
        kernel(*arguments, 0, num_rows)
        return
    ends = [num_rows * n // num_threads for n in range(num_threads + 1)]
    tasks, outcomes = _workers(num_threads - 1), Outcomes()
    for first, end in pairwise(ends[1:]):
        tasks.put((kernel, (*arguments, first, end), outcomes))
    found = [_outcome(kernel, (*arguments, 0, ends[1]))]
    found += [outcomes.get() for _ in range(num_threads - 1)]
    for error in found:
        if error is not None:
            raise error


@cache
def _workers(number: int) -> Tasks:
    """Start threads that all batches of a process share; return the queue that they serve.

    Bare queues, for a step takes less than a millisecond: the futures of an executor would cost a
    tenth of it.
    """
    tasks = Tasks()
    for n in range(number):
        name = f"empathy_loop-worlds-{n}"
        Thread(target=_serve, args=(tasks,), name=name, daemon=True).start()
    return tasks


def _serve(tasks: Tasks) -> None:
    """Run tasks for ever."""
    while True:
        kernel, arguments, outcomes = tasks.get()
        outcomes.put(_outcome(kernel, arguments))


def _outcome(kernel: Callable[..., None], arguments: tuple[Any, ...]) -> BaseException | None:
    """Run a kernel and return what it raises, or None."""
    try:
        kernel(*arguments)
    except BaseException as error:
        return error
    return None


# A forked process has none of its parent's threads, and would wait for them for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_workers.cache_clear)
