"""Checkpoints: plain tensors and data, written whole or not at all.

They are read with torch's `weights_only=True`, so that a run folder from a stranger cannot run
code. The one before the last is kept beside it.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import torch

CHECKPOINT = "checkpoint.pt"
PREVIOUS = "checkpoint_previous.pt"
FORMAT = 2
"""Version of what a checkpoint holds; another is refused."""


class CheckpointError(Exception):
    """A checkpoint cannot be read or written; the message says which, why and what to do."""


def save_checkpoint(folder: Path, data: dict[str, Any]) -> Path:
    """Write a checkpoint, and keep the one before it.

    The file is complete before it takes its name: whenever the process is killed, the folder
    holds a checkpoint that can be read.

    Args:
        folder: Folder of the run; must exist.
        data: Tensors, numbers, texts, and lists and dictionaries of them.

    Returns:
        The path of the checkpoint.

    Raises:
        CheckpointError: the file cannot be written, as on a full disk. Earlier ones are intact.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **data}, buffer)
    path, unfinished = folder / CHECKPOINT, folder / f"{CHECKPOINT}.unfinished"
    try:
        with unfinished.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            os.replace(path, folder / PREVIOUS)
        os.replace(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        size = buffer.getbuffer().nbytes / 1e6
        raise CheckpointError(
            f"cannot write checkpoint {path} ({size:.1f} MB): {error.strerror or error}; "
            "earlier checkpoints are intact: make room and run the same command again"
        ) from error
    return path


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Read the last checkpoint of a run.

    Args:
        folder: Folder of the run.

    Returns:
        What was saved, or None if there is no checkpoint.

    Raises:
        CheckpointError: the file is corrupt, half written, or of another format.
    """
    path = find_checkpoint(folder)
    if path is None:
        return None
    try:
        data = torch.load(path, weights_only=True, map_location="cpu")
        found = data["format"]
    except Exception as error:  # whatever a damaged file makes the reader raise
        raise CheckpointError(
            f"checkpoint {path} is corrupt or not a checkpoint ({type(error).__name__}); "
            f"{_way_out(path)}"
        ) from error
    if found != FORMAT:
        raise CheckpointError(
            f"checkpoint {path} has format {found}, this version reads {FORMAT}; "
            "use the version that wrote it, or train anew in another folder"
        )
    return dict(data)


def find_checkpoint(folder: Path) -> Path | None:
    """Return the path of the last checkpoint in a folder, or None."""
    # A process killed between the two renames of a save leaves the previous one only.
    for name in (CHECKPOINT, PREVIOUS):
        if (folder / name).is_file():
            return folder / name
    return None


def _way_out(path: Path) -> str:
    previous = path.with_name(PREVIOUS)
    if path != previous and previous.is_file():
        return f"to go on from the one before it, delete it: {previous} is used then"
    return "delete it to train anew"
