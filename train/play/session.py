"""One episode that a page watches or plays in, apart from how messages travel."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from empathy_loop.train.episode import Episode
from empathy_loop.train.play.messages import Act, Message, Pace, Review, Step
from empathy_loop.train.play.scene import Scene, seat_scene_of, true_scene
from empathy_loop.train.records import Record
from empathy_loop.train.replay import check_replay_into

Reply = dict[str, Any]
MADE_UP_SECONDS = 0.5
"""Delay that the steps after it make up for."""


class Session:
    """An episode in progress, what its page has been shown, and how fast it goes.

    Args:
        episode: The episode; None with scenes that are there already.
        seat: Agent whose seat a person takes; None to watch.
        keep: Called with the record of an episode that was played to its end; returns its file.
        scenes: Scenes of an episode that is over.

    Attributes:
        id: A secret that names the session.
        begun: What the page is told of the episode when it begins.
        scenes: What the page was shown; for a person in a seat, only what that seat sees.
        lock: Held while anything of the session changes.
        owner: The connection that it belongs to, if any.
        left_at: When the last connection left it, in seconds of the monotonic clock.
    """

    def __init__(
        self,
        episode: Episode | None,
        seat: int | None = None,
        keep: Callable[[Record], Path] | None = None,
        scenes: list[Scene] | None = None,
    ) -> None:
        self.id = secrets.token_urlsafe(16)
        self.begun: Reply = {}
        self.lock = asyncio.Lock()
        self.owner: object = None
        self.left_at = time.monotonic()
        self.scenes: list[Scene] = scenes or []
        self._episode, self._seat, self._keep = episode, seat, keep
        self._truth: list[Scene] = []
        self._running, self._speed, self._due = False, 4.0, 0.0
        self._ended: Reply | None = None
        if episode is not None:
            self._look()

    def wait(self) -> float | None:
        """Return the seconds until the next step is due, or None if no time passes."""
        return max(0.0, self._due - time.monotonic()) if self._running else None

    def leave(self) -> None:
        """Stop the clock; whoever comes back finds the session as it was."""
        self.owner, self._running, self.left_at = None, False, time.monotonic()

    def since(self, have: int) -> list[Reply]:
        """Return what a page lacks that has some scenes, or none and knows of no episode."""
        begun = [] if have else [self.begun]
        return [*begun, {"type": "scenes", "scenes": self.scenes[have:]}, *self._ending()]

    def tick(self) -> list[Reply]:
        """Let one step pass because its time has come; a person who has not chosen stays."""
        # Kept at the pace: what was late is made up for, unless the server cannot keep up.
        self._due = max(self._due + 1.0 / self._speed, time.monotonic() - MADE_UP_SECONDS)
        return self._advance({})

    def handle(self, message: Message) -> list[Reply]:
        """Do what a page asked for, and return what it is to be told.

        Raises:
            ValueError: it cannot be done now; nothing has changed.
        """
        match message:
            case Pace():
                if self._is_over() and message.running:
                    raise ValueError("the episode is over")
                self._running, self._speed = message.running, message.speed
                self._due = time.monotonic() + 1.0 / self._speed
                return [{"type": "pace", "running": self._running, "speed": self._speed}]
            case Step():
                if self._seat is not None:
                    raise ValueError("who plays acts instead")
                self._check_step(message.t)
                return self._advance({})
            case Act():
                return self._act(message)
            case Review():
                if self._seat is None or self._ended is None:
                    raise ValueError("what was hidden is shown after an episode that was played")
                return [{"type": "truth", "scenes": self._truth}]
        raise ValueError(f"{message.type} is not for an episode in progress")

    def _act(self, message: Act) -> list[Reply]:
        """Take a person's action."""
        if self._seat is None:
            raise ValueError("who watches cannot act")
        self._check_step(message.t)
        mask = self.scenes[-1]["mask"]
        if message.action >= len(mask):
            raise ValueError(f"action must be at most {len(mask) - 1}")
        if not mask[message.action]:
            raise ValueError("that cannot be done now")
        self._due = time.monotonic() + 1.0 / self._speed
        return self._advance({self._seat: message.action})

    def _check_step(self, t: int) -> None:
        """Refuse what was meant for another moment, as after a message that came twice."""
        if self._is_over():
            raise ValueError("the episode is over")
        if t != self.scenes[-1]["t"]:
            raise ValueError(f"that was meant for step {t}, it is step {self.scenes[-1]['t']}")

    def _is_over(self) -> bool:
        return self._episode is None or self._episode.is_over

    def _advance(self, chosen: dict[int, int]) -> list[Reply]:
        """Let one step pass."""
        assert self._episode is not None, "an episode that is over has no next step"
        self._episode.step(chosen)
        self._look()
        replies: list[Reply] = [{"type": "scenes", "scenes": self.scenes[-1:]}]
        if self._episode.is_over:
            self._running = False
            self._end()
        return replies + self._ending()

    def _look(self) -> None:
        """Keep what is seen now."""
        assert self._episode is not None
        truth = true_scene(self._episode)
        if self._seat is None:
            self.scenes.append(truth)
        else:
            self.scenes.append(seat_scene_of(self._episode, self._seat))
            self._truth.append(truth)

    def _end(self) -> None:
        """Close the episode; keep the record of one that was played."""
        assert self._episode is not None
        record, file, problem = self._episode.record(), None, None
        if self._keep is not None and self._seat is not None:
            try:
                file = self._keep(record).name
            except OSError as error:
                problem = f"the record could not be written: {error.strerror}"
        welfare = round(self._episode.welfare, 3)
        self._ended = {"type": "ended", "welfare": welfare, "record": file, "problem": problem}

    def _ending(self) -> list[Reply]:
        return [] if self._ended is None else [self._ended]


def opened(record: Record) -> Session:
    """Return a session that shows a record, played again and checked bit for bit.

    Raises:
        ValueError: the replay differs from the record.
    """
    scenes: list[Scene] = []
    beliefs = record.arrays["belief"]
    check_replay_into(
        record, lambda episode: scenes.append(true_scene(episode, beliefs[episode.step_number]))
    )
    return Session(None, scenes=scenes)
