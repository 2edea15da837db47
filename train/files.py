"""Files that are whole or not there at all."""

from __future__ import annotations

import errno
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_WITHOUT_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)
"""What a file system says that has no locks, as some of clusters."""
_NUMBERS = re.compile(r"\[\n\s*([-+.,\deE\snul]+?)\s*\]")
"""A list of numbers and nulls over several lines of JSON; no text in JSON holds a line's end."""


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file under another name, then give it its own: nobody sees it half written.

    Args:
        path: Where; missing folders are made.
        content: All of it.

    Returns:
        The path.

    Raises:
        OSError: it cannot be written, as on a full disk. What stood there before is intact.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    return path


def write_text(path: Path, content: str) -> Path:
    """Write a text as `write_bytes` does."""
    return write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, data: Any) -> Path:
    """Write plain data as `write_bytes` does; numbers that are not finite are refused.

    A list of numbers has one line, so that curves do not make a file of lines.
    """
    text = json.dumps(data, indent=2, allow_nan=False)
    text = _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text)
    return write_text(path, text + "\n")


def read_json(path: Path) -> Any:
    """Return the data of a JSON file.

    Raises:
        ValueError: it is not JSON; the message names the file.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged, no whole JSON ({error}); if a command has made it, move it away "
            "and run that again"
        ) from error


def check_out(path: Path, is_folder: bool) -> None:
    """Refuse a place to write to that cannot be one, before the work that would be lost.

    Args:
        path: Where something will be written.
        is_folder: Whether it will be a folder, or else a file.

    Raises:
        ValueError: a folder stands where a file should, the other way round, a file stands
            where a folder of the path should, or nothing may be written there.
    """
    if path.exists() and path.is_dir() != is_folder:
        there, wanted = ("file", "folder") if is_folder else ("folder", "file")
        raise ValueError(
            f"{path} is a {there}, and a {wanted} is to be written there; name another"
        )
    # A folder that is there is written into; all else is made in the nearest one that is there.
    places = (path, *path.parents) if is_folder else path.parents
    nearest = next(place for place in places if place.exists())
    if not nearest.is_dir():
        raise ValueError(f"{nearest} is a file, so that {path} cannot be in it; name another")
    if not os.access(nearest, os.W_OK):
        raise ValueError(f"{nearest} may not be written to; name another place than {path}")


class InUseError(ValueError):
    """Another process holds a lock; the message says which."""


@contextmanager
def exclusive(
    folder: Path, patience_seconds: float = 10.0, name: str = "", shared: bool = False
) -> Iterator[None]:
    """Keep other processes out of a folder, or of one thing in it, while this one works there.

    The lock goes away with the process, however that ends. Where the system has no such locks,
    nothing is checked.

    Args:
        folder: Made if it is missing.
        patience_seconds: How long to wait for another process to leave, as one that was
            told to stop and is saving does.
        name: Of the one thing to lock; "" for the folder. These locks know nothing of each other.
        shared: Whether others that share it may come in as well.

    Raises:
        InUseError: another process still works there.
        ValueError: no folder can be there, as `check_out` says.
    """
    check_out(folder, is_folder=True)
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    with (folder / f".lock{name and '-'}{name}").open("a") as file:
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    what = f"on {name} in {folder}" if name else f"in {folder}"
                    raise InUseError(
                        f"another process works {what}; wait for it, or use another folder"
                    ) from error
                time.sleep(0.1)
            except OSError as error:
                if error.errno not in _WITHOUT_LOCKS:
                    raise
                break
        yield
