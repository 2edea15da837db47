"""The arms by name, and what composes PPO and empathy into one network and one loss."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.resources import files
from typing import Any, NamedTuple

import torch
from torch import Tensor

from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.empathy.targets import empathy_terms
from empathy_loop.agents.flat import FlatActorCritic
from empathy_loop.agents.networks import ActorCritic
from empathy_loop.agents.ppo import ppo_terms
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Batch, Inputs
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.reading import amend, close_matches

Network = ActorCritic | FlatActorCritic
"""What an arm learns with: both take Inputs, Memory and a StreamTable, and return Outputs."""


class Loss(NamedTuple):
    """What one minibatch says.

    Attributes:
        total: float32 scalar with gradient. Sum of the terms, each times its weight.
        terms: Name to float32 scalar. The terms of the arm, not weighted.
        diagnostics: Name to float32 scalar without gradient.
    """

    total: Tensor
    terms: dict[str, Tensor]
    diagnostics: dict[str, Tensor]


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
    if ":" in name:
        load_user_class(name)
        config = AgentConfig(name, summary="a user's own agent", kind="user")
        return amend(config, overrides or {}, f"overrides of agent {name!r}")
    if name not in list_agents():
        raise ValueError(f"unknown agent {name!r}; {close_matches(name, list_agents())}")
    file = f"configs/agents/{name}.toml"
    text = (files("empathy_loop.configs") / "agents" / f"{name}.toml").read_text(encoding="utf-8")
    config = amend(AgentConfig(name), tomllib.loads(text), file)
    return amend(config, overrides or {}, f"overrides of agent {name!r}")


def load_user_class(name: str) -> type[Any]:
    """Return the class that `package.module:Class` names.

    Args:
        name: Where the class can be imported from. While its module is imported, the current
            folder is searched after everything that is installed, which it can thus not hide.

    Returns:
        A class whose instances have `act(observation, state)`.

    Raises:
        ValueError: the module or the class cannot be found, or the class cannot act.
    """
    module_name, _, class_name = name.partition(":")
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise ValueError(f"agent {name!r} is not of the form package.module:Class")
    try:
        with _current_folder_searched():
            module = import_module(module_name)
    except ImportError as error:
        raise ValueError(
            f"agent {name!r}: module {module_name!r} cannot be imported ({error}); "
            "install it, or run from the folder that holds it"
        ) from error
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        classes = [key for key, value in vars(module).items() if isinstance(value, type)]
        raise ValueError(
            f"agent {name!r}: module {module_name!r} has no class {class_name!r}; "
            f"{close_matches(class_name, classes)}"
        )
    if not callable(getattr(found, "act", None)):
        raise ValueError(f"agent {name!r}: the class has no method act(observation, state)")
    return found


@contextmanager
def _current_folder_searched() -> Iterator[None]:
    """Search the current folder last for modules; only for now, for it may be any folder."""
    folder = os.getcwd()
    if folder in sys.path:
        yield
        return
    sys.path.append(folder)
    try:
        yield
    finally:
        with suppress(ValueError):  # the module may have taken it away itself
            sys.path.remove(folder)


def build_network(config: AgentConfig, params: WorldParams, seed: int) -> Network:
    """Return a new network; the same seed gives the same weights, whatever was drawn before."""
    flat = config.network.kind == "flat"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return FlatActorCritic(config, params) if flat else ActorCritic(config, params)


def loss_of(network: Network, config: AgentConfig, batch: Batch, table: StreamTable) -> Loss:
    """Return the weighted loss of a minibatch and its named terms.

    Args:
        network: The network; one forward pass over the batch.
        config: The arm. A target of "none" leaves the belief terms out.
        batch: What was experienced.
        table: The streams.

    Returns:
        Loss.
    """
    present = Inputs(*(part[:-1] for part in batch.inputs))
    outputs = network(present, batch.memory, table)
    terms, diagnostics = ppo_terms(outputs.logits, outputs.values, batch, config.ppo.clip)
    if config.empathy.target != "none":
        terms |= empathy_terms(outputs.belief, config.empathy.target, batch, network.layout, table)
    weighted = [config.loss_weights[name] * term for name, term in terms.items()]
    return Loss(torch.stack(weighted).sum(), terms, diagnostics)
