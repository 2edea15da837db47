"""A faceless arm sees what a world without cues would show it, whatever world it is in."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from empathy_loop.agents.arm import build_network
from empathy_loop.agents.registry import load_agent
from empathy_loop.agents.sight import Sight
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Inputs
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.world import World

LIVELY = {"total_hazard": 0.5, "offers": True, "horizon": 64}


def inputs_of(world: World) -> Inputs:
    return Inputs(*(torch.from_numpy(part.copy())[None] for part in world.observation))


def test_what_is_left_is_what_a_world_without_cues_shows() -> None:
    faces, hidden = (
        World(WorldParams(**LIVELY, show_cues=shown), 16, seed=2) for shown in (True, False)
    )
    sight = Sight("faceless", ObservationLayout.of(faces.params))
    rng, differed = np.random.default_rng(0), 0
    for _ in range(60):
        mask = faces.observation.action_mask
        actions = np.where(mask, rng.random(mask.shape), -1.0).argmax(-1)
        for world in (faces, hidden):
            world.step(actions)
        left, expected = sight(inputs_of(faces)), inputs_of(hidden)
        for part, other in zip(left, expected, strict=True):
            assert torch.equal(part, other)
        differed += not torch.equal(inputs_of(faces).features, expected.features)
    assert differed > 50


def test_a_plain_view_leaves_everything() -> None:
    world = World(WorldParams(), 2, seed=0)
    inputs = inputs_of(world)
    assert Sight("plain", ObservationLayout.of(world.params))(inputs) is inputs


@pytest.mark.parametrize("name", ["ippo_gru_blind", "empathic_blind"])
def test_no_face_moves_a_blind_arm(name: str) -> None:
    params = WorldParams(**LIVELY)
    network, layout = build_network(load_agent(name), params, seed=0), ObservationLayout.of(params)
    inputs = inputs_of(World(params, 4, seed=0))
    changed = inputs._replace(features=inputs.features.clone(), exterior=inputs.exterior.clone())
    changed.features[..., layout.self_block["cue"]] += 1.0
    changed.exterior[..., layout.other_block["cue"]] += 1.0
    start = layout.self_size + layout.other_block["cue"].start
    changed.features[..., start : start + 4 + params.num_kinds] += 1.0
    table = StreamTable.of(3, 2, shared=True)
    memory = network.first_memory(4, table)
    for one, other in zip(
        network(inputs, memory, table)[:2], network(changed, memory, table)[:2], strict=True
    ):
        assert torch.equal(one, other)
