"""Reward and score: the named terms an agent learns from, and the welfare a group is judged by."""

from __future__ import annotations

import numpy as np

from empathy_loop.envs.kernel import hot

REWARD_TERMS: tuple[str, ...] = ("drive", "help_cost", "hurt")
"""Names of the reward terms, in the order of their axis; they sum to the reward exactly."""


@hot
def reward_agents(rules, world, reward, reward_terms):
    """Write the reward terms of one world, mixed between own and team, and their sum.

    An own term is drive_scale * (drive_before - drive), minus the help cost paid, or minus the
    hurt received; a mixed one is coordination * mean + (1 - coordination) * own. With discount
    1 - drive_weight / drive_scale this is welfare shaped by the potential -drive_scale * drive
    (Ng, Harada and Russell 1999, theorem 1), which leaves the best policy as it is.

    Args:
        rules: Rules.
        world: record. One world of a batch.
        reward: float32 [A]. Written.
        reward_terms: float32 [A, 3]. Written, in the order of REWARD_TERMS.
    """
    num_agents = world.drive.shape[0]
    for term in range(3):
        total = 0.0
        for i in range(num_agents):
            total += _own_term(rules, world, i, term)
        mean = total / num_agents
        for i in range(num_agents):
            own = _own_term(rules, world, i, term)
            reward_terms[i, term] = rules.coordination * mean + (1.0 - rules.coordination) * own
    for i in range(num_agents):
        total_reward = np.float32(0.0)
        for term in range(3):
            total_reward = total_reward + reward_terms[i, term]
        reward[i] = total_reward


@hot
def _own_term(rules, world, i, term):
    """Return agent i's own reward term, float64."""
    if term == 0:
        return rules.drive_scale * (world.drive_before[i] - world.drive[i])
    if term == 1:
        return -world.cost[i]
    return -world.hurt[i]


@hot
def measure_welfare(rules, world):
    """Return one world's unshaped welfare of the step, the score; float64, at most 0."""
    total = 0.0
    for i in range(world.drive.shape[0]):
        total += rules.drive_weight * world.drive[i] + world.cost[i] + world.hurt[i]
    return -total / world.drive.shape[0]
