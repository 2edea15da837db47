"""Tasks run in processes of their own; one that fails or dies takes nothing else along."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from empathy_loop.train import pool
from empathy_loop.train.pool import ONE_THREAD, Event, run_stages, run_tasks

# Workers import what they do by name, so that it has to stand in a module of its own.
MODULE = """
import os, signal, time
from pathlib import Path

from empathy_loop.envs.params import WorldParams


def do(task, report):
    what, argument = task
    globals()[what](argument, report)


def tell(argument, report):
    threads = {name: os.environ.get(name) for name in argument}
    report((os.getpid(), threads, signal.getsignal(signal.SIGINT) == signal.SIG_IGN))


def count(argument, report):
    for number in range(argument):
        report(number)


def refuse(argument, report):
    WorldParams(horizon=argument)


def break_down(argument, report):
    {}[argument]


def die(argument, report):
    os.kill(os.getpid(), argument)
    time.sleep(600)


def leave(argument, report):
    os._exit(argument)


def go_on_until_told(argument, report):
    try:
        while True:
            report("at it")
            time.sleep(0.01)
    finally:
        Path(argument).write_text("saved")


def wait_for(argument, report):
    mine, theirs = map(Path, argument)
    mine.touch()
    deadline = time.monotonic() + 60
    while not theirs.exists():
        if time.monotonic() > deadline:
            raise RuntimeError("the other task never ran beside this one")
        time.sleep(0.01)
"""


@pytest.fixture
def do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, Any], None]:
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "work_of_a_pool.py").write_text(MODULE)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "work_of_a_pool", raising=False)
    import work_of_a_pool  # type: ignore[import-not-found]  # written just now

    work: Callable[[Any, Any], None] = work_of_a_pool.do
    return work


def run(tasks: dict[str, Any], do: Any, workers: int = 1) -> list[Event]:
    """Return all that happened."""
    events: list[Event] = []
    run_tasks(tasks, do, workers, events.append)
    return events


def test_a_stage_is_asked_for_when_the_one_before_is_done_and_has_the_same_processes(
    do: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[pool._Worker] = []

    class Counted(pool._Worker):
        def __init__(self, work: Any) -> None:
            started.append(self)
            super().__init__(work)

    monkeypatch.setattr(pool, "_Worker", Counted)
    events: list[Event] = []
    done_before: list[list[str]] = []

    def stages() -> Iterator[dict[str, Any]]:
        for tasks in ({"a": ("count", 1), "b": ("count", 0)}, {}, {"c": ("count", 0)}):
            done_before.append([event.name for event in events if event.kind == "done"])
            yield tasks

    run_stages(stages(), do, 1, events.append)
    assert done_before == [[], ["a", "b"], ["a", "b"]]
    assert events[-1] == Event("c", "done")
    assert len(started) == 1


def test_tasks_are_done_once_in_their_order_and_report(do: Any) -> None:
    events = run({"b": ("count", 2), "a": ("count", 1), "c": ("count", 0)}, do)
    assert events == [
        Event("b", "started"),
        Event("b", "progress", 0),
        Event("b", "progress", 1),
        Event("b", "done"),
        Event("a", "started"),
        Event("a", "progress", 0),
        Event("a", "done"),
        Event("c", "started"),
        Event("c", "done"),
    ]


def test_a_worker_has_one_thread_is_deaf_to_ctrl_c_and_serves_again(
    do: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    handler = signal.getsignal(signal.SIGINT)
    events = run(dict.fromkeys(("a", "b"), ("tell", list(ONE_THREAD))), do)
    one, other = (event.detail for event in events if event.kind == "progress")
    process, threads, is_deaf = one
    assert process != os.getpid()
    assert set(threads.values()) == {"1"}
    assert is_deaf
    assert other[0] == process
    # What was set for the workers does not stay.
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert "MKL_NUM_THREADS" not in os.environ
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_task_that_fails_is_explained_and_the_others_are_done(do: Any) -> None:
    events = run({"bad": ("refuse", 2), "broken": ("break_down", "key"), "good": ("count", 0)}, do)
    failed = {event.name: event.detail for event in events if event.kind == "failed"}
    assert failed.keys() == {"bad", "broken"}
    assert failed["bad"][0] == "horizon must be in [3, 100000], got 2"
    assert failed["broken"][0] == "KeyError: 'key'"
    assert "in break_down" in failed["broken"][1]
    assert events[-1] == Event("good", "done")


def test_a_worker_that_dies_is_reported_and_replaced(do: Any) -> None:
    tasks = {"dies": ("die", signal.SIGKILL), "leaves": ("leave", 3), "good": ("count", 0)}
    events = run(tasks, do)
    failed = {event.name: event.detail[0] for event in events if event.kind == "failed"}
    assert failed == {
        "dies": "its process was killed (SIGKILL), perhaps for want of memory",
        "leaves": "its process ended with exit code 3",
    }
    assert events[-1] == Event("good", "done")


def test_two_workers_work_at_the_same_time(do: Any, tmp_path: Path) -> None:
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    tasks = {"a": ("wait_for", (one, other)), "b": ("wait_for", (other, one))}
    events = run(tasks, do, workers=2)
    assert {event.name for event in events if event.kind == "done"} == {"a", "b"}


def test_ctrl_c_lets_every_worker_save_and_end(do: Any, tmp_path: Path) -> None:
    seen: set[str] = set()

    def interrupt_when_both_work(event: Event) -> None:
        if event.kind == "progress":
            seen.add(event.name)
        if seen == {"a", "b"}:
            raise KeyboardInterrupt

    tasks = {name: ("go_on_until_told", str(tmp_path / name)) for name in ("a", "b", "never")}
    with pytest.raises(KeyboardInterrupt):
        run_tasks(tasks, do, 2, interrupt_when_both_work)
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == "saved"
    assert not (tmp_path / "never").exists()
