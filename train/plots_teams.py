"""The pictures of teams: who gets on with whom."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from empathy_loop.train.panels import STYLE, png
from empathy_loop.train.team_tables import CROSS_PLAY_PICTURE

PANELS = 3
"""Most panels side by side."""


def draw_teams(results: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the pictures of teams.

    Args:
        results: As `train.schema` documents them.

    Returns:
        File name to PNG: cross_play.png, where seeds have played with each other.
    """
    if not results.get("cross_play"):
        return {}
    # The labels of one row would touch the titles of the next.
    apart = {"axes.grid": False, "figure.constrained_layout.h_pad": 0.12}
    with mpl.rc_context(STYLE | apart):
        return {CROSS_PLAY_PICTURE: png(draw_cross_play(results))}


def draw_cross_play(results: Mapping[str, Any]) -> Figure:
    """Draw the level of each pair of seeds, a heat map for each learned arm; one scale for all.

    Args:
        results: As `train.schema` documents them, with `cross_play`.
    """
    found = {arm: np.array(one["level"], np.float64) for arm, one in results["cross_play"].items()}
    known = np.concatenate([matrix[np.isfinite(matrix)] for matrix in found.values()])
    low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
    scale = {"vmin": float(low), "vmax": float(high)}
    columns = min(PANELS, len(found))
    rows = math.ceil(len(found) / columns)
    figure = Figure(figsize=(3.2 * columns + 0.8, 3.2 * rows))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, (arm, matrix) in zip(panels, found.items(), strict=False):
        image = _heat_map(panel, matrix, results["cross_play"][arm]["seeds"], scale)
        panel.set_title(arm)
    for panel in panels[len(found) :]:
        panel.set_axis_off()
    bar = figure.colorbar(image, ax=list(panels))
    bar.set_label("level: 0 = random, 1 = oracle")
    return figure


def _heat_map(panel: Axes, matrix: Any, seeds: list[int], scale: Mapping[str, float]) -> Any:
    """Draw one matrix, with its numbers."""
    image = panel.imshow(matrix, cmap="viridis", **scale)  # type: ignore[arg-type]  # two limits
    middle = (scale["vmin"] + scale["vmax"]) / 2.0
    for (row, column), value in np.ndenumerate(matrix):
        if np.isfinite(value):
            colour = "white" if value < middle else "black"
            panel.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
    panel.set_xticks(range(len(seeds)), [str(seed) for seed in seeds])
    panel.set_yticks(range(len(seeds)), [str(seed) for seed in seeds])
    panel.set_xlabel("seed of the partner")
    panel.set_ylabel("seed of all others")
    return image
