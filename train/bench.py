"""How fast the worlds and the learners are, and how much room the world leaves for empathy."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from empathy_loop.envs.params import Range, WorldParams, check_ranges
from empathy_loop.envs.partners import SCRIPTED
from empathy_loop.train.actors import ScriptedActor
from empathy_loop.train.bench_report import Changes, Report, changes, read_report, report_of
from empathy_loop.train.config import DEFAULT_ENV
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.files import check_out, write_json
from empathy_loop.train.outcomes import outcomes
from empathy_loop.train.timing import measure
from empathy_loop.train.workloads import COST_OF, workloads_of

FOLDER = Path("results", "bench")
WHATS = ("env", "train", "gpu", "policies", "all")
POLICY_EPISODES = 1024
"""Worlds behind each row of the table of policies."""
POLICY_SEED = 0
WIDTH = 120
"""Columns for a table where the output is no terminal, such as a file."""


@dataclass(frozen=True)
class Request:
    """What to measure, how thoroughly, and where the numbers go.

    Raises:
        ValueError: a field is out of its range, or asks of policies what only speeds have.
    """

    what: str
    """env, train, all (both of them), gpu, or policies, which measures no speed."""
    repeats: Annotated[int, Range(1, 1000)] = 5
    """Rounds of measurements, 1 to 1000."""
    seconds: Annotated[float, Range(0, 3600, low_open=True)] = 1.0
    """Least length of one measurement, in seconds, above 0, at most 3600."""
    out: Path | None = None
    """File for the numbers; None for results/bench/<what>.json."""
    against: Path | None = None
    """Earlier file to compare with; None for no comparison."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.what not in WHATS:
            raise ValueError(f"what must be one of {', '.join(WHATS)}, got {self.what!r}")
        for name in ("out", "against"):
            path = getattr(self, name)
            if self.what == "policies" and path is not None:
                raise ValueError(
                    f"bench policies measures no speed and knows no {name}, got {str(path)!r}; "
                    "leave it away, or bench env, train, all or gpu"
                )


def bench(request: Request, console: Console) -> None:
    """Measure, print tables, and write the numbers of speeds as JSON.

    Args:
        request: What to measure. The earlier file is read first: both may be the same.
        console: Where to print.

    Raises:
        OSError: a file cannot be read or written.
        ValueError: no file can be written there; the earlier file is not one that this function
            wrote; or gpu is asked for, and there is no CUDA device, or not all that it needs.
    """
    if not console.is_terminal:
        console = Console(file=console.file, width=WIDTH)
    if request.what == "policies":
        with console.status("playing"):
            tables = {title: policy_table(params) for title, params in _policy_worlds().items()}
        for title, table in tables.items():
            console.print(f"\n[bold]{title}[/]\n", table, highlight=False)
        return
    path = FOLDER / f"{request.what}.json" if request.out is None else request.out
    check_out(path, is_folder=False)
    earlier = None if request.against is None else read_report(request.against)
    with console.status("making worlds and learners") as status:
        measurements = measure(
            workloads_of(request.what), request.repeats, request.seconds, status.update
        )
    report = report_of(request.what, measurements, request.repeats, request.seconds)
    print_report(console, report)
    if earlier is not None:
        print_changes(console, changes(earlier, report), f"{request.against}, {earlier['date']}")
    _print(console, f"\nWritten to {write_json(path, report)}")


def print_report(console: Console, report: Report) -> None:
    """Print where and what was measured, and the ratios that follow.

    Args:
        console: Where to print.
        report: What `train.bench_report.report_of` returned.
    """
    machine, memory = report["hardware"], report["hardware"]["memory_mib"]
    parts = [machine["processor"], f"{machine['cores']} cores"]
    parts += [] if memory is None else [f"{memory:,.0f} MiB"]
    _print(console, f"{', '.join(parts)}, {machine['system']}; {report['date']}")
    _print(console, ", ".join(f"{name} {number}" for name, number in report["versions"].items()))
    _print(console, f"{report['repeats']} repeats of at least {report['seconds']:g} s each\n")
    rows = [
        [entry["name"], *_rates(entry), entry["unit"]]
        for entry in sorted(report["measurements"], key=lambda entry: entry["role"] != "ceiling")
    ]
    _print_table(console, ("measured", "median", "lowest", "highest", "unit"), rows)
    _print_training(console, report)
    _print_growth(console, report)
    if report["peak_memory_mib"] is not None:
        peak = f"{report['peak_memory_mib']:,.0f} MiB"
        _print(console, f"\nThe most memory that this process held: {peak}")


def print_changes(console: Console, found: Changes, earlier: str) -> None:
    """Print how two reports compare.

    Args:
        console: Where to print.
        found: What `train.bench_report.changes` returned.
        earlier: What the earlier report is, in words.
    """
    _print(console, f"\nAgainst {earlier} (ratio of medians; above 1 is faster)\n")
    rows = [
        [name, _rate(then), _rate(now), f"{ratio:.3f}", unit]
        for name, unit, then, now, ratio in found.both
    ]
    _print_table(console, ("measured", "then", "now", "now / then", "unit"), rows)
    for names, when in ((found.only_now, "now"), (found.only_then, "then")):
        for name in names:
            _print(console, f"only {when}: {name}")


def policy_table(params: WorldParams) -> Table:
    """Return what every scripted policy reaches when it has all seats of a world.

    Args:
        params: The rules.

    Returns:
        Table of W, welfare of an episode with its standard error over worlds; D, mean drive; G,
        helps in one world's episode; M, share of them that were misattuned.
    """
    table = _table(("policy", "W", "+-", "D", "G", "M"))
    for name in SCRIPTED:
        log = run_episodes(ScriptedActor(name), params, POLICY_EPISODES, POLICY_SEED)
        found = outcomes(log)
        error = float(log.welfare.sum(0).std(ddof=1)) / math.sqrt(POLICY_EPISODES)
        helps = found["helps"]
        missed = f"{1.0 - found['help_precision']:.2f}" if helps else "-"
        numbers = (found["welfare"], error, found["drive"])
        table.add_row(name, *(f"{number:.2f}" for number in numbers), f"{helps:.1f}", missed)
    return table


def _policy_worlds() -> dict[str, WorldParams]:
    default = WorldParams()
    title = f"{DEFAULT_ENV}, one {default.shift} in each of {POLICY_EPISODES} episodes"
    every_face = dataclasses.replace(default, idiosyncratic_share=1.0)
    return {title: default, f"{title}, every face idiosyncratic": every_face}


def _print_training(console: Console, report: Report) -> None:
    """Print where the time of training goes, how near it comes to its floor, and what it costs.

    Nothing where no arm was trained.
    """
    entries = [entry for entry in report["measurements"] if entry["time_shares"] is not None]
    if not entries:
        return
    parts = list(entries[0]["time_shares"])
    title = (
        f"Time as a multiple of that of {COST_OF}, rate as a share of the floor's, shares of time"
    )
    _print(console, f"\n{title}\n")
    rows = []
    for entry in entries:
        share, times = entry["share_of_floor"], entry["time_shares"].values()
        spread = [None if share is None else share[key] for key in ("median", "lowest", "highest")]
        numbers = (entry["cost"]["median"], *spread, *times)
        cells = ("-" if number is None else f"{number:.3f}" for number in numbers)
        rows.append([entry["name"], *cells])
    headings = ("trained", f"time / {COST_OF}", "share of the floor", "lowest", "highest", *parts)
    _print_table(console, headings, rows)


def _print_growth(console: Console, report: Report) -> None:
    """Print how the cost of an agent step grows with the number of agents; or nothing."""
    growth = report["growth"]
    if not growth:
        return
    fewest = min(entry["agents"] for entry in growth)
    _print(console, f"\nTime of an agent step, as a ratio to that with {fewest} agents\n")
    rows = []
    for entry in growth:
        costs = [entry["cost"][key] for key in ("median", "lowest", "highest")]
        numbers = (f"{number:.2f}" for number in (*costs, entry["linear"]))
        rows.append([str(entry["agents"]), *numbers])
    _print_table(console, ("agents", "ratio", "lowest", "highest", "if it grew as agents do"), rows)


def _rates(entry: Report) -> list[str]:
    return [_rate(entry[key]) for key in ("median", "lowest", "highest")]


def _rate(number: float) -> str:
    """Return a rate with at least three digits."""
    return f"{number:,.0f}" if number >= 1000.0 else f"{number:.3g}"


def _print_table(console: Console, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = _table(headings)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _table(headings: Sequence[str]) -> Table:
    """Return an empty table: names on the left, numbers on the right."""
    table = Table(box=None)
    for number, heading in enumerate(headings):
        left = number == 0 or heading == "unit"
        table.add_column(heading, justify="left" if left else "right")
    return table


def _print(console: Console, what: Any) -> None:
    """Print text as it stands, in lines as long as they are."""
    console.print(what, markup=False, highlight=False, soft_wrap=True)
