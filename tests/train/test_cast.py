"""Learned people: trained in their seats, saved and resumed, and cast beside an AI."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from empathy_loop.agents.types import Memory
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.world import World
from empathy_loop.train.actors import LearnedActor, load_actor
from empathy_loop.train.beliefs import belief_report
from empathy_loop.train.buffers import empty_rollout
from empathy_loop.train.cast import cast_of
from empathy_loop.train.checkpoint import load_checkpoint
from empathy_loop.train.config import TrainConfig, build_config, fingerprint
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.learner import Learner
from empathy_loop.train.loop import train
from empathy_loop.train.policy import load
from empathy_loop.train.rollout import Seconds, collect
from empathy_loop.train.update import lesson_of, update

MakeConfig = Callable[..., TrainConfig]
PERSON_SEATS = ("person:learned", "person:learned,from=4", "reader")
PLAYED = ("focal", "person:learned", "person:learned,from=4")
OWN = {"coordination": 0.0}


def trained(folder: Path, make_config: MakeConfig, seats: tuple[str, ...] = (), **more: Any) -> str:
    """Train one update into a folder and return its name."""
    train(make_config(updates=1, seats=seats, world=OWN, **more), folder)
    return str(folder)


# Training.


def test_a_run_with_learned_people_shows_them_their_trust_and_says_so() -> None:
    config = build_config({"env": "bystander_v0", "seats": "learned_training"}, "here")
    plain = build_config({"env": "bystander_v0"}, "here")
    assert config.world == replace(plain.world, show_trust=True)
    assert fingerprint(config) != fingerprint(plain)
    # That of a run from before trust could be shown.
    assert fingerprint(plain) == "835506cbbb08234a"


def test_learned_people_alone_are_learned_from_and_see_what_they_feel(
    make_config: MakeConfig,
) -> None:
    results = []
    for poison in (False, True):
        learner = Learner(make_config("ippo_gru", seats=PERSON_SEATS, world=OWN))
        rollout = empty_rollout(learner.world, 8)
        collect(learner.world, learner.arm, learner.memory, rollout, Seconds())
        layout = ObservationLayout.of(learner.world.params)
        blocks = rollout.inputs.features[..., layout.self_size :].unflatten(-1, (2, -1))
        felt = blocks[..., layout.other_block["trust"].start :]
        # Trust in the other person, then in the AI; in the other order for the second one.
        assert (felt[:, :, 0, 0] == torch.tensor([1.0, 0.0])).all()
        assert (felt[:, :, 1, 1] == torch.tensor([1.0, 0.0])).all()
        assert (felt[0, :, 0, 1] == torch.tensor([0.3, 0.8])).all() and not felt[:, :, 2].any()
        assert rollout.num_focal == 2
        if poison:  # what the AI earned, needed and saw of itself
            rollout.inputs.features[:, :, 2] = torch.nan
            for part in (rollout.rewards, rollout.need, rollout.drive):
                part[:, :, 2:] = torch.nan
        batch = lesson_of(rollout, learner.memory, learner.arm).batch
        results.append(update(learner.arm, learner.optimiser, batch, (0, 0)))
    assert results[0] == results[1]
    assert all(np.isfinite(value) for value in results[0].values())


def test_what_a_person_does_depends_on_its_trust_and_on_nobody_elses(
    make_config: MakeConfig,
) -> None:
    learner = Learner(make_config("ippo_gru", seats=PERSON_SEATS, world=OWN))
    world, network, table = learner.world, learner.arm.network, learner.arm.table
    assert isinstance(world, SeatedWorld) and world.people is not None

    def logits() -> torch.Tensor:
        inputs = [torch.from_numpy(part.copy())[None] for part in world.world.observation]
        memory = Memory(*(part[:5] for part in learner.memory))
        found: torch.Tensor = network(type(rollout.inputs)(*inputs), memory, table).logits[0]
        return found.detach()

    rollout = empty_rollout(world, 8)
    before, saved = logits(), world.get_state()
    for name in ("trust", "willingness"):
        array = saved[f"people.{name}"].copy()
        array[:, 0] *= 0.5
        world.set_state(saved | {f"people.{name}": array})
        moved = (logits() != before).any(-1)
        assert moved[:, 0].all() and not moved[:, 1].any(), name


def test_a_run_of_learned_people_that_was_interrupted_ends_as_one_that_was_not(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    config = make_config("empathic", seats=PERSON_SEATS, world=OWN, steps=5 * 80)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(config, whole)
    train(replace(config, steps=3 * 80), parts)
    train(config, parts)
    one, other = load_checkpoint(whole), load_checkpoint(parts)
    assert one is not None and other is not None
    assert one["agent_steps"] == other["agent_steps"] == 400
    for group in ("network", "world", "memory"):
        for name, tensor in one[group].items():
            assert torch.equal(tensor, other[group][name]), name


def test_a_checkpoint_from_before_trust_could_be_shown_goes_on(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    learner = Learner(make_config())
    data = learner.snapshot()
    del data["config"]["world"]["show_trust"]
    learner.restore(data, tmp_path)


# Casting.


def test_a_cast_plays_each_seat_as_its_actor_alone_would(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    ai = trained(tmp_path / "ai", make_config, ("focal", "reader", "reader"))
    person = trained(tmp_path / "person", make_config, PERSON_SEATS)
    params = WorldParams(horizon=16, total_hazard=0.3, **OWN)
    cast = cast_of(PLAYED, {"focal": load_actor(ai), "person:learned": load_actor(person)})
    assert cast.name == "cognitive" and cast.view(params) == replace(params, show_trust=True)
    shown = World(cast.view(params), 6, seed=3)
    world, plain = SeatedWorld(shown, PLAYED), SeatedWorld(World(params, 6, seed=3), PLAYED)
    alone = [load_actor(ai), load_actor(person)]
    cast.begin(shown.params, 6)
    alone[0].begin(params, 6)
    alone[1].begin(shown.params, 6)
    acted = set()
    for _ in range(12):
        both = cast.act(world.world, greedy=False)
        # The AI acts as in a world in which nobody's trust is shown, and the people as themselves.
        parts = [alone[0].act(plain.world, False), alone[1].act(world.world, False)]
        for name in ("actions", "belief", "p_crisis"):
            found, first, second = (getattr(one, name) for one in (both, *parts))
            assert np.array_equal(found[:, 0], first[:, 0]), name
            assert np.array_equal(found[:, 1:], second[:, 1:]), name
        acted |= set(both.actions.ravel().tolist())
        world.step(both.actions)
        plain.step(both.actions)
    assert len(acted) > 4
    log = run_episodes(cast, params, 6, seed=3, seats=PLAYED)
    assert log.p_crisis is not None and log.p_crisis.shape == (16, 6, 3, 2, 3)


def test_a_scripted_ai_beside_learned_people_tells_no_belief_that_is_not_theirs_too(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    person = trained(tmp_path / "person", make_config, PERSON_SEATS)
    params = WorldParams(horizon=16, total_hazard=0.3, **OWN)
    cast = cast_of(PLAYED, {"focal": load_actor("oracle"), "person:learned": load_actor(person)})
    log = run_episodes(cast, params, 6, seed=3, seats=PLAYED)
    assert cast.name == "oracle with cognitive"
    assert log.helps[..., 0].any() and log.belief is None
    assert not log.helps[:4, :, 2].any()
    own = run_episodes(load_actor(person), params, 6, seed=3, seats=PERSON_SEATS)
    assert own.belief is not None and own.belief.shape == (16, 6, 2, 2, 3)


def test_what_people_believe_is_scored_where_they_sit_and_beside_partners(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    person = load_actor(trained(tmp_path / "person", make_config, PERSON_SEATS))
    params = WorldParams(horizon=16, total_hazard=0.3, **OWN)
    report = belief_report(person, params, 4, 100, seats=PERSON_SEATS)
    assert all(0.0 <= found["belief"]["auroc"] <= 1.0 for found in report.values())


def test_a_learned_person_is_loaded_as_any_agent(tmp_path: Path, make_config: MakeConfig) -> None:
    policy = load(trained(tmp_path / "person", make_config, PERSON_SEATS))
    assert policy.params.show_trust
    view = SeatedWorld(World(policy.params, 2, seed=0), PERSON_SEATS)
    rows = type(view.observation)(*(part[:, 0] for part in view.observation))
    actions, _ = policy.act(rows)
    assert np.shape(actions) == (2,)


# Mistakes.


def test_casts_that_do_not_add_up_are_refused(tmp_path: Path, make_config: MakeConfig) -> None:
    ai = load_actor(trained(tmp_path / "ai", make_config, ("focal", "reader", "reader")))
    person = load_actor(trained(tmp_path / "person", make_config, PERSON_SEATS))
    assert isinstance(ai, LearnedActor) and isinstance(person, LearnedActor)
    for seats, roles, message in (
        (
            PLAYED,
            {"focal": ai},
            "must have an actor for focal and person:learned and for no other ",
        ),
        (
            ("focal",) * 3,
            {"focal": ai, "person:learned": person},
            "must have an actor for focal and",
        ),
        (PERSON_SEATS, {"person:warm": person}, "for person:learned .* got one for person:warm"),
        (
            PLAYED,
            {"focal": ai, "person:learned": ai},
            "was trained in an AI's seat; it cannot play ",
        ),
        (
            PLAYED,
            {"focal": person, "person:learned": person},
            "trained in a person's seat, and reads",
        ),
        (
            ("reader", "person:learned"),
            {"person:learned": person},
            "seats must begin with the focal",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            cast_of(seats, roles)
    with pytest.raises(ValueError, match="none of the seats focal, focal, focal is person:learned"):
        run_episodes(person, WorldParams(horizon=16), 2, seed=0)
    for actor, kind in ((ai, "an AI's seat"), (person, "a person's seat")):
        with pytest.raises(ValueError, match=f"trained in {kind}.*cast_of seats one of each"):
            run_episodes(actor, WorldParams(horizon=16), 2, seed=0, seats=PLAYED)


def test_training_of_ai_and_people_at_once_is_refused(make_config: MakeConfig) -> None:
    with pytest.raises(
        ValueError, match="learners among AI and among people, which are trained one"
    ):
        Learner(make_config(seats=PLAYED))


@pytest.mark.parametrize("seats", [(), ("focal", "reader", "reader")])
def test_trust_is_shown_in_training_to_learned_people_only(
    make_config: MakeConfig, seats: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match=r"world\.show_trust shows .* but none of the seats is"):
        make_config(seats=seats, world={"show_trust": True})
