"""Ray does what the pool does, on one or many machines; a worker that dies costs nothing.

All of Ray's start-up is paid here: once for the module, and once for the command of a user.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from extras import require
from rich.console import Console
from small_comparison import RUNS, SMALL, UPDATE, UPDATES

from empathy_loop.train.compare import compare, engine_of
from empathy_loop.train.comparisons import load_comparison
from empathy_loop.train.files import write_text
from empathy_loop.train.logging import METRICS, read_metrics
from empathy_loop.train.pool import ONE_THREAD, Event

pytestmark = pytest.mark.xdist_group("ray")

# Workers import what they do by name, so that it has to stand in a module of its own.
MODULE = """
import os, signal, time
from pathlib import Path


def do(task, report):
    what, argument = task
    globals()[what](argument, report)


def count(argument, report):
    for number in range(argument):
        report(number)


def tell(argument, report):
    report({name: os.environ.get(name) for name in argument})


def break_down(argument, report):
    {}[argument]


def die_once(argument, report):
    if not Path(argument).exists():
        Path(argument).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    report("alive")


def go_on_until_told(argument, report):
    try:
        while True:
            report("at it")
            time.sleep(0.01)
    finally:
        Path(argument).write_text("saved")
"""

Do = Callable[[Any, Any], None]


@pytest.fixture(scope="module")
def do(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Do]:
    """Start a local Ray with two CPUs, and return what its workers do."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "work_of_ray.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")  # a token would be written into the home folder
        ray = require("ray", "ray")
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=80 * 2**20,
        )
        import work_of_ray  # type: ignore[import-not-found]  # written just now

        yield work_of_ray.do
        ray.shutdown()


def run(tasks: dict[str, Any], do: Do) -> dict[str, list[Event]]:
    """Return what happened to each task."""
    events: dict[str, list[Event]] = {name: [] for name in tasks}
    engine_of("ray")(tasks, do, 2, lambda event: events[event.name].append(event))
    return events


def test_tasks_are_done_on_one_thread_and_a_dead_worker_is_replaced(do: Do, tmp_path: Path) -> None:
    events = run(
        {
            "count": ("count", 2),
            "dies": ("die_once", str(tmp_path / "died")),
            "broken": ("break_down", "key"),
            "tell": ("tell", list(ONE_THREAD)),
        },
        do,
    )
    assert events["count"] == [
        Event("count", "started"),
        Event("count", "progress", 0),
        Event("count", "progress", 1),
        Event("count", "done"),
    ]
    kinds = [event.kind for event in events["dies"]]
    assert kinds == ["started", "started", "progress", "done"]
    _, failed = events["broken"]
    assert failed.detail[0] == "KeyError: 'key'"
    assert "in break_down" in failed.detail[1]
    assert events["tell"][1].detail == ONE_THREAD


def test_ctrl_c_lets_every_worker_save_and_begins_no_other(
    do: Do, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()
    cancelled: list[Any] = []
    monkeypatch.setattr("ray.cancel", lambda *given, **_: cancelled.append(given))

    def interrupt_when_both_work(event: Event) -> None:
        if event.kind == "progress":
            seen.add(event.name)
        if seen == {"a", "b"}:
            raise KeyboardInterrupt

    tasks = {name: ("go_on_until_told", str(tmp_path / name)) for name in ("a", "b", "never")}
    with pytest.raises(KeyboardInterrupt):
        engine_of("ray")(tasks, do, 2, interrupt_when_both_work)
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == "saved"
    assert not (tmp_path / "never").exists()
    # Ray ends the whole process if it is told to cancel what ends at that moment.
    assert cancelled == []


def kill_a_worker() -> None:
    """Kill a worker of this process's Ray that is at a task."""
    command = ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    parents = {int(pid): int(ppid) for pid, ppid, _ in rows}
    for pid, _, args in rows:
        if args.startswith("ray::_serve") and parents.get(parents[int(pid)]) == os.getpid():
            os.kill(int(pid), signal.SIGKILL)
            return
    raise AssertionError("no worker is at a task")


def test_a_comparison_whose_worker_is_killed_has_the_results_of_one_without_ray(
    do: Do, tmp_path: Path, small_finished: Path
) -> None:
    comparison = load_comparison(str(write_text(tmp_path / "small.toml", SMALL)))
    console = Console(file=io.StringIO())
    begun: Counter[str] = Counter()

    def engine(tasks: Any, work: Any, workers: int, on_event: Callable[[Event], None]) -> None:
        def meddle(event: Event) -> None:
            is_beyond_a_save = event.kind == "progress" and event.detail.done > 50 * UPDATE
            if is_beyond_a_save and sum(begun.values()) == 2:
                kill_a_worker()
                begun["killed"] += 1
            begun[event.name] += event.kind == "started"
            on_event(event)

        engine_of("ray")(tasks, work, workers, meddle)

    by_ray = compare(comparison, tmp_path / "ray", console, engine=engine)
    assert begun.pop("killed") == 1
    assert sorted(begun.values()) == [1] * (len(RUNS) - 1) + [2]
    assert by_ray is not None and by_ray["failures"] == {}
    one, other = (folder / "results.json" for folder in (tmp_path / "ray", small_finished))
    assert one.read_bytes() == other.read_bytes()
    for name in RUNS[:2]:
        lines = read_metrics(tmp_path / "ray" / "runs" / name)
        steps = [line["step"] for line in lines if "charts/drive" in line]
        assert steps == [UPDATE * (number + 1) for number in range(UPDATES)]
        assert (tmp_path / "ray" / "runs" / name / METRICS).is_file()


def test_the_command_starts_a_ray_of_its_own(tmp_path: Path, monkeypatch: Any) -> None:
    require("ray", "ray")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    file = write_text(tmp_path / "small.toml", SMALL)
    script = str(Path(sys.executable).with_name("empathy-loop"))
    words = [script, "compare", str(file), "--out", str(tmp_path / "out"), "--engine", "ray"]
    done = subprocess.run([*words, "--only", RUNS[2]], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {path.stem for path in (tmp_path / "out" / "cells").iterdir()} == {RUNS[2]}
    assert json.loads((tmp_path / "out" / "results.json").read_text())["failures"] == {}


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:10001", "127.0.0.1:many"])
def test_a_cluster_that_is_not_there_is_refused_at_once(address: str) -> None:
    require("ray", "ray")
    with pytest.raises(ValueError, match=f"cannot join the Ray cluster at '{address}'.*ray start"):
        engine_of("ray", address)({}, print, 1, print)
