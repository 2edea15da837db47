"""The picture of one world: board, panels and legend, and where each of them stands."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.canvas import (
    BAD,
    GOOD,
    INK,
    KIND_COLOURS,
    LINE,
    PALE,
    TRACK,
    WARM,
    Canvas,
    Point,
    text_width,
    tint,
)
from empathy_loop.envs.frame import Frame, beliefs_about, expression, in_words, kind_name
from empathy_loop.envs.params import SHIFT_FAMILIES
from empathy_loop.envs.state import (
    ANNOYED,
    DISTRESS,
    GRATITUDE,
    KINDNESS,
    NEUTRAL,
    NOTHING,
    RELIEF,
)

_CUES = {
    "neutral": NEUTRAL,
    "relief": RELIEF,
    "annoyed": ANNOYED,
    "gratitude": GRATITUDE,
    "kindness": KINDNESS,
    "distress": DISTRESS,
}

_LEGEND = (
    ("station", "supply of an item"),
    ("carried", "item in hand"),
    ("neutral", "shows nothing"),
    ("distress", "shows distress, by a symbol that may mean another"),
    ("relief", "relieved"),
    ("annoyed", "annoyed"),
    ("gratitude", "thanks"),
    ("kindness", "offers help"),
    ("help", "help that relieves"),
    ("misattuned", "help of the wrong kind"),
    ("belief", "believed need, and a line at the true one"),
)


class _Layout(NamedTuple):
    """Where everything stands; lengths in pixels."""

    cell: int
    text: float
    board: Point
    panels: list[Point]
    panel: Point
    label: float
    slot: float
    legend: list[tuple[str, str, Point]]
    width: int
    height: int


def picture_of(frame: Frame, cell: int) -> NDArray[np.uint8]:
    """Return the picture that `render.draw` describes, uint8 [H, W, 3].

    Args:
        frame: What to show.
        cell: Side of a cell, in pixels.
    """
    layout = _layout_of(frame, cell)
    canvas = Canvas(layout.width, layout.height)
    _draw_headline(canvas, layout, frame)
    _draw_board(canvas, layout, frame)
    for i, corner in enumerate(layout.panels):
        _draw_panel(canvas, layout, frame, i, corner)
    for icon, words, place in layout.legend:
        _draw_icon(canvas, layout, icon, place)
        canvas.text((place[0] + 1.8 * layout.text, place[1]), words, layout.text)
    return canvas.picture()


def _layout_of(frame: Frame, cell: int) -> _Layout:
    """Place the parts: board left, panels in columns beside it, the legend below."""
    num_agents, num_kinds = frame.need.shape
    text = min(max(0.24 * cell, 10.0), 24.0)
    longest = max((frame.name(i) for i in range(num_agents)), key=len)
    label = text_width(f"{longest} believes", text) + text
    rows = 4 + (0 if frame.belief is None else num_agents - 1)
    panel = (
        max(label + (4 * num_kinds + 0.6) * text, 17 * text),
        (1.45 * rows + 1.2) * text,
    )
    side, top = cell * frame.grid_size, 4.2 * text
    most = max(1, int(max(1.3 * side, 4.5 * panel[1]) // (panel[1] + text)))
    columns = math.ceil(num_agents / most)
    stack = math.ceil(num_agents / columns)
    left = side + 2 * text
    panels = [
        (left + (i // stack) * (panel[0] + text), top + (i % stack) * (panel[1] + text))
        for i in range(num_agents)
    ]
    width = max(left + columns * (panel[0] + text), _least_width(frame, text))
    below = max(top + side, top + stack * (panel[1] + text) - text) + 2 * text
    legend, lines = [], 0.0
    place = text
    for icon, words in _LEGEND:
        if icon == "belief" and frame.belief is None:
            continue
        needed = text_width(words, text) + 3.9 * text
        if place > text and place + needed > width:
            place, lines = text, lines + 1
        legend.append((icon, words, (place + 1.4 * text, below + (2.3 * lines + 0.6) * text)))
        place += needed
    height = below + (2.3 * lines + 2.4) * text
    board = (text, top)
    return _Layout(
        cell, text, board, panels, panel, label, 4 * text, legend, round(width), round(height)
    )


def _least_width(frame: Frame, text: float) -> float:
    """Return the width that the longest headline and the longest entry of the legend need."""
    step = text_width(f"step {frame.horizon} of {frame.horizon}", 1.3 * text)
    shift = max(
        text_width(f"the shift has come: {in_words(name)}", text) for name in SHIFT_FAMILIES
    )
    return max(
        step + shift + 4.2 * text, *(text_width(words, text) + 4.2 * text for _, words in _LEGEND)
    )


def _draw_headline(canvas: Canvas, layout: _Layout, frame: Frame) -> None:
    """Say which step it is, and whether the shift has come."""
    text, right = layout.text, layout.width - layout.text
    words = f"step {frame.step} of {frame.horizon}"
    canvas.text((text, 1.5 * text), words, 1.3 * text)
    if frame.shift:
        place = text + text_width(f"step {frame.horizon} of {frame.horizon}", 1.3 * text) + text
        words = f"the shift has come: {in_words(frame.shift)}"
        size = (text_width(words, text) + 1.2 * text, 1.7 * text)
        canvas.box((place, 0.65 * text), size, INK)
        canvas.text((place + 0.6 * text, 1.5 * text), words, text, PALE)
    whole = right - text
    canvas.box((text, 2.8 * text), (whole, 0.4 * text), LINE)
    canvas.box((text, 2.8 * text), (whole * frame.step / frame.horizon, 0.4 * text), INK)


def _draw_board(canvas: Canvas, layout: _Layout, frame: Frame) -> None:
    """Draw cells and stations, then agents, then what they gave each other."""
    cell = layout.cell
    for row in range(frame.grid_size):
        for column in range(frame.grid_size):
            corner = (layout.board[0] + column * cell, layout.board[1] + row * cell)
            canvas.box(corner, (cell, cell), PALE, LINE)
    taken = {tuple(place) for place in frame.position}
    for kind, place in enumerate(frame.station):
        _draw_station(canvas, _middle(layout, place), cell, kind, tuple(place) in taken)
    places = [_middle(layout, place) for place in frame.position]
    for i, (x, y) in enumerate(places):
        _draw_agent(canvas, (x, y), cell, int(frame.cue[i]))
        if frame.carried[i] != NOTHING:
            canvas.marker((x + 0.32 * cell, y + 0.32 * cell), 0.16 * cell, int(frame.carried[i]))
        canvas.disc((x - 0.32 * cell, y + 0.32 * cell), 0.14 * cell, INK, None)
        number = (x - 0.32 * cell, y + 0.32 * cell)
        canvas.text(number, str(i), 0.22 * cell, PALE, "mm")
    for i, j in frame.thanks:
        args = (places[i], places[j], 0.38 * cell, WARM, 0.035 * cell, False)
        canvas.heart(canvas.arrow(*args), 0.11 * cell)
    for gift in frame.gifts:
        colour = BAD if gift.misattuned else GOOD
        ends = places[gift.giver], places[gift.receiver]
        sign = canvas.arrow(*ends, 0.36 * cell, colour, 0.06 * cell, gift.misattuned)
        if gift.kind != NOTHING:
            canvas.marker(sign, 0.15 * cell, gift.kind)


def _draw_station(canvas: Canvas, place: Point, cell: float, kind: int, taken: bool) -> None:
    """Draw a supply; where somebody stands on it, its letter stays in a corner."""
    (x, y), half = place, 0.47 * cell
    colour = KIND_COLOURS[kind]
    canvas.box((x - half, y - half), (2 * half, 2 * half), tint(colour, 0.35), colour)
    if taken:
        corner = (x - 0.34 * cell, y - 0.32 * cell)
        canvas.text(corner, kind_name(kind), 0.26 * cell, INK, "mm")
    else:
        canvas.marker(place, 0.27 * cell, kind)


def _draw_agent(canvas: Canvas, place: Point, cell: float, cue: int) -> None:
    """Draw a face with its cue, and the sign that goes with the cue."""
    face = expression(cue)
    canvas.face(place, 0.33 * cell, face)
    sign = (place[0] + 0.31 * cell, place[1] - 0.31 * cell)
    if face == "distress":
        canvas.marker(sign, 0.18 * cell, cue - DISTRESS, hollow=True)
    elif face == "gratitude":
        canvas.heart(sign, 0.15 * cell)
    elif face == "kindness":
        canvas.plus(sign, 0.2 * cell)


def _draw_panel(canvas: Canvas, layout: _Layout, frame: Frame, i: int, corner: Point) -> None:
    """Draw one agent's face, its true needs, and below them what each other believes of it."""
    text, (left, top) = layout.text, corner
    canvas.box(corner, layout.panel, PALE, LINE)
    cue = int(frame.cue[i])
    _draw_agent(canvas, (left + 2.0 * text, top + 2.0 * text), 3.6 * text, cue)
    beside = left + 4.2 * text
    shown = "shows nothing" if cue == 0 else f"shows {expression(cue)}"
    canvas.text((beside, top + 1.25 * text), f"{frame.name(i)} {shown}", text)
    carried = int(frame.carried[i])
    words = "carries nothing" if carried == NOTHING else "carries"
    canvas.text((beside, top + 2.85 * text), words, text)
    if carried != NOTHING:
        sign = beside + text_width(words, text) + 1.1 * text
        canvas.marker((sign, top + 2.85 * text), 0.62 * text, carried)
    drive = (left + layout.panel[0] - 0.6 * text, top + 2.85 * text)
    canvas.text(drive, f"drive {frame.drive[i]:.2f}", text, INK, "rm")
    first, row = left + layout.label, top + 4.75 * text
    for kind in range(frame.need.shape[1]):
        place = (first + kind * layout.slot + 0.45 * layout.slot, row)
        canvas.marker(place, 0.62 * text, kind)
    rows = [("true needs", frame.need[i])]
    rows += [(f"{frame.name(j)} believes", believed) for j, believed in beliefs_about(frame, i)]
    for n, (words, levels) in enumerate(rows):
        down = row + (1.45 * n + 1.45) * text
        canvas.text((left + 0.6 * text, down), words, text)
        for kind, level in enumerate(levels):
            bar = (first + kind * layout.slot, down - 0.42 * text)
            truth = None if n == 0 else float(frame.need[i, kind])
            _draw_bar(canvas, bar, text, kind, float(level), truth)


def _draw_bar(
    canvas: Canvas, corner: Point, text: float, kind: int, level: float, truth: float | None
) -> None:
    """Draw a level in [0, 1]; a believed one is pale, with a line where the true one is."""
    size, colour = (3.6 * text, 0.84 * text), KIND_COLOURS[kind]
    canvas.box(corner, size, TRACK)
    share = min(max(level, 0.0), 1.0)
    fill = colour if truth is None else tint(colour, 0.55)
    canvas.box(corner, (size[0] * share, size[1]), fill)
    if truth:
        line = (corner[0] + size[0] * truth - 0.1 * text, corner[1] - 0.15 * text)
        canvas.box(line, (0.2 * text, size[1] + 0.3 * text), INK)


def _draw_icon(canvas: Canvas, layout: _Layout, icon: str, place: Point) -> None:
    """Draw one sign of the legend around a place."""
    text, (x, y) = layout.text, place
    ends = (x - 1.7 * text, y + 1.2 * text), (x + 1.7 * text, y + 1.2 * text)
    if icon == "station":
        _draw_station(canvas, place, 2.2 * text, 0, False)
    elif icon == "carried":
        canvas.marker(place, 0.62 * text, 0)
    elif icon == "belief":
        _draw_bar(canvas, (x - text, y - 0.42 * text), 0.6 * text, 0, 0.5, 0.8)
    elif icon in ("help", "misattuned"):
        wrong = icon == "misattuned"
        colour = BAD if wrong else GOOD
        canvas.arrow(*ends, 0.9 * text, colour, 0.24 * text, wrong)
    else:
        _draw_agent(canvas, place, 2.4 * text, _CUES[icon])


def _middle(layout: _Layout, place: NDArray[np.int16]) -> Point:
    """Return the middle of a cell on the picture."""
    row, column = (layout.cell * (float(part) + 0.5) for part in place)
    return layout.board[0] + column, layout.board[1] + row
