"""The pictures of a comparison and of a run, drawn from results and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from empathy_loop.train.panels import (
    COLOURS,
    SOURCE_COLOURS,
    STYLE,
    band,
    colours_of,
    numbers,
    png,
    profile_panel,
    recovery_panel,
    score_panel,
)
from empathy_loop.train.profiles import profiles_of

OUTSIDE: Any = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
"""Where a legend stands: beside the picture, so that it hides no curve."""

__all__ = [
    "COLOURS",
    "SOURCE_COLOURS",
    "STYLE",
    "colours_of",
    "draw_all",
    "draw_calibration",
    "draw_learning",
    "draw_profiles",
    "draw_recovery",
    "draw_reliability",
    "draw_scores",
    "recovery_file",
    "reliability_picture",
]


def draw_all(results: Mapping[str, Any]) -> dict[str, bytes]:
    """Return every picture of a report.

    Args:
        results: As `train.schema` documents them.

    Returns:
        File name to PNG: scores.png, profiles.png (where an arm beside the anchors was scored on
        all shifts), reliability.png (where the reports on beliefs have it), learning.png (where
        something was trained), and one recovery_<family>_<severity>.png for each shift on which
        an arm beside the anchors was scored.
    """
    profiles = profiles_of(results)
    with mpl.rc_context(STYLE):
        figures = {"scores.png": draw_scores(results)}
        if profiles["arms"]:
            figures["profiles.png"] = draw_profiles(results, profiles)
        if results.get("reliability"):
            figures["reliability.png"] = draw_calibration(results)
        if results["learning"]:
            figures["learning.png"] = draw_learning(results)
        for shift in results["shifts"]:
            if results["recovery"][shift["name"]]["arms"]:
                figures[recovery_file(shift["name"])] = draw_recovery(results, shift["name"])
        return {name: png(figure) for name, figure in figures.items()}


def recovery_file(shift: str) -> str:
    """Return the file name of the recovery curves of a shift."""
    return f"recovery_{shift.replace(' ', '_')}.png"


def draw_scores(results: Mapping[str, Any]) -> Figure:
    """Draw skill after each shift beside what the shift cost, seeds as dots."""
    shifts, arms = results["shifts"], [arm["name"] for arm in results["arms"]][::-1]
    height = 0.9 + len(shifts) * (0.55 + 0.33 * len(arms))
    figure = Figure(figsize=(9.0, height))
    axes = figure.subplots(len(shifts), 2, squeeze=False, sharey=True, sharex="col")
    titles = {"aurc": "level after it (AURC)", "deficit": "what it cost (deficit)"}
    for row, shift in zip(axes, shifts, strict=True):
        for panel, measure in zip(row, titles, strict=True):
            found = results["scores"]
            scores = {arm: found[arm][shift["name"]].get(measure) for arm in arms if arm in found}
            score_panel(panel, scores, arms, colours_of(results))
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
        band(axes, steps, curve, colours[arm])
        axes.plot(steps, curve["mean"], color=colours[arm], linewidth=2.0, label=arm)
    for arm, welfare in results["references"].items():
        axes.axhline(welfare, color=colours[arm], linestyle=(0, (4, 3)), linewidth=1.2, label=arm)
    axes.set_xlabel("agent steps, millions")
    axes.set_ylabel("welfare of an episode")
    axes.set_title("Learning, in the worlds of training")
    axes.margins(x=0)
    axes.legend(**OUTSIDE)
    return figure


def draw_recovery(results: Mapping[str, Any], shift: str) -> Figure:
    """Draw the normalised level around a shift; twins without the shift are dashed."""
    figure = Figure(figsize=(9.0, 4.2))
    axes = figure.subplots()
    recovery_panel(axes, results, shift)
    axes.set_title(f"Around the unsignalled shift {shift}; dashed: the same without the shift")
    axes.legend(**OUTSIDE)
    return figure


def draw_profiles(results: Mapping[str, Any], profiles: Mapping[str, Any]) -> Figure:
    """Draw what `train.profiles.profiles_of` returned, one curve for each arm."""
    figure = Figure(figsize=(9.0, 4.2))
    axes = figure.subplots()
    profile_panel(axes, results, profiles)
    axes.set_title("Performance profiles: how often AURC is above tau")
    axes.legend(**OUTSIDE)
    return figure


def draw_calibration(results: Mapping[str, Any]) -> Figure:
    """Draw the reliability of each arm's belief, or of the probe of its memory."""
    report: dict[str, dict[str, Any]] = {}
    colours = dict[str, str]()
    for arm, found in results["reliability"].items():
        for partners, sources in found.items():
            # Of the filter, each arm's episodes would show another curve.
            source = next((one for one in ("belief", "probe") if one in sources), None)
            if source is not None:
                label = arm if source == "belief" else f"{arm} ({source})"
                colours[label] = colours_of(results)[arm]
                report.setdefault(partners, {})[label] = {"reliability": sources[source]}
    return draw_reliability(report, colours)


def reliability_picture(report: Mapping[str, Any]) -> bytes:
    """Return the reliability diagram of a report on beliefs as PNG."""
    with mpl.rc_context(STYLE):
        return png(draw_reliability(report))


def draw_reliability(
    report: Mapping[str, Any], colours: Mapping[str, str] = SOURCE_COLOURS
) -> Figure:
    """Draw the share of true crises against their probability (DeGroot and Fienberg 1983).

    Args:
        report: What `train.beliefs.belief_report` returned; sources may be named otherwise.
        colours: Of each source.

    Returns:
        One panel for each kind of partners; the area of a dot is the share of entries in its bin.
    """
    figure = Figure(figsize=(3.4 * len(report) + 1.6, 3.8))
    panels = figure.subplots(1, len(report), sharey=True, squeeze=False)[0]
    for panel, (partners, sources) in zip(panels, report.items(), strict=True):
        panel.plot([0, 1], [0, 1], color="#444444", linewidth=1.0)
        for source, scores in sources.items():
            colour = colours[source]
            bins = {name: numbers(bin_) for name, bin_ in scores["reliability"].items()}
            panel.plot(bins["mean_p"], bins["share_true"], color=colour, label=source)
            area = 4.0 + 200.0 * bins["num_entries"] / bins["num_entries"].sum()
            panel.scatter(bins["mean_p"], bins["share_true"], s=area, color=colour, alpha=0.6)
        panel.set_title(partners.replace("_", " "))
        panel.set_xlabel("probability of a crisis")
        panel.set_aspect("equal")
    panels[0].set_ylabel("share that was one")
    found = (zip(*panel.get_legend_handles_labels(), strict=True) for panel in panels)
    handles = {label: handle for pairs in found for handle, label in pairs}
    panels[-1].legend(handles.values(), handles.keys(), **OUTSIDE)
    return figure
