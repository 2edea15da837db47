"""Each scenario's page is written from its rules, and says what they are."""

from __future__ import annotations

import re
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from empathy_loop.envs import state
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.page import page_of
from empathy_loop.envs.params import SHIFT_FAMILIES, WorldParams
from empathy_loop.envs.scenarios import list_scenarios, load_scenario

ROOT = Path(__file__).parents[2]
every_scenario = pytest.mark.parametrize("name", list_scenarios())


def fact(page: str, name: str) -> str:
    """Return a value of the table of facts."""
    found = re.search(rf"^\| {name} \| (.*) \|$", page, re.MULTILINE)
    assert found, name
    return found[1]


def in_one_line(page: str) -> str:
    """Return the page without its line breaks."""
    return " ".join(page.split())


@every_scenario
def test_the_page_is_what_help_shows(name: str) -> None:
    assert import_module(f"empathy_loop.envs.{name}").__doc__ == page_of(name)


@every_scenario
def test_the_page_has_the_parts_of_the_farama_layout_in_their_order(name: str) -> None:
    page, scenario = page_of(name), load_scenario(name)
    parts = [f"# {name}: {scenario.summary}", scenario.about, f"docs/scenarios/{name}.png"]
    parts += ["| Import |", "## Actions", "## Observations", "## Rewards", "## Arguments"]
    parts += ["## Version history", f"- {name.rsplit('_', 1)[1]}: "]
    places = [page.find(part) for part in parts]
    assert -1 not in places and places == sorted(places)
    assert scenario.about and scenario.history


@every_scenario
def test_the_page_states_the_facts(name: str) -> None:
    page, env = page_of(name), import_module(f"empathy_loop.envs.{name}").parallel_env()
    box = env.observation_space("ai_0")
    assert fact(page, "Agents") == ", ".join(f"`{agent}`" for agent in env.possible_agents)
    assert fact(page, "Action space") == f"`{env.action_space('ai_0')}`"
    assert fact(page, "Observation shape") == str(box.shape)
    values = f"[{box.low.min():g}, {box.high.max():g}], {box.dtype}"
    assert fact(page, "Observation values") == values
    env.reset()
    assert fact(page, "State shape") == str(env.state().shape) == str(env.state_space.shape)
    assert fact(page, "Episode").startswith(f"{env.params.horizon} steps")
    mask = env.reset()[1]["ai_0"]["action_mask"]
    assert fact(page, "Action mask").endswith(f"{mask.dtype} {mask.shape}")


@every_scenario
def test_the_page_states_the_layout_of_the_observation(name: str) -> None:
    layout = ObservationLayout.of(load_scenario(name).params)
    assert f"\n\n{layout.describe()}\n\n" in page_of(name)


@every_scenario
def test_the_page_lists_the_actions_in_the_order_of_their_codes(name: str) -> None:
    rows = re.findall(r"^\| (\d+) \| ([a-z]+(?: \d+)?) \| [^|]* \|$", page_of(name), re.MULTILINE)
    names = ["stay", "north", "south", "west", "east", "use", "thank", "offer"]
    num_others = load_scenario(name).params.num_others
    assert [row[1] for row in rows] == [*names, *(f"help {d + 1}" for d in range(num_others))]
    for code, action in rows:
        if action.startswith("help"):
            assert int(code) == state.HELP_BASE + int(action[5:])
        else:
            assert int(code) == getattr(state, action.upper())


@every_scenario
def test_the_page_states_the_numbers_of_the_rules(name: str) -> None:
    text, params = in_one_line(page_of(name)), load_scenario(name).params
    assert f"removes {params.self_relief:.0%} of that need" in text
    assert f"if it is at most {params.help_reach} steps away" in text
    assert f"A help costs the helper {params.help_cost};" in text
    assert f"hurts the other by {params.misattuned_hurt}" in text
    assert f"the mean over agents of {params.drive_weight} times drive" in text
    assert f"is {params.drive_scale:g} times the fall of its drive" in text
    assert f"everyone its own; here it is {params.coordination:g}." in text
    assert ("Each crisis is severe" in text) == params.severe


@every_scenario
def test_every_field_has_its_line_and_those_that_differ_are_bold(name: str) -> None:
    page, params = page_of(name), load_scenario(name).params
    for field in fields(WorldParams):
        here, default = getattr(params, field.name), getattr(WorldParams(), field.name)
        shown = f"`{here}`" if here == default else f"**`{here}`**"
        row = re.escape(f"| `{field.name}` | {shown} | `{default}` | ")
        assert re.search(rf"^{row}\S.*\. \|$", page, re.MULTILINE), field.name


@every_scenario
def test_the_page_says_which_families_of_shifts_there_are(name: str) -> None:
    (row,) = re.findall(r"^\| `shift` \| .*$", page_of(name), re.MULTILINE)
    meaning = row.split(" | ")[3]
    assert all(re.search(rf"\b{family}\b", meaning) for family in SHIFT_FAMILIES)


@every_scenario
def test_there_is_a_picture_of_every_scenario(name: str) -> None:
    picture = np.asarray(Image.open(ROOT / "docs" / "scenarios" / f"{name}.png"))
    assert picture.shape[0] > 200 and len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_the_arguments_on_the_page_are_those_of_the_environment() -> None:
    import inspect

    from empathy_loop.envs.pettingzoo_adapter import ScenarioEnv

    arguments: Any = inspect.signature(ScenarioEnv).parameters
    text = in_one_line(page_of("mutual_aid_v0"))
    for name, argument in arguments.items():
        if name not in ("scenario", "world"):
            assert name == "max_cycles" or f"{name}={argument.default}" in text, name
            assert f"`{name}`" in text, name


def test_an_unknown_scenario_has_no_page() -> None:
    with pytest.raises(ValueError, match="unknown scenario 'crowd'; did you mean crowd_v0"):
        page_of("crowd")
