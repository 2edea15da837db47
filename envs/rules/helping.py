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
    REFUSED,
    THANK,
    USE,
    WILLING,
    agent_after,
)


@hot
def in_reach(rules, world, i, j):
    """Return whether agents i and j are near enough to help, by L1 distance."""
    rows = abs(world.position[i, 0] - world.position[j, 0])
    columns = abs(world.position[i, 1] - world.position[j, 1])
    return rows + columns <= rules.help_reach


@hot
def clear_ledger(world):
    """Forget what happened between the agents of one world in the step before.

    Writes: received, social_act, helped, thanked, relief, cost, hurt, misattuned(_given).
    """
    for i in range(world.carried.shape[0]):
        world.received[i] = NOTHING
        world.social_act[i] = NO_ACT
        world.relief[i] = 0.0
        world.cost[i] = 0.0
        world.hurt[i] = 0.0
        world.misattuned[i] = 0
        world.misattuned_given[i] = 0
        for j in range(world.carried.shape[0]):
            world.helped[i, j] = 0
            world.thanked[i, j] = 0


@hot
def act_agents(rules, world, actions, refusals):
    """Let the agents of one world act one after another, in the order of their moves.

    An act whose condition does not hold does nothing.
    Writes: need, carried, last_action, last_helper, first_helper, help_left, refusals and the
    ledger that `clear_ledger` clears.

    Args:
        rules: Rules.
        world: record. One world of a batch.
        actions: integer [A]. Actions asked for.
        refusals: uint8 [A, A], or [0, 0] where nobody refuses help. Entry [j, i] is WILLING, or
            REFUSES where j would refuse the help of i in this step; REFUSED once j has done so.
    """
    clear_ledger(world)
    num_agents = world.carried.shape[0]
    first = world.step % num_agents
    for n in range(num_agents):
        i = agent_after(first, n, num_agents)
        action = actions[i]
        world.last_action[i] = action
        if action == USE:
            _use_item(rules, world, i)
        elif action == THANK:
            _thank(world, i)
        elif action == OFFER:
            if rules.offers:
                world.social_act[i] = ACT_OFFER
        elif action > HELP_BASE:
            _help(rules, world, i, agent_after(i, action - HELP_BASE, num_agents), refusals)


@hot
def _use_item(rules, world, i):
    """Agent i spends its item on itself, which removes a small share of that need."""
    kind = world.carried[i]
    if kind == NOTHING:
        return
    world.need[i, kind] *= 1.0 - rules.self_relief
    world.carried[i] = NOTHING


@hot
def _thank(world, i):
    """Agent i thanks whoever helped it last in this episode."""
    helper = world.last_helper[i]
    if helper == NOTHING:
        return
    world.thanked[i, helper] = 1
    world.social_act[i] = ACT_THANK


@hot
def _help(rules, world, i, j, refusals):
    """Agent i gives its item to agent j: relief if j has that need, hurt if it has not.

    The first help of a severe crisis does neither. Where j refuses, i keeps its item and has paid.
    """
    kind = world.carried[i]
    if kind == NOTHING or not in_reach(rules, world, i, j):
        return
    world.cost[i] += rules.help_cost
    world.social_act[i] = ACT_HELP
    if refusals.shape[0] > 0 and refusals[j, i] != WILLING:
        refusals[j, i] = REFUSED
        return
    if world.need[j, kind] > 0.0:
        if not rules.severe or is_enough(rules, world, i, j, kind):
            world.relief[j] += world.need[j, kind]
            world.need[j, kind] = 0.0
    else:
        world.hurt[j] += rules.misattuned_hurt
        world.misattuned[j] += 1
        world.misattuned_given[i] += 1
    world.carried[i] = NOTHING
    world.received[j] = kind
    world.helped[i, j] = 1
    world.last_helper[j] = i
