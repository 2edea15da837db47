"""The pictures of a comparison and of a run, drawn from results and from nothing else."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

COLOURS = {"random": "#9a9a9a", "reader": "#b08d57", "oracle": "#222222"}
"""Colours of the scripted arms, the same in every picture."""
PALETTE = ("#2f6db3", "#d5572b", "#2a9d6f", "#8e5bb5", "#c9a227", "#4bb5c1", "#c2487e")
"""Colours of all others, in the order of the comparison."""
SOURCE_COLOURS = {"belief": PALETTE[0], "probe": PALETTE[1], "filter": COLOURS["oracle"]}
"""Colours of those who say how probable a crisis is."""

# Releases of matplotlib type this differently.
STYLE: Any = {
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "axes.titlesize": 11.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
DOTS_PER_INCH = 150


def draw_all(results: Mapping[str, Any]) -> dict[str, bytes]:
    """Return every picture of a report.

    Args:
        results: As `train.results` documents them.

    Returns:
        File name to PNG: scores.png, learning.png (where something was trained), and one
        recovery_<family>_<severity>.png for each shift on which an arm beside the anchors was
        scored.
    """
    with mpl.rc_context(STYLE):
        figures = {"scores.png": draw_scores(results)}
        if results["learning"]:
            figures["learning.png"] = draw_learning(results)
        for shift in results["shifts"]:
            if results["recovery"][shift["name"]]["arms"]:
                figures[recovery_file(shift["name"])] = draw_recovery(results, shift["name"])
        return {name: _png(figure) for name, figure in figures.items()}


def recovery_file(shift: str) -> str:
    """Return the file name of the recovery curves of a shift."""
    return f"recovery_{shift.replace(' ', '_')}.png"


def colours_of(results: Mapping[str, Any]) -> dict[str, str]:
    """Return the colour of each arm."""
    others = [arm["name"] for arm in results["arms"] if arm["name"] not in COLOURS]
    return COLOURS | {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(others)}


def draw_scores(results: Mapping[str, Any]) -> Figure:
    """Draw skill after each shift beside what the shift cost, seeds as dots."""
    shifts, arms = results["shifts"], [arm["name"] for arm in results["arms"]][::-1]
    height = 0.9 + len(shifts) * (0.55 + 0.33 * len(arms))
    figure = Figure(figsize=(9.0, height))
    axes = figure.subplots(len(shifts), 2, squeeze=False, sharey=True, sharex="col")
    titles = {"aurc": "level after it (AURC)", "deficit": "what it cost (deficit)"}
    for row, shift in zip(axes, shifts, strict=True):
        for panel, measure in zip(row, titles, strict=True):
            _score_panel(panel, results, shift["name"], measure, arms)
            panel.set_title(f"{shift['name']}: {titles[measure]}")
    axes[-1][0].set_xlabel("0 = random, 1 = oracle; more is better")
    axes[-1][1].set_xlabel("level without the shift minus AURC; less is better")
    return figure


def draw_learning(results: Mapping[str, Any]) -> Figure:
    """Draw welfare in training against agent steps, one line for each arm, seeds as thin lines."""
    figure = Figure(figsize=(9.0, 4.2))
    axes = figure.subplots()
    colours = colours_of(results)
    for arm, curve in results["learning"].items():
        steps = np.array(curve["steps"]) / 1e6
        for run in curve["runs"]:
            axes.plot(steps, run, color=colours[arm], linewidth=0.7, alpha=0.5)
        _band(axes, steps, curve, colours[arm])
        axes.plot(steps, curve["mean"], color=colours[arm], linewidth=2.0, label=arm)
    for arm, welfare in results["references"].items():
        axes.axhline(welfare, color=colours[arm], linestyle=(0, (4, 3)), linewidth=1.2)
        axes.annotate(
            arm,
            (1.0, welfare),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=colours[arm],
        )
    axes.set_xlabel("agent steps, millions")
    axes.set_ylabel("welfare of an episode")
    axes.set_title("Learning, in the worlds of training")
    axes.margins(x=0)
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, 0.9))
    return figure


def draw_recovery(results: Mapping[str, Any], shift: str) -> Figure:
    """Draw the normalised level around a shift; twins without the shift are dashed."""
    figure = Figure(figsize=(9.0, 4.2))
    axes = figure.subplots()
    colours, curves = colours_of(results), results["recovery"][shift]
    offset = np.array(curves["offset"])
    for arm, curve in curves["arms"].items():
        label: str | None = arm
        # No line joins both sides: what is between them is not a fall that began before.
        for side in (offset < 0, offset >= 0):
            here = {name: _numbers(curve[name])[side] for name in ("mean", "twin")}
            _band(axes, offset, curve, colours[arm], side)
            axes.plot(offset[side], here["mean"], color=colours[arm], linewidth=2.0, label=label)
            axes.plot(
                offset[side],
                here["twin"],
                color=colours[arm],
                linewidth=1.1,
                linestyle=(0, (4, 3)),
            )
            label = None
    axes.axvline(0, color="#444444", linewidth=1.0)
    for level, name in ((0.0, "random"), (1.0, "oracle")):
        axes.axhline(level, color=COLOURS[name], linewidth=1.0)
    axes.set_xlabel(f"steps since the shift; smoothed over {curves['smoothing']} steps")
    axes.set_ylabel("level: 0 = random, 1 = oracle")
    axes.set_title(f"Around the unsignalled shift {shift}; dashed: the same without the shift")
    axes.margins(x=0)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def reliability_picture(report: Mapping[str, Any]) -> bytes:
    """Return the reliability diagram of a report on beliefs as PNG."""
    with mpl.rc_context(STYLE):
        return _png(draw_reliability(report))


def draw_reliability(report: Mapping[str, Any]) -> Figure:
    """Draw the share of true crises against their probability (DeGroot and Fienberg 1983).

    Args:
        report: What `train.beliefs.belief_report` returned.

    Returns:
        One panel for each kind of partners; the area of a dot is the share of entries in its bin.
    """
    figure = Figure(figsize=(3.4 * len(report), 3.8))
    panels = figure.subplots(1, len(report), sharey=True, squeeze=False)[0]
    for panel, (partners, sources) in zip(panels, report.items(), strict=True):
        panel.plot([0, 1], [0, 1], color="#444444", linewidth=1.0)
        for source, scores in sources.items():
            colour = SOURCE_COLOURS[source]
            bins = {name: _numbers(bin_) for name, bin_ in scores["reliability"].items()}
            panel.plot(bins["mean_p"], bins["share_true"], color=colour, label=source)
            area = 4.0 + 200.0 * bins["num_entries"] / bins["num_entries"].sum()
            panel.scatter(bins["mean_p"], bins["share_true"], s=area, color=colour, alpha=0.6)
        panel.set_title(partners.replace("_", " "))
        panel.set_xlabel("probability of a crisis")
        panel.set_aspect("equal")
    panels[0].set_ylabel("share that was one")
    panels[0].legend(loc="upper left")
    return figure


def _score_panel(
    panel: Axes, results: Mapping[str, Any], shift: str, measure: str, arms: list[str]
) -> None:
    """Draw one measure on one shift: a dot for each seed, and the mean with its interval."""
    colours = colours_of(results)
    for place, arm in enumerate(arms):
        score = results["scores"].get(arm, {}).get(shift, {}).get(measure)
        if score is None or score["mean"] is None:
            continue
        colour = colours[arm]
        runs = [value for value in score["runs"].values() if value is not None]
        panel.plot(runs, [place] * len(runs), "o", color=colour, alpha=0.35, markersize=4)
        if score["low"] is not None:
            panel.plot([score["low"], score["high"]], [place, place], color=colour, linewidth=2.5)
        panel.plot(score["mean"], place, "o", color=colour, markersize=7)
    panel.set_yticks(range(len(arms)), arms)
    panel.set_ylim(-0.6, len(arms) - 0.4)
    panel.grid(axis="y", visible=False)


def _band(
    axes: Axes,
    places: NDArray[np.float64],
    curve: Mapping[str, Any],
    colour: str,
    where: NDArray[np.bool_] | None = None,
) -> None:
    """Draw the interval of a curve, if it has one."""
    if curve["low"] is not None:
        low, high = _numbers(curve["low"]), _numbers(curve["high"])
        axes.fill_between(places, low, high, where=where, color=colour, alpha=0.15, linewidth=0)


def _numbers(values: Sequence[float | None]) -> NDArray[np.float64]:
    """Return values with NaN, at which lines break, for None."""
    return np.array(values, np.float64)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH)
    return buffer.getvalue()
