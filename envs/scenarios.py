"""Scenarios: named worlds that results are published for."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.reading import amend, close_matches


@dataclass(frozen=True, slots=True)
class Scenario:
    """A world under a name."""

    name: str
    """Name with the version that published numbers belong to, such as mutual_aid_v0."""
    summary: str
    """What the world is, in one line."""
    params: WorldParams
    """Its rules."""


def list_scenarios() -> dict[str, str]:
    """Return the names of the scenarios that ship with the package, sorted, with a line on each.

    Returns:
        Name to summary.
    """
    return {name: load_scenario(name).summary for name in _names()}


def load_scenario(name: str) -> Scenario:
    """Return a scenario.

    Args:
        name: A name of `list_scenarios`.

    Returns:
        Scenario, validated.

    Raises:
        ValueError: an unknown name, with the close matches; or a wrong key or value, with the
            file, the key and its close matches.
    """
    if name not in _names():
        raise ValueError(f"unknown scenario {name!r}; {close_matches(name, _names())}")
    text = (files("empathy_loop.configs") / "scenarios" / f"{name}.toml").read_text("utf-8")
    return parse_scenario(name, text, f"configs/scenarios/{name}.toml")


def parse_scenario(name: str, text: str, source: str) -> Scenario:
    """Return the scenario that a TOML text describes.

    Args:
        name: Name of the scenario.
        text: TOML: `summary`, and the fields of WorldParams that differ from the defaults.
        source: What to name in errors, such as the file that the text is from.

    Returns:
        Scenario, validated.

    Raises:
        ValueError: not TOML, no summary, or an unknown key or a wrong value for one.
    """
    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{source} is not a TOML file: {error}") from error
    summary = settings.pop("summary", None)
    if not isinstance(summary, str) or not summary or "\n" in summary:
        raise ValueError(
            f"{source}: summary must be one line on what the world is, got {summary!r}"
        )
    return Scenario(name, summary, amend(WorldParams(), settings, source))


def _names() -> list[str]:
    """Return the names of the files that ship, sorted."""
    folder = files("empathy_loop.configs") / "scenarios"
    names = [entry.name for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return sorted(name.removesuffix(".toml") for name in names)
