"""What can be named on the command line, listed without the wait for all that it needs to run."""

from __future__ import annotations

from rich.console import Console


def print_list(console: Console, what: str) -> None:
    """Print names and what they stand for, one line each.

    Args:
        console: Where to print.
        what: envs, agents, comparisons or references.
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
    from empathy_loop.train.reference import describe_references

    return describe_references()


def _agents() -> dict[str, str]:
    """Return the arms, and the scripted policies that are no arm."""
    from empathy_loop.agents.registry import list_agents, load_agent
    from empathy_loop.envs.partners import SCRIPTED

    arms = {name: load_agent(name).summary for name in list_agents()}
    others = [name for name in SCRIPTED if name not in arms]
    return arms | dict.fromkeys(others, "scripted: a reference of `empathy-loop bench policies`")
