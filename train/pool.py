"""Tasks in processes of their own, one thread each; one that dies takes nothing else along."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

from empathy_loop.train.errors import explanation

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
"""Environment of a worker: processes that each take all cores only get in each other's way."""

SECONDS_TO_SAVE = 60.0
"""How long a worker that was told to stop may take."""

Report = Callable[[Any], None]
Work = Callable[[Any, Report], None]


class Event(NamedTuple):
    """Something that happened to a task.

    Attributes:
        name: Name of the task.
        kind: started, progress, done or failed.
        detail: What the task reported; of a failed one, the reason and the traceback.
    """

    name: str
    kind: str
    detail: Any = None


class _Worker:
    """A process that does one task after another, and the pipe to it.

    Args:
        work: Picklable by name.
    """

    def __init__(self, work: Work) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self.task: str | None = None
        with _deaf_to_interrupts(), _environment(ONE_THREAD):
            self.process.start()
        # With the only other end in the worker, its death closes the pipe.
        theirs.close()

    def give(self, name: str, task: Any) -> None:
        """Start a task."""
        self.task = name
        with suppress(BrokenPipeError):  # a dead worker is noticed when it is read
            self.connection.send(task)

    def read(self) -> Event:
        """Return what the worker says, or that it died."""
        assert self.task is not None, "an idle worker is not listened to"
        try:
            kind, detail = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            return Event(self.task, "failed", (_cause(self.process.exitcode), ""))
        return Event(self.task, kind, detail)

    @property
    def is_dead(self) -> bool:
        """Return whether the process has ended."""
        return self.process.exitcode is not None


def run_tasks(
    tasks: Mapping[str, Any], work: Work, workers: int, on_event: Callable[[Event], None]
) -> None:
    """Do all tasks, in their order, several at a time; as `run_stages` with one stage."""
    run_stages([tasks], work, workers, on_event)


def run_stages(
    stages: Iterable[Mapping[str, Any]],
    work: Work,
    workers: int,
    on_event: Callable[[Event], None],
) -> None:
    """Do the tasks of one stage after the other by the same processes, several at a time.

    Args:
        stages: Name to task, picklable; a stage is asked for when those before it are done.
        work: Function of a module. It is given a task and a function that reports; calling
            that function raises KeyboardInterrupt when the worker is to stop.
        workers: Processes, at least 1.
        on_event: Called with everything that happens, in this process.

    Raises:
        KeyboardInterrupt: Ctrl-C; the workers have stopped then.
    """
    pool: list[_Worker] = []
    try:
        for tasks in stages:
            _run_stage(tasks, work, workers, on_event, pool)
    finally:
        _stop(pool)


def _run_stage(
    tasks: Mapping[str, Any],
    work: Work,
    workers: int,
    on_event: Callable[[Event], None],
    pool: list[_Worker],
) -> None:
    """Do the tasks of a stage; the pool is kept with as many processes as there is work for."""
    queue = deque(tasks)
    while queue or any(worker.task for worker in pool):
        pool[:] = [worker for worker in pool if not worker.is_dead]
        while queue and len(pool) < workers and all(worker.task for worker in pool):
            pool.append(_Worker(work))
        for worker in pool:
            if queue and worker.task is None:
                name = queue.popleft()
                worker.give(name, tasks[name])
                on_event(Event(name, "started"))
        busy = {worker.connection: worker for worker in pool if worker.task}
        for connection in wait(list(busy), timeout=1.0):
            worker = busy[connection]  # type: ignore[index]  # wait returns what it was given
            event = worker.read()
            if event.kind in ("done", "failed"):
                worker.task = None
            on_event(event)


def _serve(connection: Connection, work: Work) -> None:
    """Do tasks until told to stop; anything sent while a task is under way says stop."""

    def report(detail: Any) -> None:
        connection.send(("progress", detail))
        if connection.poll():
            raise KeyboardInterrupt

    try:
        while (task := connection.recv()) is not None:
            try:
                work(task, report)
            except BrokenPipeError:
                return
            except Exception as error:
                reason = explanation(error) or f"{type(error).__name__}: {error}"
                connection.send(("failed", (reason, traceback.format_exc())))
            else:
                connection.send(("done", None))
    except (EOFError, KeyboardInterrupt, BrokenPipeError):
        return


def _stop(pool: list[_Worker]) -> None:
    """Let the workers save what they have, and end them."""
    for worker in pool:
        with suppress(OSError):
            worker.connection.send(None)
    for worker in pool:
        worker.process.join(SECONDS_TO_SAVE)
        if not worker.is_dead:
            worker.process.kill()


def _cause(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        return f"its process was killed ({name}), perhaps for want of memory"
    return f"its process ended with exit code {exit_code}"


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: they are told to stop, and save first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for processes that start now."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
