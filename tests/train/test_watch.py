"""The live view tells how far each run is, and with many of them what matters."""

from __future__ import annotations

import io

from rich.console import Console

from empathy_loop.train.cells import Status
from empathy_loop.train.pool import Event
from empathy_loop.train.watch import ComparisonView

MANY = [f"arm-s{number}" for number in range(100)]


def view_of(
    names: list[str], is_terminal: bool = True, lines: int = 24
) -> tuple[ComparisonView, Console]:
    console = Console(
        file=io.StringIO(), force_terminal=is_terminal, width=100, height=lines, color_system=None
    )
    view = ComparisonView(console, workers=4)
    view.expect(dict.fromkeys(names, 1000), names[:1])
    return view, console


def drawn(view: ComparisonView, console: Console) -> str:
    with console.capture() as capture:
        console.print(view._table())
    return capture.get()


def training(done: int, rate: float = 10.0) -> Status:
    return Status("training", done, 1000, rate, -5.0)


def test_few_runs_are_all_shown_with_their_state() -> None:
    view, console = view_of(["a", "b", "c", "d"])
    view.on_event(Event("b", "started"))
    view.on_event(Event("b", "progress", training(400)))
    view.on_event(Event("c", "failed", ("the disk is full", "")))
    rows = {line.split()[0]: line for line in drawn(view, console).splitlines() if line.strip()}
    assert "done" in rows["a"]
    # 600 steps at 10 a second.
    assert all(word in rows["b"] for word in ("training", "1:00", "-5.00"))
    assert "failed: the disk is full" in rows["c"]
    assert "queued" in rows["d"]
    assert "1 queued, 1 running, 1 done, 1 failed" in drawn(view, console)


def test_of_a_hundred_runs_a_terminal_shows_those_that_run_or_failed() -> None:
    view, console = view_of(MANY)
    for name in MANY[:60]:
        view.on_event(Event(name, "started"))
        view.on_event(Event(name, "done"))
    for name in MANY[60:64]:
        view.on_event(Event(name, "progress", training(100)))
    view.on_event(Event("arm-s7", "failed", ("it broke", "")))
    text = drawn(view, console)
    assert len(text.splitlines()) <= 24
    shown = [line.split()[0] for line in text.splitlines() if line.strip().startswith("arm-")]
    assert shown == [*MANY[60:64], "arm-s7"]
    assert "36 queued, 4 running, 59 done, 1 failed" in text


def test_neither_many_running_nor_many_failed_hide_the_other() -> None:
    view, console = view_of(MANY)
    for name in MANY[:50]:
        view.on_event(Event(name, "progress", training(100)))
    for name in MANY[50:]:
        view.on_event(Event(name, "failed", ("it broke for a reason " * 9, "")))
    text = drawn(view, console)
    assert len(text.splitlines()) <= 24
    assert text.count("training") >= 8
    assert text.count("failed: it broke") >= 8
    assert "50 running, 50 failed" in text


def test_without_a_terminal_a_run_writes_few_lines() -> None:
    view, console = view_of(["a", "b"], is_terminal=False)
    with view, console.capture() as capture:
        view.on_event(Event("b", "started"))
        for done in range(0, 1001, 50):
            view.on_event(Event("b", "progress", training(done)))
        view.on_event(Event("b", "progress", Status("evaluating")))
        view.on_event(Event("b", "done"))
    lines = capture.get().splitlines()
    assert len(lines) == 6
    assert lines[0].endswith("b: started")
    assert "b: training 25%, 10 steps/s, about" in lines[1]
    assert lines[-1].endswith("b: done")
