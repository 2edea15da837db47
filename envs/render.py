"""Pictures, videos and texts of a world: who needs what, who shows what, who gives what to whom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from empathy_loop.envs.drawing import picture_of
from empathy_loop.envs.frame import Frame, beliefs_about, expression, in_words, kind_name
from empathy_loop.envs.state import DISTRESS, NOTHING


def draw(frame: Frame, cell_pixels: int) -> NDArray[np.uint8]:
    """Draw a world: the board, and beside it what each agent needs and what the others believe.

    Args:
        frame: What to show.
        cell_pixels: Side of a cell of the board, in pixels, at least 16.

    Returns:
        uint8 [H, W, 3]. Its size depends on cell_pixels, the sizes of the world, the longest
        name and on whether there is a belief, and on nothing else.

    Raises:
        ValueError: cell_pixels is too small.
    """
    if cell_pixels < 16:
        raise ValueError(f"cell_pixels must be at least 16, got {cell_pixels}")
    return picture_of(frame, cell_pixels)


def write_video(frames: Sequence[NDArray[np.uint8]], path: Path, frames_per_second: float) -> None:
    """Write pictures as a .gif that repeats for ever, or as an .mp4.

    Args:
        frames: uint8 [H, W, 3] each, all of one size; at least one.
        path: Its ending says the format.
        frames_per_second: How many pictures are shown in a second, above 0.

    Raises:
        ValueError: another ending, no pictures, pictures of several sizes, or no speed.
        OSError: the file cannot be written.
    """
    sizes = {frame.shape for frame in frames}
    if len(sizes) != 1:
        raise ValueError(
            f"frames must be at least one and of one size, got sizes {sizes or 'none'}"
        )
    if not frames_per_second > 0:
        raise ValueError(f"frames_per_second must be above 0, got {frames_per_second}")
    if path.suffix == ".gif":
        write_gif(frames, path, frames_per_second)
    elif path.suffix == ".mp4":
        _write_mp4(frames, path, frames_per_second)
    else:
        raise ValueError(f"path must end in .gif or .mp4, got {str(path)!r}")


def ansi(frame: Frame) -> str:
    """Return a world as text.

    Returns:
        The step, the board, and lines on what happened and on each agent. On the board, a small
        letter is a station, a number an agent, a capital letter what it carries.
    """
    shift = f"; the shift has come: {in_words(frame.shift)}" if frame.shift else ""
    lines = [f"step {frame.step} of {frame.horizon}{shift}", *_board_lines(frame)]
    for gift in frame.gifts:
        what = kind_name(gift.kind) if gift.kind != NOTHING else "an item"
        outcome = "misattuned" if gift.misattuned else "relieved"
        lines.append(
            f"{frame.name(gift.giver)} gave {what} to {frame.name(gift.receiver)}: {outcome}"
        )
    lines += [f"{frame.name(i)} thanked {frame.name(j)}" for i, j in frame.thanks]
    num_agents = len(frame.carried)
    for i in range(num_agents):
        lines.append(f"{frame.name(i)} {_appearance(frame, i)}, drive {frame.drive[i]:.2f}")
        lines.append(f"  true needs    {_levels(frame.need[i])}")
        for j, believed in beliefs_about(frame, i):
            lines.append(f"  {f'{frame.name(j)} believes':<13} {_levels(believed)}")
    return "\n".join(lines)


def write_gif(
    frames: Sequence[NDArray[np.uint8]], file: Path | BinaryIO, frames_per_second: float
) -> None:
    """Write an animated GIF that repeats for ever, in one palette for all pictures.

    Args:
        frames: uint8 [H, W, 3] each, all of one size; at least one.
        file: Path, or an open binary file, which stays open.
        frames_per_second: How many pictures are shown in a second, above 0.

    Raises:
        OSError: the file cannot be written.
    """
    palette = Image.new("P", (1, 1))
    palette.putpalette(_most_frequent_colours(frames).tobytes())
    pictures = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in frames
    ]
    pictures[0].save(
        file,
        format="GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=round(1000 / frames_per_second),
        loop=0,
    )


def _most_frequent_colours(frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return uint8 [256, 3] or fewer rows: colours of some of the pictures, most frequent first."""
    # A few pictures hold all colours, for the legend stands in each of them.
    sample = np.concatenate(frames[:: max(1, len(frames) // 8)]).reshape(-1, 3).astype(np.uint32)
    codes = (sample[:, 0] << 16) | (sample[:, 1] << 8) | sample[:, 2]
    values, counts = np.unique(codes, return_counts=True)
    best = values[np.argsort(-counts, kind="stable")[:256]]
    return np.stack([best >> 16, best >> 8 & 255, best & 255], axis=1).astype(np.uint8)


def _write_mp4(frames: Sequence[NDArray[np.uint8]], path: Path, frames_per_second: float) -> None:
    """Write an H.264 video, one pixel wider or higher where that makes its sides even."""
    # It brings a codec, which few users need.
    import imageio.v2 as imageio

    height, width = frames[0].shape[:2]
    padding = ((0, height % 2), (0, width % 2), (0, 0))
    even: list[Any] = [np.pad(frame, padding, mode="edge") for frame in frames]
    imageio.mimwrite(path, even, fps=frames_per_second, codec="libx264", macro_block_size=2)


def _board_lines(frame: Frame) -> list[str]:
    """Return one line for each row of the board, three characters for each cell."""
    cells = [[[".", " ", " "] for _ in range(frame.grid_size)] for _ in range(frame.grid_size)]
    for kind, (row, column) in enumerate(frame.station):
        cells[row][column][0] = kind_name(kind).lower()
    for i, (row, column) in enumerate(frame.position):
        cells[row][column][1] = f"{i:x}"
        if frame.carried[i] != NOTHING:
            cells[row][column][2] = kind_name(int(frame.carried[i]))
    return [" ".join("".join(cell) for cell in row).rstrip() for row in cells]


def _appearance(frame: Frame, i: int) -> str:
    """Return what an agent shows and carries, in words."""
    cue, carried = int(frame.cue[i]), int(frame.carried[i])
    shown = "nothing" if expression(cue) == "neutral" else expression(cue)
    if cue >= DISTRESS:
        shown += f" {kind_name(cue - DISTRESS)}"
    return f"shows {shown}, carries {'nothing' if carried == NOTHING else kind_name(carried)}"


def _levels(levels: NDArray[np.floating[Any]]) -> str:
    """Return need levels by kind as text."""
    return "  ".join(f"{kind_name(k)} {level:.2f}" for k, level in enumerate(levels))
