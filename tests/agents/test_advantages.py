"""Generalised advantage estimation against numbers worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from empathy_loop.agents.advantages import gae

REWARDS, VALUES, NEXT = [1.0, 2.0, 3.0], [10.0, 20.0, 30.0], [20.0, 30.0, 40.0]


def estimate(
    gae_lambda: float,
    next_values: list[float] = NEXT,
    terminated: tuple[int, ...] = (),
    truncated: tuple[int, ...] = (),
) -> list[float]:
    """Estimate for one world and one agent over three steps, with discount 0.5."""

    def column(numbers: list[float]) -> Tensor:
        return torch.tensor(numbers)[:, None, None]

    def steps(which: tuple[int, ...]) -> Tensor:
        return torch.tensor([t in which for t in range(3)])[:, None]

    adv = gae(
        column(REWARDS),
        column(VALUES),
        column(next_values),
        steps(terminated),
        steps(truncated),
        0.5,
        gae_lambda,
    )
    return adv.flatten().tolist()


def test_with_lambda_0_the_advantage_is_one_temporal_difference() -> None:
    # 1 + .5 * 20 - 10 = 1; 2 + .5 * 30 - 20 = -3; 3 + .5 * 40 - 30 = -7
    assert estimate(0.0) == [1.0, -3.0, -7.0]


def test_with_lambda_1_the_advantage_is_the_return_less_the_value() -> None:
    # 3 + .5 * 40 = 23; 2 + .5 * 23 = 13.5; 1 + .5 * 13.5 = 7.75; less 30, 20, 10
    assert estimate(1.0) == [-2.25, -6.5, -7.0]


def test_between_them_differences_decay_by_discount_times_lambda() -> None:
    # decay .5 * .5 = .25: -7; -3 + .25 * -7 = -4.75; 1 + .25 * -4.75 = -.1875
    assert estimate(0.5) == [-0.1875, -4.75, -7.0]


def test_a_truncated_step_bootstraps_from_the_final_observation_and_cuts_the_trace() -> None:
    # The episode ends with step 1, whose final observation is worth 100, not step 2's 30:
    # 2 + .5 * 100 - 20 = 32, with nothing of step 2 in it; 1 + .5 * 32 = 17
    assert estimate(1.0, [20.0, 100.0, 40.0], truncated=(1,)) == [17.0, 32.0, -7.0]


def test_a_terminated_step_is_worth_its_reward_alone() -> None:
    # 2 - 20 = -18, whatever follows; 1 + .5 * -18 = -8
    assert estimate(1.0, [20.0, 100.0, 40.0], terminated=(1,)) == [-8.0, -18.0, -7.0]


def test_two_agents_and_two_worlds_do_not_mix() -> None:
    rewards = torch.zeros(2, 2, 2)
    rewards[1, 0, 1] = 8.0
    truncated = torch.tensor([[False, True], [False, False]])
    rewards[1, 1, 0] = 4.0
    never = torch.zeros(2, 2, dtype=torch.bool)
    adv = gae(rewards, torch.zeros(2, 2, 2), torch.zeros(2, 2, 2), never, truncated, 0.5, 1.0)
    # World 0, agent 1: 8 at the second step is worth 4 at the first. World 1 ends in between.
    assert adv.tolist() == [[[0.0, 4.0], [0.0, 0.0]], [[0.0, 8.0], [4.0, 0.0]]]


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_random_worlds_are_the_recursion_step_by_step(order: tuple[int, int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    sizes = (12, 5, 2)
    # Whatever the order in which the numbers lie in memory.
    lying = torch.randn(3, *(sizes[axis] for axis in order), generator=generator)
    rewards, values, following = (part.permute(order) for part in lying)
    truncated = torch.rand(12, 5, generator=generator) < 0.2
    terminated = torch.rand(12, 5, generator=generator) < 0.1
    adv = gae(rewards, values, following, terminated, truncated, 0.9, 0.8)
    for e in range(5):
        for i in range(2):
            trace = 0.0
            for t in reversed(range(12)):
                goes_on, is_cut = not terminated[t, e], terminated[t, e] or truncated[t, e]
                delta = rewards[t, e, i] + 0.9 * goes_on * following[t, e, i] - values[t, e, i]
                trace = float(delta) + (0.0 if is_cut else 0.9 * 0.8 * trace)
                assert abs(float(adv[t, e, i]) - trace) < 1e-5
