"""People in the kernels and in the plain-Python reference agree bit for bit."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from reference_people import Choices, obeyed, stopped_helps
from reference_people import People as ReferencePeople
from reference_world import World as ReferenceWorld

from empathy_loop.envs.beliefs import NOBODY, PERSON
from empathy_loop.envs.doses import FULL, Doses, stop, thin
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.partners import ScriptedPolicies
from empathy_loop.envs.people import People
from empathy_loop.envs.person import LEARNED, PersonParams, PersonSeat, person_of
from empathy_loop.envs.world import World

pytestmark = pytest.mark.xdist_group("sizes")

NUM_WORLDS = 2
PRESETS = ("reserved", "warm", "exploiter", "ipd", LEARNED)


@st.composite
def any_person(draw: st.DrawFn) -> PersonSeat:
    """Draw a preset, with some of its numbers changed to others that are allowed."""
    settings: dict[str, Any] = {}
    for field in fields(PersonParams):
        kind = type(field.default)
        if kind is bool:
            settings[field.name] = draw(st.booleans())
        elif kind is int:
            settings[field.name] = draw(st.integers(1, 6))
        else:
            high = 20 if "slope" in field.name else 1
            settings[field.name] = draw(st.floats(0, high))
    kept = draw(st.sets(st.sampled_from(sorted(settings))))
    changed = {name: settings[name] for name in kept}
    return person_of(draw(st.sampled_from(PRESETS)), changed, "person:x")


def lively(rng: np.random.Generator, mask: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Draw legal actions: int8 [E, A]; helps first where they are legal, thanks often."""
    preference = rng.random(mask.shape)
    preference[..., 8:] += 0.5
    preference[..., 6:8] += 0.25 * (rng.random((*mask.shape[:2], 1)) < 0.5)
    actions: NDArray[np.int8] = np.where(mask, preference, -1).argmax(axis=2).astype(np.int8)
    return actions


def demand_equal(name: str, ours: NDArray[Any], reference: Any) -> None:
    assert np.array_equal(ours, np.array(reference)), f"{name}:\n{ours}\nreference:\n{reference}"


def demand_same(world: World, people: People, references: list[ReferencePeople]) -> None:
    """Compare all that people carry, the cues, and what helps cost."""
    for idx, reference in enumerate(references):
        for name, ours in people.state._asdict().items():
            demand_equal(name, ours[idx], getattr(reference, name))
        for name in ("cue", "cost", "carried", "social_act", "received"):
            demand_equal(name, getattr(world.state, name)[idx], getattr(reference.world, name))


def demand_same_stops(
    world: World, allowed: NDArray[np.bool_], stopped: list[set[tuple[int, int]]]
) -> None:
    """Compare whose help for whom is stopped, and the masks, which were `allowed` before."""
    for idx, pairs in enumerate(stopped):
        mask = allowed[idx].copy()
        for i, j in pairs:
            mask[i, 7 + (j - i) % world.params.num_agents] = False
        demand_equal("action_mask", world.observation.action_mask[idx], mask)
        found = set(map(tuple, np.argwhere(world.stopped[idx]).tolist()))
        assert found == (pairs if world.stopped.size else set())


def compare_choices(
    world: World,
    policies: ScriptedPolicies,
    choices: list[Choices],
    stopped: list[set[tuple[int, int]]],
) -> NDArray[np.int8]:
    """Let everybody choose who has a policy, compare with the reference, and return the actions."""
    chosen = policies.act(world)
    for idx, reference in enumerate(choices):
        for h in np.flatnonzero(policies.codes[idx] == PERSON).tolist():
            assert chosen[idx, h] == reference.choose(h, stopped[idx]), f"choice of {h} in {idx}"
            for j in reference.world.agents:
                demand_equal("belief", policies.minds.belief[idx, h, j], reference.belief[h, j])
    return chosen


def run_both(
    params: WorldParams,
    seats: list[PersonSeat | None],
    seed: int,
    num_steps: int,
    doses: Doses = FULL,
) -> Counter[str]:
    """Step kernels and reference side by side, over resets, and count what happened.

    In half of the worlds' steps people do what they chose, else anything that their mask allows.
    """
    rng, events = np.random.default_rng(seed), Counter[str]()
    world = World(params, NUM_WORLDS, seed)
    first_step = rng.integers(0, params.horizon, NUM_WORLDS)
    world.reset(first_step=first_step)
    people = People(world, seats)
    people.begin(world, np.ones(NUM_WORLDS, np.bool_))
    numbers = {h: seat.params for h, seat in enumerate(seats) if seat is not None}
    learned = {h for h, seat in enumerate(seats) if seat is not None and seat.model == LEARNED}
    references = []
    for idx, first in enumerate(first_step.tolist()):
        one = ReferenceWorld(params, seed, idx)
        one.reset(0, first)
        references.append(ReferencePeople(one, numbers, learned))
    choices = [Choices(reference) for reference in references]
    acts = [PERSON if h in numbers and h not in learned else NOBODY for h in range(len(seats))]
    codes = np.array([acts] * NUM_WORLDS, np.int8)
    policies = ScriptedPolicies(params, codes, filters=False, people=people)
    demand_same(world, people, references)
    for _ in range(num_steps):
        allowed = world.observation.action_mask.copy()
        shares = doses.ai_to_people, doses.people_to_ai
        stopped = [stopped_helps(one.world, numbers, *shares) for one in references]
        stop(world, people, doses)
        demand_same_stops(world, allowed, stopped)
        people.look_ahead(world)
        for reference in references:
            reference.look_ahead()
        chosen = compare_choices(world, policies, choices, stopped)
        events.update(f"chose {action}" for action in chosen[codes == PERSON].tolist())
        does_so = (codes == PERSON) & (rng.random((NUM_WORLDS, 1)) < 0.5)
        actions = np.where(does_so, chosen, lively(rng, allowed))
        asked = actions.tolist()
        thin(world, actions)
        transition = world.step(actions)
        people.look_back(world, ~transition.truncated)
        for idx, reference in enumerate(references):
            for h, j in ((h, j) for h in numbers for j in reference.world.agents if j != h):
                assert people.answers.weight[idx, h, j] == pytest.approx(
                    reference.weight(h, j), abs=1e-14
                )
            done = obeyed(reference.world, asked[idx], stopped[idx])
            events["stopped"] += done != asked[idx]
            reference.world.step(done)
            events["refused"] += len(reference.world.refused)
            if reference.world.truncated:
                reference.world.reset(reference.world.episode + 1)
                reference.begin()
                choices[idx].begin()
            else:
                reference.look_back()
        people.begin(world, transition.truncated)
        for name, array in people.events._asdict().items():
            events[name] += int(array.sum())
        events["cooperates"] += int((people.state.cooperates != 0).sum())
        demand_same(world, people, references)
    return events


@settings(
    max_examples=60,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    people=st.lists(any_person() | st.none(), min_size=4, max_size=4),
    seed=st.integers(0, 2**40),
    view_radius=st.sampled_from([1, 2, 32]),
    show_cues=st.booleans(),
    severe=st.booleans(),
    doses=st.builds(Doses, *2 * [st.sampled_from([0.0, 0.5, 1.0])]),
)
def test_kernels_and_reference_agree_for_any_people(
    people: list[PersonSeat | None],
    seed: int,
    view_radius: int,
    show_cues: bool,
    severe: bool,
    doses: Doses,
) -> None:
    params = WorldParams(
        num_agents=4,
        grid_size=4,
        total_hazard=0.4,
        horizon=40,
        offers=True,
        view_radius=view_radius,
        show_cues=show_cues,
        severe=severe,
    )
    run_both(params, people, seed, 45, doses)


def test_the_comparison_meets_everything_that_can_happen_to_people() -> None:
    params = WorldParams(num_agents=4, grid_size=4, total_hazard=0.3, horizon=90, offers=True)
    seats: list[PersonSeat | None] = [None, None]
    quick = {"trust_start": 0.2, "round_steps": 4, "ignored_after": 1}
    seats += [person_of(name, quick, name) for name in ("reserved", "ipd")]
    events = run_both(params, seats, seed=1, num_steps=400, doses=Doses(0.5, 0.5))
    wanted = ["refused", "cooperates"]
    wanted += ["relieved", "hurt", "ignored", "thanked", "unthanked", "offered"]
    wanted += ["helped_person", "helped_ai", "stopped"]
    # A person may choose anything: to stay, move, use, thank, offer, or help each of the others.
    wanted += [f"chose {action}" for action in range(params.num_actions)]
    assert all(events[name] > 0 for name in wanted), events
