"""What a terminal shows while training goes on."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from empathy_loop.train import loop

LINES_PER_RUN = 10
"""Lines that a run writes where there is no terminal."""


class TrainingProgress:
    """A bar with steps, steps per second, time to go, drive and help precision.

    Where the output is no terminal, ten plain lines take its place.

    Args:
        console: Where to write.
        name: Name of the run.
    """

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._lines = 0
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            _MetricColumn("drive", "charts/drive"),
            _MetricColumn("help precision", "charts/help_precision"),
            console=console,
            disable=not console.is_terminal,
            expand=True,
        )
        self._task = self._bar.add_task(name, total=None, rate="", metrics={})

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def update(self, progress: loop.Progress) -> None:
        """Show how far the run is."""
        rate = f"{progress.metrics['charts/steps_per_second']:,.0f} steps/s"
        done = min(progress.agent_steps, progress.total)
        self._bar.update(
            self._task,
            total=progress.total,
            completed=done,
            rate=rate,
            metrics=progress.metrics,
        )
        lines = LINES_PER_RUN * done // progress.total
        if not self._console.is_terminal and lines > self._lines:
            self._lines = lines
            metrics = progress.metrics
            self._console.print(
                f"{done:,} of {progress.total:,} steps, {rate}, drive "
                f"{metrics['charts/drive']:.2f}, "
                f"help precision {metrics['charts/help_precision']:.2f}",
                highlight=False,
            )


class _MetricColumn(ProgressColumn):
    """One number of the last update.

    Args:
        label: What to call it.
        name: Its logged name.
    """

    def __init__(self, label: str, name: str) -> None:
        super().__init__()
        self._label, self._name = label, name

    def render(self, task: Task) -> Text:
        """Return the label and the number, or nothing before the first update."""
        value = task.fields["metrics"].get(self._name)
        return Text("" if value is None else f"{self._label} {value:.2f}")
