"""One evaluation episode as pictures: the truth, and beside it what the agents believe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.frame import frame_of
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.render import draw, write_video
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.world import World
from empathy_loop.train.actors import Actor
from empathy_loop.train.evaluate import SEED_OFFSET
from empathy_loop.train.files import check_out

FRAMES_PER_SECOND = 4.0
"""Steps of an episode that are shown in a second."""
ENDINGS = (".gif", ".mp4")
"""Endings of the files that an episode can be written to."""
SMALLEST_CELL, LARGEST_CELL = 16, 256
"""Sizes of a cell, in pixels, in which symbols can be told apart and files stay small."""


def check_playback(out: Path, seed: int, world: int, cell_pixels: int) -> None:
    """Refuse what cannot be drawn, before anything is played.

    Args:
        out: File to write.
        seed: Seed of evaluation, at least 0.
        world: Which of the seed's worlds, at least 0.
        cell_pixels: Size of a cell, in pixels, 16 to 256.

    Raises:
        ValueError: the file has another ending than .gif and .mp4 or cannot be there, or a number
            is out of its range.
    """
    check_out(out, is_folder=False)
    if out.suffix not in ENDINGS:
        raise ValueError(f"out must end in {' or '.join(ENDINGS)}, got {str(out)!r}")
    for name, value in (("seed", seed), ("world", world)):
        if value < 0:
            raise ValueError(f"{name} must be at least 0, got {value}")
    if not SMALLEST_CELL <= cell_pixels <= LARGEST_CELL:
        raise ValueError(
            f"cell_pixels must be in [{SMALLEST_CELL}, {LARGEST_CELL}], got {cell_pixels}"
        )


def record_episode(
    actor: Actor,
    params: WorldParams,
    seed: int,
    cell_pixels: int,
    world: int = 0,
    greedy: bool = False,
    seats: Sequence[str] = (),
) -> list[NDArray[np.uint8]]:
    """Draw every step of one episode.

    Args:
        actor: Acts for all focal agents.
        params: The rules.
        seed: Seed of evaluation, at least 0.
        cell_pixels: Size of a cell, in pixels.
        world: Which world of the batch that evaluation with this seed plays, at least 0.
        greedy: Whether to take the most probable actions instead of sampling.
        seats: A seat for each agent; none for all focal.

    Returns:
        horizon + 1 pictures of one size, uint8 [H, W, 3] each: every state beside the belief
        held in it.
    """
    params = actor.view(params)
    batch = World(params, 1, SEED_OFFSET + seed, first_world=world, autoreset=False)
    seated = SeatedWorld(batch, seats)
    actor.begin(params, 1)
    frames = []
    for step in range(params.horizon + 1):
        # Asked in the last state too, for what it believes there.
        decision = actor.act(batch, greedy)
        belief = None if decision.belief is None else decision.belief[0].copy()
        if belief is not None:
            # What partners believe is not known, and is drawn like a belief that all is well.
            belief[seated.num_focal :] = 0.0
        frames.append(draw(frame_of(batch, 0, belief), cell_pixels))
        if step < params.horizon:
            seated.step(decision.actions[:, : seated.num_focal])
    return frames


def write_episode(frames: list[NDArray[np.uint8]], path: Path) -> Path:
    """Write pictures as .gif or .mp4.

    Args:
        frames: uint8 [H, W, 3] each.
        path: Its ending says the format.

    Returns:
        The path.

    Raises:
        ValueError: the ending is neither .gif nor .mp4.
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The ending has to stay the last, for it says the format.
    unfinished = path.with_name(f".unfinished-{path.name}")
    try:
        write_video(frames, unfinished, FRAMES_PER_SECOND)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path
