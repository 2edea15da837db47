"""The arms and objectives by name, and the classes of users."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from empathy_loop.agents.comparators.inequity_aversion import InequityAversion
from empathy_loop.agents.comparators.lase import Lase
from empathy_loop.agents.comparators.liam import Liam
from empathy_loop.agents.comparators.social_influence import SocialInfluence
from empathy_loop.agents.comparators.svo import SocialValueOrientation
from empathy_loop.agents.config import MEASURED_BESIDE, PPO_WEIGHTS, AgentConfig
from empathy_loop.agents.empathy.coupling import Coupling, TrueCoupling
from empathy_loop.agents.empathy.targets import Dummy, Introspective, Predictive, Supervised
from empathy_loop.agents.objective import Objective
from empathy_loop.agents.observing.cloning import Cloning
from empathy_loop.agents.observing.imitation import Observational
from empathy_loop.envs.reading import amend, close_matches, load_class

OBJECTIVES: dict[str, type[Objective]] = {
    "introspective": Introspective,
    "supervised": Supervised,
    "predictive": Predictive,
    "dummy": Dummy,
    "coupling": Coupling,
    "true_coupling": TrueCoupling,
    "lase": Lase,
    "liam": Liam,
    "social_influence": SocialInfluence,
    "inequity_aversion": InequityAversion,
    "svo": SocialValueOrientation,
    "observational": Observational,
    "cloning": Cloning,
}
"""What an arm can learn for besides PPO's own terms."""


def list_agents() -> list[str]:
    """Return the names of the arms that ship with the package, sorted."""
    folder = files("empathy_loop.configs") / "agents"
    names = [entry.name for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return sorted(name.removesuffix(".toml") for name in names)


def load_agent(name: str, overrides: Mapping[str, Any] | None = None) -> AgentConfig:
    """Return the settings of an arm.

    Args:
        name: A name of `list_agents`, or `package.module:Class` for a user's class.
        overrides: Field name to value, nested as the config is, applied last.

    Returns:
        AgentConfig, validated.

    Raises:
        ValueError: an unknown name, with the close matches; or a wrong key or value, with the file.
    """
    overrides = overrides or {}
    settings: dict[str, Any] = {}
    file = f"configs/agents/{name}.toml"
    if ":" in name:
        settings = settings_of_class(name)
    elif name not in list_agents():
        raise ValueError(f"unknown agent {name!r}; {close_matches(name, list_agents())}")
    else:
        text = (files("empathy_loop.configs") / "agents" / f"{name}.toml").read_text("utf-8")
        settings = tomllib.loads(text)
    source = f"overrides of agent {name!r}"
    chosen = {**settings, **overrides}.get("objectives", AgentConfig(name).objectives)
    config = start_of(name, chosen, source if "objectives" in overrides else file)
    return amend(amend(config, settings, file), overrides, source)


def start_of(name: str, objectives: Any, source: str) -> AgentConfig:
    """Return an arm as it is before anything else is said of it.

    Args:
        name: Name of the arm.
        objectives: Names of its objectives. Their weights, and no others, can be set later.
        source: What to name in errors.

    Raises:
        ValueError: the objectives are not a list of names, or one is unknown.
    """
    if not isinstance(objectives, list | tuple) or not all(isinstance(o, str) for o in objectives):
        raise ValueError(f"{source}: objectives must be a list of names, got {objectives!r}")
    try:
        classes = [load_objective(objective) for objective in objectives]
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error
    losses, rewards = dict(PPO_WEIGHTS), dict[str, float]()
    for objective, found in zip(objectives, classes, strict=True):
        taken = (losses.keys() | MEASURED_BESIDE) & found.loss_weights.keys()
        taken |= rewards.keys() & found.reward_weights.keys()
        if taken:
            raise ValueError(
                f"{source}: objective {objective!r} has terms that are there already, "
                f"{', '.join(sorted(taken))}; name each objective once, and a term of your own "
                "unlike those of the others"
            )
        losses |= found.loss_weights
        rewards |= found.reward_weights
    return AgentConfig(
        name, objectives=tuple(objectives), loss_weights=losses, reward_weights=rewards
    )


def learns_from(agent: AgentConfig) -> set[str]:
    """Return whose acts the objectives of an arm learn from, as `Objective.learns_from` says."""
    return {load_objective(name).learns_from for name in agent.objectives}


def settings_of_class(name: str) -> dict[str, Any]:
    """Return the settings that a user's class has by being what it is.

    A class derived from Objective is learned, on the network of the arms unless it builds its own;
    any other acts as it is.

    Raises:
        ValueError: there is no such class, or it can neither act nor learn.
    """
    found = load_class(name)
    if issubclass(found, Objective):
        objectives = [*found.alongside, name]
        summary = f"a user's own learner: {', '.join(objectives)}"
        return {"summary": summary, "objectives": objectives, "privilege": found.privilege}
    if not callable(getattr(found, "act", None)):
        raise ValueError(
            f"agent {name!r}: the class has no method act(observation, state), nor is it derived "
            "from empathy_loop.agents.objective.Objective"
        )
    return {"summary": "a user's own agent", "kind": "user", "objectives": []}


def refuse_unknown_terms(config: AgentConfig, changes: Mapping[str, Any], source: str) -> None:
    """Raise ValueError for the weight of a term that none of an arm's objectives has.

    Args:
        config: The arm.
        changes: Field name to value, nested as the config is.
        source: What to name in the error.
    """
    for group in ("loss_weights", "reward_weights"):
        known, given = getattr(config, group), changes.get(group, {})
        for term in given if isinstance(given, Mapping) else ():
            if term not in known:
                raise ValueError(
                    f"{source}: agent {config.name!r} has no term {term!r} in {group}; it has "
                    f"{', '.join(known) or 'none'}, by its objectives "
                    f"({', '.join(config.objectives) or 'none'})"
                )


def load_objective(name: str) -> type[Objective]:
    """Return the class of an objective.

    Args:
        name: A key of OBJECTIVES, or `package.module:Class` of a class derived from Objective.

    Raises:
        ValueError: there is no such objective.
    """
    if ":" not in name:
        if name not in OBJECTIVES:
            raise ValueError(f"unknown objective {name!r}; {close_matches(name, OBJECTIVES)}")
        return OBJECTIVES[name]
    found = load_class(name)
    if not issubclass(found, Objective):
        raise ValueError(
            f"objective {name!r}: the class is not derived from "
            "empathy_loop.agents.objective.Objective"
        )
    return found
