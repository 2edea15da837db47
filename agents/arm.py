"""An arm put together: its network, PPO, and its objectives, as one loss and one reward."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.flat import FlatActorCritic
from empathy_loop.agents.networks import ActorCritic
from empathy_loop.agents.objective import Network, Objective
from empathy_loop.agents.ppo import ppo_terms
from empathy_loop.agents.registry import load_objective
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Batch, Experience, Inputs, Outputs
from empathy_loop.envs.params import WorldParams


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


class Arm(nn.Module):
    """Everything of an arm that is trained.

    Args:
        config: The arm.
        params: The world.
        table: The streams of a row.
        seed: The same seed gives the same weights, whatever was drawn before; those of the
            network do not depend on the objectives.

    Raises:
        ValueError: an objective is unknown or needs a privilege that the arm does not name, or
            the network and the world do not fit together.

    Attributes:
        network: What acts.
        objectives: What it learns for besides PPO's own terms, with the weights that only
            training needs.
    """

    def __init__(
        self, config: AgentConfig, params: WorldParams, table: StreamTable, seed: int
    ) -> None:
        super().__init__()
        self.config, self.table = config, table
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = _network_of(config, params)
            torch.manual_seed(seed)
            objectives = [load_objective(name)(config, params, table) for name in config.objectives]
        self.objectives = nn.ModuleList(objectives)
        for name, objective in zip(config.objectives, objectives, strict=True):
            if objective.privilege != "none" and config.privilege == "none":
                raise ValueError(
                    f"agent {config.name!r}: objective {name!r} reads in training what only others "
                    "know; set privilege to 'training' so that the arm says so"
                )

    def loss(self, batch: Batch) -> Loss:
        """Return the weighted loss of a minibatch and its named terms; one forward pass."""
        present = Inputs(*(part[:-1] for part in batch.inputs))
        outputs: Outputs = self.network(present, batch.memory, self.table)
        terms, diagnostics = ppo_terms(outputs.logits, outputs.values, batch, self.config.ppo.clip)
        for objective in self.objectives:
            terms |= cast(Objective, objective).loss_terms(batch, outputs)
        weighted = [self.config.loss_weights[name] * term for name, term in terms.items()]
        return Loss(torch.stack(weighted).sum(), terms, diagnostics)

    @torch.no_grad()
    def reward_terms(self, experience: Experience) -> dict[str, Tensor]:
        """Return what the objectives add to the reward.

        Args:
            experience: The rollout.

        Returns:
            Name to float32 [T, E, A], each times its weight; nothing where no objective adds any.
        """
        weights = self.config.reward_weights
        if not weights:
            return {}
        outputs = self.network(experience.inputs, experience.memory, self.table)
        terms: dict[str, Tensor] = {}
        for objective in self.objectives:
            terms |= cast(Objective, objective).reward_terms(experience, outputs)
        return {name: weights[name] * term for name, term in terms.items()}


def build_network(config: AgentConfig, params: WorldParams, seed: int) -> Network:
    """Return a new network; the same seed gives the same weights, whatever was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _network_of(config, params)


def _network_of(config: AgentConfig, params: WorldParams) -> Network:
    """Return the network of the one objective that brings its own, or that of the config."""
    for name in config.objectives:
        network = load_objective(name).build_network(config, params)
        if network is not None:
            return network
    flat = config.network.kind == "flat"
    return FlatActorCritic(config, params) if flat else ActorCritic(config, params)
