"""Every logged name, and the one writer of TensorBoard events and metrics.jsonl.

A run has one events file. It is appended to when the run is resumed, after everything that was
logged beyond the checkpoint has been cut off, so that no step appears twice.
"""

from __future__ import annotations

import io
import json
import struct
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# TensorBoard ships no types.
from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[import-untyped]
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]
from tensorboard.summary.writer.record_writer import RecordWriter  # type: ignore[import-untyped]

from empathy_loop.agents.config import AgentConfig
from empathy_loop.envs.render import write_gif
from empathy_loop.train.beliefs import PARTNERS, QUALITIES, SOURCES, scalar_name, sources_of
from empathy_loop.train.files import write_bytes

EVENTS = "events.out.tfevents.empathy_loop"
"""Name of a run's events file; TensorBoard looks for `tfevents`."""
METRICS = "metrics.jsonl"
"""Name of the file with one JSON object for each update: `step`, and name to value."""

SCALARS: dict[str, str] = {
    "charts/return": "Reward summed over an episode, mean over agents.",
    "charts/drive": "Sum over kinds of squared need, mean over agents and steps.",
    "charts/welfare": "Unshaped welfare summed over an episode: the score.",
    "charts/help_precision": "Share of helps that were not misattuned, 0 to 1.",
    "charts/helps": "Helps given in one world's episode.",
    "charts/steps_per_second": "Agent steps per second of wall time.",
    "losses/policy": "Clipped policy loss.",
    "losses/value": "Half the squared error of the value.",
    "losses/entropy": "Sum of p log p over actions, in nats; the less, the more random.",
    "losses/approx_kl": "Divergence of the new policy from the old one, in nats.",
    "losses/clip_fraction": "Share of probability ratios that were clipped, 0 to 1.",
    "losses/explained_variance": "Share of the variance of returns that values foretell.",
    "losses/gradient_norm": "Norm of the gradient before clipping.",
    "reward/drive": "Part of the return that comes from falling drives.",
    "reward/help_cost": "Part of the return that helping costs.",
    "reward/hurt": "Part of the return lost to misattuned help.",
    "time/env": "Share of wall time spent in the world, 0 to 1.",
    "time/inference": "Share of wall time spent on choosing actions, 0 to 1.",
    "time/learning": "Share of wall time spent on learning, 0 to 1.",
}
"""Scalars of every learned arm, after each update."""

BELIEF_SCALARS: dict[str, str] = {
    "belief/crisis_loss": "Negative log-likelihood of others' crises, in nats.",
    "belief/auroc": "Area under the ROC curve of who needs what, about others only.",
    "belief/calibration_error": "Expected calibration error of crisis probabilities, 0 to 1.",
}
"""Scalars of arms that train a belief about needs, in addition."""

EVALUATION_SCALARS: dict[str, str] = {
    "evaluation/welfare": "Episode welfare on evaluation worlds.",
    "evaluation/drive": "Mean drive on evaluation worlds.",
    "evaluation/helps": "Helps in one evaluation world's episode.",
    "evaluation/help_precision": "Share of helps there that were not misattuned, 0 to 1.",
}
"""Scalars of the evaluation at the end of a run."""

REPORT_SCALARS: dict[str, str] = {
    scalar_name(partners, source, quality): f"{what[0].upper()}{what[1:]}: {who}; {where}."
    for partners, where in PARTNERS.items()
    for source, who in SOURCES.items()
    for quality, what in QUALITIES.items()
}
"""Scalars of the report on beliefs at the end of a run, of all that an arm may have."""

IMAGES: dict[str, str] = {
    "evaluation/episode": "One evaluation episode as an animation, truth beside belief.",
    "evaluation/reliability": "How often what is believed is true; on the diagonal, calibrated.",
}
"""Images of the evaluation at the end of a run."""

EVALUATION_NAMES = EVALUATION_SCALARS.keys() | REPORT_SCALARS.keys() | IMAGES.keys()


def declared_names(agent: AgentConfig) -> set[str]:
    """Return exactly the names that a finished run of an arm has logged.

    Of the report on beliefs, what could not be scored is missing, as in a world without crises.
    """
    names = SCALARS.keys() | EVALUATION_SCALARS.keys() | IMAGES.keys()
    names |= {f"losses/{term}" for term in agent.loss_weights}
    names |= {f"reward/{term}" for term in agent.reward_weights}
    names |= {
        scalar_name(partners, source, quality)
        for partners in PARTNERS
        for source in sources_of(agent)
        for quality in QUALITIES
    }
    return names | BELIEF_SCALARS.keys() if agent.trains_belief else names


class Logger:
    """Writes a run's metrics to TensorBoard and to metrics.jsonl, whole lines at a time.

    Args:
        folder: Folder of the run; made if it is missing.
        names: The names under which may be logged.
        done: Agent steps of the checkpoint from which the run goes on. What was logged beyond
            them is cut off: those updates will be made, and logged, again.

    Raises:
        OSError: a file cannot be written, here and in every method.
    """

    def __init__(self, folder: Path, names: Set[str], done: int = 0) -> None:
        self._names = names
        folder.mkdir(parents=True, exist_ok=True)
        _cut_events(folder / EVENTS, done)
        _cut_metrics(folder / METRICS, done)
        self._metrics = (folder / METRICS).open("a", encoding="utf-8")
        self._events = (folder / EVENTS).open("ab")
        self._records = RecordWriter(self._events)
        if self._events.tell() == 0:
            self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Log numbers under declared names.

        Args:
            step: Agent steps done so far.
            values: Name to value.

        Raises:
            ValueError: a name is not declared.
        """
        undeclared = values.keys() - self._names
        if undeclared:
            raise ValueError(
                f"{', '.join(sorted(undeclared))} must be declared in train/logging.py first"
            )
        numbers = {name: float(value) for name, value in values.items()}
        # Whoever reads the line later has no other clock than this one.
        line = {"step": int(step), "time": round(time.time(), 3), **numbers}
        self._metrics.write(json.dumps(line) + "\n")
        self._metrics.flush()
        self._summarise(
            step, [Summary.Value(tag=name, simple_value=value) for name, value in numbers.items()]
        )

    def animation(
        self, step: int, name: str, frames: Sequence[NDArray[np.uint8]], frames_per_second: float
    ) -> None:
        """Log a sequence of pictures as one animated image.

        Args:
            step: Agent steps done so far.
            name: One of IMAGES.
            frames: uint8 [H, W, 3] each, of one size.
            frames_per_second: Above 0.

        Raises:
            ValueError: the name is not declared.
        """
        buffer = io.BytesIO()
        write_gif(frames, buffer, frames_per_second)
        self.image(step, name, buffer.getvalue())

    def image(self, step: int, name: str, content: bytes) -> None:
        """Log an image.

        Args:
            step: Agent steps done so far.
            name: One of IMAGES.
            content: A whole PNG or GIF file.

        Raises:
            ValueError: the name is not declared.
        """
        if name not in IMAGES:
            raise ValueError(f"{name} must be declared in train/logging.py first")
        with Image.open(io.BytesIO(content)) as picture:
            width, height = picture.size
        image = Summary.Image(
            height=height, width=width, colorspace=3, encoded_image_string=content
        )
        self._summarise(step, [Summary.Value(tag=name, image=image)])

    def close(self) -> None:
        """Close the files."""
        self._metrics.close()
        self._events.close()

    def __enter__(self) -> Logger:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _summarise(self, step: int, values: list[Any]) -> None:
        self._write(Event(wall_time=time.time(), step=int(step), summary=Summary(value=values)))

    def _write(self, event: Any) -> None:
        self._records.write(event.SerializeToString())
        self._events.flush()


def read_metrics(folder: Path) -> list[dict[str, float]]:
    """Return what a run has logged after each update, oldest first; a torn last line is left out.

    Args:
        folder: Folder of a run.

    Returns:
        One mapping of name to value for each update, with `step` in agent steps and `time` in
        seconds since 1970.

    Raises:
        ValueError: a whole line is damaged; the message names it.
    """
    path = folder / METRICS
    if not path.exists():
        return []
    *lines, _ = path.read_bytes().split(b"\n")
    return [_metric_of(line, f"line {i} of {path}") for i, line in enumerate(lines, 1)]


def _metric_of(line: bytes, place: str) -> dict[str, float]:
    try:
        found: dict[str, float] = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{place} is damaged ({error}); delete it to go on without it") from error
    return found


def _cut_metrics(path: Path, done: int) -> None:
    """Keep the whole lines of metrics up to a step."""
    if path.exists():
        kept = [line for line in read_metrics(path.parent) if _is_kept(line["step"], line, done)]
        write_bytes(path, "".join(json.dumps(line) + "\n" for line in kept).encode())


def _cut_events(path: Path, done: int) -> None:
    """Keep the whole events up to a step."""
    if path.exists():
        kept = []
        for record, data in _records_of(path.read_bytes()):
            event = Event.FromString(data)
            if _is_kept(event.step, (value.tag for value in event.summary.value), done):
                kept.append(record)
        write_bytes(path, b"".join(kept))


def _is_kept(step: float, names: Iterable[str], done: int) -> bool:
    """Return whether a run that goes on will not log this again; it is evaluated at its end."""
    return step < done or (step == done and EVALUATION_NAMES.isdisjoint(names))


def _records_of(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each whole record of an events file, with its framing and without.

    A record is: length as uint64, its checksum, the data, their checksum (little-endian).
    """
    start = 0
    while start + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, start)
        end = start + 12 + length + 4
        if end > len(content):
            return
        yield content[start:end], content[start + 12 : end - 4]
        start = end
