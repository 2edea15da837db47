"""What scripted policies believe about others, each in its own way, and what they go for.

The policies themselves are listed in `empathy_loop.envs.partners`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.filter import expected_level_of, p_crisis_of
from empathy_loop.envs.kernel import hot
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.rules.sight import is_visible, shown_cue
from empathy_loop.envs.state import DISTRESS

SCRIPTED: tuple[str, ...] = (
    "stay",
    "random",
    "egoist",
    "exploiter",
    "timetable",
    "reader",
    "reciprocator",
    "filter",
    "oracle",
)
"""Names of the scripted policies; the index of a name is its code inside the kernels."""

STAYER, RANDOM, EGOIST, EXPLOITER, TIMETABLE, READER, RECIPROCATOR, FILTER, ORACLE = range(9)
PERSON = len(SCRIPTED)
"""Code of a simulated person, who reads faces as the reader does (`empathy_loop.envs.people`)."""
NOBODY = -1
"""Code of a seat for which no scripted policy acts."""

READ_NEED = 0.8
"""Need that the reader believes in when it sees a distress symbol; assumed, part of the reader's
design."""
READ_DECAY = 0.9
"""Factor by which that belief fades in a step; assumed, part of the reader's design."""
PATIENCE = 1
"""Gifts by which another may be behind the reciprocator's own and still be helped; assumed."""
ACT_ON = 0.4
"""Probability of a crisis from which on the filter goes for it; assumed."""


class Minds(NamedTuple):
    """What scripted policies remember and believe; entry [e, i, j] is agent i's about agent j.

    Attributes:
        key: uint64 [E]. Key of the episode that the memory is of.
        step: int32 [E]. Step at which it was brought up to date.
        belief: float64 [E, A, A, K], in [0, 1]. Need to expect.
        p_crisis: float64 [E, A, A, K], in [0, 1]. Probability of a crisis; the filter's only.
        goal: float64 [E, A, A, K], in [0, 1]. Need that the planner is told of.
        zero_since: int32 [E, A, A, K]. Step since which a need is not known to be above 0.
        owed: int16 [E, A, A]. Gifts from i to j less gifts from j to i.
        waits: int16 [E, A, A, K]. Steps for which i leaves a second help of j to others, where
            crises may be severe.
    """

    key: NDArray[np.uint64]
    step: NDArray[np.int32]
    belief: NDArray[np.float64]
    p_crisis: NDArray[np.float64]
    goal: NDArray[np.float64]
    zero_since: NDArray[np.int32]
    owed: NDArray[np.int16]
    waits: NDArray[np.int16]


def empty_minds(params: WorldParams, num_worlds: int) -> Minds:
    """Return minds that remember nothing, for a batch of worlds."""
    pairs = (num_worlds, params.num_agents, params.num_agents)
    needs = (*pairs, params.num_kinds)
    return Minds(
        key=np.zeros(num_worlds, np.uint64),
        step=np.zeros(num_worlds, np.int32),
        belief=np.zeros(needs),
        p_crisis=np.zeros(needs),
        goal=np.zeros(needs),
        zero_since=np.zeros(needs, np.int32),
        owed=np.zeros(pairs, np.int16),
        waits=np.zeros(needs, np.int16),
    )


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


@hot
def forget(world, e, minds):
    """Clear the memory of one world, whose needs are all 0 at the beginning of an episode.

    Writes: every array of row e but `key` and `step`.

    Args:
        world: record. One world of a batch. The step is read.
        e: int64. Row of the world.
        minds: Minds.
    """
    num_agents, num_kinds = world.carried.shape[0], world.need.shape[1]
    for i in range(num_agents):
        for j in range(num_agents):
            minds.owed[e, i, j] = 0
            for k in range(num_kinds):
                minds.belief[e, i, j, k] = 0.0
                minds.p_crisis[e, i, j, k] = 0.0
                minds.goal[e, i, j, k] = 0.0
                minds.zero_since[e, i, j, k] = world.step
                minds.waits[e, i, j, k] = 0


@hot
def believe(rules, world, e, i, policy, minds, inferred, expected):
    """Bring what agent i believes of all others up to date with what it sees.

    Writes: rows [e, i] of belief, p_crisis, goal, zero_since, owed and waits.

    Args:
        rules: Rules.
        world: record. One world of a batch. Only what is visible is read, but by the oracle,
            which reads needs.
        e: int64. Row of the world.
        i: int64. The agent.
        policy: int64. Code of the policy that acts for it.
        minds: Minds.
        inferred: Filter. Brought up to date before.
        expected: float64 [horizon + 1]. What `expected_need` returns.
    """
    belief, goal = minds.belief, minds.goal
    v = 0 if inferred.weight.shape[1] == 1 else i
    for j in range(world.carried.shape[0]):
        visible = is_visible(rules, world, i, j)
        _count_gifts(world, e, i, j, visible, minds)
        for k in range(world.need.shape[1]):
            if policy == ORACLE:
                belief[e, i, j, k] = world.need[j, k]
            elif policy in (READER, RECIPROCATOR, PERSON):
                belief[e, i, j, k] = _read(rules, world, i, j, k, belief[e, i, j, k])
            elif policy == TIMETABLE:
                if visible and world.received[j] == k:
                    minds.zero_since[e, i, j, k] = world.step
                belief[e, i, j, k] = expected[world.step - minds.zero_since[e, i, j, k]]
            elif policy == FILTER and i != j:
                minds.p_crisis[e, i, j, k] = p_crisis_of(inferred, e, v, j, k)
                belief[e, i, j, k] = expected_level_of(inferred, e, v, j, k)
            goal[e, i, j, k] = belief[e, i, j, k]
            if policy == FILTER:
                goal[e, i, j, k] = _crisis_level(minds, e, i, j, k)
            elif policy == RECIPROCATOR and minds.owed[e, i, j] > PATIENCE:
                goal[e, i, j, k] = 0.0
            if rules.severe and _waits(rules, world, e, i, j, k, minds):
                goal[e, i, j, k] = 0.0


@hot
def _count_gifts(world, e, i, j, visible, minds):
    """Add the gifts of the last step between agents i and j to what is owed."""
    minds.owed[e, i, j] += world.helped[i, j]
    if visible:
        minds.owed[e, i, j] -= world.helped[j, i]


@hot
def _waits(rules, world, e, i, j, k, minds):
    """Return whether i has helped j with a kind of late, so that another should be the second."""
    if world.helped[i, j] == 1 and world.received[j] == k:
        minds.waits[e, i, j, k] = rules.severe_window + 1
    elif minds.waits[e, i, j, k] > 0:
        minds.waits[e, i, j, k] -= 1
    return minds.waits[e, i, j, k] > 0


@hot
def _crisis_level(minds, e, i, j, k):
    """Return the need to expect of a crisis if there is one that the filter acts on, else 0."""
    p_crisis = minds.p_crisis[e, i, j, k]
    return minds.belief[e, i, j, k] / p_crisis if p_crisis >= ACT_ON else 0.0


@hot
def _read(rules, world, i, j, kind, believed):
    """Return the reader's belief after one more look at agent j."""
    believed *= READ_DECAY
    if not is_visible(rules, world, i, j):
        return believed
    if world.received[j] == kind:
        return 0.0
    if shown_cue(rules, world, j) == DISTRESS + kind:
        return READ_NEED
    return believed
