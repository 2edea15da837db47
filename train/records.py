"""Recorded episodes: one file each, whole or not there, readable without this project.

A record is a NumPy archive (.npz, which is a zip file) with one array for each name of ARRAYS, and
with a member `header.json` that says how the episode came about. Arrays under `truth/` are hidden
from whoever acts, and are for training targets and scoring only.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.person import PERSON
from empathy_loop.envs.reading import amend
from empathy_loop.envs.rules.reward import REWARD_TERMS
from empathy_loop.train.files import write_bytes

FORMAT = 2
"""Version of the layout of a record; of those before, 1 is read too, which lacks OF_PEOPLE."""
CONTENT = "empathy-loop episode"
"""What the header of a record says it is."""
ENDING = ".npz"
HEADER = "header.json"
HUMAN = "human"
"""Policy of a seat whose actions a person has chosen."""
_LARGEST_HEADER = 1 << 20

ARRAYS: dict[str, tuple[Any, str]] = {
    "features": (np.float32, "SAD"),
    "exterior": (np.float32, "SAX"),
    "action_mask": (np.bool_, "SAN"),
    "cue": (np.int8, "SA"),
    "belief": (np.float32, "SAOK"),
    "actions": (np.int8, "TA"),
    "reward": (np.float32, "TA"),
    "reward_terms": (np.float32, "TAR"),
    "truth/need": (np.float64, "SAK"),
    "truth/hazard": (np.float64, "SAK"),
    "truth/style": (np.int8, "SAK"),
    "truth/severe": (np.int8, "SAK"),
    "truth/expressivity": (np.float64, "SA"),
    "truth/shift_step": (np.int32, ""),
    "truth/welfare": (np.float64, "T"),
    "truth/trust": (np.float64, "SAA"),
    "truth/willingness": (np.float64, "SA"),
}
"""Name to type and axes of each array; T steps, S = T + 1 moments, R reward terms.

Those of the moments come before the step of the same number. What they hold is documented where
they come from: `envs.observation` (features, exterior, action_mask), `envs.state` (cue, need,
hazard, style, severe, expressivity, shift_step), `envs.people` (trust, willingness) and
`envs.world` (reward, reward_terms, welfare).
`belief` is the need level that each agent believed each other to have, NaN where its policy has
none to tell. `actions` are those that were asked for, of all agents.
"""
OF_PEOPLE = ("truth/trust", "truth/willingness")
"""Those that are there only where people are among the agents."""


@dataclass(frozen=True)
class Header:
    """How an episode came about; with the actions, all that it takes to play it again."""

    scenario: str
    """Name of the scenario, or own_world."""
    params: WorldParams
    """The rules, as the world was shown."""
    seed: int
    """Seed of evaluation, at least 0; the world's own is `evaluate.SEED_OFFSET` more."""
    world: int
    """Which of the seed's worlds, at least 0."""
    seats: tuple[str, ...]
    """Seat of each agent, as `envs.populations` names them."""
    agents: tuple[str, ...]
    """Name of each agent."""
    policies: tuple[str, ...]
    """What chose the actions of each agent: a policy, a partner, or "human"."""
    greedy: bool = False
    """Whether learned policies took their most probable actions."""
    versions: dict[str, str] = field(default_factory=lambda: current_versions())
    """Version of this package and of NumPy, as they recorded."""


@dataclass(frozen=True)
class Record:
    """One episode, or the part of one that was played.

    Attributes:
        header: How it came about.
        arrays: Name to array, as ARRAYS says.
    """

    header: Header
    arrays: dict[str, NDArray[Any]]

    @property
    def steps(self) -> int:
        """Number of steps T."""
        return len(self.arrays["actions"])


def current_versions() -> dict[str, str]:
    """Return the versions of this package and of NumPy."""
    return {"empathy-loop": version("empathy-loop"), "numpy": np.__version__}


def shapes_of(
    params: WorldParams, steps: int, with_people: bool = False
) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of each array of a record.

    Args:
        params: The rules.
        steps: Number of steps T.
        with_people: Whether those of OF_PEOPLE are among them.
    """
    layout = ObservationLayout.of(params)
    sizes = {
        **{"T": steps, "S": steps + 1, "A": params.num_agents, "O": params.num_others},
        **{"K": params.num_kinds, "N": params.num_actions, "R": len(REWARD_TERMS)},
        **{"D": layout.size, "X": layout.other_size},
    }
    return {
        name: tuple(sizes[axis] for axis in axes)
        for name, (_, axes) in ARRAYS.items()
        if with_people or name not in OF_PEOPLE
    }


def write_record(path: Path, record: Record) -> Path:
    """Write a record; a process that is killed meanwhile leaves no half of one under its name.

    Args:
        path: File, ending in .npz; missing folders are made.
        record: The episode.

    Returns:
        The path.

    Raises:
        OSError: the file cannot be written; what stood there before is intact.
    """
    content = io.BytesIO()
    np.savez_compressed(content, **record.arrays)  # type: ignore[arg-type]  # its only flag is no name of ours
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(HEADER, json.dumps(_plain(record), indent=2) + "\n")
    return write_bytes(path, content.getvalue())


def read_record(path: Path) -> Record:
    """Read a record, which runs no code; a seat may name a class, which only a replay would run.

    Args:
        path: File that `write_record` wrote.

    Returns:
        Record, whose arrays have the types and shapes that ARRAYS says.

    Raises:
        ValueError: the file is damaged, is none of this project's, or of another format; the
            message says which and what to do.
        OSError: it cannot be read.
    """
    with _opened(path) as archive:
        return _read(archive, path)


def read_header(path: Path) -> tuple[Header, int]:
    """Read how a recorded episode came about, and its number of steps, without its arrays.

    Raises:
        ValueError, OSError: as `read_record` does, of what is read.
    """
    with _opened(path) as archive:
        header, steps, _ = _header_of(archive, path)
        return header, steps


def records_in(paths: list[Path]) -> list[Path]:
    """Return the records that are named, and those in folders that are, sorted in each folder.

    Raises:
        ValueError: there is none.
    """
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob(f"*{ENDING}")) if path.is_dir() else [path]
    if not found:
        raise ValueError(f"there is no record in {', '.join(map(str, paths)) or 'nothing'}")
    return found


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the archive of a record, or raise what `read_record` says."""
    with path.open("rb") as file:
        try:
            archive = zipfile.ZipFile(file)
        except Exception as error:  # whatever a damaged file makes the reader raise
            raise ValueError(
                f"{path} is damaged, or not a record ({error}); a record is made by "
                "`empathy-loop record` or `empathy-loop play`"
            ) from error
        yield archive


def _plain(record: Record) -> dict[str, Any]:
    """Return the header of a record as plain data, with what is what in the features."""
    header, params = asdict(record.header), record.header.params
    layout = ObservationLayout.of(params)
    start = layout.self_size
    blocks: dict[str, list[int]] = {
        f"self.{name}": [part.start, part.stop] for name, part in layout.self_block.items()
    }
    for d in range(layout.num_others):
        for name, part in layout.other_block.items():
            first = start + d * layout.other_size
            blocks[f"other_{d + 1}.{name}"] = [first + part.start, first + part.stop]
    # One that was read from an old file is written as such.
    is_old = _has_people(record.header) and not set(OF_PEOPLE) <= set(record.arrays)
    own = {"content": CONTENT, "format": 1 if is_old else FORMAT, "steps": record.steps}
    return own | header | {"reward_terms": list(REWARD_TERMS), "features": blocks}


def _header_of(archive: zipfile.ZipFile, path: Path) -> tuple[Header, int, bool]:
    """Return the header in an archive, the number of steps, and whether OF_PEOPLE is there."""
    try:
        if archive.getinfo(HEADER).file_size > _LARGEST_HEADER:
            raise ValueError("a header of that size is none")
        data = json.loads(archive.read(HEADER))
        content, found = data["content"], data["format"]
    except Exception as error:  # whatever a damaged or foreign file makes the readers raise
        raise ValueError(
            f"{path} is not a record of this project: it has no {HEADER} that says so"
        ) from error
    if content != CONTENT or found not in (1, FORMAT):
        raise ValueError(
            f"{path} holds {content!r} of format {found!r}, this version reads {CONTENT!r} of "
            f"formats 1 and {FORMAT}; use the version that wrote it"
        )
    try:
        texts = {name: tuple(map(str, data[name])) for name in ("seats", "agents", "policies")}
        numbers = {name: int(data[name]) for name in ("seed", "world")}
        header = Header(
            scenario=str(data["scenario"]),
            params=amend(WorldParams(), data["params"], str(path)),
            greedy=bool(data["greedy"]),
            versions={str(name): str(text) for name, text in data["versions"].items()},
            **texts,  # type: ignore[arg-type]  # mypy sees one type for all
            **numbers,  # type: ignore[arg-type]
        )
        steps = int(data["steps"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path}: its header is damaged: {error!r}") from error
    fits = all(len(text) == header.params.num_agents for text in texts.values())
    if not fits or not 0 <= steps <= header.params.horizon or min(numbers.values()) < 0:
        raise ValueError(f"{path}: its header is damaged: its numbers contradict each other")
    return header, steps, found == FORMAT and _has_people(header)


def _has_people(header: Header) -> bool:
    return any(seat.startswith(PERSON) for seat in header.seats)


def _read(archive: zipfile.ZipFile, path: Path) -> Record:
    """Return the record in an archive, every array checked."""
    header, steps, with_people = _header_of(archive, path)
    arrays = {}
    for name, shape in shapes_of(header.params, steps, with_people).items():
        kind = np.dtype(ARRAYS[name][0])
        try:
            # Looked at before it is unpacked: a small file can claim to hold a huge array.
            size = archive.getinfo(f"{name}.npy").file_size
            if size > kind.itemsize * int(np.prod(shape)) + 4096:
                raise ValueError(f"it claims {size} bytes")
            with archive.open(f"{name}.npy") as member:
                array = np.lib.format.read_array(member, allow_pickle=False)
        except Exception as error:  # as above
            raise ValueError(f"{path} is damaged: array {name}: {error}") from error
        if array.shape != shape or array.dtype != kind:
            raise ValueError(
                f"{path} is damaged: array {name} must be {kind} {shape}, "
                f"got {array.dtype} {array.shape}"
            )
        arrays[name] = array
    return Record(header, arrays)
