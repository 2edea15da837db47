"""Arms by name: what ships, what differs, and how mistakes are explained."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from empathy_loop.agents.config import AgentConfig, PPOConfig
from empathy_loop.agents.registry import list_agents, load_agent, load_user_class

USER_MODULE = """
class Mine:
    def act(self, observation, state):
        return observation.action_mask.argmax(-1), state

class Silent:
    pass
"""


@pytest.fixture
def user_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "a_users_module.py").write_text(USER_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "a_users_module", raising=False)
    return "a_users_module"


def test_every_arm_that_ships_can_be_loaded_and_says_what_it_is() -> None:
    learned = {"ippo", "ippo_gru", "cognitive", "cognitive_supervised"}
    assert {"random", "reader", "oracle"} | learned <= set(list_agents())
    for name in list_agents():
        config = load_agent(name)
        assert config.name == name
        assert config.summary


def test_the_cognitive_arm_is_the_default() -> None:
    default = asdict(AgentConfig("cognitive"))
    assert {k: v for k, v in asdict(load_agent("cognitive")).items() if v != default[k]}.keys() == {
        "summary"
    }


def test_learned_arms_differ_in_the_belief_alone_but_for_the_one_without_memory() -> None:
    arms = [load_agent(name) for name in list_agents() if load_agent(name).kind == "learned"]
    for config in arms:
        assert config.ppo == arms[0].ppo
        assert config.network == arms[0].network or config.name == "ippo"
        for term in ("policy", "value", "entropy"):
            assert config.loss_weights[term] == arms[0].loss_weights[term]


def test_the_baseline_has_no_belief_at_all() -> None:
    config = load_agent("ippo_gru")
    assert not config.empathy.belief_input
    assert not config.trains_belief
    assert all(config.loss_weights[name] == 0.0 for name in ("belief_crisis", "next_cue"))


def test_privilege_is_named() -> None:
    assert load_agent("cognitive").privilege == "none"
    assert load_agent("cognitive_supervised").privilege == "training"
    assert load_agent("oracle").privilege == "always"


def test_overrides_come_last_and_whole_numbers_may_stand_for_reals() -> None:
    config = load_agent("ippo_gru", {"ppo": {"clip": 1}, "loss_weights": {"value": 2}})
    assert config.ppo.clip == 1.0
    assert isinstance(config.ppo.clip, float)
    assert config.loss_weights["value"] == 2.0
    assert config.loss_weights["belief_crisis"] == 0.0


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"ppo": {"learning_rat": 1e-3}},
            r"unknown key 'ppo.learning_rat'; did you mean learning_",
        ),
        (
            {"loss_weights": {"polcy": 1.0}},
            r"unknown key 'loss_weights.polcy'; did you mean policy",
        ),
        ({"zzz": 1}, r"agent 'cognitive': unknown key 'zzz'; known are .*ppo"),
        ({"ppo": {"clip": "much"}}, r"ppo.clip must be a number, got 'much'"),
        ({"ppo": {"epochs": 1.5}}, r"ppo.epochs must be a whole number, got 1.5"),
        ({"ppo": {"epochs": True}}, r"ppo.epochs must be a whole number, got True"),
        ({"ppo": 3}, r"ppo must be a table of values, got 3"),
        ({"ppo": {"discount": 1.5}}, r"discount must be in \[0, 1\], got 1.5"),
        (
            {"ppo": {"num_worlds": 2}},
            r"num_worlds must be at least minibatches.*got 2 worlds and 4",
        ),
        ({"empathy": {"target": "psychic"}}, r"target must be one of none, introspective, superv"),
        (
            {"empathy": {"target": "none"}},
            r"'cognitive' weighs belief_crisis.*set these weights to 0",
        ),
        ({"loss_weights": {"value": -1.0}}, r"loss_weights.value must be in \[0, inf\), got -1"),
    ],
)
def test_a_wrong_setting_is_explained(overrides: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        load_agent("cognitive", overrides)
    assert str(caught.value).startswith("overrides of agent 'cognitive': ")


def test_an_unknown_arm_gets_the_close_matches() -> None:
    with pytest.raises(ValueError, match=r"unknown agent 'cognitiv'; did you mean cognitive"):
        load_agent("cognitiv")


def test_a_users_class_is_found_by_its_dotted_name(user_module: str) -> None:
    config = load_agent(f"{user_module}:Mine")
    assert config.kind == "user"
    assert load_user_class(f"{user_module}:Mine").__name__ == "Mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:Mine", r"module 'no_such_module' cannot be imported .*run from the fold"),
        (":Mine", r"':Mine' is not of the form package.module:Class"),
        ("a_users_module:Mime", r"no class 'Mime'; did you mean Mine"),
        ("a_users_module:Silent", r"has no method act\(observation, state\)"),
    ],
)
def test_a_users_class_that_cannot_act_is_explained(
    user_module: str, name: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load_agent(name)


def test_a_config_is_validated_wherever_it_is_made() -> None:
    with pytest.raises(ValueError, match=r"learning_rate must be in \(0, inf\), got 0"):
        PPOConfig(learning_rate=0.0)
    with pytest.raises(ValueError, match=r"loss_weights must weigh exactly policy"):
        AgentConfig("mine", loss_weights={"policy": 1.0})
