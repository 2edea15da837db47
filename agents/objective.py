"""What an arm learns for besides PPO: one small class with three hooks.

Built-in arms and users' own learners are made of the same: an objective may add terms to the
reward, add terms to the loss, and bring its own network. It is a torch module, so that weights
that only training needs can live in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from torch import Tensor, nn

from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Batch, Experience, Inputs, Memory, Outputs
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams


def weights_in(module: nn.Module) -> int:
    """Return the number of weights of a module."""
    return sum(weight.numel() for weight in module.parameters())


class Network(nn.Module):
    """What an arm acts with, over sequences of a batch of worlds."""

    def forward(self, inputs: Inputs, memory: Memory, table: StreamTable) -> Outputs:
        """Run over a chunk, in which no episode begins, for the focal agents of the table.

        Inputs have leading axes [T, E, A], outputs [T, E, F]: what partners observe for themselves
        may be read of the first F rows only.
        """
        raise NotImplementedError

    def first_memory(self, num_worlds: int, table: StreamTable) -> Memory:
        """Return the memory at the start of an episode, zeros, for a batch of worlds."""
        raise NotImplementedError

    def acting_weights(self) -> int:
        """Return the number of weights with which one agent acts; a value is for training only."""
        return weights_in(self)


class Objective(nn.Module):
    """Adds nothing; derive from it and override what is wanted.

    Args:
        config: The arm.
        params: The world.
        table: The streams of a row.

    Attributes:
        loss_weights: Name to default weight of each term that `loss_terms` may return.
        reward_weights: Name to default weight of each term that `reward_terms` returns.
        settings: Names of the fields of ComparatorConfig that it uses.
        privilege: What it must be given in training: "none", or "training" for what only others
            know, as their needs, rewards or exact actions. An arm's config has to say as much.
        learns_from: Whose acts it learns from: "itself", "others" (whoever there is, partners
            and demonstrators if there are any) or "demonstrators" (nothing without them). All but
            the first read what is recorded in a batch.
        alongside: Names of the built-in objectives that a user's class is trained with when it is
            named as an agent.
        run: Runs the arm's network over other inputs than those of the batch, in `loss_terms`.
    """

    loss_weights: ClassVar[Mapping[str, float]] = {}
    reward_weights: ClassVar[Mapping[str, float]] = {}
    settings: ClassVar[tuple[str, ...]] = ()
    privilege: ClassVar[str] = "none"
    learns_from: ClassVar[str] = "itself"
    alongside: ClassVar[tuple[str, ...]] = ("introspective",)

    run: Callable[[Inputs, Memory, StreamTable], Outputs]

    def __init__(self, config: AgentConfig, params: WorldParams, table: StreamTable) -> None:
        super().__init__()
        self.config, self.params, self.table = config, params, table
        self.layout = ObservationLayout.of(params)

    @classmethod
    def build_network(cls, config: AgentConfig, params: WorldParams) -> Network | None:
        """Return a new network, or None for the one that the arm's config describes.

        Draws from torch's global generator, which is seeded before.

        Args:
            config: The arm.
            params: The world.
        """
        return None

    def reward_terms(self, experience: Experience, outputs: Outputs) -> dict[str, Tensor]:
        """Return what the reward of each step is added, before advantages are estimated.

        Called once for each rollout, without gradients. Scores never see these terms.

        Args:
            experience: The rollout.
            outputs: What the network made of it, with T + 1 rows.

        Returns:
            Name to float32 [T, E, F], not weighted; exactly the names of `reward_weights`.
        """
        return {}

    def loss_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return terms of the loss of a minibatch.

        Args:
            batch: What was experienced.
            outputs: What the network makes of its T steps, with gradient.

        Returns:
            Name to float32 scalar, not weighted; names among those of `loss_weights`.
        """
        return {}
