"""To compare arms, to report a comparison again, and to check a published one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import Positional

from empathy_loop.train.commands.options import Assignments, shown_default


@dataclass(frozen=True)
class Compare:
    """Train several arms over several seeds, shift their worlds, and report who adapts.

    Interrupted and run again, it goes on where it was. Example: empathy-loop compare quick
    """

    name: Positional[str]
    """Comparison, one of `empathy-loop list comparisons`, or a TOML file of your own."""
    out: Annotated[Path | None, shown_default("results/NAME")] = None
    """Folder for the runs, the report, the pictures and results.json."""
    workers: Annotated[int | None, shown_default("the comparison's")] = None
    """Runs trained at the same time, each in its own process with one thread, 1 to 1024."""
    assignments: Assignments = ()
    """Any other setting of the comparison, such as steps=100_000; may be repeated."""

    def run(self, console: Console) -> None:
        """Compare, then print the table and where the report is."""
        from empathy_loop.train.compare import compare
        from empathy_loop.train.config import given, merge, parse_assignments
        from empathy_loop.train.plan import load_comparison
        from empathy_loop.train.tables import print_comparison

        changes = merge(given(workers=self.workers), parse_assignments(self.assignments))
        config = load_comparison(self.name, changes)
        folder = Path("results", config.name) if self.out is None else self.out
        results = compare(config, folder, console)
        print_comparison(console, results, folder)


@dataclass(frozen=True)
class Report:
    """Draw the report of a comparison again from its results, without training anything.

    Example: empathy-loop report results/quick
    """

    source: Positional[Path]
    """Folder of a comparison, or a file with its results."""
    out: Annotated[Path | None, shown_default("that folder, or one named as the file")] = None
    """Folder for report.html, report.png and the pictures."""

    def run(self, console: Console) -> None:
        """Read, check and draw."""
        from empathy_loop.train.report import report_again

        with console.status("drawing"):
            page = report_again(self.source, self.out)
        console.print(f"Written to {page}, and as one picture beside it")
