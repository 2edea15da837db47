"""Scripted policies: what a partner does that follows rules, with and without reading others.

stay       does nothing.
random     acts uniformly among legal actions.
egoist     sees to its own needs only.
timetable  helps by base rates and by the gifts that it sees, and ignores faces.
reader     helps by faces, each read as the canonical symbol.
oracle     helps by the true needs of all, and sees to its own where that pays.

timetable, reader and oracle differ only in the belief that they give to the shared planner.
"""

from __future__ import annotations

import difflib

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.kernel import batch, hot
from empathy_loop.envs.observation import is_visible
from empathy_loop.envs.params import WorldParams, rules_of
from empathy_loop.envs.planner import plan
from empathy_loop.envs.random import POLICY, below, draw, fold
from empathy_loop.envs.state import DISTRESS
from empathy_loop.envs.world import World

SCRIPTED: tuple[str, ...] = ("stay", "random", "egoist", "timetable", "reader", "oracle")
"""Names of the scripted policies; the index of a name is its code inside the kernels."""

_STAY, _RANDOM, _EGOIST, _TIMETABLE, _READER, _ORACLE = range(len(SCRIPTED))

READ_NEED = 0.8
"""Need that the reader believes in when it sees a distress symbol."""
READ_DECAY = 0.9
"""Factor by which that belief fades in a step."""


class ScriptedPolicy:
    """One scripted policy in every seat of a batch of worlds.

    Its draws are keyed by world, step and agent: the same world gives the same actions.

    Args:
        name: One of SCRIPTED.
        params: The rules.
        num_worlds: Number of worlds E.

    Raises:
        ValueError: the name is unknown.
    """

    def __init__(self, name: str, params: WorldParams, num_worlds: int) -> None:
        if name not in SCRIPTED:
            close = difflib.get_close_matches(name, SCRIPTED) or SCRIPTED
            raise ValueError(f"unknown policy {name!r}; did you mean {' or '.join(close)}?")
        self.name = name
        self._code = SCRIPTED.index(name)
        self._rules = rules_of(params)
        agents, kinds = params.num_agents, params.num_kinds
        self._belief = np.zeros((num_worlds, agents, agents, kinds))
        self._zero_since = np.zeros((num_worlds, agents, agents, kinds), np.int32)
        self._expected = expected_need(params)

    def act(self, world: World) -> NDArray[np.int8]:
        """Choose everybody's action of this step.

        Call it once before each step: beliefs are brought up to date with what is seen, and
        begin anew at step 0.

        Args:
            world: A batch of E worlds with the same sizes.

        Returns:
            int8 [E, A]. Actions whose conditions hold.
        """
        actions = np.zeros((world.num_worlds, world.params.num_agents), np.int8)
        _act_batch(
            self._rules,
            world.state,
            world.observation.action_mask,
            self._code,
            self._belief,
            self._zero_since,
            self._expected,
            actions,
        )
        return actions


def expected_need(params: WorldParams) -> NDArray[np.float64]:
    """Return the need to expect of an agent of whom nothing but the time is known.

        E[s] = sum over u = 1..s of h * (1 - h)^(u - 1) * level(s - u)
        level(v) = min(1, crisis_level + need_growth * v)

    with h the total hazard over the number of kinds: u is the step at which the crisis began.

    Args:
        params: The rules.

    Returns:
        float64 [horizon + 1], in [0, 1]. Entry s is s steps after the need was known to be 0.
    """
    hazard = params.total_hazard / params.num_kinds
    steps = np.arange(params.horizon + 1)
    began_now = hazard * (1.0 - hazard) ** steps
    level = np.minimum(1.0, params.crisis_level + params.need_growth * steps)
    return np.concatenate([[0.0], np.convolve(began_now, level)[: params.horizon]])


@batch
def _act_batch(rules, state, action_mask, policy, belief, zero_since, expected, actions):
    """Write the actions of every agent of every world."""
    for e in range(state.step.shape[0]):
        step_key = fold(state.key[e], state.step[e])
        for i in range(state.carried.shape[1]):
            if policy == _RANDOM:
                actions[e, i] = _random_action(action_mask, e, i, step_key)
            elif policy != _STAY:
                _believe(rules, state, e, i, policy, belief, zero_since, expected)
                helps, uses = policy != _EGOIST, policy in (_EGOIST, _ORACLE)
                actions[e, i] = plan(rules, state, e, i, belief, helps, uses, step_key)


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


@hot
def _believe(rules, state, e, i, policy, belief, zero_since, expected):
    """Bring what agent i believes of all others up to date with what it sees."""
    num_agents, num_kinds = state.carried.shape[1], state.need.shape[2]
    for j in range(num_agents):
        for k in range(num_kinds):
            if state.step[e] == 0:
                belief[e, i, j, k] = 0.0
                zero_since[e, i, j, k] = 0
            if policy == _ORACLE:
                belief[e, i, j, k] = state.need[e, j, k]
            elif policy == _READER:
                belief[e, i, j, k] = _read(rules, state, e, i, j, k, belief[e, i, j, k])
            elif policy == _TIMETABLE:
                if is_visible(rules, state, e, i, j) and state.received[e, j] == k:
                    zero_since[e, i, j, k] = state.step[e]
                belief[e, i, j, k] = expected[state.step[e] - zero_since[e, i, j, k]]


@hot
def _read(rules, state, e, i, j, kind, believed):
    """Return the reader's belief after one more look at agent j."""
    believed *= READ_DECAY
    if not is_visible(rules, state, e, i, j):
        return believed
    if state.received[e, j] == kind:
        return 0.0
    if state.cue[e, j] == DISTRESS + kind:
        return READ_NEED
    return believed
