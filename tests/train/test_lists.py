"""What can be named is listed, each with its meaning."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from empathy_loop.agents.registry import list_agents
from empathy_loop.envs.partners import SCRIPTED
from empathy_loop.train.lists import print_list


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("envs", ["mutual_aid_v0"]),
        ("agents", [*list_agents(), *SCRIPTED]),
        ("comparisons", ["quick"]),
        ("references", ["empathy"]),
        ("settings", ["agent.ppo.clip", "agent.loss_weights.entropy", "world.num_agents", "steps"]),
        ("compare_settings", ["seeds", "episodes", "agent", "workers"]),
    ],
)
def test_a_list_has_one_line_with_name_and_meaning_each(what: str, names: list[str]) -> None:
    out = io.StringIO()
    print_list(Console(file=out, color_system=None), what)
    lines = out.getvalue().splitlines()
    listed = [line.split()[0] for line in lines]
    assert set(names) <= set(listed)
    assert len(set(listed)) == len(listed)
    # Meanings stand below each other.
    pairs = zip(listed, lines, strict=True)
    starts = {len(line) - len(line.removeprefix(name).lstrip()) for name, line in pairs}
    assert len(starts) == 1
    assert all(len(line.split()) > 3 for line in lines)
