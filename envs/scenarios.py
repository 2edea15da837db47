"""Scenarios: named worlds that results are published for."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.populations import check_seats
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
    about: str = ""
    """What is special about it, in a paragraph or more of Markdown."""
    history: tuple[str, ...] = ()
    """What came with each version, the latest first."""
    seats: tuple[str, ...] = ()
    """A seat for each agent, as `empathy_loop.envs.populations` takes them; none for all focal."""
    variants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Other seats by name, which stand where seats do: seats="control"."""


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
        text: TOML: `summary`; if wanted `about`, `history`, `seats` and `variants`, a table of
            seats by name; and the fields of WorldParams that differ from the defaults.
        source: What to name in errors, such as the file that the text is from.

    Returns:
        Scenario, validated.

    Raises:
        ValueError: not TOML, no summary, a text that is none, or an unknown key or a wrong value
            for one.
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
    about, history = settings.pop("about", ""), settings.pop("history", [])
    if not isinstance(about, str):
        raise ValueError(f"{source}: about must be a text, got {about!r}")
    if not isinstance(history, list) or not all(isinstance(line, str) for line in history):
        raise ValueError(f"{source}: history must be a list of texts, got {history!r}")
    seats, variants = settings.pop("seats", []), settings.pop("variants", {})
    if not isinstance(variants, dict):
        raise ValueError(f"{source}: variants must be a table of seats by name, got {variants!r}")
    params = amend(WorldParams(), settings, source)
    for key, value in {
        "seats": seats,
        **{f"variants.{k}": one for k, one in variants.items()},
    }.items():
        _check_listed(key, value, params, source)
    others = {key: tuple(value) for key, value in variants.items()}
    return Scenario(name, summary, params, about.strip(), tuple(history), tuple(seats), others)


def _check_listed(key: str, seats: object, params: WorldParams, source: str) -> None:
    """Raise ValueError where a file lists seats that cannot be."""
    if not isinstance(seats, list) or not all(isinstance(seat, str) for seat in seats):
        raise ValueError(f"{source}: {key} must be a list of names of seats, got {seats!r}")
    if seats:
        try:
            check_seats(seats, params.num_agents)
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from error


def resolve(scenario: str | WorldParams, changes: Mapping[str, Any]) -> tuple[str, WorldParams]:
    """Return the name and the rules that a view was asked for.

    Args:
        scenario: Name of a scenario, or rules of one's own, which are called "own_world".
        changes: Fields of WorldParams that differ from those.

    Returns:
        The name, and validated params.

    Raises:
        ValueError: an unknown scenario or field, with the close matches, or a refused value.
    """
    if isinstance(scenario, WorldParams):
        return "own_world", amend(scenario, changes, "own_world")
    if not isinstance(scenario, str):
        raise ValueError(
            f"scenario must be one of {', '.join(_names())}, or WorldParams, got {scenario!r}"
        )
    return scenario, amend(load_scenario(scenario).params, changes, scenario)


def _names() -> list[str]:
    """Return the names of the files that ship, sorted."""
    folder = files("empathy_loop.configs") / "scenarios"
    names = [entry.name for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return sorted(name.removesuffix(".toml") for name in names)


def seats_of(
    scenario: str | WorldParams, seats: Sequence[str] | str | None, params: WorldParams
) -> tuple[str, ...]:
    """Return who sits where: the given seats, or those of the scenario, or all focal.

    Args:
        scenario: Name of a scenario, or rules of one's own.
        seats: A seat for each agent, focal ones first; the name of a variant of the scenario; or
            None for the scenario's.
        params: The rules, of which the number of agents matters.

    Raises:
        ValueError: the seats do not fit the world.
    """
    known = load_scenario(scenario) if isinstance(scenario, str) else None
    if seats is None:
        return check_seats(() if known is None else known.seats, params.num_agents)
    is_one = isinstance(seats, Sequence) and len(seats) == 1
    name = seats if isinstance(seats, str) else str(seats[0]) if is_one else ""
    if known is not None and known.variants and name:
        if name not in known.variants:
            hint = close_matches(name, known.variants)
            raise ValueError(f"{known.name} has no variant {name!r} of its seats; {hint}")
        seats = known.variants[name]
    return check_seats(seats, params.num_agents)
