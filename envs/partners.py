"""Scripted policies: what a partner does that follows rules, with and without reading others.

stay          does nothing.
random        acts uniformly among legal actions.
egoist        sees to its own needs only.
exploiter     as the egoist, and thanks for every gift; it takes help and never gives any.
timetable     helps by base rates and by the gifts that it sees, and ignores faces.
reader        helps by faces, each read as the canonical symbol.
reciprocator  as the reader, but only those who are not behind with their help by more than
              PATIENCE gifts.
filter        helps by the Bayesian filter (`empathy_loop.envs.filter`): goes for every crisis
              that has probability ACT_ON or more, at the level to expect of it.
oracle        helps by the true needs of all, and sees to its own where that pays.

Those that help differ only in the belief that they give to the shared planner. The filter does
not weigh self-use: with it, it scores lower.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.beliefs import (
    EGOIST,
    EXPLOITER,
    FILTER,
    NOBODY,
    ORACLE,
    PERSON,
    RANDOM,
    SCRIPTED,
    STAYER,
    believe,
    empty_minds,
    expected_need,
    forget,
)
from empathy_loop.envs.filter import begin_filter, empty_filter, filter_world
from empathy_loop.envs.inputs import checked_count, checked_flag, checked_params
from empathy_loop.envs.kernel import batch, hot
from empathy_loop.envs.params import WorldParams, rules_of
from empathy_loop.envs.people import People
from empathy_loop.envs.planner import plan
from empathy_loop.envs.random import POLICY, below, draw, fold
from empathy_loop.envs.reading import close_matches
from empathy_loop.envs.rules.trust import polite
from empathy_loop.envs.state import NOTHING, THANK
from empathy_loop.envs.world import World

__all__ = [
    "NOBODY",
    "SCRIPTED",
    "ScriptedPolicies",
    "ScriptedPolicy",
    "expected_need",
    "policy_code",
]


class ScriptedPolicies:
    """Scripted policies in any seats of a batch of worlds, each with a memory of its own.

    Their draws are keyed by world, step and agent: the same world gives the same actions.

    Args:
        params: The rules.
        codes: int8 [E, A]. Index in SCRIPTED of who acts in each seat, or NOBODY. Kept, not
            copied: it may change between episodes.
        filters: Whether a seat may ever be the filter's, whose memory is large.
        people: The people in seats of code PERSON, if there are any.

    Raises:
        ValueError: a value is of another type or shape.
    """

    def __init__(
        self,
        params: WorldParams,
        codes: NDArray[np.int8],
        filters: bool,
        people: People | None = None,
    ) -> None:
        num_agents = checked_params(params).num_agents
        is_array = isinstance(codes, np.ndarray) and codes.dtype == np.int8
        if not is_array or codes.shape[1:] != (num_agents,):
            raise ValueError(
                f"codes must be an array int8 [E, {num_agents}], a code for each agent of each "
                f"world, got {codes!r}; policy_code(name) is the code of a policy"
            )
        self.codes = codes
        evenly = np.ones((1, params.num_agents, params.num_agents))
        self._weight = evenly if people is None else people.answers.weight
        self._trust = evenly if people is None else people.state.trust
        self._rules = rules_of(params)
        self.inferred = empty_filter(params, len(codes) if checked_flag("filters", filters) else 0)
        self._expected = expected_need(params)
        self.minds = empty_minds(params, len(codes))

    def act(self, world: World) -> NDArray[np.int8]:
        """Choose the actions of this step in every seat that has a policy.

        Call it once before each step: beliefs are brought up to date with what is seen. They
        begin anew with every episode.

        Args:
            world: A batch of E worlds with the same sizes.

        Returns:
            int8 [E, A]. Actions whose conditions hold; 0 where nobody acts.
        """
        actions = np.zeros(self.codes.shape, np.int8)
        # A help that is stopped is worth nothing, so that one does something else.
        stopped = world.stopped
        weight = np.where(stopped, 0.0, self._weight) if stopped.size else self._weight
        _act_batch(
            self._rules,
            world.records,
            world.observation.action_mask,
            self.codes,
            self.minds,
            self.inferred,
            self._expected,
            weight,
            self._trust,
            actions,
        )
        return actions


class ScriptedPolicy(ScriptedPolicies):
    """One scripted policy in every seat of a batch of worlds.

    Args:
        name: One of SCRIPTED.
        params: The rules.
        num_worlds: Number of worlds E, at least 1.

    Raises:
        ValueError: the name is unknown, or a value is of another type or out of its range.
    """

    def __init__(self, name: str, params: WorldParams, num_worlds: int) -> None:
        shape = (checked_count("num_worlds", num_worlds), checked_params(params).num_agents)
        codes = np.full(shape, policy_code(name), np.int8)
        super().__init__(params, codes, filters=name == "filter")
        self.name = name


def policy_code(name: str) -> int:
    """Return the code of a scripted policy.

    Raises:
        ValueError: the name is unknown.
    """
    if name not in SCRIPTED:
        raise ValueError(f"unknown policy {name!r}; {close_matches(str(name), SCRIPTED)}")
    return SCRIPTED.index(name)


@batch
def _act_batch(
    rules, records, action_mask, codes, minds, inferred, expected, weight, trust, actions
):
    """Write the actions of every agent of every world that a policy acts for."""
    for e in range(records.shape[0]):
        world = records[e]
        step_key = fold(world.key, world.step)
        begins = _begins(world, e, minds)
        if begins:
            forget(world, e, minds)
        if _any_filter(codes, e):
            if begins:
                begin_filter(inferred, e)
            else:
                filter_world(rules, world, e, inferred)
        for i in range(world.carried.shape[0]):
            policy = codes[e, i]
            if policy == RANDOM:
                actions[e, i] = _random_action(action_mask, e, i, step_key)
            elif policy == EXPLOITER and world.received[i] != NOTHING:
                actions[e, i] = THANK
            elif policy != STAYER and policy != NOBODY:
                believe(rules, world, e, i, policy, minds, inferred, expected)
                helps = policy != EGOIST and policy != EXPLOITER
                uses = not helps or policy in (ORACLE, PERSON)
                goal, care = minds.goal[e, i], weight[e if weight.shape[0] > 1 else 0, i]
                action = plan(rules, world, i, goal, care, helps, uses, step_key)
                if policy == PERSON:
                    helper = max(world.last_helper[i], 0)
                    action = polite(rules, world, i, action, trust[e, i, helper], step_key)
                actions[e, i] = action


@hot
def _begins(world, e, minds):
    """Return whether what is remembered is of another episode, and note this one."""
    same = minds.key[e] == world.key and minds.step[e] <= world.step
    minds.key[e] = world.key
    minds.step[e] = world.step
    return world.step == 0 or not same


@hot
def _any_filter(codes, e):
    """Return whether the filter acts in a seat of one world."""
    found = False
    for i in range(codes.shape[1]):
        found = found or codes[e, i] == FILTER
    return found


@hot
def _random_action(action_mask, e, i, step_key):
    """Return a uniformly drawn action among those whose condition holds."""
    legal = 0
    for action in range(action_mask.shape[2]):
        legal += action_mask[e, i, action]
    left = below(draw(step_key, i, POLICY, 0), legal)
    chosen = 0
    for action in range(action_mask.shape[2]):
        if action_mask[e, i, action]:
            if left == 0:
                chosen = action
            left -= 1
    return chosen
