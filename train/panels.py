"""What the pictures of a comparison are put together from: colours, style, and single panels."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

COLOURS = {"random": "#9a9a9a", "reader": "#b08d57", "oracle": "#222222"}
"""Colours of the scripted arms, the same in every picture."""
PALETTE = (
    "#2f6db3",
    "#d5572b",
    "#2a9d6f",
    "#8e5bb5",
    "#c9a227",
    "#4bb5c1",
    "#c2487e",
    "#7a5c3e",
    "#5d7a1f",
    "#1f3f77",
    "#e58fa5",
    "#6b6bd6",
)
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
SCATTERED = 0.02
"""Share of the levels around a shift, lowest and highest each, that may lie out of the picture."""
EDGE = 0.05
"""Room above and below curves, as a share of their height."""


def colours_of(results: Mapping[str, Any]) -> dict[str, str]:
    """Return the colour of each arm."""
    others = [arm["name"] for arm in results["arms"] if arm["name"] not in COLOURS]
    return COLOURS | {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(others)}


def score_panel(
    panel: Axes,
    scores: Mapping[str, Mapping[str, Any] | None],
    arms: Sequence[str],
    colours: Mapping[str, str],
) -> None:
    """Draw one measure: a dot for each seed, and the mean with its interval.

    Args:
        panel: Where.
        scores: Arm to its score; what is missing or not known leaves its row empty.
        arms: Rows, from the bottom.
        colours: Of `colours_of`.
    """
    for place, arm in enumerate(arms):
        score = scores.get(arm)
        if score is None or score["mean"] is None:
            continue
        colour = colours[arm]
        runs = [value for value in score["runs"].values() if value is not None]
        panel.plot(runs, [place] * len(runs), "o", color=colour, alpha=0.35, markersize=4)
        if score["low"] is not None:
            panel.plot([score["low"], score["high"]], [place, place], color=colour, linewidth=2.5)
        panel.plot(score["mean"], place, "o", color=colour, markersize=7)
    panel.locator_params(axis="x", nbins=6)
    panel.set_yticks(range(len(arms)), arms)
    panel.set_ylim(-0.6, len(arms) - 0.4)
    panel.grid(axis="y", visible=False)


def recovery_panel(axes: Axes, results: Mapping[str, Any], shift: str) -> None:
    """Draw the normalised level of each arm around a shift, and dashed that of its twin.

    What few worlds come to at the ends may leave the picture, so that the rest can be read.
    """
    colours, curves = colours_of(results), results["recovery"][shift]
    offset = np.array(curves["offset"])
    shown = [0.0, 1.0]
    for arm, curve in curves["arms"].items():
        label: str | None = arm
        # No line joins both sides: what is between them is not a fall that began before.
        for side in (offset < 0, offset >= 0):
            here = {name: numbers(curve[name])[side] for name in ("mean", "twin")}
            shown += [*here["mean"], *here["twin"]]
            band(axes, offset, curve, colours[arm], side)
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
    axes.margins(x=0)
    low, high = np.nanquantile(shown, (SCATTERED, 1.0 - SCATTERED))
    low, high = min(low, 0.0), max(high, 1.0)
    axes.set_ylim(low - EDGE * (high - low), high + EDGE * (high - low))


def profile_panel(axes: Axes, results: Mapping[str, Any], profiles: Mapping[str, Any]) -> None:
    """Draw the share of runs x shifts above each threshold, one curve for each arm."""
    colours, thresholds = colours_of(results), numbers(profiles["thresholds"])
    for arm, curve in profiles["arms"].items():
        band(axes, thresholds, curve, colours[arm])
        axes.plot(thresholds, curve["mean"], color=colours[arm], linewidth=2.0, label=arm)
    for level, name in ((0.0, "random"), (1.0, "oracle")):
        axes.axvline(level, color=COLOURS[name], linewidth=1.0)
    axes.set_xlabel("tau: 0 = random, 1 = oracle")
    axes.set_ylabel("share of runs x shifts above tau")
    axes.set_ylim(-0.03, 1.03)
    axes.margins(x=0)


def band(
    axes: Axes,
    places: NDArray[np.float64],
    curve: Mapping[str, Any],
    colour: str,
    where: NDArray[np.bool_] | None = None,
) -> None:
    """Draw the interval of a curve, if it has one.

    Args:
        axes: Where.
        places: float64 [points]. Where each point stands.
        curve: With low and high, lists of as many numbers, or None.
        colour: Of the band.
        where: bool [points]. Points to draw; None for all.
    """
    if curve["low"] is not None:
        low, high = numbers(curve["low"]), numbers(curve["high"])
        axes.fill_between(places, low, high, where=where, color=colour, alpha=0.15, linewidth=0)


def numbers(values: Sequence[float | None]) -> NDArray[np.float64]:
    """Return values with NaN, at which lines break, for None."""
    return np.array(values, np.float64)


def png(figure: Figure, margin: float | None = None) -> bytes:
    """Return a figure as PNG, cut to what it shows and so many inches around it, if given."""
    buffer = io.BytesIO()
    cut: Any = {} if margin is None else {"bbox_inches": "tight", "pad_inches": margin}
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, **cut)
    return buffer.getvalue()
