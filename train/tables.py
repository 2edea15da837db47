"""What the commands print when they are done: tables, and what to do next."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from empathy_loop.envs.populations import FOCAL
from empathy_loop.train.beliefs import PARTNERS, QUALITIES, SOURCES
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.markup import describe_seeds
from empathy_loop.train.outcomes import OUTCOMES
from empathy_loop.train.reference import Reference
from empathy_loop.train.report import REPORT, format_score
from empathy_loop.train.results import MEASURES, OVERALL, RESULTS, Measure
from empathy_loop.train.statistics import CONFIDENCE
from empathy_loop.train.sweep_tables import claim_tables
from empathy_loop.train.team_tables import team_tables
from empathy_loop.train.verify import MEASURES as VERIFIED
from empathy_loop.train.verify import Verdict
from empathy_loop.train.world_scores import MEASURES as ASSESSED

WIDTH = 120
"""Columns for a table where the output is no terminal, such as a file."""
NO_LIMIT = 10_000
"""More columns than any line needs."""
NARROW = 8
"""Columns of a number's parts where a table would be too wide for the terminal."""
LABEL = max(map(len, OUTCOMES))
"""Letters of the longest name of an outcome."""
MAIN = {
    name: MEASURES[name] for name in ("aurc", "deficit", "recovery_50", "welfare", "help_precision")
}
"""Measures of a comparison that fit into a terminal; the report has all."""
BELIEF = {"crisis_loss": "log loss, nats", "auroc": "AUROC", "calibration_error": "calibration"}
"""Name of each number of `belief_quality` and its heading."""

Parts = tuple[str, str, str]


def print_finished_run(
    console: Console, folder: Path, config: TrainConfig, found: Mapping[str, float]
) -> None:
    """Print what a trained agent came to, and what can be done with it now.

    Args:
        console: Where to print.
        folder: Folder of the run.
        config: The run.
        found: Its evaluation, as `train.outcomes` names the numbers.
    """
    place = shlex.quote(str(folder))
    _print(console, f"{folder} is finished: {config.agent.name}, {config.steps:,} agent steps.")
    _print(console, "On worlds that training never met:")
    for name, value in found.items():
        _print(console, f"  {name.replace('_', ' '):<{LABEL}} {value:7.2f}  {OUTCOMES[name]}")
    _print(console, "Next:")
    for command in (
        f"empathy-loop evaluate {place} reader --shift cue_remap",
        f"empathy-loop render {place} --out episode.gif",
        f"tensorboard --logdir {place}",
    ):
        _print(console, f"  {command}")


def print_assessment(console: Console, report: Mapping[str, Any]) -> None:
    """Print one table of scores for each cell of an evaluation, and one of beliefs.

    Args:
        console: Where to print.
        report: What `train.assess.assess` returned.
    """
    greedy = ", most probable actions" if report["greedy"] else ""
    partners = set(report["seats"]) != {FOCAL}
    seats = f", seats {' + '.join(report['seats'])}" if partners else ""
    headings = ("agent", *(name.replace("_", " ") for name in ASSESSED))
    changed = "".join(f", {name}={value}" for name, value in report["changed"].items())
    number = f"{report['episodes']} episode{'' if report['episodes'] == 1 else 's'}"
    for cell in report["cells"]:
        place = "without a shift" if cell == "none" else f"shift {cell}"
        title = f"{report['env']}{changed}, {place}, {number}{greedy}{seats}"
        rows = [
            (agent, *(_parts(report["scores"][agent][cell][name]) for name in ASSESSED))
            for agent in report["agents"]
        ]
        _print_table(console, title, headings, rows)
    rows = [
        (agent, "none" if cell == "none" else cell, *(f"{quality[name]:.3f}" for name in BELIEF))
        for agent, cells in report["belief"].items()
        for cell, quality in cells.items()
    ]
    if rows:
        _print_table(console, "Belief about others", ("agent", "shift", *BELIEF.values()), rows)
    _print_belief_reports(console, report["belief_report"])
    if partners:
        _print(console, "Each agent plays the focal seats; scores are those of the whole group.")
    _print_meanings(console, ASSESSED.items())
    _print(console, f"In brackets: {report['intervals']}.")


def print_comparison(console: Console, results: Mapping[str, Any], folder: Path) -> None:
    """Print the result of a comparison: a table for each shift, the headline, and the files.

    Args:
        console: Where to print.
        results: As `train.schema` documents them.
        folder: Folder of the comparison, with the report in it.
    """
    tables = {
        f"{shift['name']} ({'met in training' if shift['trained'] else 'held out of training'})": (
            {arm: scores[shift["name"]] for arm, scores in results["scores"].items()},
            MAIN,
        )
        for shift in results["shifts"]
    }
    if len(tables) > 1:
        tables["all shifts"] = (results["overall"], OVERALL)
    for title, (scores, measures) in tables.items():
        rows = [
            (arm["name"], (*describe_seeds(arm["seeds"]), ""), *_row(scores[arm["name"]], measures))
            for arm in results["arms"]
            if arm["name"] in scores
        ]
        headings = ("arm", "seeds", *(measure.title for measure in measures.values()))
        _print_table(console, title, headings, rows)
    for section in (*claim_tables(results), *team_tables(results)):
        entries = [
            [one if isinstance(one, str) else _parts(one or {}) for one in row]
            for row in section.rows
        ]
        _print_table(console, section.title, section.header, entries)
        _print(console, section.caption)
    _print_meanings(console, (measure[:2] for measure in (OVERALL | MAIN).values()))
    _print(console, f"{results['intervals']}\n{results.get('tested', '')}".strip())
    _print(console, Text(f"\n{results['headline']}", style="bold"))
    _print_lines(console, "Not significant:", results["not_significant"])
    failures = (f"{name}: {reason}" for name, reason in results["failures"].items())
    _print_lines(console, "Failed, and left out:", list(failures))
    pictures = sorted(path for path in folder.iterdir() if path.suffix in (".png", ".gif"))
    paths = [folder / REPORT, folder / RESULTS, *pictures]
    _print_lines(console, "Written:", [str(path) for path in paths])


def print_verdicts(
    console: Console, verdicts: Sequence[Verdict], reference: Reference, folder: Path
) -> None:
    """Print what of a published comparison has come out again.

    Args:
        console: Where to print.
        verdicts: Of `train.verify.verify`.
        reference: What was published.
        folder: Where it was made again.
    """
    rows = [
        (
            one.run,
            VERIFIED[one.measure].title,
            _parts(one.mean, 3),
            f"[{one.low:z.3f}, {one.high:z.3f}]",
            f"{one.then:z.3f}",
            "failed" if one.now is None else f"{one.now:z.3f}",
            "inside" if one.is_inside else "OUTSIDE",
        )
        for one in verdicts
    ]
    headings = ("run", "measure", "mean of the arm", "one more run", "published", "here", "verdict")
    _print_table(console, f"{reference.name}, made again", headings, rows)
    _print(
        console,
        "One more run: the t-based prediction interval over the published seeds, mean +- t s "
        f"sqrt(1 + 1/n); all {len(verdicts)} hold together with {CONFIDENCE:.0%} (Bonferroni). "
        "It is wider than the interval of the published mean, for a run spreads as runs do.",
    )
    for one in verdicts:
        for arm in one.alike:
            _print(
                console,
                f"{one.run}, {VERIFIED[one.measure].title}: the published mean of {arm} lies "
                "inside too, so that this number could not have told the two arms apart.",
            )
    _print_meanings(console, (measure[:2] for measure in VERIFIED.values()))
    inside = sum(one.is_inside for one in verdicts)
    same = sum(one.now == one.then for one in verdicts)
    _print(
        console,
        f"{inside} of {len(verdicts)} inside, {same} the same to the last digit. The whole report "
        f"of these runs: {folder / REPORT}",
    )


def _print_belief_reports(console: Console, reports: Mapping[str, Any]) -> None:
    """Print one table of what agents know of others' needs, and what its words mean."""
    rows = [
        (agent, partners.replace("_", " "), source, *(_number(scores[name]) for name in QUALITIES))
        for agent, report in reports.items()
        for partners, sources in report.items()
        for source, scores in sources.items()
    ]
    if rows:
        measures = (BELIEF.get(name, name.replace("_", " ")) for name in QUALITIES)
        headings = ("agent", "partners", "source", *measures)
        _print_table(console, "What is known of others' needs", headings, rows)
        _print_meanings(console, (PARTNERS | SOURCES | QUALITIES).items())


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _row(scores: Mapping[str, Any], measures: Mapping[str, Measure]) -> list[Parts]:
    return [_parts(scores.get(name) or {}, measure.digits) for name, measure in measures.items()]


def _parts(score: Mapping[str, Any], digits: int = 2) -> Parts:
    """Return a number, its interval, and what must be said beside it; each may be empty."""
    mean, interval = format_score({**score, "note": ""} if score else None, digits)
    return mean, interval, score.get("note", "")


def _print_table(
    console: Console, title: str, headings: Sequence[str], rows: Sequence[Sequence[str | Parts]]
) -> None:
    """Print names on the left and numbers on the right.

    Where space lacks, intervals are broken; where that is not enough, one table becomes two.
    """
    if not console.is_terminal:
        console = Console(file=console.file, width=WIDTH)
    unlimited = console.options.update(width=NO_LIMIT)
    for width in (NO_LIMIT, NARROW):
        table = _table(title, headings, rows, width)
        fits = console.measure(table, options=unlimited).maximum <= console.width
        if fits or (width == NARROW and len(headings) < 3):
            console.print(table)
            return
    half = 1 + len(headings) // 2
    for name, part in ((title, slice(1, half)), (f"{title}, continued", slice(half, None))):
        parts = [[row[0], *row[part]] for row in rows]
        _print_table(console, name, [headings[0], *headings[part]], parts)


def _table(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str | Parts]], width: int
) -> Table:
    """Return a table in which parts of numbers are at most so wide, if words allow it."""
    table = Table(title=Text(title, "bold"), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    table.add_column(headings[0], overflow="fold")
    for heading in headings[1:]:
        table.add_column(_broken(heading, width), justify="right", no_wrap=True)
    for name, *cells in rows:
        broken = ("\n".join(_broken(part, width) for part in _given(cell)) for cell in cells)
        table.add_row(Text(str(name)), *(Text(cell) for cell in broken))
    return table


def _given(cell: str | Parts) -> list[str]:
    """Return the parts of a cell that are not empty."""
    return [cell] if isinstance(cell, str) else [part for part in cell if part]


def _broken(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, width, break_long_words=False))


def _print_meanings(console: Console, meanings: Iterable[tuple[str, str]]) -> None:
    for name, meaning in meanings:
        _print(console, Text.assemble((name.replace("_", " "), "italic"), f": {meaning}"))


def _print_lines(console: Console, title: str, lines: Sequence[str]) -> None:
    """Print lines under a title, or nothing if there are none."""
    if lines:
        _print(console, f"\n{title}")
        for line in lines:
            _print(console, f"  {line}")


def _print(console: Console, what: str | Text) -> None:
    """Print text as it stands, in lines as long as they are."""
    console.print(what, markup=False, highlight=False, soft_wrap=True)
