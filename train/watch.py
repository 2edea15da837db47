"""What a terminal shows while a comparison goes on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from empathy_loop.train.cells import Status
from empathy_loop.train.pool import Event

LINES_PER_RUN = 4
"""Lines that a run in training writes where there is no terminal."""
OTHER_LINES = 5
"""Lines of a terminal that the live table needs for its heading and its caption."""
COLOURS = {"queued": "dim", "training": "cyan", "evaluating": "cyan", "done": "green"}


@dataclass
class _Row:
    """What is known of a run."""

    steps: int
    state: str = "queued"
    status: Status = field(default_factory=lambda: Status("queued"))
    lines: int = 0

    @property
    def share(self) -> float:
        """Share of the run's steps that are done, 0 to 1."""
        if self.state in ("done", "evaluating"):
            return 1.0
        return min(1.0, self.status.done / max(self.steps, 1))

    @property
    def is_running(self) -> bool:
        """Return whether it has begun and not ended."""
        return self.state not in ("queued", "done", "failed")

    @property
    def seconds_to_go(self) -> float | None:
        """Return how long training will still take, or None if that is not known yet."""
        if not self.status.rate:
            return None
        return max(0, self.steps - self.status.done) / self.status.rate


class ComparisonView:
    """A live table of runs, or of those that run or failed; plain lines where there is no terminal.

    Args:
        console: Where to write.
        workers: Runs at the same time.
    """

    def __init__(self, console: Console, workers: int) -> None:
        self.failures: dict[str, tuple[str, str]] = {}
        self._console = console
        self._workers = workers
        self._started = time.monotonic()
        self._rows: dict[str, _Row] = {}
        self._live = Live(
            console=console, refresh_per_second=4, get_renderable=self._table, transient=True
        )

    def __enter__(self) -> ComparisonView:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def expect(self, steps: Mapping[str, int], finished: Iterable[str]) -> None:
        """Take note of runs that events will be about.

        Args:
            steps: Name of each to the agent steps that it trains, 0 for one that does not.
            finished: Names of those that were finished before.
        """
        self._rows |= {name: _Row(count) for name, count in steps.items()}
        for name in finished:
            self._rows[name].state = "done"

    def on_event(self, event: Event) -> None:
        """Take note of what happened to a run."""
        row = self._rows[event.name]
        if event.kind == "progress":
            row.state, row.status = event.detail.stage, event.detail
        elif event.kind == "failed":
            row.state = "failed"
            self.failures[event.name] = event.detail
        else:
            row.state = event.kind
        if not self._console.is_terminal:
            self._write_line(event, row)

    def _write_line(self, event: Event, row: _Row) -> None:
        lines = int(LINES_PER_RUN * row.share)
        if event.kind == "progress" and lines <= row.lines:
            return
        row.lines = lines
        text = f"{self._elapsed()}  {event.name}: {row.state}"
        if row.state == "training":
            text += f" {row.share:.0%}, {row.status.rate:,.0f} steps/s, {self._to_go()}"
        elif event.kind == "failed":
            text += f": {event.detail[0]}"
        self._console.print(text, highlight=False)

    def _table(self) -> Table:
        table = Table(title=None, caption=self._caption(), box=None)
        for name, justify in (("run", "left"), ("", "left"), ("state", "left")):
            table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]  # a literal each
        for name in ("steps/s", "to go", "welfare"):
            table.add_column(name, justify="right", no_wrap=True)
        for name in self._shown():
            row = self._rows[name]
            table.add_row(name, ProgressBar(1.0, row.share, 24), *self._entries(name, row))
        return table

    def _shown(self) -> list[str]:
        """Return the names of the runs that the terminal has room for: running and failed first."""
        room = max(2, self._console.size.height - OTHER_LINES)
        if len(self._rows) <= room:
            return list(self._rows)
        failed = [name for name, row in self._rows.items() if row.state == "failed"]
        running = [name for name, row in self._rows.items() if row.is_running]
        # Neither may hide the other; of failures, those that are last in the table are shown.
        room_of_failed = max(room // 2, room - len(running))
        failed = failed[-room_of_failed:]
        return [*running[: room - len(failed)], *failed]

    def _caption(self) -> str:
        states = [row.state for row in self._rows.values()]
        counts = {state: states.count(state) for state in ("queued", "done", "failed")}
        counts["running"] = len(states) - sum(counts.values())
        order = ("queued", "running", "done", "failed")
        said = ", ".join(f"{counts[state]} {state}" for state in order if counts[state])
        return f"{said}; {self._elapsed()} elapsed, {self._to_go()}"

    def _entries(self, name: str, row: _Row) -> list[str]:
        if row.state == "failed":
            return [f"[red]failed: {self.failures[name][0]}", "", "", ""]
        state = f"[{COLOURS.get(row.state, 'cyan')}]{row.state}"
        if row.state != "training" or row.seconds_to_go is None:
            return [state, "", "", ""]
        rate, welfare = f"{row.status.rate:,.0f}", f"{row.status.welfare:.2f}"
        return [state, rate, _clock(row.seconds_to_go), welfare]

    def _elapsed(self) -> str:
        return _clock(time.monotonic() - self._started)

    def _to_go(self) -> str:
        rates = [row.status.rate for row in self._rows.values() if row.status.rate]
        if not rates:
            return "measuring the speed"
        left = sum(
            max(0, row.steps - row.status.done)
            for row in self._rows.values()
            if row.state not in ("done", "evaluating", "failed")
        )
        return f"about {_clock(left / (self._workers * sum(rates) / len(rates)))} to go"


def _clock(seconds: float) -> str:
    """Return minutes and seconds."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
