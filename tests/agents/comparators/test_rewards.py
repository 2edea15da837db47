"""Rewards made of others' rewards: worked numbers, a slow reference, and traces over rollouts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from empathy_loop.agents.comparators.inequity_aversion import InequityAversion
from empathy_loop.agents.comparators.svo import SocialValueOrientation
from empathy_loop.agents.comparators.traces import RewardTraces
from empathy_loop.agents.registry import load_agent
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Experience
from empathy_loop.envs.params import WorldParams

Case = Callable[..., Any]
NAMES = ("inequity_aversion", "svo")


def make_objective(
    kind: type[RewardTraces],
    name: str,
    num_worlds: int,
    num_agents: int,
    discount: float = 1.0,
    **comparator: float,
) -> RewardTraces:
    ppo = {"num_worlds": num_worlds, "minibatches": 1, "discount": discount}
    config = load_agent(name, {"ppo": ppo, "comparator": comparator})
    params = WorldParams(num_agents=num_agents)
    return kind(config, params, StreamTable.of(num_agents, num_agents - 1, shared=True))


def earned(rewards: Tensor, ends: list[bool] | None = None) -> Experience:
    """Return experience of which nothing but rewards and ends is there."""
    truncated = torch.zeros(rewards.shape[:2], dtype=torch.bool)
    truncated[-1] = torch.tensor(ends or [False] * rewards.shape[1])
    return Experience(None, None, None, rewards, None, None, truncated)  # type: ignore[arg-type]


def terms_of(objective: RewardTraces, experience: Experience) -> dict[str, Tensor]:
    return objective.reward_terms(experience, None)  # type: ignore[arg-type]


def test_inequity_has_the_values_worked_out_by_hand() -> None:
    objective = make_objective(
        InequityAversion, "inequity_aversion", 1, 3, discount=0.5, inequity_decay=0.8
    )
    rewards = torch.tensor([[[1.0, 0.0, -1.0]], [[0.0, 0.6, 0.0]]])
    terms = terms_of(objective, earned(rewards))
    # Traces: first (1, 0, -1); then .4 of that plus (0, .6, 0) = (.4, .6, -.4).
    # Agent 0 then is .2 behind 1 and .8 ahead of 2; 1 is .2 and 1 ahead; 2 is .8 and 1 behind.
    envy = torch.tensor([[[0.0, 0.5, 1.5]], [[0.1, 0.0, 0.9]]])
    guilt = torch.tensor([[[1.5, 0.5, 0.0]], [[0.4, 0.6, 0.0]]])
    torch.testing.assert_close(terms["envy"], envy)
    torch.testing.assert_close(terms["guilt"], guilt)


def test_the_arm_is_averse_to_being_ahead_as_much_as_in_the_paper() -> None:
    config = load_agent("inequity_aversion")
    assert config.reward_weights == {"envy": 0.0, "guilt": -0.05}
    assert config.comparator.inequity_decay == 0.975


@pytest.mark.parametrize(
    ("own", "others", "degrees"),
    [
        (1.0, 1.0, 0.0),
        (1.0, 0.0, 45.0),
        (0.0, 1.0, 45.0),
        (1.0, -1.0, 90.0),
        (-1.0, 1.0, 90.0),
        (-1.0, 0.0, 135.0),
        (0.0, -2.0, 135.0),
        (-0.5, -0.5, 180.0),
        (0.0, 0.0, 0.0),
    ],
)
def test_the_deviation_goes_the_short_way_round(own: float, others: float, degrees: float) -> None:
    objective = make_objective(SocialValueOrientation, "svo", 1, 3, svo_decay=0.0)
    rewards = torch.tensor([[[own, others - 1.0, others + 1.0]]])
    found = terms_of(objective, earned(rewards))["svo_deviation"][0, 0, 0]
    assert float(found) == pytest.approx(math.radians(degrees), abs=1e-6)


def test_a_selfish_orientation_is_met_by_own_gains_alone() -> None:
    objective = make_objective(SocialValueOrientation, "svo", 1, 2, svo_angle=0.0, svo_decay=0.0)
    found = terms_of(objective, earned(torch.tensor([[[3.0, 0.0]], [[1.0, 1.0]]])))
    # Agent 0 has earned alone, then as much as the other; agent 1 nothing, then as much.
    expected = torch.tensor([[[0.0, math.pi / 2]], [[math.pi / 4, math.pi / 4]]])
    torch.testing.assert_close(found["svo_deviation"], expected)


def slow_terms(name: str, rewards: list[list[float]], decay: float, angle: float) -> dict[str, Any]:
    """Return the terms of one world, number by number; rewards by step and agent."""
    count, trace = len(rewards[0]), [0.0] * len(rewards[0])
    terms: dict[str, list[list[float]]] = {"envy": [], "guilt": [], "svo_deviation": []}
    for step in rewards:
        trace = [decay * old + new for old, new in zip(trace, step, strict=True)]
        for row in terms.values():
            row.append([])
        for i in range(count):
            others = [trace[j] for j in range(count) if j != i]
            terms["envy"][-1].append(sum(max(e - trace[i], 0.0) for e in others) / (count - 1))
            terms["guilt"][-1].append(sum(max(trace[i] - e, 0.0) for e in others) / (count - 1))
            got = complex(trace[i], sum(others) / (count - 1))
            turned = got * complex(math.cos(angle), -math.sin(angle))
            off = abs(math.atan2(turned.imag, turned.real)) if got else 0.0
            terms["svo_deviation"][-1].append(off)
    names = {"inequity_aversion": ("envy", "guilt"), "svo": ("svo_deviation",)}[name]
    return {key: terms[key] for key in names}


@settings(max_examples=40)
@given(
    name=st.sampled_from(NAMES),
    seed=st.integers(0, 10_000),
    num_agents=st.integers(2, 5),
    decay=st.floats(0.0, 1.0),
    angle=st.floats(0.0, 90.0),
)
def test_terms_are_those_of_a_slow_reference(
    name: str, seed: int, num_agents: int, decay: float, angle: float
) -> None:
    kind = InequityAversion if name == "inequity_aversion" else SocialValueOrientation
    used = (
        {"inequity_decay": decay} if name == NAMES[0] else {"svo_decay": decay, "svo_angle": angle}
    )
    objective = make_objective(kind, name, 2, num_agents, discount=0.9, **used)
    rewards = torch.randn(6, 2, num_agents, generator=torch.Generator().manual_seed(seed))
    found = terms_of(objective, earned(rewards))
    for world in range(2):
        expected = slow_terms(name, rewards[:, world].tolist(), 0.9 * decay, math.radians(angle))
        for term, numbers in expected.items():
            torch.testing.assert_close(
                found[term][:, world], torch.tensor(numbers), rtol=1e-4, atol=1e-4
            )


@pytest.mark.parametrize("name", NAMES)
def test_rollouts_of_one_episode_are_as_one_rollout(case: Case, name: str) -> None:
    kind = type(case(name).objective)
    rewards = torch.randn(8, 3, 3, generator=torch.Generator().manual_seed(1))
    whole = terms_of(make_objective(kind, name, 3, 3, 0.97), earned(rewards))
    parts = make_objective(kind, name, 3, 3, 0.97)
    first = terms_of(parts, earned(rewards[:3]))
    second = terms_of(parts, earned(rewards[3:]))
    for term, values in whole.items():
        assert torch.equal(values, torch.cat([first[term], second[term]]))


def test_a_trace_does_not_outlive_its_episode() -> None:
    objective = make_objective(InequityAversion, "inequity_aversion", 2, 2)
    rewards = torch.ones(2, 2, 2) * torch.tensor([1.0, 3.0])
    terms_of(objective, earned(rewards, [True, False]))
    silence = terms_of(objective, earned(torch.zeros(1, 2, 2)))["envy"]
    # World 0 begins anew; in world 1 agent 0 is (2 + 2 * .975) * .975 behind.
    torch.testing.assert_close(silence[0], torch.tensor([[0.0, 0.0], [3.85125, 0.0]]))


@pytest.mark.parametrize("name", NAMES)
def test_traces_are_part_of_what_is_saved(name: str) -> None:
    kind = InequityAversion if name == "inequity_aversion" else SocialValueOrientation
    one, other = (make_objective(kind, name, 2, 3) for _ in range(2))
    terms_of(one, earned(torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(2))))
    other.load_state_dict(one.state_dict())
    then = earned(torch.randn(4, 2, 3, generator=torch.Generator().manual_seed(3)))
    mine, loaded = terms_of(one, then), terms_of(other, then)
    for term in mine:
        assert torch.equal(mine[term], loaded[term])


@pytest.mark.parametrize("name", NAMES)
def test_relabelling_agents_relabels_the_terms(name: str) -> None:
    kind = InequityAversion if name == "inequity_aversion" else SocialValueOrientation
    rewards = torch.randn(5, 2, 4, generator=torch.Generator().manual_seed(4))
    order = torch.tensor([2, 0, 3, 1])
    one = terms_of(make_objective(kind, name, 2, 4), earned(rewards))
    other = terms_of(make_objective(kind, name, 2, 4), earned(rewards[..., order]))
    for term in one:
        torch.testing.assert_close(one[term][..., order], other[term])


@pytest.mark.parametrize("name", NAMES)
def test_an_arms_reward_terms_are_weighted_and_nothing_is_learned_from_them(
    case: Case, name: str
) -> None:
    made = case(name)
    terms, weights = made.arm.reward_terms(made.experience), made.arm.config.reward_weights
    assert terms.keys() == weights.keys()
    for key, term in terms.items():
        assert bool((term <= 0.0).all()) and bool((term < 0.0).any()) == (weights[key] < 0.0)
    assert set(made.arm.loss(made.batch).terms) == {"policy", "value", "entropy"}
    assert list(made.objective.parameters()) == []
