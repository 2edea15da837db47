"""A trained agent for use elsewhere: `load("runs/NAME").act(observation, state)`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from empathy_loop.agents.arm import build_network
from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.sampling import greedy_actions, sample_actions
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Inputs, Memory
from empathy_loop.envs.observation import Observation, ObservationLayout
from empathy_loop.envs.params import WorldParams
from empathy_loop.train.learned import read_learned

CRITIC = "critic."
"""How the names of weights begin that only training needs."""


class Policy:
    """A trained network, asked for one agent or for any number of them at once.

    Rows are independent of each other: they may be agents of one world or of many.

    Args:
        config: The arm.
        params: The world it was trained in.
        weights: State of its network.
        greedy: Whether to take the most probable actions instead of sampling.
        seed: Seed of the sampling.

    Raises:
        ValueError: the arm has a network for each seat, and no row says which seat it is.
    """

    def __init__(
        self,
        config: AgentConfig,
        params: WorldParams,
        weights: dict[str, torch.Tensor],
        greedy: bool,
        seed: int,
    ) -> None:
        if not config.network.shared:
            raise ValueError(
                f"agent {config.name!r} has a network for each seat, and a single agent's "
                "observation does not say where it sits; evaluate its run folder instead"
            )
        self.config, self.params, self.greedy = config, params, greedy
        # A central critic reads a whole world, which a row is not; acting needs no value.
        acting = replace(config, network=replace(config.network, critic="own"))
        self._network = build_network(acting, params, seed=0)
        kept = {name: weight for name, weight in weights.items() if not name.startswith(CRITIC)}
        missing, unexpected = self._network.load_state_dict(kept, strict=False)
        assert not unexpected and all(name.startswith(CRITIC) for name in missing), missing
        self._table = StreamTable.of(1, params.num_others, shared=False)
        self._generator = np.random.default_rng(seed)

    @torch.inference_mode()
    def act(
        self, observation: Observation, state: Memory | None = None
    ) -> tuple[NDArray[np.int64] | int, Memory]:
        """Choose an action for each row; draws from the policy's own generator unless greedy.

        Args:
            observation: features float32 [B, D], exterior float32 [B, X] and action_mask
                bool [B, N] of B agents, or the same without the first axis for one.
            state: What the last call returned; None where episodes begin.

        Returns:
            int64 [B], in [0, N), or a whole number for one agent; and the state.

        Raises:
            ValueError: the observation is not of the world in which the arm was trained.
        """
        alone = observation.features.ndim == 1
        rows: list[NDArray[Any]] = [np.atleast_2d(part) for part in observation]
        self._check(Observation(*rows))
        # PettingZoo's masks are int8; copies, since what is given may be read-only.
        kinds = (np.float32, np.float32, np.bool_)
        copies: list[NDArray[Any]] = [
            np.array(part, kind) for part, kind in zip(rows, kinds, strict=True)
        ]
        parts = [torch.from_numpy(part)[None, :, None] for part in copies]
        if state is None:
            state = self._network.first_memory(len(rows[0]), self._table)
        outputs = self._network(Inputs(*parts), state, self._table)
        logits = outputs.logits[0, :, 0]
        if self.greedy:
            actions = greedy_actions(logits)
        else:
            noise = torch.from_numpy(self._generator.random(len(rows[0])))
            actions = sample_actions(logits, noise)
        return (int(actions[0]) if alone else actions.numpy()), outputs.memory

    def _check(self, observation: Observation) -> None:
        layout = ObservationLayout.of(self.params)
        sizes = (layout.size, layout.other_size, layout.num_actions)
        for name, part, size in zip(observation._fields, observation, sizes, strict=True):
            if part.shape != (len(observation.features), size):
                raise ValueError(
                    f"{name} must have shape [B, {size}] or [{size}], as in the world that "
                    f"{self.config.name!r} was trained in, got {list(part.shape)}"
                )


def load(folder: str | Path, greedy: bool = False, seed: int = 0) -> Policy:
    """Return the agent that a run has trained.

    Args:
        folder: Folder of the run.
        greedy: Whether it takes its most probable action instead of sampling.
        seed: Seed of its sampling.

    Raises:
        ValueError: the folder holds no run, or the arm has a network for each seat.
        CheckpointError: the checkpoint cannot be read.
    """
    found: tuple[AgentConfig, WorldParams, dict[str, Any]] = read_learned(Path(folder))
    return Policy(*found, greedy=greedy, seed=seed)
