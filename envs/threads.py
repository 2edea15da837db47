"""Rows of a batch, divided over threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache, partial
from queue import SimpleQueue
from threading import Thread
from typing import Any

Outcomes = SimpleQueue[BaseException | None]
Tasks = SimpleQueue[tuple[Callable[[], None], Outcomes]]


def run_in_rows(
    kernel: Callable[..., None], arguments: tuple[Any, ...], num_rows: int, num_threads: int
) -> None:
    """Call a kernel on all rows of a batch, on one stretch of them after another in every thread.

    Args:
        kernel: Takes the arguments, then the first row and the end of its rows; leaves the
            interpreter's lock alone, and rows do not depend on each other.
        arguments: What it takes first.
        num_rows: Rows of the batch, at least 1.
        num_threads: Threads, at least 1; the calling one is the first of them.

    Raises:
        BaseException: what the kernel raises, on whatever rows, once no thread is at work on them.
            Where all threads raise, some rows are left.
    """
    if num_threads == 1:
        kernel(*arguments, 0, num_rows)
        return
    tasks, outcomes = _workers(num_threads - 1), Outcomes()
    task = partial(_run_stretches, kernel, arguments, deque(stretches(num_rows, num_threads)))
    for _ in range(num_threads - 1):
        tasks.put((task, outcomes))
    found = [_outcome(task)]
    found += [outcomes.get() for _ in range(num_threads - 1)]
    for error in found:
        if error is not None:
            raise error


def stretches(num_rows: int, num_threads: int) -> Iterator[tuple[int, int]]:
    """Yield the first row and the end of each stretch, in order: ever shorter ones.

    A thread that starts late, or whose core others use, takes fewer of them; and what is left when
    the first has nothing more to do is short (guided self-scheduling, Polychronopoulos and Kuck
    1987, with two thirds of a fair share of what is left at a time, and at least a tenth of one).

    Args:
        num_rows: Rows of the batch, at least 1.
        num_threads: Threads that share them, at least 1.
    """
    first, least = 0, max(1, num_rows // (10 * num_threads))
    while first < num_rows:
        size = max(least, 2 * (num_rows - first) // (3 * num_threads))
        end = min(first + size, num_rows)
        yield first, end
        first = end


def _run_stretches(
    kernel: Callable[..., None], arguments: tuple[Any, ...], left: deque[tuple[int, int]]
) -> None:
    """Run a kernel on stretches that are left, until none is."""
    while True:
        try:
            first, end = left.popleft()
        except IndexError:
            return
        kernel(*arguments, first, end)


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
        task, outcomes = tasks.get()
        outcomes.put(_outcome(task))


def _outcome(task: Callable[[], None]) -> BaseException | None:
    """Run a task and return what it raises, or None."""
    try:
        task()
    except BaseException as error:
        return error
    return None


# A forked process has none of its parent's threads, and would wait for them for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_workers.cache_clear)
