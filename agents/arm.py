"""An arm put together: its network, PPO, and its objectives, as one loss and one reward."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.flat import FlatActorCritic
from empathy_loop.agents.networks import ActorCritic
from empathy_loop.agents.objective import Network, Objective
from empathy_loop.agents.ppo import ppo_terms
from empathy_loop.agents.registry import load_objective
from empathy_loop.agents.separate import SeparateNetworks
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Batch, Experience, Inputs, Memory, Outputs
from empathy_loop.envs.params import WorldParams


class Loss(NamedTuple):
    """What one minibatch says: a sum of terms, each times its weight.

    Attributes:
        terms: Name to float32 scalar with gradient. The terms of the arm, not weighted.
        weights: Name to float32 scalar, constant. At least those of the terms.
        diagnostics: Name to float32 scalar without gradient.
    """

    terms: dict[str, Tensor]
    weights: dict[str, Tensor]
    diagnostics: dict[str, Tensor]

    @property
    def total(self) -> Tensor:
        """The sum, a float32 scalar with gradient."""
        weighted = [self.weights[name] * term for name, term in self.terms.items()]
        return torch.stack(weighted).sum()

    def backward(self) -> None:
        """Add the gradient of the sum to those of what it came from.

        Every term is told its weight: a sum that is made for its gradient alone costs a CPU more
        than many a layer.
        """
        names = [name for name, term in self.terms.items() if term.requires_grad]
        terms, weights = ([part[name] for name in names] for part in (self.terms, self.weights))
        torch.autograd.backward(terms, weights)


Run = Callable[[Inputs, Memory, StreamTable], Outputs]
"""Runs a network over a batch of worlds."""


class Arm(nn.Module):
    """Everything of an arm that is trained.

    Args:
        config: The arm.
        params: The world.
        seed: The same seed gives the same weights, whatever was drawn before; those of the
            network do not depend on the objectives.
        device: Where everything is to be; None for the CPU.
        num_focal: Agents that it acts for and learns from, the first of a world; None for all.

    Raises:
        ValueError: an objective is unknown or needs a privilege that the arm does not name, or
            the network and the world do not fit together.

    Attributes:
        network: What acts.
        table: The streams of a row.
        objectives: What it learns for besides PPO's own terms, with the weights that only
            training needs.
        weights: All of `parameters()`, in their order.
        run: What runs the network over a batch in learning; several processes that share its
            worlds set another here.
    """

    def __init__(
        self,
        config: AgentConfig,
        params: WorldParams,
        seed: int,
        device: torch.device | None = None,
        num_focal: int | None = None,
    ) -> None:
        super().__init__()
        self.config, self.table = config, streams_of(config, params, num_focal)
        if device is not None:
            self.table = self.table.to(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = _network_of(config, params)
            torch.manual_seed(seed)
            objectives = [
                load_objective(name)(config, params, self.table) for name in config.objectives
            ]
        self.objectives = nn.ModuleList(objectives)
        self.run: Run = self.network.__call__
        for name, objective in zip(config.objectives, objectives, strict=True):
            objective.run = self._run_network
            if objective.privilege != "none" and config.privilege == "none":
                raise ValueError(
                    f"agent {config.name!r}: objective {name!r} reads in training what only others "
                    "know; set privilege to 'training' so that the arm says so"
                )
        self.to(device)
        self._loss_weights = {
            name: torch.tensor(weight, device=device)
            for name, weight in config.loss_weights.items()
        }
        # Kept, as walking through the modules for them takes longer than many an operation.
        self.weights = list(self.parameters())

    def loss(self, batch: Batch) -> Loss:
        """Return the loss of a minibatch, by its named terms; one forward pass.

        Raises:
            ValueError: an objective returns a term that it does not declare.
        """
        present = Inputs(*(part[:-1] for part in batch.inputs))
        outputs = self.run(present, batch.memory, self.table)
        terms, diagnostics = ppo_terms(outputs.logits, outputs.values, batch, self.config.ppo.clip)
        for objective in self.objectives:
            terms |= cast(Objective, objective).loss_terms(batch, outputs)
        _demand_declared("loss", terms, self.config.loss_weights)
        return Loss(terms, self._loss_weights, diagnostics)

    def _run_network(self, inputs: Inputs, memory: Memory, table: StreamTable) -> Outputs:
        """Run the network as `run` says at the time: another may be set later."""
        return self.run(inputs, memory, table)

    @torch.no_grad()
    def reward_terms(self, experience: Experience) -> dict[str, Tensor]:
        """Return what the objectives add to the reward.

        Args:
            experience: The rollout.

        Returns:
            Name to float32 [T, E, F], each times its weight; nothing where no objective adds any.

        Raises:
            ValueError: an objective returns a term that it does not declare.
        """
        weights = self.config.reward_weights
        if not weights:
            return {}
        outputs = self.run(experience.inputs, experience.memory, self.table)
        terms: dict[str, Tensor] = {}
        for objective in self.objectives:
            terms |= cast(Objective, objective).reward_terms(experience, outputs)
        _demand_declared("reward", terms, weights)
        return {name: weights[name] * term for name, term in terms.items()}


def streams_of(
    config: AgentConfig, params: WorldParams, num_focal: int | None = None
) -> StreamTable:
    """Return the streams of a row that holds all agents of a world.

    Args:
        config: The arm.
        params: The world.
        num_focal: Agents that look at streams, the first of the world; None for all.
    """
    shared = params.sees_whole_board and config.network.shared
    return StreamTable.of(num_focal or params.num_agents, params.num_others, shared)


def build_network(config: AgentConfig, params: WorldParams, seed: int) -> Network:
    """Return a new network; the same seed gives the same weights, whatever was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _network_of(config, params)


def _demand_declared(kind: str, terms: dict[str, Tensor], weights: dict[str, float]) -> None:
    for name in terms:
        if name not in weights:
            raise ValueError(
                f"an objective returned the {kind} term {name!r}, which has no weight; declare it "
                f"in the {kind}_weights of its class (there are {', '.join(weights)})"
            )


def _network_of(config: AgentConfig, params: WorldParams) -> Network:
    """Return the network of the one objective that brings its own, or that of the config."""
    for name in config.objectives:
        network = load_objective(name).build_network(config, params)
        if network is not None:
            return network
    build = FlatActorCritic if config.network.kind == "flat" else ActorCritic
    if config.network.shared:
        return build(config, params)
    return SeparateNetworks(lambda: build(config, params), params.num_agents)
