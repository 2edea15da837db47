"""Behaviour cloning: what demonstrators do, given exactly what they see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.objective import Objective
from empathy_loop.agents.observing.watching import (
    Scene,
    fresh_memory,
    live_scene,
    recorded_scene,
    rows_in_turn,
)
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Batch, Outputs
from empathy_loop.envs.params import WorldParams


class Cloning(Objective):
    """Imitates demonstrators on their own observations, whatever came of it.

        cloning = mean over demonstrated acts of -log pi(a | o), in nats

    Source: Pomerleau 1991, "Efficient training of artificial neural networks for autonomous
    navigation" (Neural Computation 3). It is given what demonstrators observed, their own needs
    included, and what they did, which nobody could see: the upper bound of imitation.

    Demonstrators are the partners in the worlds, and those of recorded episodes. An act that the
    mask rules out, as a person may ask for, is not counted.

    Approximated: the core remembers nothing from before a chunk.

    Raises:
        ValueError: agents do not share their weights.
    """

    loss_weights: ClassVar[Mapping[str, float]] = {"cloning": 1.0}
    privilege: ClassVar[str] = "training"
    learns_from: ClassVar[str] = "demonstrators"

    def __init__(self, config: AgentConfig, params: WorldParams, table: StreamTable) -> None:
        super().__init__(config, params, table)
        if not config.network.shared:
            raise ValueError(
                f"agent {config.name!r} is to learn one policy from all demonstrators, which takes "
                "network.shared = true, got false"
            )

    def loss_terms(self, batch: Batch, outputs: Outputs) -> dict[str, Tensor]:
        """Return cloning; 0 where nobody demonstrates."""
        network, scenes = self.config.network, []
        if len(self.table.own) < self.params.num_agents:
            scenes.append(live_scene(batch, self.table))
        if batch.recorded is not None:
            scene = recorded_scene(batch.recorded, self.table, network.belief_size)
            scenes.append(scene._replace(first=0, num_shown=self.params.num_agents))
        found = [self._loss(scene) for scene in scenes]
        if not found:
            return {"cloning": 0.0 * outputs.logits.sum()}
        losses, counts = zip(*found, strict=True)
        return {"cloning": sum(losses) / sum(counts).clamp(min=1.0)}

    def _loss(self, scene: Scene) -> tuple[Tensor, Tensor]:
        """Return the summed loss of a scene, with gradient, and how many acts it is of."""
        rows = slice(0, scene.num_shown)
        inputs = rows_in_turn(scene.present, scene.first)
        table = StreamTable.of(scene.num_shown, self.layout.num_others, self.table.shared)
        table = table.to(scene.streams.device)
        if table.shared:
            streams = scene.streams.roll(-scene.first, dims=1)
        else:  # theirs are not among those that are remembered
            shape = (len(scene.streams), table.num_streams, scene.streams.shape[-1])
            streams = scene.streams.new_zeros(shape)
        memory = fresh_memory(streams, scene.num_shown, self.config.network.hidden_size)
        logits = self.run(inputs, memory, table).logits
        actions = scene.actions.roll(-scene.first, dims=2)[:, :, rows]
        legal = inputs.action_mask[:, :, rows].gather(-1, actions[..., None]).squeeze(-1)
        counted = scene.demonstrates.roll(-scene.first, dims=2)[:, :, rows] & legal
        missed = cross_entropy(logits.flatten(0, -2), actions.flatten(), reduction="none")
        return torch.where(counted, missed.view_as(counted), 0.0).sum(), counted.sum()
