"""What agents do with items and with each other: use, help, thank, offer."""

from __future__ import annotations

from empathy_loop.envs.kernel import hot
from empathy_loop.envs.rules.severity import is_enough
from empathy_loop.envs.state import (
    ACT_HELP,
    ACT_OFFER,
    ACT_THANK,
    HELP_BASE,
    NO_ACT,
    NOTHING,
    OFFER,
    THANK,
    USE,
    agent_after,
)


@hot
def in_reach(rules, state, e, i, j):
    """Return whether agents i and j are near enough to help, by L1 distance."""
    rows = abs(state.position[e, i, 0] - state.position[e, j, 0])
    columns = abs(state.position[e, i, 1] - state.position[e, j, 1])
    return rows + columns <= rules.help_reach


@hot
def clear_ledger(state, e):
    """Forget what happened between the agents of one world in the step before.

    Writes: received, social_act, helped, thanked, relief, cost, hurt, misattuned(_given).
    """
    for i in range(state.carried.shape[1]):
        state.received[e, i] = NOTHING
        state.social_act[e, i] = NO_ACT
        state.relief[e, i] = 0.0
        state.cost[e, i] = 0.0
        state.hurt[e, i] = 0.0
        state.misattuned[e, i] = 0
        state.misattuned_given[e, i] = 0
        for j in range(state.carried.shape[1]):
            state.helped[e, i, j] = 0
            state.thanked[e, i, j] = 0


@hot
def act_agents(rules, state, e, actions):
    """Let the agents of one world act one after another, in the order of their moves.

    An act whose condition does not hold does nothing.
    Writes: need, carried, last_action, last_helper, first_helper, help_left and the ledger that
    `clear_ledger` clears.

    Args:
        rules: Rules.
        state: State.
        e: int64. The world.
        actions: integer [A]. Actions asked for.
    """
    clear_ledger(state, e)
    num_agents = state.carried.shape[1]
    first = state.step[e] % num_agents
    for n in range(num_agents):
        i = agent_after(first, n, num_agents)
        action = actions[i]
        state.last_action[e, i] = action
        if action == USE:
            _use_item(rules, state, e, i)
        elif action == THANK:
            _thank(state, e, i)
        elif action == OFFER:
            if rules.offers:
                state.social_act[e, i] = ACT_OFFER
        elif action > HELP_BASE:
            _help(rules, state, e, i, agent_after(i, action - HELP_BASE, num_agents))


@hot
def _use_item(rules, state, e, i):
    """Agent i spends its item on itself, which removes a small share of that need."""
    kind = state.carried[e, i]
    if kind == NOTHING:
        return
    state.need[e, i, kind] *= 1.0 - rules.self_relief
    state.carried[e, i] = NOTHING


@hot
def _thank(state, e, i):
    """Agent i thanks whoever helped it last in this episode."""
    helper = state.last_helper[e, i]
    if helper == NOTHING:
        return
    state.thanked[e, i, helper] = 1
    state.social_act[e, i] = ACT_THANK


@hot
def _help(rules, state, e, i, j):
    """Agent i gives its item to agent j: relief if j has that need, hurt if it has not.

    The first help of a severe crisis does neither.
    """
    kind = state.carried[e, i]
    if kind == NOTHING or not in_reach(rules, state, e, i, j):
        return
    if state.need[e, j, kind] > 0.0:
        if not rules.severe or is_enough(rules, state, e, i, j, kind):
            state.relief[e, j] += state.need[e, j, kind]
            state.need[e, j, kind] = 0.0
    else:
        state.hurt[e, j] += rules.misattuned_hurt
        state.misattuned[e, j] += 1
        state.misattuned_given[e, i] += 1
    state.cost[e, i] += rules.help_cost
    state.carried[e, i] = NOTHING
    state.received[e, j] = kind
    state.helped[e, i, j] = 1
    state.last_helper[e, j] = i
    state.social_act[e, i] = ACT_HELP
