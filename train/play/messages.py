"""What a page may say to the server; everything else is refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

LARGEST_MESSAGE = 2048
"""Bytes of a message."""
LARGEST_SEED = 1_000_000
FASTEST, SLOWEST = 30.0, 0.25
"""Steps per second."""

_Name = Annotated[str, Field(max_length=200)]
_Count = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Start(_Message):
    """Begin an episode, to watch it, or to play in it."""

    type: Literal["start"]
    scenario: _Name
    """One of the scenarios that the server offers."""
    agent: _Name
    """One of the agents that it offers; acts in all seats but the person's."""
    seed: _Count
    """Seed of the worlds."""
    world: _Count = 0
    """Which of the seed's worlds."""
    seat: Annotated[int, Field(ge=0, le=15)] | None = None
    """Agent whose seat the person takes; None to watch."""


class Open(_Message):
    """Look at a recorded episode."""

    type: Literal["open"]
    record: _Name
    """One of the records that the server offers."""


class Rejoin(_Message):
    """Go on with an episode after the connection was lost."""

    type: Literal["rejoin"]
    session: _Name
    """What `begun` named."""
    have: Annotated[int, Field(ge=0, le=LARGEST_SEED)]
    """Number of scenes that the page has; it is sent those that follow."""


class Act(_Message):
    """Choose the action of the person's agent for one step."""

    type: Literal["act"]
    t: _Count
    """The step it is for; another than the present one is refused."""
    action: Annotated[int, Field(ge=0, le=255)]


class Step(_Message):
    """Let one step pass, of an episode that is watched."""

    type: Literal["step"]
    t: _Count
    """The step; another than the present one is refused."""


class Pace(_Message):
    """Let time pass by itself, or not."""

    type: Literal["pace"]
    running: bool
    speed: Annotated[float, Field(ge=SLOWEST, le=FASTEST)]
    """Steps per second."""


class Review(_Message):
    """After an episode that was played: show what was hidden."""

    type: Literal["review"]


Message = Start | Open | Rejoin | Act | Step | Pace | Review
_ANY: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def parse(text: str) -> Message:
    """Return what a page said.

    Raises:
        ValueError: it is too long, no JSON, or no message; says what is wrong, without repeating
            it.
    """
    if len(text.encode(errors="replace")) > LARGEST_MESSAGE:
        raise ValueError(f"a message has at most {LARGEST_MESSAGE} bytes")
    try:
        return _ANY.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "message"
        raise ValueError(f"{place}: {first['msg']}") from None
