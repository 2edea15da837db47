"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

from tyro.conf import UseAppendAction, arg

Assignments = Annotated[
    UseAppendAction[tuple[str, ...]], arg(name="set", metavar="NAME=VALUE", help_behavior_hint="")
]


def shown_default(text: str) -> object:
    """Return how `--help` words a default that depends on other options."""
    return arg(help_behavior_hint=f"(default: {text})")
