"""Seats whose agents act from a step on, or up to one; and the scenarios that are made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.partners import ScriptedPolicy
from empathy_loop.envs.pettingzoo_adapter import ScenarioEnv
from empathy_loop.envs.populations import agent_names
from empathy_loop.envs.scenarios import list_scenarios, load_scenario, parse_scenario, seats_of
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.vector import make_vector
from empathy_loop.envs.world import World


def staged(*seats: str, num_worlds: int = 6, **changes: Any) -> SeatedWorld:
    settings = {"num_agents": 4, "total_hazard": 0.5, "horizon": 30} | changes
    return SeatedWorld(World(WorldParams(**settings), num_worlds, seed=0), seats)


def test_who_waits_may_only_stay_and_does() -> None:
    view = staged("focal,from=7", "focal", "oracle,until=5", "random,from=9")
    for t in range(12):
        mask = view.world.observation.action_mask
        assert (mask[:, 0].sum(axis=1) == 1).all() == (t < 7)
        assert mask[..., 0].all()
        before = view.state.position.copy()
        view.step(np.full((6, 2), 1 + t % 4))
        moved = (view.state.position != before).any(axis=(0, 2))
        last = view.state.last_action
        assert not (t < 7 and (moved[0] or last[:, 0].any()))
        assert not (t >= 5 and last[:, 2].any()) and not (t < 9 and last[:, 3].any())
    assert moved[0]


def test_needs_are_cleared_when_the_time_to_act_begins_or_ends_and_no_reward_marks_it() -> None:
    view = staged("focal,from=7", "focal", "oracle,until=7", "random", coordination=0.0)
    for _ in range(6):
        view.step(np.zeros((6, 2), np.int8))
    assert view.state.need[:, 0].any()
    before = view.state.drive[:, 0].copy()
    transition = view.step(np.zeros((6, 2), np.int8))
    # The reward of that step is for what happened in it, with the needs as they then were.
    assert (transition.drive[:, 0] >= before).all()
    assert not view.state.need[:, [0, 2]].any() and not view.state.cue[:, [0, 2]].any()
    assert not view.observation.features[:, 0, :3].any()
    assert view.state.need[:, [1, 3]].any()
    transition = view.step(np.zeros((6, 2), np.int8))
    begun = view.state.need[:, 0].max(axis=1) > 0
    assert (transition.reward[:, 0] < 0).tolist() == begun.tolist()


def test_a_world_whose_seats_have_no_times_is_as_it_was() -> None:
    plain, view = (
        staged("focal", "focal", "reader", "reader"),
        staged("focal", "focal", "reader,until=30", "reader"),
    )
    for actions in np.random.default_rng(0).integers(0, 11, (35, 6, 2)):
        plain.step(actions)
        view.step(actions)
        assert np.array_equal(plain.world.observation.features, view.world.observation.features)


def test_a_variant_of_a_scenario_stands_where_seats_do() -> None:
    params = load_scenario("bystander_v0").params
    treated, control = (seats_of("bystander_v0", which, params) for which in (None, "control"))
    assert treated != control == seats_of("bystander_v0", ("control",), params)
    assert make_vector("bystander_v0", 2, seed=0, seats="control").seats == control  # type: ignore[union-attr]
    assert ScenarioEnv("bystander_v0", seats="control").seats == control
    with pytest.raises(ValueError, match=r"bystander_v0 has no variant 'controll' .* control"):
        seats_of("bystander_v0", "controll", params)
    text = 'summary = "x"\n[variants]\nother = ["focal"]\n'
    with pytest.raises(ValueError, match=r"^a.toml: seats must name one seat for each of 3 agents"):
        parse_scenario("a", text, "a.toml")
    with pytest.raises(ValueError, match=r"^a.toml: variants must be a table"):
        parse_scenario("a", 'summary = "x"\nvariants = 3\n', "a.toml")


def test_bystanders_of_both_variants_meet_the_same_ai_and_differ_in_what_they_watched() -> None:
    views = [make_vector("bystander_v0", 64, seed=1, seats=seats) for seats in (None, "control")]
    helped_ai = []
    for view in views:
        assert isinstance(view, SeatedWorld) and view.people is not None
        helped = 0
        for _ in range(96):
            view.step(np.zeros((64, 1), np.int8))
            helped += int(view.state.helped[:, 3, 0].sum())
        helped_ai.append(helped)
    one, other = (view.state for view in views)
    for name in ("position", "need", "hazard", "style", "expressivity"):
        assert np.array_equal(getattr(one, name)[:, :3], getattr(other, name)[:, :3]), name
    assert helped_ai[0] > 64 and helped_ai[1] == 0
    willing = [view.people.state.willingness[:, 1:3].mean() for view in views]  # type: ignore[union-attr]
    assert willing[0] > 0.42 and willing[1] == pytest.approx(0.4)


def test_learned_bystanders_watch_either_variant_apart_from_which_partner_plays_the_ai() -> None:
    known = load_scenario("bystander_v0").variants
    for learned, scripted in (("learned", ()), ("learned_control", known["control"])):
        seats = known[learned]
        assert agent_names(seats)[:3] == ("ai_0", "person_0", "person_1")
        assert seats[3] == (scripted or load_scenario("bystander_v0").seats)[3]
    view = make_vector("bystander_v0", 64, seed=1, seats="learned_training", show_trust=True)
    assert isinstance(view, SeatedWorld) and view.people is not None and view.num_focal == 2
    assert agent_names(view.seats) == ("person_0", "person_1", "ai_0", "person_2")
    watched, helps = view.people.state.willingness[:, 3] > 0, np.zeros(64)
    for _ in range(96):
        view.step(np.zeros((64, 2), np.int8))
        helps += view.state.helped[:, 3, 2]
    assert 16 < watched.sum() < 48  # of 64; 4 standard errors are 16
    assert (helps[watched] > 0).mean() > 0.5 and not helps[~watched].any()
    partners = [set(view.rows[which, 2].tolist()) for which in (watched, ~watched)]
    assert partners[0] == partners[1] == set(range(5))


def test_apprentices_watch_people_help_each_other_before_they_act() -> None:
    view = make_vector("apprentice_v0", 32, seed=1)
    assert isinstance(view, SeatedWorld)
    actor, helps = ScriptedPolicy("oracle", view.params, 32), np.zeros((2, 4, 4))
    for t in range(view.params.horizon - 1):
        view.step(actor.act(view.world)[:, :2])
        helps[int(t >= 42)] += view.state.helped.sum(axis=0)
    assert helps[0, 2:, 2:].sum() > 32 and not helps[0, :2].any()
    assert helps[1, :2, 2:].sum() > 32


def test_no_other_scenario_has_seats_of_its_own() -> None:
    with_people = {"apprentice_v0", "bystander_v0", "human_loop_v0"}
    assert {name for name in list_scenarios() if load_scenario(name).seats} == with_people
