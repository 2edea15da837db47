"""Arms by name: what ships, what differs, and how mistakes are explained."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from empathy_loop.agents.config import AgentConfig, NetworkConfig, PPOConfig
from empathy_loop.agents.empathy.targets import Introspective
from empathy_loop.agents.registry import list_agents, load_agent
from empathy_loop.envs.reading import load_class

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


def test_the_baseline_is_what_the_defaults_say() -> None:
    default = asdict(AgentConfig("ippo_gru"))
    baseline = asdict(load_agent("ippo_gru"))
    assert {key for key in baseline if baseline[key] != default[key]} == {"summary"}


def test_learned_arms_have_the_same_learner_and_but_for_three_the_same_network() -> None:
    arms = [load_agent(name) for name in list_agents() if load_agent(name).kind == "learned"]
    for config in arms:
        assert config.ppo == arms[0].ppo
        others = ("ippo", "mappo_gru", "cognitive_separate")
        assert config.network == NetworkConfig() or config.name in others
        for term in ("policy", "value", "entropy"):
            if config.name == "cloned":  # which only imitates
                assert config.loss_weights[term] == 0.0
                continue
            assert config.loss_weights[term] == arms[0].loss_weights[term]


def test_the_baseline_has_no_belief_at_all() -> None:
    config = load_agent("ippo_gru")
    assert not config.empathy.belief_input
    assert not config.trains_belief
    assert config.objectives == ()
    assert config.loss_weights.keys() == {"policy", "value", "entropy"}


def test_privilege_is_named() -> None:
    assert load_agent("cognitive").privilege == "none"
    assert load_agent("cognitive_supervised").privilege == "training"
    assert load_agent("affective_true").privilege == "training"
    for name in ("oracle", "oracle_ppo"):
        assert load_agent(name).privilege == "always"


def test_an_objective_brings_the_weights_of_its_terms() -> None:
    config = load_agent("empathic", {"reward_weights": {"coupling": 0.25}})
    assert config.loss_weights["belief_crisis"] == 1.0
    assert config.reward_weights == {"coupling": 0.25}
    changed = load_agent("empathic", {"objectives": ["predictive"]})
    assert changed.loss_weights.keys() == {"policy", "value", "entropy", "next_act", "next_cue"}
    assert changed.reward_weights == {}


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        (["introspectiv"], r"unknown objective 'introspectiv'; did you mean introspective"),
        ("introspective", r"objectives must be a list of names, got 'introspective'"),
        ([3], r"objectives must be a list of names, got \[3\]"),
        (["introspective"] * 2, r"'introspective' has terms that are there already, belief_crisis"),
        (["dummy", "predictive"], r"'predictive' has terms that are there already, next_act"),
    ],
)
def test_wrong_objectives_are_explained(objectives: object, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        load_agent("cognitive", {"objectives": objectives})
    assert str(caught.value).startswith("overrides of agent 'cognitive': ")


@pytest.mark.parametrize("name", ["policy", "approx_kl", "gradient_norm", "explained_variance"])
def test_a_term_may_not_take_the_name_of_what_is_logged_beside_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Introspective, "loss_weights", {name: 1.0})
    with pytest.raises(ValueError, match=f"has terms that are there already, {name}; name each"):
        load_agent("ippo_gru", {"objectives": ["introspective"]})


def test_a_view_of_true_needs_must_be_owned_up_to() -> None:
    with pytest.raises(ValueError, match="its privilege is 'none'; set privilege to 'always'"):
        AgentConfig("mine", view="needs")


def test_overrides_come_last_and_whole_numbers_may_stand_for_reals() -> None:
    config = load_agent("ippo_gru", {"ppo": {"clip": 1}, "loss_weights": {"value": 2}})
    assert config.ppo.clip == 1.0
    assert isinstance(config.ppo.clip, float)
    assert config.loss_weights["value"] == 2.0


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
        ({"view": "psychic"}, r"view must be one of plain, needs, faceless, got 'psychic'"),
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
    assert load_class(f"{user_module}:Mine").__name__ == "Mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:Mine", r"module 'no_such_module' cannot be imported .*run from the fold"),
        (":Mine", r"':Mine' is not of the form package.module:Class"),
        ("a_users_module:Mime", r"no class 'Mime'; did you mean Mine"),
        ("a_users_module:Silent", r"no method act\(observation, state\), nor is it derived"),
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
    with pytest.raises(ValueError, match=r"reward_weights.pride must be a finite number, got nan"):
        AgentConfig("mine", reward_weights={"pride": float("nan")})
