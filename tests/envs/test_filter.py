"""The Bayesian filter: against exact inference, against brute force, and on whole episodes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from kernels import from_python
from numpy.typing import NDArray

from empathy_loop.envs import filter_updates as updates
from empathy_loop.envs.filter import MAX_AGES, Filter, begin_filter, empty_filter
from empathy_loop.envs.params import WorldParams, rules_of
from empathy_loop.envs.partners import ScriptedPolicy
from empathy_loop.envs.state import ANNOYED, DISTRESS, KINDNESS, NEUTRAL, NOTHING, RELIEF
from empathy_loop.envs.world import World

Floats = NDArray[np.float64]


def shown(policy: ScriptedPolicy, world: World, t: int, cue: int, received: int = NOTHING) -> Any:
    """Let a policy look at agent 2, of whom this is seen at step t; return its minds."""
    world.state.step[:] = t
    world.state.cue[:, 2] = cue
    world.state.received[:, 2] = received
    policy.act(world)
    return policy.minds


def some_filter(params: WorldParams, seed: int = 0) -> Filter:
    """Return a filter of one world in which any agent may be in any state of affairs."""
    inferred, rng = empty_filter(params, 1), np.random.default_rng(seed)
    inferred.weight[:] = rng.random(inferred.weight.shape)
    inferred.weight[:] /= inferred.weight.sum(-1, keepdims=True)
    inferred.age[:] = rng.random(inferred.age.shape) ** 3
    inferred.age[:] /= inferred.age.sum((-2, -1), keepdims=True)
    return inferred


def brute_force(params: WorldParams, before: Filter, p_cue: Any) -> tuple[Floats, Floats]:
    """Return weights [S] and margins [S, K, 2, L] of agent 0 after a cue, from all joint states.

    `p_cue(style, needs)` is the probability of the cue by the rules; given a style, kinds are
    taken to be independent.
    """
    kinds, styles = params.num_kinds, list(itertools.permutations(range(params.num_kinds)))
    weight, margins = np.zeros(len(styles)), np.zeros(before.age.shape[3:])
    for s, style in enumerate(styles):
        for ages in itertools.product(range(len(before.level)), repeat=kinds):
            for dominant in itertools.product(range(2), repeat=kinds):
                p = before.weight[0, 0, 0, s] * p_cue(style, before.level[list(ages)])
                for k in range(kinds):
                    p *= before.age[0, 0, 0, s, k, dominant[k], ages[k]]
                weight[s] += p
                for k in range(kinds):
                    margins[s, k, dominant[k], ages[k]] += p
    return weight / weight.sum(), margins / weight[:, None, None, None]


# One look


@pytest.mark.parametrize(
    ("num_kinds", "cue"),
    [(kinds, NEUTRAL) for kinds in (1, 2, 3)]
    + [(kinds, DISTRESS + symbol) for kinds in (1, 2, 3) for symbol in range(kinds)],
)
def test_a_face_is_weighed_as_a_sum_over_all_joint_needs_weighs_it(
    num_kinds: int, cue: int
) -> None:
    # Levels .2, .6, 1: the first does not show. Ages 0 to 3.
    params = WorldParams(num_kinds=num_kinds, crisis_level=0.2, need_growth=0.4)
    rules, before, after = rules_of(params), some_filter(params), some_filter(params)
    assert before.level.tolist() == pytest.approx([0.0, 0.2, 0.6, 1.0])

    def p_cue(style: tuple[int, ...], needs: Floats) -> float:
        worst = int(np.argmax(needs))
        p_shows = 0.95 * 0.7 if needs[worst] > 0.3 else 0.0
        if cue == NEUTRAL:
            return 0.95 - p_shows + updates.UNFORESEEN
        hit = style[worst] == cue - DISTRESS
        return 0.05 / num_kinds + (p_shows if hit else 0.0) + updates.UNFORESEEN

    weight, margins = brute_force(params, before, p_cue)
    if cue == NEUTRAL:
        from_python(updates.see_calm)(rules, after, 0, 0, 0)
    else:
        from_python(updates.see_symbol)(rules, after, 0, 0, 0, cue - DISTRESS)
    from_python(updates.normalise)(after, 0, 0, 0)
    assert np.allclose(after.weight[0, 0, 0], weight, atol=1e-12)
    assert np.allclose(after.age[0, 0, 0], margins, atol=1e-12)
    assert np.array_equal(after.age[0, 0, 1:], before.age[0, 0, 1:])


@pytest.mark.parametrize(
    ("cue", "had_crisis", "had_none"),
    [(RELIEF, 0.9, 0.0), (ANNOYED, 0.0, 0.9), (NEUTRAL, 0.1, 0.1)],
)
def test_a_gift_tells_by_its_reaction_whether_there_was_a_crisis(
    cue: int, had_crisis: float, had_none: float
) -> None:
    params = WorldParams()
    before, after = some_filter(params), some_filter(params)
    from_python(updates.take_gift)(rules_of(params), after, 0, 0, 0, 1, cue)
    from_python(updates.normalise)(after, 0, 0, 0)
    old = before.age[0, 0, 0, :, 1]
    # By dominance: none, and some.
    none, some = old[:, :, 0], old[:, :, 1:].sum(-1)
    slip = updates.UNFORESEEN
    joint = (had_none + slip) * none + (had_crisis + slip) * some
    weight = before.weight[0, 0, 0] * joint.sum(-1)
    assert np.allclose(after.weight[0, 0, 0], weight / weight.sum())
    # Where nothing was told, neither does it change what is dominant.
    assert np.allclose(after.age[0, 0, 0, :, 1, :, 0], joint / joint.sum(-1, keepdims=True))
    assert (after.age[0, 0, 0, :, 1, :, 1:] == 0).all()
    assert np.array_equal(after.age[0, 0, 0, :, [0, 2]], before.age[0, 0, 0, :, [0, 2]])


@pytest.mark.parametrize(
    ("switch", "had_crisis", "had_none"),
    # A neutral face after a gift: .1 in any case, and all reliefs if those are masked.
    [("show_positive_cues", 1.0, 0.1), ("show_cues", 1.0, 1.0)],
)
def test_a_masked_reaction_tells_what_a_masked_one_can(
    switch: str, had_crisis: float, had_none: float
) -> None:
    params = WorldParams(**{switch: False})
    before, after = some_filter(params), some_filter(params)
    from_python(updates.take_gift)(rules_of(params), after, 0, 0, 0, 1, NEUTRAL)
    old, slip = before.age[0, 0, 0, :, 1], updates.UNFORESEEN
    joint = (had_none + slip) * old[..., 0] + (had_crisis + slip) * old[..., 1:].sum(-1)
    assert np.allclose(after.age[0, 0, 0, :, 1, :, 0], joint / joint.sum(-1, keepdims=True))


@pytest.mark.parametrize("name", ["filter", "reader", "reciprocator"])
def test_hidden_cues_are_not_read(name: str) -> None:
    params = WorldParams(show_cues=False)
    world, rng = World(params, 8, seed=0), np.random.default_rng(0)
    one, other = (ScriptedPolicy(name, params, 8) for _ in range(2))
    for t in range(60):
        world.state.step[:] = t
        world.state.received[:] = rng.integers(-1, 3, (8, 3))
        for policy in (one, other):
            world.state.cue[:] = rng.integers(0, DISTRESS + 3, (8, 3))
            policy.act(world)
    assert np.array_equal(one.minds.goal, other.minds.goal)


def test_a_hidden_face_is_not_taken_for_a_calm_one() -> None:
    blind, sighted = WorldParams(show_cues=False), WorldParams()
    unseen, unread = ScriptedPolicy("filter", blind, 1), ScriptedPolicy("filter", sighted, 1)
    for t in range(20):
        # Kindness hides whatever need there is, and is not read either.
        first = shown(unseen, World(blind, 1, seed=0), t, NEUTRAL).p_crisis[0, 0, 2]
        second = shown(unread, World(sighted, 1, seed=0), t, KINDNESS).p_crisis[0, 0, 2]
        assert np.array_equal(first, second)
    assert first.min() > 0.2


def test_where_crises_may_be_severe_one_may_outlast_a_gift() -> None:
    params = WorldParams(num_agents=3, severe=True, severe_share=0.5)
    rules = rules_of(params)
    for cue, if_none, if_ends, if_stays in (
        (RELIEF, 0.0, 0.9 * 0.5, 0.0),
        (ANNOYED, 0.9, 0.0, 0.0),
        # A face that reacts would be one of these two, but with p .1.
        (NEUTRAL, 0.1, 0.1 * 0.5, 0.5 * 0.3),
        (DISTRESS + 2, 0.0, 0.0, 0.5 * 0.7),
    ):
        before, after = some_filter(params), some_filter(params)
        from_python(updates.take_gift)(rules, after, 0, 0, 0, 1, cue)
        old, new = before.age[0, 0, 0, :, 1], after.age[0, 0, 0, :, 1]
        slip = updates.UNFORESEEN
        over = (if_none + slip) * old[..., 0] + (if_ends + slip) * old[..., 1:].sum(-1)
        left = np.concatenate([over[..., None], if_stays * old[..., 1:]], axis=-1)
        assert np.allclose(new, left / left.sum((-2, -1), keepdims=True)), cue


def test_a_step_without_looks_moves_ages_and_weights_by_the_formulas() -> None:
    params = WorldParams(num_kinds=2)
    before, after = some_filter(params), some_filter(params)
    from_python(updates.jump)(after, 0, 0, 0)
    weight, age = before.weight[0, 0, 0], before.age[0, 0, 0]
    same, new = (1 - updates.JUMP) * weight, updates.JUMP / 2
    inherited = np.einsum("s,skba->ka", weight, age)[:, None] * np.array([0.5, 0.5])[:, None]
    expected = (same[:, None, None, None] * age + new * inherited) / (same + new)[
        :, None, None, None
    ]
    assert np.allclose(after.weight[0, 0, 0], same + new)
    assert np.allclose(after.age[0, 0, 0], expected)
    from_python(updates.grow)(after, 0, 0, 0)
    # Hazard .05: .4 of it on what is not dominant, .6 on what is.
    hazard = np.array([0.02, 0.03])
    grown = np.zeros_like(expected)
    grown[..., 0] = (1 - hazard) * expected[..., 0]
    grown[..., 1] = hazard * expected[..., 0]
    grown[..., 2:] = expected[..., 1:-1]
    grown[..., -1] += expected[..., -1]
    assert np.allclose(after.age[0, 0, 0], grown)


# Tables


@pytest.mark.parametrize(
    ("crisis_level", "need_growth", "num_levels"),
    [(0.4, 0.04, 16), (0.4, 0.0, 1), (1.0, 0.04, 1), (0.4, 0.001, MAX_AGES + 1), (0.9, 0.5, 2)],
)
def test_levels_reach_from_the_crisis_to_the_end_of_growth(
    crisis_level: float, need_growth: float, num_levels: int
) -> None:
    # .6 / .04 = 15 steps after the first level. At .001 it is 600 steps, 25 at a time.
    params = WorldParams(crisis_level=crisis_level, need_growth=need_growth)
    inferred = empty_filter(params, 1)
    assert inferred.level[0] == 0.0
    assert inferred.level[1] == crisis_level
    assert len(inferred.level) == num_levels + 1
    assert inferred.level[-1] == pytest.approx(1.0 if need_growth else crisis_level)
    assert inferred.advance[0] == (1 / 25 if need_growth == 0.001 else 1.0)


def test_a_slow_need_is_expected_where_it_is_on_average() -> None:
    params = WorldParams(num_kinds=1, need_growth=0.001, total_hazard=1.0)
    inferred = empty_filter(params, 1)
    from_python(begin_filter)(inferred, 0)
    for _ in range(201):
        from_python(updates.grow)(inferred, 0, 0, 0)
    expected = (inferred.age[0, 0, 0, 0, 0].sum(0) * inferred.level).sum()
    # The crisis began in the first step, 200 steps ago: .4 + 200 * .001.
    assert expected == pytest.approx(0.6, abs=1e-6)


def test_styles_start_with_the_share_of_the_rules_on_the_identity() -> None:
    inferred = empty_filter(WorldParams(), 1)
    from_python(begin_filter)(inferred, 0)
    # .75 + .25 / 6 = .79167, and .25 / 6 = .041667 for each of the five others.
    assert inferred.weight[0, 0, 0] == pytest.approx([0.791667] + [0.041667] * 5, abs=1e-6)
    assert inferred.kind_of.tolist()[3] == [2, 0, 1]


# In an episode


def test_with_one_kind_the_filter_is_exact() -> None:
    # No style and no second kind: a chain of 17 states, which the forward algorithm solves.
    params = WorldParams(num_kinds=1, num_agents=2, total_hazard=0.1, shift="none")
    world = World(params, 3, seed=1, autoreset=False)
    policy = ScriptedPolicy("filter", params, 3)
    level = np.minimum(1.0, 0.4 + 0.04 * np.arange(16))
    belief = np.zeros((3, 17))
    belief[:, 0] = 1.0
    slip = updates.UNFORESEEN
    for t in range(params.horizon):
        if t > 0:
            for e in range(3):
                p, cue = belief[e], world.state.cue[e, 1]
                if world.state.received[e, 1] == 0:
                    p = np.eye(17)[0]
                grown = np.concatenate([[0.9 * p[0], 0.1 * p[0]], p[1:-1]])
                grown[-1] += p[-1]
                if world.state.received[e, 1] != 0:
                    shows = np.where(np.arange(17) > 0, 0.95 * 0.7, 0.0)
                    seen = 0.95 - shows if cue == NEUTRAL else 0.05 + shows
                    if cue == NEUTRAL or cue >= DISTRESS:
                        grown = grown * (seen + slip)
                belief[e] = grown / grown.sum()
        actions = policy.act(world)
        assert np.allclose(policy.minds.p_crisis[:, 0, 1, 0], 1 - belief[:, 0], atol=1e-9)
        assert np.allclose(policy.minds.belief[:, 0, 1, 0], belief[:, 1:] @ level, atol=1e-9)
        world.step(actions)


def test_outcomes_teach_what_a_face_means() -> None:
    # Symbol 0 is shown, gifts of kind 0 annoy, and one of kind 1 brings relief.
    params = WorldParams(shift="none")
    world, policy = World(params, 1, seed=0), ScriptedPolicy("filter", params, 1)
    shown(policy, world, 0, NEUTRAL)
    t = 0
    for kind, reaction in ((0, ANNOYED), (1, RELIEF), (1, RELIEF)):
        for cue in [NEUTRAL] * 12 + [DISTRESS] * 4:
            t += 1
            minds = shown(policy, world, t, cue)
        believed = minds.p_crisis[0, 0, 2].copy()
        t += 1
        minds = shown(policy, world, t, reaction, kind)
        assert minds.p_crisis[0, 0, 2, kind] < 0.05
        # Of a face that showed nothing, nothing is thought.
        assert minds.p_crisis[0, 2, 1].max() < 0.1
    assert believed.argmax() == 1 and believed[1] > 0.9
    means_one = policy.inferred.kind_of[:, 0] == 1
    assert policy.inferred.weight[0, 0, 2, means_one].sum() > 0.95
    assert policy.inferred.weight[0, 0, 1, 0] > 0.6


def test_a_face_that_hides_distress_behind_thanks_tells_nothing_of_needs() -> None:
    params = WorldParams(offers=True)
    world = World(params, 1, seed=0)
    calm, kind = (ScriptedPolicy("filter", params, 1) for _ in range(2))
    for t in range(20):
        first = shown(calm, world, t, NEUTRAL).p_crisis[0, 0, 2].max()
        second = shown(kind, world, t, KINDNESS).p_crisis[0, 0, 2].max()
    assert second > 2 * first


def test_who_is_out_of_view_is_followed_by_the_clock_alone() -> None:
    params = WorldParams(view_radius=1)
    world = World(params, 1, seed=0)
    world.state.position[:] = [(2, 1), (2, 2), (2, 4)]
    policy, clock = ScriptedPolicy("filter", params, 1), ScriptedPolicy("filter", params, 1)
    for t in range(6):
        seen = shown(policy, world, t, DISTRESS + 2).p_crisis
        unseen = shown(clock, world, t, KINDNESS).p_crisis
    assert seen[0, 1, 2].max() < 0.3 and seen[0, 1, 2].max() == unseen[0, 1, 2].max()
    world.state.position[0, 2] = (2, 3)
    seen = shown(policy, world, 6, DISTRESS + 2).p_crisis
    assert seen[0, 1, 2, 2] > 0.5
    assert seen[0, 0, 2, 2] < 0.3


def test_whatever_happens_probabilities_stay_such() -> None:
    # Rules under which most of what is shown here could not come about.
    params = WorldParams(p_false_distress=0.0, expressivity=1.0, p_show_reaction=1.0)
    world, rng = World(params, 16, seed=0), np.random.default_rng(0)
    policy = ScriptedPolicy("filter", params, 16)
    for t in range(200):
        world.state.step[:] = t
        world.state.cue[:] = rng.integers(0, DISTRESS + 3, (16, 3))
        world.state.received[:] = rng.integers(-1, 3, (16, 3))
        policy.act(world)
        others = policy.minds.p_crisis[:, ~np.eye(3, dtype=bool)]
        assert ((others >= 0) & (others <= 1)).all()
    assert np.allclose(policy.inferred.weight.sum(-1), 1.0)
    assert np.allclose(policy.inferred.age.sum((-2, -1)), 1.0)


def test_a_filter_does_not_know_whether_and_when_a_shift_comes() -> None:
    worlds = [
        World(WorldParams(shift=shift, shift_severity=severity), 12, seed=0)
        for shift, severity in (("none", 0.3), ("cue_remap", 1.0))
    ]
    policies = [ScriptedPolicy("filter", world.params, 12) for world in worlds]
    for t in range(90):
        one, other = (policy.act(w) for policy, w in zip(policies, worlds, strict=True))
        before = worlds[0].state.shift_step >= t
        assert np.array_equal(one[before], other[before])
        for world, actions in zip(worlds, (one, other), strict=True):
            world.step(actions)
    assert not before.any()


# How good it is


@pytest.mark.parametrize(("share", "auroc"), [(0.25, 0.93), (1.0, 0.88)])
def test_beliefs_are_calibrated_and_tell_who_needs_what(share: float, auroc: float) -> None:
    params = WorldParams(idiosyncratic_share=share, shift="none")
    world, policy = World(params, 128, seed=0), ScriptedPolicy("filter", params, 128)
    believed, truth = [], []
    others = ~np.eye(3, dtype=bool)
    for _ in range(params.horizon):
        actions = policy.act(world)
        believed.append(policy.minds.p_crisis[:, others].ravel())
        crisis = np.broadcast_to(world.state.need[:, None] > 0, (128, 3, 3, 3))
        truth.append(crisis[:, others].ravel())
        world.step(actions)
    p, crisis = np.concatenate(believed), np.concatenate(truth)
    for low in np.arange(0.0, 1.0, 0.2):
        here = (p >= low) & (p < low + 0.2)
        assert abs(p[here].mean() - crisis[here].mean()) < 0.08, low
    assert abs(p.mean() - crisis.mean()) < 0.02
    ranks = np.empty(p.size)
    ranks[np.argsort(p, kind="stable")] = np.arange(p.size)
    positives = int(crisis.sum())
    area = (ranks[crisis].mean() - (positives - 1) / 2) / (p.size - positives)
    assert area > auroc
