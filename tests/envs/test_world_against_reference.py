"""The kernels and the plain-Python reference agree bit for bit, on thousands of random steps."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import reference_observation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from reference_world import DTYPES
from reference_world import World as ReferenceWorld
from sizes import SIZES

from empathy_loop.envs.observation import Observation
from empathy_loop.envs.params import SHIFT_FAMILIES, WorldParams
from empathy_loop.envs.world import Transition, World

pytestmark = pytest.mark.xdist_group("sizes")

NUM_WORLDS = 3

probability = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1))
positive_share = st.one_of(st.sampled_from([0.3, 0.5, 1.0]), st.floats(0.01, 1))
cost = st.one_of(st.sampled_from([0.0, 0.3]), st.floats(0, 2))


@st.composite
def any_params(draw: st.DrawFn) -> WorldParams:
    """Draw the numbers of a world: sizes, rules and shift."""
    num_agents, num_kinds = draw(st.sampled_from(SIZES))
    dominant_share = draw(probability)
    needs_two_kinds = {"cue_remap", "need_dynamics"} if num_kinds == 1 else set[str]()
    needs_uneven = {"need_dynamics"} if math.isclose(dominant_share * num_kinds, 1.0) else set()
    families = sorted({*SHIFT_FAMILIES} - needs_two_kinds - needs_uneven)
    low, high = sorted([draw(probability), draw(probability)])
    return WorldParams(
        grid_size=draw(st.integers(3, 7)),
        num_agents=num_agents,
        num_kinds=num_kinds,
        horizon=draw(st.integers(3, 40)),
        total_hazard=draw(st.sampled_from([0.05, 0.2, 0.7, 1.0]) | probability),
        dominant_share=dominant_share,
        crisis_level=draw(positive_share),
        need_growth=draw(st.sampled_from([0.04, 0.3]) | probability),
        self_relief=draw(probability),
        help_reach=draw(st.integers(1, 6)),
        help_cost=draw(cost),
        misattuned_hurt=draw(cost),
        relief_threshold=draw(probability),
        p_show_reaction=draw(probability),
        p_false_distress=draw(st.sampled_from([0.0, 0.05]) | probability),
        distress_threshold=draw(st.sampled_from([0.0, 0.3]) | probability),
        expressivity=draw(probability),
        stranger_expressivity_low=low,
        stranger_expressivity_high=high,
        idiosyncratic_share=draw(probability),
        drive_scale=draw(st.floats(0.01, 5)),
        drive_weight=draw(cost),
        coordination=draw(probability),
        severe=num_agents > 2 and draw(st.booleans()),
        severe_share=draw(probability),
        severe_window=draw(st.integers(0, 10)),
        offers=draw(st.booleans()),
        view_radius=draw(st.integers(0, 7)),
        show_cues=draw(st.booleans()),
        show_positive_cues=draw(st.booleans()),
        p_scrambled_cue=draw(st.sampled_from([0.0, 0.0, 0.5])),
        show_needs=draw(st.booleans()),
        show_trust=draw(st.booleans()),
        shift=draw(st.sampled_from(families)),
        shift_severity=draw(positive_share),
    )


def random_actions(rng: np.random.Generator, mask: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Draw actions: int8 [E, A]; one in twenty regardless of the mask.

    Uniform actions seldom fetch and bring, so helps come first where they are legal, then
    moves, and only now and then what uses an item up or takes time.
    """
    actions = np.zeros(mask.shape[:2], np.int8)
    groups = [slice(8, None), slice(1, 5), slice(5, 8), slice(0, 1)]
    for place in np.ndindex(*actions.shape):
        first = groups[rng.choice(4, p=[0.4, 0.45, 0.1, 0.05])]
        wanted = np.flatnonzero(mask[place][first]) + (first.start or 0)
        legal = wanted if len(wanted) else np.flatnonzero(mask[place])
        pool = np.arange(mask.shape[2]) if rng.random() < 0.05 else legal
        actions[place] = rng.choice(pool)
    return actions


def demand_equal(name: str, ours: NDArray[np.generic], reference: NDArray[np.generic]) -> None:
    """Fail with the name of the first array whose values or type differ."""
    assert ours.dtype == reference.dtype, f"{name}: {ours.dtype}, reference {reference.dtype}"
    assert np.array_equal(ours, reference), f"{name}:\n{ours}\nreference:\n{reference}"


def demand_same_state(world: World, references: list[ReferenceWorld]) -> None:
    """Compare every array of the state, with no field left out on either side."""
    assert set(DTYPES) == set(world.state._fields)
    for name, ours in world.state._asdict().items():
        demand_equal(name, ours, np.stack([reference.array(name) for reference in references]))


def demand_same_observation(seen: Observation, idx: int, reference: ReferenceWorld) -> None:
    """Compare features, exterior view and mask of one world, and their space."""
    for array in (seen.features[idx], seen.exterior[idx]):
        # Not true of a NaN either.
        assert np.abs(array).max() <= 1.0
    demand_equal("features", seen.features[idx], reference_observation.features(reference))
    demand_equal("exterior", seen.exterior[idx], reference_observation.exterior(reference))
    demand_equal("action_mask", seen.action_mask[idx], reference_observation.action_mask(reference))


def demand_same_transition(ours: Transition, references: list[ReferenceWorld]) -> None:
    """Compare everything a step hands out about itself, and the reward with its terms."""
    terms = ours.reward_terms
    demand_equal("sum of terms", (terms[..., 0] + terms[..., 1]) + terms[..., 2], ours.reward)
    expected: dict[str, list[Any]] = {
        "reward": [np.array(r.reward, np.float32) for r in references],
        "reward_terms": [np.array(r.reward_terms, np.float32) for r in references],
        "welfare": [np.float64(r.welfare) for r in references],
        "drive": [r.array("drive") for r in references],
        "helps": [np.array(r.helps, np.int8) for r in references],
        "misattuned": [r.array("misattuned_given") for r in references],
        "truncated": [np.bool_(r.truncated) for r in references],
    }
    assert {*expected, "final_observation"} == set(Transition._fields)
    for name, values in expected.items():
        demand_equal(name, getattr(ours, name), np.stack(values))


def run_both(
    params: WorldParams, seed: int, first_world: int, action_seed: int, num_steps: int
) -> Counter[str]:
    """Step kernels and reference side by side, over resets, and count what happened.

    The worlds begin at different steps, so that they do not all reset together.
    """
    rng, events = np.random.default_rng(action_seed), Counter[str]()
    world = World(params, NUM_WORLDS, seed, first_world)
    references = [ReferenceWorld(params, seed, first_world + idx) for idx in range(NUM_WORLDS)]
    demand_same_state(world, references)
    first_step = rng.integers(0, params.horizon, NUM_WORLDS)
    first_step[0] = 0
    world.reset(episode=1, first_step=first_step)
    for reference, first in zip(references, first_step.tolist(), strict=True):
        reference.reset(1, first)
    demand_same_state(world, references)
    for _ in range(num_steps):
        for idx, reference in enumerate(references):
            demand_same_observation(world.observation, idx, reference)
        actions = random_actions(rng, world.observation.action_mask)
        transition = world.step(actions)
        helped_once = [reference.array("first_helper") >= 0 for reference in references]
        for idx, reference in enumerate(references):
            reference.step(actions[idx].tolist())
        demand_same_transition(transition, references)
        for idx, reference in enumerate(references):
            count_events(events, reference, helped_once[idx])
            if reference.truncated:
                demand_same_observation(transition.final_observation, idx, reference)
                reference.reset(reference.episode + 1)
        demand_same_state(world, references)
    return events


def count_events(
    events: Counter[str], reference: ReferenceWorld, was_helped_once: NDArray[np.bool_]
) -> None:
    """Count the events of the step just done under readable names."""
    events["help"] += sum(reference.helps)
    events["misattuned"] += sum(reference.misattuned)
    events["two helpers"] += any(
        sum(row[j] for row in reference.helped) > 1 for j in reference.agents
    )
    events["thank"] += reference.social_act.count(1)
    events["offer"] += reference.social_act.count(2)
    events["pickup"] += sum(item >= 0 for item in reference.carried)
    events["shift"] += reference.step_count == reference.shift_step + 1
    events["reset"] += reference.truncated
    helped_once = reference.array("first_helper") >= 0
    events["first help of two"] += int(helped_once.sum())
    events["second help of two"] += int((was_helped_once & (reference.array("severe") == 0)).sum())
    for cue in reference.cue:
        events[f"cue {min(cue, 5)}"] += 1


@settings(
    max_examples=200,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    params=any_params(),
    seed=st.integers(0, 2**63 - 1),
    first_world=st.integers(0, 1_000),
    action_seed=st.integers(0, 2**32 - 1),
)
def test_kernels_and_reference_agree_bit_for_bit_over_whole_episodes_and_resets(
    params: WorldParams, seed: int, first_world: int, action_seed: int
) -> None:
    run_both(params, seed, first_world, action_seed, num_steps=2 * params.horizon + 2)


@pytest.mark.parametrize("shift", SHIFT_FAMILIES)
def test_they_agree_on_the_default_numbers_and_the_comparison_meets_every_rule(shift: str) -> None:
    numbers: dict[str, Any] = {"grid_size": 4, "num_agents": 4, "total_hazard": 0.2}
    numbers |= {"severe_share": 0.5, "severe_window": 30}
    params = WorldParams(shift=shift, offers=True, severe=True, **numbers)
    events = run_both(params, seed=3, first_world=0, action_seed=7, num_steps=300)
    wanted = ["help", "misattuned", "two helpers", "thank", "offer", "pickup", "shift", "reset"]
    wanted += ["first help of two", "second help of two"]
    wanted += [f"cue {code}" for code in range(6)]
    assert all(events[name] > 0 for name in wanted), events


def test_reset_gives_the_episode_asked_for_and_may_start_worlds_in_the_middle() -> None:
    params = WorldParams(horizon=12)
    world = World(params, NUM_WORLDS, seed=5)
    world.reset(episode=4, first_step=np.array([0, 7, 11]))
    assert world.state.episode.tolist() == [4, 4, 4]
    assert world.state.step.tolist() == [0, 7, 11]
    stay = np.zeros((NUM_WORLDS, params.num_agents), np.int8)
    assert world.step(stay).truncated.tolist() == [False, False, True]
    assert world.state.step.tolist() == [1, 8, 0]
    assert world.state.episode.tolist() == [4, 4, 5]


@pytest.mark.parametrize("shift", SHIFT_FAMILIES)
def test_they_agree_on_the_largest_world(shift: str) -> None:
    sizes: dict[str, Any] = {"grid_size": 32, "num_agents": 16, "num_kinds": 6, "horizon": 12}
    params = WorldParams(**sizes, shift=shift, shift_severity=0.5, severe=True, help_reach=62)
    run_both(params, seed=1, first_world=5, action_seed=2, num_steps=14)
