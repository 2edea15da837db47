"""The state of a batch of worlds: one array a quantity, worlds on the first axis.

The state holds hidden truth (needs, hazards, styles, expressivity). Policies never see it;
they see what `observation` writes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.kernel import hot
from empathy_loop.envs.params import WorldParams

STAY, NORTH, SOUTH, WEST, EAST, USE, THANK, OFFER, HELP_BASE = 0, 1, 2, 3, 4, 5, 6, 7, 7
"""Action codes; `HELP_BASE + d` helps other d = 1..A-1, the agent (i + d) % A."""

NEUTRAL, RELIEF, ANNOYED, GRATITUDE, KINDNESS, DISTRESS = range(6)
"""Cue codes; `DISTRESS + s` is distress symbol s in [0, K)."""

NO_ACT, ACT_THANK, ACT_OFFER, ACT_HELP = range(4)
"""Codes of the visible social act of a step."""

NOTHING = -1
"""No item, no kind received, no helper so far, no action yet."""


class State(NamedTuple):
    """Everything a batch of worlds is, in arrays that the kernels write in place.

    Attributes:
        key: uint64 [E]. Key of the present episode's draws.
        episode: int64 [E]. Number of the present episode, from 0.
        step: int32 [E]. Steps taken in this episode, in [0, horizon].
        shift_step: int32 [E]. Step at whose beginning the shift comes (hidden).
        station: int16 [E, K, 2]. Row and column of each kind's supply station, in cells.
        position: int16 [E, A, 2]. Row and column of each agent, in cells.
        carried: int8 [E, A]. Kind of the item carried, or NOTHING.
        need: float64 [E, A, K]. Need levels in [0, 1] (hidden).
        hazard: float64 [E, A, K]. Probability per step that a crisis begins (hidden).
        style: int8 [E, A, K]. Distress symbol that each kind is shown as (hidden).
        expressivity: float64 [E, A]. Probability of showing distress (hidden).
        severe: int8 [E, A, K]. 1 where the present crisis takes two helpers (hidden).
        first_helper: int8 [E, A, K]. Whose help of a severe crisis still counts as the first of
            two, or NOTHING (hidden).
        help_left: int16 [E, A, K]. Further steps for which it counts (hidden).
        cue: int8 [E, A]. Cue on show, a cue code.
        last_action: int8 [E, A]. Action asked for in the last step, or NOTHING.
        last_helper: int8 [E, A]. Who helped this agent last in this episode, or NOTHING.
        received: int8 [E, A]. Kind received in the last step, or NOTHING.
        social_act: int8 [E, A]. Social act of the last step, an act code.
        helped: uint8 [E, A, A]. 1 where the first agent helped the second in the last step.
        thanked: uint8 [E, A, A]. 1 where the first agent thanked the second in the last step.
        relief: float64 [E, A]. Need removed by others' help in the last step.
        cost: float64 [E, A]. Help cost paid in the last step.
        hurt: float64 [E, A]. Hurt received in the last step.
        misattuned: int8 [E, A]. Misattuned helps received in the last step.
        misattuned_given: int8 [E, A]. Misattuned helps given in the last step.
        drive_before: float64 [E, A]. Drive after the shift and before the moves of the last step.
        drive: float64 [E, A]. Sum over kinds of squared need, now.
    """

    key: NDArray[np.uint64]
    episode: NDArray[np.int64]
    step: NDArray[np.int32]
    shift_step: NDArray[np.int32]
    station: NDArray[np.int16]
    position: NDArray[np.int16]
    carried: NDArray[np.int8]
    need: NDArray[np.float64]
    hazard: NDArray[np.float64]
    style: NDArray[np.int8]
    expressivity: NDArray[np.float64]
    severe: NDArray[np.int8]
    first_helper: NDArray[np.int8]
    help_left: NDArray[np.int16]
    cue: NDArray[np.int8]
    last_action: NDArray[np.int8]
    last_helper: NDArray[np.int8]
    received: NDArray[np.int8]
    social_act: NDArray[np.int8]
    helped: NDArray[np.uint8]
    thanked: NDArray[np.uint8]
    relief: NDArray[np.float64]
    cost: NDArray[np.float64]
    hurt: NDArray[np.float64]
    misattuned: NDArray[np.int8]
    misattuned_given: NDArray[np.int8]
    drive_before: NDArray[np.float64]
    drive: NDArray[np.float64]


def empty_state(params: WorldParams, num_worlds: int) -> State:
    """Return a zeroed state for a batch; `reset` gives it meaning.

    Args:
        params: Sizes.
        num_worlds: Number of worlds E, at least 1.

    Returns:
        State: newly allocated, C-contiguous arrays.
    """
    worlds, agents, kinds = (num_worlds,), params.num_agents, params.num_kinds
    per_agent, per_need = (*worlds, agents), (*worlds, agents, kinds)
    per_pair = (*worlds, agents, agents)

    def zeros(shape: tuple[int, ...], dtype: type) -> NDArray:  # type: ignore[type-arg]
        return np.zeros(shape, dtype)

    return State(
        key=zeros(worlds, np.uint64),
        episode=zeros(worlds, np.int64),
        step=zeros(worlds, np.int32),
        shift_step=zeros(worlds, np.int32),
        station=zeros((*worlds, kinds, 2), np.int16),
        position=zeros((*per_agent, 2), np.int16),
        carried=zeros(per_agent, np.int8),
        need=zeros(per_need, np.float64),
        hazard=zeros(per_need, np.float64),
        style=zeros(per_need, np.int8),
        expressivity=zeros(per_agent, np.float64),
        severe=zeros(per_need, np.int8),
        first_helper=zeros(per_need, np.int8),
        help_left=zeros(per_need, np.int16),
        cue=zeros(per_agent, np.int8),
        last_action=zeros(per_agent, np.int8),
        last_helper=zeros(per_agent, np.int8),
        received=zeros(per_agent, np.int8),
        social_act=zeros(per_agent, np.int8),
        helped=zeros(per_pair, np.uint8),
        thanked=zeros(per_pair, np.uint8),
        relief=zeros(per_agent, np.float64),
        cost=zeros(per_agent, np.float64),
        hurt=zeros(per_agent, np.float64),
        misattuned=zeros(per_agent, np.int8),
        misattuned_given=zeros(per_agent, np.int8),
        drive_before=zeros(per_agent, np.float64),
        drive=zeros(per_agent, np.float64),
    )


@hot
def agent_after(i, d, num_agents):
    """Return the agent (i + d) % num_agents; for i and d below num_agents, without a division."""
    j = i + d
    return j - num_agents if j >= num_agents else j
