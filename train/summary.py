"""The one-page summary of a comparison as a picture, drawn from its results and nothing else."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from empathy_loop.train.markup import describe_seeds, format_score
from empathy_loop.train.measures import OVERALL
from empathy_loop.train.panels import (
    STYLE,
    colours_of,
    png,
    profile_panel,
    recovery_panel,
    score_panel,
)
from empathy_loop.train.profiles import profiles_of

WIDTH = 11.0
"""Inches; the height follows from what there is to show."""
LETTERS = 150
"""Letters in a line of the headline."""
TITLE_LETTERS = 110
"""Letters in a line above a table."""
ROW, TABLE_ROW = 0.3, 0.4
"""Inches of an arm in the panels and in the table."""
MARGIN = 0.3
"""Inches around everything."""


def draw_summary(results: Mapping[str, Any]) -> bytes:
    """Return the summary as PNG: headline, scores, recovery, profiles, and the table of all shifts.

    Args:
        results: As `train.schema` documents them.
    """
    with mpl.rc_context(STYLE):
        return png(summary_figure(results), MARGIN)


def summary_figure(results: Mapping[str, Any]) -> Figure:
    """Return the summary as a figure; parts of which nothing is known are empty."""
    arms = [arm["name"] for arm in results["arms"]][::-1]
    lines = textwrap.wrap(results["headline"], LETTERS)
    heights = [
        0.75 + 0.22 * len(lines),
        0.8 + ROW * len(arms),
        3.6,
        0.8 + TABLE_ROW * (len(arms) + 1),
    ]
    figure = Figure(figsize=(WIDTH, sum(heights)))
    head, scores, curves, table = figure.subfigures(4, 1, squeeze=False, height_ratios=heights)[
        :, 0
    ]
    _headline(head, results, lines)
    colours = colours_of(results)
    left, right = scores.subplots(1, 2, sharey=True)
    for panel, measure, title in (
        (left, "cas", "Level after the shifts (CAS): 0 = random, 1 = oracle"),
        (right, "deficit", "What the shifts cost (deficit): less is better"),
    ):
        found = {arm: one[measure] for arm, one in results["overall"].items()}
        score_panel(panel, found, arms, colours)
        panel.set_title(title)
    left, right = curves.subplots(1, 2)
    shown = next(
        (s["name"] for s in results["shifts"] if results["recovery"][s["name"]]["arms"]), ""
    )
    if shown:
        recovery_panel(left, results, shown)
    left.set_title(f"Around {shown}; dashed: without it" if shown else "No shift could be scored")
    profile_panel(right, results, profiles_of(results))
    right.set_title("Performance profiles")
    handles, labels = right.get_legend_handles_labels()
    if handles:
        curves.legend(handles, labels, loc="outside lower center", ncols=min(7, len(labels)))
    _table(table.subplots(), results)
    return figure


def _headline(head: Any, results: Mapping[str, Any], lines: list[str]) -> None:
    """Write the name of a comparison, its question, and what it found."""
    axes = head.subplots()
    axes.axis("off")
    line = 1.0 / (len(lines) + 3.4)
    axes.text(0.0, 1.0, f"Comparison {results['name']}", size=17, weight="bold", va="top")
    axes.text(0.0, 1.0 - 1.9 * line, results["summary"], size=10, color="#62656b", va="top")
    axes.text(0.0, 0.0, "\n".join(lines), size=10.5, va="bottom", linespacing=1.35)


def _table(axes: Axes, results: Mapping[str, Any]) -> None:
    """Write the scores over all shifts, the worst-off agent and the inequality among them."""
    axes.axis("off")
    severities: dict[str, list[str]] = {}
    for shift in results["shifts"]:
        if shift["scored"]:
            severities.setdefault(shift["family"], []).append(f"{shift['severity']:g}")
    scored = ", ".join(f"{family} {' and '.join(own)}" for family, own in severities.items())
    title = textwrap.wrap(f"Over all shifts: {scored or 'none could be scored'}", TITLE_LETTERS)
    axes.set_title("\n".join(title))
    families = dict.fromkeys(f for found in results["families"].values() for f in found)
    header = ["arm", "seeds", *(measure.title for measure in OVERALL.values())]
    header += ["AURC,\n" + family.replace("_", "_\n") for family in families]
    rows = []
    for arm in results["arms"]:
        scores = results["overall"].get(arm["name"])
        if scores is not None:
            cells = [scores.get(name) for name in OVERALL]
            cells += [results["families"][arm["name"]].get(family) for family in families]
            seeds = "\n".join(filter(None, describe_seeds(arm["seeds"])))
            rows.append([arm["name"], seeds, *("\n".join(format_score(one)) for one in cells)])
    if rows:
        texts = [header, *rows]
        columns = zip(*texts, strict=True)
        letters = [max(map(len, "\n".join(column).split("\n"))) for column in columns]
        drawn = axes.table(
            texts,
            colWidths=[(number + 2) / sum(letters) for number in letters],
            bbox=Bbox.from_bounds(0.0, 0.06, 1.0, 0.94),
            edges="horizontal",
        )
        drawn.auto_set_font_size(False)
        drawn.set_fontsize(8.5)
        for (row, column), one in drawn.get_celld().items():
            one.set_edgecolor("#e0e0e2")
            one.set_text_props(
                ha="left" if column == 0 else "right", weight="bold" if row == 0 else "normal"
            )
    axes.text(
        0.0,
        0.0,
        f"{results['intervals'].partition(';')[0]}. empathy-loop {results['version']}, settings "
        f"{results['fingerprint']}.",
        size=7.5,
        color="#62656b",
        va="top",
    )
