"""A comparison is settings, and its runs and cells follow from them."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from empathy_loop.train.comparisons import list_comparisons, load_comparison
from empathy_loop.train.plan import Comparison, Shift, identity_of, plan_runs, world_of_cell
from empathy_loop.train.teams import TEAMS

MINE = """
summary = "a test"
arms = ["oracle", "ippo_gru", "cognitive"]
seeds = [4, 2]
steps = 1000
shifts = [{ family = "cue_remap", severity = 1 }]
[agent.ppo]
num_worlds = 8
"""


def test_every_comparison_that_ships_can_be_planned_and_says_what_it_asks() -> None:
    assert "quick" in list_comparisons()
    for name, summary in list_comparisons().items():
        comparison = load_comparison(name)
        assert summary == comparison.summary != ""
        assert plan_runs(comparison)


def test_the_quick_comparison_asks_the_question() -> None:
    quick = load_comparison("quick")
    assert (quick.all_arms[0], quick.all_arms[-1]) == ("random", "oracle")
    # The baseline that counts, and the ablation that tells why the claim's arm is ahead of it.
    assert {"ippo_gru", "belief_unread", "cognitive", "filter"} <= set(quick.all_arms)
    assert quick.contrasts == (("cognitive", "ippo_gru"),)
    families = [shift.family for shift in quick.shifts]
    assert families[0] == "cue_remap"
    assert quick.train_shift in families
    assert quick.train_shift != "cue_remap"


def test_the_adaptability_comparison_leaves_five_seeds_tests_that_they_can_pass() -> None:
    asked = load_comparison("adaptability")
    assert set(TEAMS) == set(asked.teams)
    assert set(asked.lesions) == {"memory_cleared", "shuffled"}
    held_out = {shift.family for shift in asked.shifts} - {asked.train_shift}
    assert held_out == {"cue_remap", "need_dynamics", "resource_move"}
    severities = {(shift.family, shift.severity) for shift in asked.shifts}
    assert severities == set(product({*held_out, asked.train_shift}, (0.3, 1.0)))
    assert asked.continued_steps > 0 and asked.continued_shift in held_out
    assert asked.shifts[0].family == "cue_remap"
    assert (asked.tests, len(asked.contrasts), len(asked.seeds)) == ("overall", 1, 5)


def test_what_is_played_beyond_self_play_is_in_the_fingerprint_of_those_who_play_it() -> None:
    plain, teams, lesions, crossed = (
        {run.name: run.fingerprint for run in plan_runs(Comparison("mine", seeds=(0,), **more))}
        for more in (
            {},
            {"teams": ("self_play", "heldout")},
            {"lesions": ("memory_cleared", "shuffled")},
            {"teams": ("self_play", "cross_play")},
        )
    )
    assert all(teams[name] != plain[name] for name in plain)
    changed = {name for name in plain if lesions[name] != plain[name]}
    assert changed == {"ippo_gru-s0", "cognitive-s0"}
    # Cross-play has cells of its own.
    assert crossed == plain


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    comparison = load_comparison(str(path), {"steps": 2000, "agent": {"ppo": {"epochs": 1}}})
    assert comparison.name == "mine"
    assert comparison.shifts == (Shift("cue_remap", 1.0),)
    assert comparison.steps == 2000
    assert comparison.agent == {"ppo": {"num_worlds": 8, "epochs": 1}}
    # The anchors are there once, at the ends, whoever names them.
    assert comparison.all_arms == ("random", "ippo_gru", "cognitive", "oracle")


def test_settings_of_all_learned_arms_are_refused_for_one_that_does_not_use_them() -> None:
    changes = {"arms": ["reader", "ippo_gru"], "contrasts": [], "claims": []}
    clipped = load_comparison("quick", {**changes, "agent": {"ppo": {"clip": 0.3}}})
    assert {run.config.agent.ppo.clip for run in plan_runs(clipped)} == {0.3}
    with pytest.raises(ValueError, match=r"arm 'ippo_gru': agent 'ippo_gru' does not use empathy"):
        load_comparison("quick", {**changes, "agent": {"empathy": {"shuffled": True}}})


def test_every_arm_runs_with_every_seed_and_learners_come_first(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    runs = plan_runs(load_comparison(str(path)))
    names = [run.name for run in runs]
    assert names[:4] == ["ippo_gru-s4", "ippo_gru-s2", "cognitive-s4", "cognitive-s2"]
    assert sorted(names[4:]) == ["oracle-s2", "oracle-s4", "random-s2", "random-s4"]
    for run in runs:
        assert run.is_learned == (run.arm in ("ippo_gru", "cognitive"))
        assert run.config.world.shift == "partner_swap"
        assert run.config.agent.ppo.num_worlds == 8
        assert run.config.steps == 1000
    assert len({run.fingerprint for run in runs}) == len(runs)


def test_a_cell_differs_from_the_world_of_training_by_its_shift_alone() -> None:
    world = plan_runs(Comparison("mine"))[0].config.world
    assert world_of_cell(world, None).shift == "none"
    shifted = world_of_cell(world, Shift("cue_remap", 0.5))
    assert (shifted.shift, shifted.shift_severity) == ("cue_remap", 0.5)
    assert world_of_cell(shifted, Shift(world.shift, world.shift_severity)) == world


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arm": ["reader"]}, r"unknown key 'arm'; did you mean arms"),
        (
            {"arms": ["reder", "cognitive", "ippo_gru"]},
            r"arm 'reder': unknown agent 'reder'; did you mean reader",
        ),
        ({"arms": "reader"}, r"arms must be a list, got 'reader'"),
        ({"arms": []}, r"arms must name at least one, and none twice"),
        ({"seeds": [1, 1]}, r"seeds must name at least one, and none twice, got \(1, 1\)"),
        ({"seeds": [100]}, r"seeds must be whole numbers in \[0, 99\], got 100"),
        ({"seeds": [True]}, r"seeds must be whole numbers in \[0, 99\], got True"),
        ({"steps": 0}, r"steps must be in \[1, 1e\+12\], got 0"),
        ({"episodes": 1}, r"episodes must be in \[2, 100000\], got 1"),
        ({"workers": 0}, r"workers must be in \[1, 1024\], got 0"),
        ({"contrasts": [["cognitive", "liam"]]}, r"contrasts name 'liam', which is not an arm"),
        ({"contrasts": ["cognitive"]}, r"contrasts must be pairs of names of arms"),
        ({"shifts": ["cue_remap"]}, r"shifts must be tables such as .*got 'cue_remap'"),
        (
            {"shifts": [{"family": "cue_remp", "severity": 1.0}]},
            r"unknown shift family 'cue_remp'; did you mean cue_remap",
        ),
        ({"shifts": [{"family": "none", "severity": 1.0}]}, r"unknown shift family 'none'"),
        ({"shifts": [{"family": "cue_remap", "severity": 0.0}]}, r"must be in \(0, 1\], got 0.0"),
        ({"train_shift": "swap"}, r"shift must be one of none, .*got 'swap'"),
        ({"env": "mutual_aid"}, r"did you mean mutual_aid_v0"),
        ({"agent": 3}, r"agent must be a table, got 3"),
        ({"teams": ["heldout"]}, r"teams must have 'self_play' among them, got \('heldout',\)"),
        (
            {"teams": ["self_play", "held_out"]},
            r"teams name 'held_out', which is unknown; did you mean heldout",
        ),
        ({"teams": ["self_play", "self_play"]}, r"teams must name none twice"),
        ({"teams": ["self_play", "train"], "focal_seats": 3}, r"1 to 2 of 3 agents, got 3"),
        ({"lesions": ["shuffle"]}, r"lesions name 'shuffle', .*did you mean shuffled"),
        ({"tests": "all"}, r"tests name 'all', which is unknown; did you mean overall"),
        (
            {"continued_steps": 9, "continued_shift": "partner_swap"},
            r"continued_shift must be .*not that of training, got 'partner_swap'.*cue_remap",
        ),
        ({"agent": {"ppo": {"epoch": 1}}}, r"unknown key 'agent.ppo.epoch'; did you mean epochs"),
    ],
)
def test_a_wrong_setting_of_a_comparison_is_explained(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load_comparison("quick", changes)


def test_an_unknown_comparison_gets_the_close_matches() -> None:
    with pytest.raises(ValueError, match="unknown comparison 'quik'; did you mean quick"):
        load_comparison("quik")


def test_a_wrong_key_in_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("stepz = 3\n")
    with pytest.raises(ValueError, match="unknown key 'stepz'; did you mean steps") as caught:
        load_comparison(str(path))
    assert str(caught.value).startswith(str(path))


def test_the_identity_of_a_comparison_follows_what_its_numbers_depend_on() -> None:
    quick = identity_of(load_comparison("quick"))
    for same in ({"workers": 7}, {"summary": "other words"}):
        assert identity_of(load_comparison("quick", same)) == quick
    for other in (
        {"steps": 1000},
        {"episodes": 50},
        {"seeds": [0, 1]},
        {"contrasts": []},
        {"shifts": [{"family": "cue_remap", "severity": 0.5}]},
        {"agent": {"ppo": {"clip": 0.1}}},
        {"teams": ["self_play", "cross_play"]},
        {"lesions": ["memory_cleared"]},
        {"tests": "overall"},
        {"continued_steps": 10},
    ):
        assert identity_of(load_comparison("quick", other)) != quick


def test_demonstrations_that_no_arm_learns_from_are_refused() -> None:
    with pytest.raises(ValueError, match="no arm of comparison 'quick' learns from others' acts"):
        load_comparison("quick", {"demonstrations": "records"})
