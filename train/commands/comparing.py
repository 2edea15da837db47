"""To compare arms, to report a comparison again, and to check a published one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from rich.console import Console
from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction, arg

from empathy_loop.train.commands.options import Assignments, shown_default
from empathy_loop.train.errors import EXIT_DIFFERENT


@dataclass(frozen=True)
class Compare:
    """Train several arms over several seeds, shift their worlds, and report who adapts.

    Interrupted and run again, it goes on where it was. Example: empathy-loop compare quick

    Your agent beside published ones: empathy-loop compare --against empathy --agent mine:Agent
    """

    name: Annotated[Positional[str | None], shown_default("none, with --against")] = None
    """Comparison, one of `empathy-loop list comparisons`, or a TOML file of your own."""
    out: Annotated[Path | None, shown_default("results/NAME")] = None
    """Folder for the runs, the report, the pictures and results.json."""
    workers: Annotated[int | None, shown_default("the comparison's")] = None
    """Runs trained at the same time, each in its own process with one thread, 1 to 1024."""
    only: tuple[str, ...] = ()
    """Runs to finish, such as cognitive-s0, leaving all others as they are; none for all."""
    list_runs: Annotated[bool, FlagCreatePairsOff] = False
    """Print the names of all runs, one a line, and do nothing."""
    engine: Literal["pool", "ray"] = "pool"
    """pool: processes of this machine; ray: Ray, on machines that all share the folder."""
    ray_address: Annotated[str | None, shown_default("a local Ray is started")] = None
    """Ray cluster to join, such as 10.0.0.1:6379, or auto for that of this machine."""
    demonstrations: Annotated[Path | None, shown_default("none")] = None
    """Folder of recorded episodes of people or policies, for arms that learn from others."""
    against: Annotated[str | None, shown_default("none")] = None
    """Finished comparison to add agents to: a folder, or one of `empathy-loop list references`."""
    agents: Annotated[UseAppendAction[tuple[str, ...]], arg(name="agent", metavar="AGENT")] = ()
    """With --against: folder of a run, scripted agent or package.module:Class; may be repeated."""
    assignments: Assignments = ()
    """Any other setting of the comparison, such as steps=100_000; may be repeated."""

    def run(self, console: Console) -> None:
        """Compare, then print the table and where the report is."""
        from empathy_loop.train.comparisons import load_comparison
        from empathy_loop.train.config import given, merge, parse_assignments
        from empathy_loop.train.plan import plan_runs
        from empathy_loop.train.reference import load_reference, refuse_mixture

        shown = None if self.demonstrations is None else str(self.demonstrations)
        options = given(workers=self.workers, demonstrations=shown)
        changes = merge(options, parse_assignments(self.assignments))
        whole = given(
            only=self.only or None,
            list_runs=self.list_runs or None,
            engine=None if self.engine == "pool" else self.engine,
            ray_address=self.ray_address,
        )
        refuse_mixture(self.name, self.against, self.agents, {**changes, **whole})
        if self.against is not None:
            from empathy_loop.train.against import compare_against
            from empathy_loop.train.tables import print_comparison

            reference = load_reference(self.against)
            folder = self.out or Path("results", f"against-{reference.name}")
            results = compare_against(reference, self.agents, folder, console)
            print_comparison(console, results, folder)
            return
        config = load_comparison(str(self.name), changes)
        if self.list_runs:
            print(*(run.name for run in plan_runs(config)), sep="\n")
            return
        # Imported so late because each task of a job array lists the runs first.
        from empathy_loop.train.compare import compare, engine_of
        from empathy_loop.train.tables import print_comparison

        folder = self.out or Path("results", config.name)
        engine = engine_of(self.engine, self.ray_address)
        found = compare(config, folder, console, self.only, engine)
        if found is not None:
            print_comparison(console, found, folder)


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


@dataclass(frozen=True)
class Verify:
    """Train a few runs of a published comparison anew, and say whether they come out again.

    The exit code is 1 if one does not. Example: empathy-loop verify empathy
    """

    reference: Positional[str] = "empathy"
    """Finished comparison, a folder or one of `empathy-loop list references`."""
    runs: int = 1
    """Seeds to train of each of the two arms of its first contrast, at least 1."""
    out: Annotated[Path | None, shown_default("results/verify-REFERENCE-RUNS")] = None
    """Folder for the runs and their report."""

    def run(self, console: Console) -> int:
        """Train, compare and print the verdicts."""
        from empathy_loop.train.reference import load_reference
        from empathy_loop.train.tables import print_verdicts
        from empathy_loop.train.verify import verify

        reference = load_reference(self.reference)
        folder = self.out or Path("results", f"verify-{reference.name}-{self.runs}")
        verdicts = verify(reference, self.runs, folder, console)
        print_verdicts(console, verdicts, reference, folder)
        return EXIT_DIFFERENT if not all(one.is_inside for one in verdicts) else 0
