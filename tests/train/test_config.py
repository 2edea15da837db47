"""Settings from files, flags and defaults become one validated run with a stable fingerprint."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from empathy_loop.agents.registry import list_agents, load_agent
from empathy_loop.agents.usage import USED_IF
from empathy_loop.envs.params import WorldParams
from empathy_loop.train.config import (
    as_seen_by,
    build_config,
    fingerprint,
    given,
    hash_of,
    merge,
    parse_assignments,
    read_settings,
    to_data,
    typed_config,
)
from empathy_loop.train.runs import read_config, write_config


def test_without_settings_the_defaults_of_the_command_stand() -> None:
    config = build_config({}, "test")
    assert config.agent.name == "cognitive"
    assert config.env == "mutual_aid_v0"
    assert (config.steps, config.seed, config.num_threads) == (2_000_000, 0, 1)
    assert config.world.shift == "partner_swap"


def test_nested_settings_reach_their_fields() -> None:
    config = build_config(
        {
            "agent": {"name": "ippo_gru", "ppo": {"clip": 0.1}, "network": {"hidden_size": 8}},
            "world": {"num_agents": 4},
            "steps": 9,
        },
        "test",
    )
    assert config.agent.name == "ippo_gru"
    assert config.agent.ppo.clip == 0.1
    assert config.agent.network.hidden_size == 8
    assert not config.agent.trains_belief
    assert config.world.num_agents == 4
    assert config.steps == 9


def test_what_a_run_writes_down_builds_the_same_run() -> None:
    config = build_config({"agent": "ippo_gru", "world": {"horizon": 64}, "seed": 3}, "test")
    assert build_config(to_data(config), "test") == config


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"agent": "cognitiv"}, r"here: unknown agent 'cognitiv'; did you mean cognitive"),
        ({"env": "mutual_aid_v"}, r"here: .*'mutual_aid_v'.*did you mean mutual_aid_v0"),
        ({"env": 3}, r"here: env must be a text, got 3"),
        ({"agent": {"name": 3}}, r"here: agent.name must be a text, got 3"),
        ({"step": 3}, r"here: unknown key 'step'; did you mean steps"),
        ({"agent": {"ppo": {"clp": 1.0}}}, r"here: unknown key 'agent.ppo.clp'; did you mean clip"),
        ({"world": {"horzon": 9}}, r"here: unknown key 'world.horzon'; did you mean horizon"),
        ({"steps": 0}, r"here: steps must be in \[1, 1e\+12\], got 0"),
        ({"seed": 10_000}, r"here: seed must be in \[0, 9999\], got 10000"),
        ({"steps": 1.5}, r"here: steps must be a whole number, got 1.5"),
        ({"num_threads": True}, r"here: num_threads must be a whole number, got True"),
        ({"world": {"num_agents": 99}}, r"here: num_agents must be in \[2, 16\], got 99"),
        ({"world": {"shift": "swap"}}, r"here: shift must be one of none, .*got 'swap'"),
        ({"agent": {"ppo": {"clip": 0.0}}}, r"here: clip must be in \(0, inf\), got 0.0"),
        (
            {"agent": {"name": "ippo_gru", "loss_weights": {"next_cue": 0.2}}},
            r"here: agent 'ippo_gru' has no term 'next_cue' in loss_weights; it has policy, value",
        ),
        (
            {"agent": {"reward_weights": {"coupling": 0.2}}},
            r"here: agent 'cognitive' has no term 'coupling' in reward_weights; it has none, by",
        ),
        (
            {"agent": {"comparator": {"svo_angle": 90.0}}},
            r"here: agent 'cognitive' does not use comparator.svo_angle; leave it out",
        ),
        (
            {"agent": {"name": "ippo", "network": {"belief_size": 64}}},
            r"here: agent 'ippo' does not use network.belief_size",
        ),
        *(
            (
                {"agent": {"name": name, "empathy": {"shuffled": True}}},
                rf"here: agent '{name}' does not use empathy.shuffled; leave it out, or choose",
            )
            for name in ("ippo", "ippo_gru", "affective")
        ),
        *(
            (
                {"agent": {"name": "cloned", "ppo": {key: 0.5}}},
                rf"here: agent 'cloned' does not use ppo.{key}; leave it out, or choose",
            )
            for key in ("clip", "gae_lambda")
        ),
        *(
            (
                {"agent": {"name": "reader", group: {key: 0.5}}},
                rf"here: agent 'reader' does not use {group}.{key}, as it is scripted and does not",
            )
            for group, key in (
                *(("ppo", "clip"), ("comparator", "svo_angle"), ("loss_weights", "entropy")),
            )
        ),
        ({"agent": {"objectives": ["telepathy"]}}, r"here: .*unknown objective 'telepathy'"),
    ],
)
def test_a_wrong_setting_names_source_field_value_and_what_is_allowed(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build_config(settings, "here")


def test_settings_that_an_arm_does_not_use_may_be_stated_as_they_are() -> None:
    config = build_config({"agent": "svo"}, "here")
    assert build_config(to_data(config), "here") == config
    changed = {"agent": {"name": "svo", "comparator": {"svo_angle": 90.0}}}
    assert build_config(changed, "here").agent.comparator.svo_angle == 90.0


def test_what_is_refused_as_unused_is_a_setting_and_depends_on_the_arm_as_it_is() -> None:
    plain = to_data(build_config({}, "here"))["agent"]
    for path in USED_IF:
        group, _, key = path.partition(".")
        assert key in plain[group]
    clipped = {"name": "cloned", "ppo": {"clip": 0.5}, "loss_weights": {"policy": 1.0}}
    assert build_config({"agent": clipped}, "here").agent.ppo.clip == 0.5
    # The value learns from returns, which the traces of advantages are part of.
    valued = {"name": "cloned", "ppo": {"gae_lambda": 0.5}, "loss_weights": {"value": 0.5}}
    assert build_config({"agent": valued}, "here").agent.ppo.gae_lambda == 0.5
    for arm in list_agents():
        assert build_config(to_data(build_config({"agent": arm}, "here")), "here").agent.name == arm


def test_a_run_of_before_is_read_with_settings_that_it_does_not_use(tmp_path: Path) -> None:
    unused = build_config({"agent": {"empathy": {"shuffled": True}}}, "here")
    agent = replace(unused.agent, empathy=replace(unused.agent.empathy, belief_input=False))
    begun = replace(unused, agent=agent)
    write_config(tmp_path, begun)
    assert read_config(tmp_path) == begun
    with pytest.raises(ValueError, match=r"does not use empathy.shuffled"):
        build_config(to_data(begun), "here")


def test_an_arm_is_shown_what_its_view_says() -> None:
    plain = WorldParams()
    assert as_seen_by(load_agent("oracle_ppo"), plain) == replace(plain, show_needs=True)
    assert as_seen_by(load_agent("empathic_blind"), plain) == replace(plain, show_cues=False)
    assert as_seen_by(load_agent("cognitive"), plain) == plain


def test_later_layers_overrule_earlier_ones_key_by_key() -> None:
    merged = merge(
        {"agent": "cognitive", "world": {"horizon": 64, "num_agents": 4}, "steps": 1},
        {"agent": {"ppo": {"clip": 0.1}}, "world": {"horizon": 32}},
        {"steps": 2},
    )
    assert merged == {
        "agent": {"name": "cognitive", "ppo": {"clip": 0.1}},
        "world": {"horizon": 32, "num_agents": 4},
        "steps": 2,
    }


def test_merging_leaves_its_layers_alone() -> None:
    layer = {"world": {"horizon": 64}}
    merge(layer, {"world": {"horizon": 32}})["world"]["num_agents"] = 4
    assert layer == {"world": {"horizon": 64}}


def test_only_what_was_typed_is_given() -> None:
    assert given(steps=None, seed=0, agent="") == {"seed": 0, "agent": ""}


def test_assignments_are_read_as_toml_and_bare_words_as_text() -> None:
    settings = parse_assignments(
        [
            "agent.ppo.clip=0.1",
            "agent.ppo.epochs = 2",
            "agent.empathy.target=supervised",
            'world.shift="none"',
            "world.offers=true",
            "steps=100_000",
            "seeds=[0, 1]",
            "agent.ppo.clip=0.3",
        ]
    )
    assert settings == {
        "agent": {"ppo": {"clip": 0.3, "epochs": 2}, "empathy": {"target": "supervised"}},
        "world": {"shift": "none", "offers": True},
        "steps": 100_000,
        "seeds": [0, 1],
    }


@pytest.mark.parametrize("text", ["agent.ppo.clip", "=3", ".clip=3", "agent..clip=1", ""])
def test_an_assignment_without_name_or_value_is_explained(text: str) -> None:
    with pytest.raises(ValueError, match="is not of the form name=value, such as"):
        parse_assignments([text])


def test_a_settings_file_is_read_and_its_damage_is_located(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('agent = "ippo_gru"\n[world]\nhorizon = 64\n')
    assert read_settings(path) == {"agent": "ippo_gru", "world": {"horizon": 64}}
    path.write_text("steps = 3\nseed = = 4\n")
    with pytest.raises(ValueError, match=r"run.toml is not a TOML file: .*line 2, column 8"):
        read_settings(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"run.toml is not a TOML file"):
        read_settings(path)
    with pytest.raises(ValueError, match=r"there is no file .*nowhere.toml"):
        read_settings(tmp_path / "nowhere.toml")


def test_the_fingerprint_changes_with_what_is_learned_and_with_nothing_else() -> None:
    config = build_config({}, "test")
    same = replace(config, num_threads=2, checkpoint_every=1)
    same = replace(same, agent=replace(config.agent, summary="other words"))
    assert fingerprint(same) == fingerprint(config)
    others = [
        {"seed": 1},
        {"steps": 1},
        {"agent": {"ppo": {"clip": 0.1}}},
        {"world": {"horizon": 64}},
        {"agent": "cognitive_supervised"},
    ]
    found = {fingerprint(build_config(other, "test")) for other in ({}, *others)}
    assert len(found) == 6


def test_the_fingerprint_is_the_same_in_another_process() -> None:
    code = (
        "from empathy_loop.train.config import build_config, fingerprint\n"
        "print(fingerprint(build_config({}, 'test')))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": "123"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == fingerprint(build_config({}, "test"))


def test_a_hash_does_not_depend_on_the_order_of_keys() -> None:
    assert hash_of({"a": 1, "b": [1, 2]}) == hash_of({"b": [1, 2], "a": 1})
    assert hash_of({"a": 1}) != hash_of({"a": 2})
    # sha256 of {"a":1}, from the coreutils: printf '{"a":1}' | sha256sum
    assert hash_of({"a": 1}) == "015abd7f5cc57a2d"


def test_a_file_is_checked_as_of_the_agent_that_was_typed(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("[agent.comparator]\nsvo_angle = 60.0\n")
    config = typed_config(path, {"agent": "svo"}, ())
    assert (config.agent.name, config.agent.comparator.svo_angle) == ("svo", 60.0)
    with pytest.raises(ValueError, match=r"^the command line: unknown agent 'svoo'"):
        typed_config(None, {"agent": "svoo"}, ())
    with pytest.raises(
        ValueError, match=r"run.toml: agent 'cognitive' does not use comparator.svo"
    ):
        typed_config(path, {}, ())
