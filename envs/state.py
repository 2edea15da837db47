"""The state of a batch of worlds: one record a world, and a view of each quantity over all.

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

WILLING, REFUSES, REFUSED = range(3)
"""Codes of what an agent makes of another's help: takes it, would refuse it, has refused it."""

NOTHING = -1
"""No item, no kind received, no helper so far, no action yet."""


class State(NamedTuple):
    """Everything a batch of worlds is: by name, views of the records that the kernels work on.

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

    @classmethod
    def of(cls, records: Records) -> State:
        """Return views of a batch of records; to write into one is to write into the other."""
        return cls(*(records[name] for name in cls._fields))


Records = NDArray[np.void]
"""One record a world, [E], with the fields of State."""

_FIELDS: dict[str, tuple[type, str]] = {
    "key": (np.uint64, ""),
    "episode": (np.int64, ""),
    "need": (np.float64, "AK"),
    "hazard": (np.float64, "AK"),
    "expressivity": (np.float64, "A"),
    "relief": (np.float64, "A"),
    "cost": (np.float64, "A"),
    "hurt": (np.float64, "A"),
    "drive_before": (np.float64, "A"),
    "drive": (np.float64, "A"),
    "step": (np.int32, ""),
    "shift_step": (np.int32, ""),
    "station": (np.int16, "K2"),
    "position": (np.int16, "A2"),
    "help_left": (np.int16, "AK"),
    "carried": (np.int8, "A"),
    "style": (np.int8, "AK"),
    "severe": (np.int8, "AK"),
    "first_helper": (np.int8, "AK"),
    "cue": (np.int8, "A"),
    "last_action": (np.int8, "A"),
    "last_helper": (np.int8, "A"),
    "received": (np.int8, "A"),
    "social_act": (np.int8, "A"),
    "misattuned": (np.int8, "A"),
    "misattuned_given": (np.int8, "A"),
    "helped": (np.uint8, "AA"),
    "thanked": (np.uint8, "AA"),
}
"""Type and axes of each field of a record; the widest first, which leaves no gaps."""


def empty_records(params: WorldParams, num_worlds: int) -> Records:
    """Return zeroed records of a batch; `reset` gives them meaning.

    All that a rule touches of one world lies side by side, and how many agents and kinds there are
    is part of the type: the compiler knows where everything is, and unrolls the loops over them.

    Args:
        params: Sizes.
        num_worlds: Number of worlds E, at least 1.

    Returns:
        Records: newly allocated.
    """
    sizes = {"A": params.num_agents, "K": params.num_kinds, "2": 2}
    fields = [
        (name, kind, tuple(sizes[axis] for axis in axes)) for name, (kind, axes) in _FIELDS.items()
    ]
    return np.zeros(num_worlds, np.dtype(fields, align=True))


@hot
def agent_after(i, d, num_agents):
    """Return the agent (i + d) % num_agents; for i and d below num_agents, without a division."""
    j = i + d
    # At least 0 as it is; but the compiler must know, or it checks every index for its sign.
    return max(j - num_agents if j >= num_agents else j, 0)
