"""What can be named on the command line, listed without the wait for all that it needs to run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

from rich.console import Console

from empathy_loop.envs.reading import field_meanings


def print_list(console: Console, what: str) -> None:
    """Print names and what they stand for, one line each.

    Args:
        console: Where to print.
        what: envs, agents, comparisons, references, settings or compare_settings.
    """
    names = _names(what)
    widest = max(map(len, names))
    for name, meaning in names.items():
        line = f"{name:<{widest}}  {meaning}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _names(what: str) -> dict[str, str]:
    """Return name to meaning; each list imports no more than it needs."""
    if what == "envs":
        from empathy_loop.envs.scenarios import list_scenarios

        return list_scenarios()
    if what == "agents":
        return _agents()
    if what == "comparisons":
        from empathy_loop.train.comparisons import list_comparisons

        return list_comparisons()
    if what == "settings":
        from empathy_loop.agents.registry import load_agent
        from empathy_loop.train.config import DEFAULT_AGENT, TrainConfig

        return dict(_settings(TrainConfig(load_agent(DEFAULT_AGENT)), ""))
    if what == "compare_settings":
        from empathy_loop.train.comparisons import load_comparison

        return dict(_settings(load_comparison("quick"), ""))
    from empathy_loop.train.reference import describe_references

    return describe_references()


def _settings(config: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield each setting by its whole name, as `--set` takes it, with its meaning and its value."""
    for name, meaning in field_meanings(type(config)).items():
        value = getattr(config, name)
        if is_dataclass(value):
            yield from _settings(value, f"{path}{name}.")
            continue
        parts = value if isinstance(value, dict) and value else None
        for key, one in parts.items() if parts else ((None, value),):
            whole = f"{path}{name}" if key is None else f"{path}{name}.{key}"
            yield whole, f"{meaning} [{one!r}]"


def _agents() -> dict[str, str]:
    """Return the arms, and the scripted policies that are no arm."""
    from empathy_loop.agents.registry import list_agents, load_agent
    from empathy_loop.envs.partners import SCRIPTED

    arms = {name: load_agent(name).summary for name in list_agents()}
    others = [name for name in SCRIPTED if name not in arms]
    return arms | dict.fromkeys(others, "scripted: a reference of `empathy-loop bench policies`")
