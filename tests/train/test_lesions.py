"""A lesion takes what it says, from the shift on, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from empathy_loop.agents.arm import build_network
from empathy_loop.agents.registry import load_agent
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.world import World
from empathy_loop.train.actors import LearnedActor
from empathy_loop.train.evaluate import EpisodeLog, run_episodes
from empathy_loop.train.lesions import BeliefsShuffled, MemoryCleared
from empathy_loop.train.teams import CLEAR_STEPS, lesions_of

PARAMS = WorldParams(horizon=48, total_hazard=0.3, shift="cue_remap", shift_severity=1.0)
CONFIG = load_agent("cognitive", {"network": {"hidden_size": 8, "belief_size": 6}})
WORLDS = 6


def weights(reads_belief: bool = True) -> dict[str, Tensor]:
    """Return weights of a network that acts on what it remembers, and may not read its belief."""
    found = build_network(CONFIG, PARAMS, seed=0).state_dict()
    found = {name: weight.clone() for name, weight in found.items()}
    for name in ("plain.weight", "help.weight"):
        found[name] *= 300.0
    found["embed_stream.weight"][:, -7:] *= 30.0 if reads_belief else 0.0
    return found


def actor_of(kind: type[LearnedActor], reads_belief: bool = True) -> LearnedActor:
    return kind(CONFIG, PARAMS, weights(reads_belief))


def played(kind: type[LearnedActor], params: WorldParams = PARAMS, **which: Any) -> EpisodeLog:
    return run_episodes(actor_of(kind, **which), params, WORLDS, seed=100)


def same_steps(one: EpisodeLog, other: EpisodeLog) -> np.ndarray[Any, Any]:
    """Return in which steps welfare and drives are the same, bool [T, E]."""
    found: np.ndarray[Any, Any] = (one.welfare == other.welfare) & (one.drive == other.drive).all(2)
    return found


@pytest.mark.parametrize("kind", [MemoryCleared, BeliefsShuffled])
@pytest.mark.parametrize("shift", ["cue_remap", "none"])
def test_a_lesion_changes_nothing_before_the_shift_and_something_after_it(
    kind: type[LearnedActor], shift: str
) -> None:
    params = replace(PARAMS, shift=shift)
    intact, lesioned = played(LearnedActor, params), played(kind, params)
    before = np.arange(PARAMS.horizon)[:, None] < intact.shift_step
    same = same_steps(intact, lesioned)
    assert same[before].all()
    assert not same[~before].all()


def test_memory_is_cleared_at_the_shift_of_each_world_and_every_few_steps_after_it() -> None:
    # A second actor starts anew wherever the first should; both see the same observations.
    cleared, intact = actor_of(MemoryCleared), actor_of(LearnedActor)
    fresh = [actor_of(LearnedActor) for _ in range(WORLDS)]
    world = World(PARAMS, WORLDS, seed=3, autoreset=False)
    for actor in (cleared, intact, *fresh):
        actor.begin(PARAMS, WORLDS)
    for step in range(PARAMS.horizon):
        since = step - world.state.shift_step
        for e, actor in enumerate(fresh):
            if since[e] >= 0 and since[e] % CLEAR_STEPS == 0:
                actor.begin(PARAMS, WORLDS)
            actor.act(world, greedy=True)
        actions = cleared.act(world, greedy=True).actions
        intact.act(world, greedy=True)
        assert cleared.states is not None and intact.states is not None
        for e, actor in enumerate(fresh):
            assert actor.states is not None
            assert np.allclose(cleared.states[e], actor.states[e], atol=1e-6)
            if since[e] >= 0:
                assert not np.allclose(cleared.states[e], intact.states[e], atol=1e-4)
        world.step(actions)


def test_shuffled_beliefs_are_in_another_place_and_nothing_else_is() -> None:
    lesioned, intact = actor_of(BeliefsShuffled), actor_of(LearnedActor)
    world = World(PARAMS, WORLDS, seed=3, autoreset=False)
    for actor in (lesioned, intact):
        actor.begin(PARAMS, WORLDS)
    differ = np.zeros(WORLDS, bool)
    for step in range(PARAMS.horizon):
        found, expected = (actor.act(world, greedy=False) for actor in (lesioned, intact))
        # What is believed, and what is remembered of each other, stays what it was.
        assert np.array_equal(found.belief, expected.belief)
        assert torch.equal(lesioned._memory.streams, intact._memory.streams)
        own = (lesioned._memory.core != intact._memory.core).flatten(1).any(1).numpy()
        assert not own[step < world.state.shift_step].any()
        differ |= own
        world.step(expected.actions)
    assert differ.all()


def test_where_the_policy_gives_beliefs_no_weight_shuffling_them_changes_nothing() -> None:
    intact, lesioned = (
        played(kind, reads_belief=False) for kind in (LearnedActor, BeliefsShuffled)
    )
    assert same_steps(intact, lesioned).all()


def test_arms_have_the_lesions_for_which_they_have_something_to_lose() -> None:
    def lesions(arm: str, num_agents: int = 3) -> list[str]:
        return lesions_of(load_agent(arm), ("memory_cleared", "shuffled"), num_agents)

    assert lesions("cognitive") == ["memory_cleared", "shuffled"]
    # Reads no belief; has shuffled ones already; has no memory; does not learn.
    assert lesions("ippo_gru") == lesions("shuffled") == ["memory_cleared"]
    assert lesions("ippo") == lesions("filter") == []
    assert lesions("ippo_gru", num_agents=2) == ["memory_cleared"]
    with pytest.raises(ValueError, match="takes num_agents of at least 3; got 2"):
        lesions("cognitive", num_agents=2)
