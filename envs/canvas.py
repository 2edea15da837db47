"""The shapes that pictures of a world are made of, drawn smoothly on a canvas.

Lengths and places are in pixels of the finished picture, x to the right and y downwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from empathy_loop.envs.frame import kind_name

Point = tuple[float, float]

PAPER, INK, FAINT, LINE = "#fbfaf7", "#22252a", "#8b8f96", "#c9ccd1"
"""Background, text, text that matters less, and thin lines."""
SKIN, PALE, TRACK = "#ffe3a8", "#ffffff", "#e6e8eb"
"""Fill of faces, of cells and panels, and of empty bars."""
GOOD, BAD, WARM = "#1c6e5a", "#c8321f", "#9a4fa8"
"""Help that relieved, misattuned help, and thanks."""
KIND_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#f0e442")
"""Fill of each kind's marker; the palette of Okabe and Ito (2008), safe for colour blindness."""
_LETTERS = ("#ffffff", INK, "#ffffff", INK, INK, INK)

_OVERSAMPLING = 2
_POLYGONS = {1: (4, 45.0), 2: (3, -90.0), 3: (4, 0.0), 4: (5, -90.0), 5: (6, 0.0)}


class Canvas:
    """A picture in the making, drawn at twice its size for smooth edges.

    Args:
        width: Width in pixels.
        height: Height in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self.size = (width, height)
        scaled = (width * _OVERSAMPLING, height * _OVERSAMPLING)
        self._image = Image.new("RGB", scaled, PAPER)
        self._pen = ImageDraw.Draw(self._image)

    def picture(self) -> NDArray[np.uint8]:
        """Return the finished picture, uint8 [H, W, 3]."""
        return np.asarray(self._image.resize(self.size, Image.Resampling.BOX))

    def box(self, corner: Point, size: Point, fill: str | None, line: str | None = None) -> None:
        """Draw a rectangle from its upper left corner."""
        x, y = corner
        ends = self._scaled([corner, (x + size[0], y + size[1])])
        ends = [ends[0], (ends[1][0] - 1, ends[1][1] - 1)]
        if ends[1][0] >= ends[0][0] and ends[1][1] >= ends[0][1]:
            self._pen.rectangle(ends, fill, line, _OVERSAMPLING)

    def disc(self, centre: Point, radius: float, fill: str | None, line: str | None) -> None:
        """Draw a circle."""
        (x, y), radius = self._scaled([centre])[0], radius * _OVERSAMPLING
        self._pen.circle((x, y), radius, fill, line, max(2, round(radius / 12)))

    def path(self, points: Sequence[Point], colour: str, width: float) -> None:
        """Draw a line with round joints."""
        scaled = self._scaled(points)
        self._pen.line(scaled, colour, max(1, round(width * _OVERSAMPLING)), joint="curve")

    def area(self, points: Sequence[Point], fill: str, line: str | None = None) -> None:
        """Draw a filled polygon."""
        self._pen.polygon(self._scaled(points), fill, line, _OVERSAMPLING)

    def text(
        self, place: Point, words: str, size: float, colour: str = INK, anchor: str = "lm"
    ) -> None:
        """Write a line of text; the anchor is that of Pillow, left and middle by default."""
        ((x, y),) = self._scaled([place])
        stencil, (left, top) = _stencil(words, round(size * _OVERSAMPLING), anchor)
        self._pen.bitmap((x + left, y + top), stencil, colour)

    def marker(self, centre: Point, radius: float, kind: int, hollow: bool = False) -> None:
        """Draw the sign of a need kind: a shape of its own with its letter.

        Args:
            centre: Middle of the sign.
            radius: Half its width.
            kind: The kind.
            hollow: Draw it as the distress symbol, which may mean another kind.
        """
        colour = KIND_COLOURS[kind]
        fill = PALE if hollow else colour
        if kind in _POLYGONS:
            sides, turn = _POLYGONS[kind]
            reach = radius * {3: 1.45, 4: 1.25}.get(sides, 1.12)
            shape = [_around(centre, reach, turn + 360 * n / sides) for n in range(sides)]
            self.area(shape, fill, INK)
        else:
            self.disc(centre, radius, fill, INK)
        drop = 0.2 * radius if kind == 2 else 0.0
        size = radius * (1.25 if kind == 2 else 1.45)
        letter = INK if hollow else _LETTERS[kind]
        self.text((centre[0], centre[1] + drop), kind_name(kind), size, letter, "mm")

    def face(self, centre: Point, radius: float, expression: str) -> None:
        """Draw a face.

        Args:
            centre: Middle of the face.
            radius: Its radius.
            expression: One of `frame.EXPRESSIONS`.
        """
        x, y = centre
        self.disc(centre, radius, SKIN, INK)
        width = radius * 0.13
        for side in (-1, 1):
            eye = (x + side * 0.36 * radius, y - 0.2 * radius)
            if expression in ("relief", "gratitude"):
                self._arc(eye, 0.19 * radius, 200, 340, width)
            else:
                self.disc(eye, 0.11 * radius, INK, None)
            tilt = {"annoyed": 0.14, "distress": -0.14}.get(expression, 0.0) * radius
            if tilt:
                brow = [(eye[0] + side * 0.2 * radius, eye[1] - 0.3 * radius - tilt)]
                brow.append((eye[0] - side * 0.2 * radius, eye[1] - 0.3 * radius + tilt))
                self.path(brow, INK, width)
        mouth = (x, y + 0.22 * radius)
        if expression == "distress":
            self.disc((x, y + 0.46 * radius), 0.22 * radius, INK, None)
        elif expression == "annoyed":
            self._arc((x, y + 0.72 * radius), 0.42 * radius, 215, 325, width)
        elif expression == "relief":
            grin = [_around(mouth, 0.42 * radius, angle) for angle in range(0, 181, 12)]
            self.area(grin, INK)
        elif expression == "neutral":
            flat = y + 0.42 * radius
            self.path([(x - 0.34 * radius, flat), (x + 0.34 * radius, flat)], INK, width)
        else:
            self._arc((mouth[0], mouth[1] - 0.08 * radius), 0.5 * radius, 25, 155, width * 1.15)

    def heart(self, centre: Point, radius: float, colour: str = WARM) -> None:
        """Draw a heart."""
        angles = np.linspace(0, 2 * math.pi, 40, endpoint=False)
        across = 16 * np.sin(angles) ** 3
        up = 13 * np.cos(angles) - 5 * np.cos(2 * angles) - 2 * np.cos(3 * angles)
        up -= np.cos(4 * angles)
        x, y = centre
        shape = zip(x + across * radius / 16, y - up * radius / 16, strict=True)
        self.area([(float(right), float(down)) for right, down in shape], colour)

    def plus(self, centre: Point, radius: float, colour: str = WARM) -> None:
        """Draw a plus, the sign of an offer."""
        x, y = centre
        for end in ((0.6 * radius, 0.0), (0.0, 0.6 * radius)):
            ends = [(x - end[0], y - end[1]), (x + end[0], y + end[1])]
            self.path(ends, colour, radius * 0.36)

    def arrow(
        self, start: Point, end: Point, gap: float, colour: str, width: float, dashed: bool
    ) -> Point:
        """Draw an arrow that bends to the left, so that one each way do not meet.

        Args:
            start: Middle of what it comes from.
            end: Middle of what it goes to.
            gap: Distance that it keeps from both middles.
            colour: Its colour.
            width: Width of its line.
            dashed: Whether the line is interrupted.

        Returns:
            A place beside its middle, for a sign.
        """
        length = math.dist(start, end)
        along = (end[0] - start[0]) / length, (end[1] - start[1]) / length
        left = along[1], -along[0]
        aside, ahead, bend = 0.93 * gap, 0.37 * gap, 0.2 * length + 0.3 * gap
        curve = _curve(
            (
                start[0] + aside * left[0] + ahead * along[0],
                start[1] + aside * left[1] + ahead * along[1],
            ),
            (
                end[0] + aside * left[0] - ahead * along[0],
                end[1] + aside * left[1] - ahead * along[1],
            ),
            (bend * left[0], bend * left[1]),
        )
        spacing = math.dist(curve[0], curve[-1]) / len(curve)
        head = 3.4 * width
        body = curve[: max(2, len(curve) - round(0.8 * head / spacing))]
        dash = max(2, round(2.0 * width / spacing)) if dashed else len(body)
        self.path(body, PALE, 2.0 * width)
        for first in range(0, len(body) - 1, 2 * dash):
            self.path(body[first : first + dash + 1], colour, width)
        tip = curve[-1]
        angle = math.degrees(math.atan2(tip[1] - body[-1][1], tip[0] - body[-1][0]))
        self.area([tip, *(_around(tip, -head, angle + turn) for turn in (-28, 28))], colour)
        middle = curve[len(curve) // 2]
        return middle[0] + left[0] * 3.5 * width, middle[1] + left[1] * 3.5 * width

    def _arc(self, centre: Point, radius: float, first: float, last: float, width: float) -> None:
        """Draw a part of a circle; degrees count clockwise from the right."""
        angles = np.linspace(first, last, 24)
        self.path([_around(centre, radius, angle) for angle in angles], INK, width)

    def _scaled(self, points: Sequence[Point]) -> list[tuple[int, int]]:
        return [(round(x * _OVERSAMPLING), round(y * _OVERSAMPLING)) for x, y in points]


def text_width(words: str, size: float) -> float:
    """Return how wide a line of text is, in pixels."""
    return _font(round(size * _OVERSAMPLING)).getlength(words) / _OVERSAMPLING


def tint(colour: str, share: float) -> str:
    """Return a colour mixed with white; a share of 1 leaves it as it is."""
    parts = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{round(255 + (part - 255) * share):02x}" for part in parts)


def _around(centre: Point, radius: float, angle: float) -> Point:
    """Return a point of a circle; degrees count clockwise from the right."""
    turn = math.radians(angle)
    return centre[0] + radius * math.cos(turn), centre[1] + radius * math.sin(turn)


def _curve(start: Point, end: Point, bend: Point) -> list[Point]:
    """Return 61 points of a quadratic curve, pulled aside by `bend` in its middle."""
    (x0, y0), (x2, y2) = start, end
    x1, y1 = (x0 + x2) / 2 + bend[0], (y0 + y2) / 2 + bend[1]
    shares = (n / 60 for n in range(61))
    return [
        (
            (1 - s) ** 2 * x0 + 2 * s * (1 - s) * x1 + s**2 * x2,
            (1 - s) ** 2 * y0 + 2 * s * (1 - s) * y1 + s**2 * y2,
        )
        for s in shares
    ]


@lru_cache(maxsize=1024)
def _stencil(words: str, size: int, anchor: str) -> tuple[Image.Image, tuple[int, int]]:
    """Return a line of text to be filled, and its upper left corner seen from its place.

    Kept, for most words of a picture stand in the next one too, and drawing letters is slow.
    """
    font = _font(size)
    left, top, right, bottom = font.getbbox(words, anchor=anchor)
    corner = (math.floor(left), math.floor(top))
    stencil = Image.new("L", (math.ceil(right) - corner[0], math.ceil(bottom) - corner[1]))
    ImageDraw.Draw(stencil).text((-corner[0], -corner[1]), words, 255, font, anchor)
    return stencil, corner


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font, so that pictures look the same everywhere."""
    return ImageFont.load_default(size)
