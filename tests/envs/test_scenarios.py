"""Worlds by name: what ships, and how mistakes in a file are explained."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from importlib.resources import files

import pytest

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.scenarios import list_scenarios, load_scenario, parse_scenario


def test_every_file_that_ships_is_listed_with_its_summary() -> None:
    folder = files("empathy_loop.configs") / "scenarios"
    names = sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir())
    listed = list_scenarios()
    assert list(listed) == names
    for name in names:
        scenario = load_scenario(name)
        assert scenario.name == name
        assert scenario.summary == listed[name]


@pytest.mark.parametrize("name", list_scenarios())
def test_every_scenario_has_its_pettingzoo_environment(name: str) -> None:
    module = import_module(f"empathy_loop.envs.{name}")
    env = module.parallel_env()
    assert env.params == load_scenario(name).params
    assert env.metadata["name"] == name


def test_the_first_scenario_is_the_default_world() -> None:
    assert load_scenario("mutual_aid_v0").params == WorldParams()


def test_a_file_says_only_what_differs_from_the_defaults() -> None:
    text = 'summary = "four on a wide board"\nnum_agents = 4\ncoordination = 0\n'
    scenario = parse_scenario("wide_v0", text, "wide_v0.toml")
    assert scenario.params == replace(WorldParams(), num_agents=4, coordination=0.0)
    assert type(scenario.params.coordination) is float
    assert (scenario.name, scenario.summary) == ("wide_v0", "four on a wide board")


def test_a_scenario_may_have_seats_for_partners() -> None:
    text = 'summary = "x"\nseats = ["focal", "train", "heldout"]\n'
    assert parse_scenario("a", text, "a.toml").seats == ("focal", "train", "heldout")
    assert load_scenario("mutual_aid_v0").seats == ()


def test_an_unknown_scenario_gets_the_close_matches() -> None:
    with pytest.raises(ValueError, match=r"unknown scenario 'mutual_aid'; did you mean mutual_aid"):
        load_scenario("mutual_aid")
    with pytest.raises(ValueError, match=r"unknown scenario 'zzz'; known are .*mutual_aid_v0"):
        load_scenario("zzz")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('summary = "x"\nnum_agent = 4', r"^a.toml: unknown key 'num_agent'; did .* num_agents"),
        ('summary = "x"\nnum_agents = "4"', r"^a.toml: num_agents must be a whole number, got '4'"),
        ('summary = "x"\nnum_agents = 1', r"^a.toml: num_agents must be in \[2, 16\], got 1"),
        ('summary = "x"\nshift = "flood"', r"^a.toml: shift must be one of none, partner_swap"),
        ('summary = "x"\nseats = ["focal"]', r"^a.toml: seats must name one seat for each of 3"),
        ('summary = "x"\nseats = "train"', r"^a.toml: seats must be a list .*got 'train'"),
        ("num_agents = 4", r"^a.toml: summary must be one line .*got None"),
        ('summary = ""', r"^a.toml: summary must be one line .*got ''"),
        ('summary = "two\\nlines"', r"^a.toml: summary must be one line"),
        ("summary = four", r"^a.toml is not a TOML file: .*line 1, column 11"),
    ],
)
def test_a_mistake_in_a_file_is_explained(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_scenario("a", text, "a.toml")
