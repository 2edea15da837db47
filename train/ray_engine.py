"""Tasks on a Ray cluster, one CPU and one thread each; what a dead worker had is done again.

Needs the extra: pip install "empathy-loop[ray]".
"""

from __future__ import annotations

import logging
import os
import signal
import socket
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from empathy_loop.train.pool import ONE_THREAD, SECONDS_TO_SAVE, Event, Work, failure

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # which Ray reads when it is imported
import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

RETRIES = 3
"""How often a task is begun again after its worker or its machine died."""
POLL_SECONDS = 0.2
"""Time between two looks at what the workers report."""
ANSWER_SECONDS = 10.0
"""How long to wait for a cluster to answer."""
OBJECT_STORE_BYTES = 80 * 2**20
"""Memory of a local Ray for objects, near the least that it takes: here they are small."""


class _Mailbox:
    """What workers report, until the driver takes it; and to them, whether to stop.

    It lives beside the driver, so that it is lost only with it.
    """

    def __init__(self) -> None:
        self._events: list[tuple[str, str, Any]] = []
        self._is_over = False

    def put(self, name: str, kind: str, detail: Any) -> bool:
        """Take a report, and return whether the worker is to stop."""
        self._events.append((name, kind, detail))
        return self._is_over

    def take(self) -> list[tuple[str, str, Any]]:
        """Return what has come since the last call, oldest first."""
        events, self._events = self._events, []
        return events

    def stop(self) -> None:
        """Tell each worker to stop when it reports next."""
        self._is_over = True


def run_tasks(
    tasks: Mapping[str, Any],
    work: Work,
    workers: int,
    on_event: Callable[[Event], None],
    address: str | None = None,
) -> None:
    """Do all tasks, in their order, several at a time, as `train.pool.run_tasks` does.

    A task whose worker dies is begun again, up to RETRIES times and perhaps on another machine:
    it is reported as started once more, and what it does must go on from what it has saved.

    Args:
        tasks: Name to task; picklable.
        work: Function of a module that every machine can import.
        workers: Most tasks at the same time, at least 1; of a local Ray, its CPUs.
        on_event: Called with everything that happens, in this process.
        address: Of the cluster to join, such as 10.0.0.1:6379, or auto for the one on this
            machine; None starts a local one, and ends it.

    Raises:
        ValueError: the cluster cannot be joined.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the workers have stopped then.
    """
    with _cluster(address, workers):
        here = ray.get_runtime_context().get_node_id()
        beside = NodeAffinitySchedulingStrategy(node_id=here, soft=False)
        box: Any = ray.remote(num_cpus=0)(_Mailbox)
        mailbox = box.options(scheduling_strategy=beside).remote()
        serve = ray.remote(num_cpus=1, max_retries=RETRIES, runtime_env={"env_vars": ONE_THREAD})(
            _serve
        )
        queue, busy = deque(tasks), dict[Any, str]()
        try:
            while queue or busy:
                while queue and len(busy) < workers:
                    name = queue.popleft()
                    busy[serve.remote(name, tasks[name], work, mailbox)] = name
                ended, _ = ray.wait(list(busy), timeout=POLL_SECONDS)
                for told in ray.get(mailbox.take.remote()):
                    on_event(Event(*told))
                for reference in ended:
                    on_event(_end_of(busy.pop(reference), reference))
        finally:
            _stop(mailbox, list(busy))


def _serve(name: str, task: Any, work: Work, mailbox: Any) -> tuple[str, Any]:
    """Do a task, in a worker; return the kind and the detail of its last event."""

    def tell(kind: str, detail: Any = None) -> None:
        if ray.get(mailbox.put.remote(name, kind, detail)):
            raise KeyboardInterrupt

    try:
        tell("started")
        work(task, lambda detail: tell("progress", detail))
    except KeyboardInterrupt:
        return "failed", ("it was told to stop", "")
    except Exception as error:
        return "failed", failure(error)
    return "done", None


def _end_of(name: str, reference: Any) -> Event:
    """Return the last event of a task."""
    try:
        return Event(name, *ray.get(reference))
    except RayTaskError as error:  # it did not even begin
        return Event(name, "failed", (str(error).strip().rpartition("\n")[2], str(error)))
    except RayError as error:
        why = str(error).partition("\n")[0]
        return Event(name, "failed", (f"its worker died {RETRIES + 1} times; at last: {why}", ""))


def _stop(mailbox: Any, busy: list[Any]) -> None:
    """Let the workers save what they have, and end them; a second Ctrl-C ends them at once."""
    left = busy
    try:
        with suppress(RayError):
            ray.get(mailbox.stop.remote())
            if busy:
                _, left = ray.wait(busy, num_returns=len(busy), timeout=SECONDS_TO_SAVE)
    finally:
        # Not those that have ended: to cancel what ends at that moment, Ray ends this process.
        for reference in left:
            ray.cancel(reference, force=True)
        ray.kill(mailbox)


@contextmanager
def _cluster(address: str | None, workers: int) -> Iterator[None]:
    """Join a cluster, or start one, for as long as the tasks go on; or stay in one."""
    if address is not None:
        _refuse_unreachable(address)
    if ray.is_initialized():
        yield
        return
    mine = {
        "address": "local",
        "num_cpus": workers,
        "include_dashboard": False,
        "object_store_memory": OBJECT_STORE_BYTES,
    }
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        # Workers write into the folder of their run; their output would tear the live view.
        ray.init(
            **(mine if address is None else {"address": address}),
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, RuntimeError, ValueError) as error:
        where = "start a local Ray" if address is None else f"join the Ray cluster at {address!r}"
        raise ValueError(f"cannot {where}: {error}") from error
    finally:
        # Ray sets its own, which would end this process without letting anybody save.
        for number, handler in handlers.items():
            signal.signal(number, handler)
    try:
        yield
    finally:
        ray.shutdown()


def _refuse_unreachable(address: str) -> None:
    """Raise ValueError if nothing answers at an address: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host:
        return
    try:
        if "/" in host or not port.isdecimal():
            raise OSError("it is not of the form host:port")
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"cannot join the Ray cluster at {address!r}: {error}; start this command on a machine "
            "of the cluster, with the address that `ray start --head` printed, or auto"
        ) from error
