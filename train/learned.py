"""What a run has learned, read from its checkpoint, and refused where it is of another version.

A trained network means something only in the world that it was trained in, seen in the layout that
it was trained with: what differs is named, with the fingerprints of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from empathy_loop.agents.arm import build_network
from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.registry import start_of
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.reading import amend
from empathy_loop.train.checkpoint import CheckpointError, load_checkpoint
from empathy_loop.train.config import as_seen_by, hash_of

WAY_OUT = "use the version that trained it, or train it anew"
Weights = dict[str, torch.Tensor]


def read_learned(folder: Path) -> tuple[AgentConfig, WorldParams, Weights]:
    """Return the arm of a run, the world as it was shown it in training, and its weights.

    Raises:
        CheckpointError: there is no checkpoint, it cannot be read, or it is of a world or a layout
            of observations that this version does not have; the message has both fingerprints.
        ValueError: its settings are refused.
    """
    data = load_checkpoint(folder)
    if data is None:
        raise CheckpointError(f"{folder} holds no checkpoint; train the run to its first one")
    try:
        agent, world, weights = data["config"]["agent"], data["config"]["world"], data["network"]
        start = start_of(agent["name"], agent["objectives"], str(folder))
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"the checkpoint in {folder} is damaged: its settings lack {error}; {WAY_OUT}"
        ) from error
    config = amend(start, agent, str(folder))
    seen = as_seen_by(config, _world_of(world, folder))
    _check_weights(weights, build_network(config, seen, seed=0).state_dict(), folder)
    return config, seen, weights


def layout_of(world: WorldParams) -> dict[str, Any]:
    """Return first and last column of each quantity in an observation, as plain data."""
    layout = ObservationLayout.of(world)
    blocks = {"self": layout.self_block, "other": layout.other_block}
    columns = {
        block: {name: [part.start, part.stop] for name, part in parts.items()}
        for block, parts in blocks.items()
    }
    return {**columns, "size": layout.size, "num_actions": layout.num_actions}


def _world_of(world: Mapping[str, Any], folder: Path) -> WorldParams:
    """Return the world of a run; a rule that came after it keeps its default."""
    known = {name: value for name, value in world.items() if name in asdict(WorldParams())}
    unknown = [name for name in world if name not in known]
    if unknown:
        raise CheckpointError(
            f"{folder} was trained in a world of another version (fingerprint {hash_of(world)}, "
            f"here {hash_of(known)}): this version has no rule {', '.join(unknown)}; {WAY_OUT}"
        )
    return amend(WorldParams(), known, f"{folder}: world")


def _check_weights(weights: Weights, wanted: Weights, folder: Path) -> None:
    """Refuse weights that do not fit into the network that the settings ask for."""
    there, here = (
        {name: list(weight.shape) for name, weight in one.items()} for one in (weights, wanted)
    )
    for name in dict.fromkeys([*here, *there]):
        if there.get(name) != here.get(name):
            raise CheckpointError(
                f"{folder} was trained with another layout of observations or of the network "
                f"(fingerprint of its weights {hash_of(there)}, here {hash_of(here)}): {name} has "
                f"the shape {there.get(name)} and would have {here.get(name)}; {WAY_OUT}"
            )
