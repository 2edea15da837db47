"""The pictures of sweeps: what a dose brings back, trust over time, and maps of assumptions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from empathy_loop.envs.doses import Doses
from empathy_loop.train.panels import STYLE, band, colours_of, numbers, png
from empathy_loop.train.sweep_tables import DOSES_PICTURE, MAPS_PICTURE, TRUST_PICTURE, describe

PANELS, MOST_PANELS = 3, 6
"""Most panels side by side, and most trajectories of trust that are drawn."""
DOSE, EFFECT = "ai_to_people", "people_to_ai"
"""Axis whose sweeps are drawn as curves, and the readout that should follow from it."""
FULL = {name: getattr(Doses(), name) for name in ("ai_to_people", "people_to_ai")}

Sweeps = Mapping[str, Any]


def draw_sweeps(results: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the pictures of sweeps.

    Args:
        results: As `train.schema` documents them.

    Returns:
        File name to PNG: doses.png, trust.png and maps.png, each where there is something to draw.
    """
    sweeps = results.get("sweeps")
    if not sweeps:
        return {}
    pictures = {}
    with mpl.rc_context(STYLE):
        if _settings(sweeps):
            pictures[DOSES_PICTURE] = png(draw_doses(results))
        if sweeps["trust"]["steps"]:
            pictures[TRUST_PICTURE] = png(draw_trust(results))
    if sweeps["maps"]:
        with mpl.rc_context(STYLE | {"axes.grid": False}):
            pictures[MAPS_PICTURE] = png(draw_maps(sweeps))
    return pictures


def draw_doses(results: Mapping[str, Any]) -> Figure:
    """Draw help of people for AI over the help that they have from AI, a panel for each setting.

    Args:
        results: As `train.schema` documents them, with sweeps over the dose ai_to_people.
    """
    sweeps, colours = results["sweeps"], colours_of(results)
    groups = _settings(sweeps)
    figure, panels = _panels(len(groups))
    for panel, (title, points) in zip(panels, groups.items(), strict=False):
        for arm, found in sweeps["scores"].items():
            there = [found[point["name"]] for point in points if point["name"] in found]
            if not there:
                continue
            x, y = ([one[name]["mean"] for one in there] for name in (DOSE, EFFECT))
            panel.plot(x, y, "o-", color=colours[arm], label=arm, markersize=4)
            for place, one in zip(x, there, strict=True):
                if one[EFFECT]["low"] is not None:
                    ends = [one[EFFECT]["low"], one[EFFECT]["high"]]
                    panel.plot([place, place], ends, color=colours[arm], linewidth=1.5)
        panel.set_title(title or "as they are")
        panel.set_xlabel("helps of AI for people")
        panel.set_ylabel("helps of people for AI")
        panel.set_ylim(bottom=0.0)
    panels[0].legend()
    return figure


def draw_trust(results: Mapping[str, Any]) -> Figure:
    """Draw trust over an episode, a panel for each point at which nobody's help is stopped.

    Args:
        results: As `train.schema` documents them, with trust.
    """
    sweeps, colours = results["sweeps"], colours_of(results)
    mapped = {one["sweep"] for one in sweeps["maps"]}
    points = [
        point
        for point in sweeps["points"]
        if point["sweep"] not in mapped
        and all(point["values"].get(name, full) == full for name, full in FULL.items())
    ]
    # The same circumstances may be points of several sweeps.
    distinct = {describe(_without_doses(point["values"])): point["name"] for point in points}
    chosen = dict(list(distinct.items())[:MOST_PANELS])
    figure, panels = _panels(len(chosen))
    steps = np.array(sweeps["trust"]["steps"], np.float64)
    for panel, (title, name) in zip(panels, chosen.items(), strict=False):
        for arm, curves in sweeps["trust"]["arms"].items():
            if name in curves:
                band(panel, steps, curves[name], colours[arm])
                panel.plot(steps, numbers(curves[name]["mean"]), color=colours[arm], label=arm)
        panel.set_title(title or "as they are")
        panel.set_xlabel("step")
        panel.set_ylabel("trust of people in AI")
        panel.set_ylim(0.0, 1.0)
        panel.margins(x=0)
    panels[0].legend()
    return figure


def draw_maps(sweeps: Sweeps) -> Figure:
    """Draw the difference of each claimed readout over two assumptions, a panel for each map.

    Args:
        sweeps: As `train.schema_sweeps` documents `Sweeps`, with maps.
    """
    figure, panels = _panels(len(sweeps["maps"]))
    for panel, one in zip(panels, sweeps["maps"], strict=False):
        means = numbers([s["mean"] for row in one["scores"] for s in row])
        grid = means.reshape(len(one["values"][1]), -1)
        most = max(1e-9, float(np.nanmax(np.abs(grid)))) if np.isfinite(grid).any() else 1.0
        image = panel.imshow(grid, cmap="RdBu", vmin=-most, vmax=most, origin="lower")
        for (row, column), value in np.ndenumerate(grid):
            score = one["scores"][row][column]
            sure = score["low"] is not None and score["low"] * score["high"] > 0.0
            colour = "white" if abs(value) > 0.6 * most else "black"
            text = f"{value:.2f}{'*' if sure else ''}"
            panel.text(column, row, text, ha="center", va="center", color=colour)
        (x, y), (across, up) = one["axes"], one["values"]
        panel.set_xticks(range(len(across)), [f"{value:g}" for value in across])
        panel.set_yticks(range(len(up)), [f"{value:g}" for value in up])
        panel.set_xlabel(x)
        panel.set_ylabel(y)
        readout = one["readout"].replace("_", " ")
        panel.set_title(f"{one['arm']}: {readout},\n{one['difference']}", size=9.5)
        figure.colorbar(image, ax=panel)
    return figure


def _settings(sweeps: Sweeps) -> dict[str, list[Mapping[str, Any]]]:
    """Return the points that differ in the dose of AI's help alone, by what they share."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    mapped = {one["sweep"] for one in sweeps["maps"]}
    for point in sweeps["points"]:
        if DOSE in point["values"] and point["sweep"] not in mapped:
            groups.setdefault(describe(_without_doses(point["values"])), []).append(point)
    return groups


def _without_doses(values: Mapping[str, Any]) -> dict[str, Any]:
    return {axis: value for axis, value in values.items() if axis not in FULL}


def _panels(number: int) -> tuple[Figure, Sequence[Axes]]:
    """Return a figure with so many panels in use, and all of them."""
    columns = min(PANELS, number)
    rows = math.ceil(number / columns)
    figure = Figure(figsize=(4.2 * columns + 0.6, 3.4 * rows))
    panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for panel in panels[number:]:
        panel.set_axis_off()
    return figure, panels
