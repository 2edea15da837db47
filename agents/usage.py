"""Which settings an arm uses: one that it does not use is refused, and not silently let be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from functools import partial
from typing import Any

from empathy_loop.agents.config import AgentConfig, ComparatorConfig
from empathy_loop.agents.registry import load_objective

Condition = Callable[[AgentConfig], bool]


def _has_encoder(agent: AgentConfig) -> bool:
    return agent.network.kind == "entity"


def _reads_belief(agent: AgentConfig) -> bool:
    return agent.empathy.belief_input or _is_of_a_user(agent)


def _learns_policy(agent: AgentConfig) -> bool:
    return agent.loss_weights["policy"] > 0.0 or _is_of_a_user(agent)


def _learns_from_returns(agent: AgentConfig) -> bool:
    return agent.loss_weights["value"] > 0.0 or _learns_policy(agent)


def _is_of_a_user(agent: AgentConfig) -> bool:
    """Return whether a user's class is among the objectives: it may read any setting."""
    return any(":" in name for name in agent.objectives)


def _has_objective_for(constant: str, agent: AgentConfig) -> bool:
    return any(constant in load_objective(name).settings for name in agent.objectives)


USED_IF: dict[str, Condition] = {
    "network.belief_size": _has_encoder,
    "empathy.shuffled": _reads_belief,
    "ppo.clip": _learns_policy,
    "ppo.gae_lambda": _learns_from_returns,
    **{
        f"comparator.{constant.name}": partial(_has_objective_for, constant.name)
        for constant in fields(ComparatorConfig)
    },
}
"""Setting of a learned arm to whether the arm uses it; what is not listed, all of them use."""


def refuse_unused(config: AgentConfig, changes: Mapping[str, Any], source: str) -> None:
    """Raise ValueError for a setting that was given a value but that an arm does not use.

    One that is given the value that it has anyway may stand. An arm that does not learn uses none
    of the settings of learning.

    Args:
        config: The arm, as the changes have made it.
        changes: Field name to value, nested as the config is.
        source: What to name in the error.
    """
    plain, learns = asdict(AgentConfig(config.name)), config.kind == "learned"
    groups = {group: given for group, given in changes.items() if isinstance(given, Mapping)}
    for group, given in groups.items():
        for key, value in given.items():
            condition = USED_IF.get(f"{group}.{key}")
            used = learns and (condition is None or condition(config))
            if not used and value != plain[group].get(key):
                why = "" if learns else f", as it is {config.kind} and does not learn"
                raise ValueError(
                    f"{source}: agent {config.name!r} does not use {group}.{key}{why}; leave it "
                    "out, or choose an agent that does"
                )
