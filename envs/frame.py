"""What a picture or a text shows of one world: the truth, and what agents believe of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.state import DISTRESS, NOTHING
from empathy_loop.envs.world import World

EXPRESSIONS = ("neutral", "relief", "annoyed", "gratitude", "kindness", "distress")
"""Names of the faces; a distress symbol counts as the last."""


class Gift(NamedTuple):
    """One help of the last step.

    Attributes:
        giver: Agent that helped.
        receiver: Agent that was helped.
        kind: Kind of the item, or NOTHING where a later gift to the same agent hides it.
        misattuned: Whether the receiver had no such need.
    """

    giver: int
    receiver: int
    kind: int
    misattuned: bool


class Frame(NamedTuple):
    """One world at one moment, in arrays of its own.

    Attributes:
        grid_size: Side of the board, in cells.
        step: Steps taken in this episode, in [0, horizon].
        horizon: Steps in an episode.
        shift: Family of the shift that has come in this episode, or None.
        station: int16 [K, 2]. Row and column of each kind's station, in cells.
        position: int16 [A, 2]. Row and column of each agent, in cells.
        carried: int8 [A]. Kind of the item carried, or NOTHING.
        cue: int8 [A]. Cue on show, a cue code.
        need: float64 [A, K]. True need levels, in [0, 1].
        drive: float64 [A]. Sum over kinds of squared need.
        gifts: The helps of the last step.
        thanks: Who thanked whom in the last step.
        belief: float32 [A, O, K] or None. Need level, in [0, 1], that each agent believes
            each other to have; other d of agent i is agent (i + d + 1) % A.
        names: Names of all agents; none for ai_0, ai_1, ...
    """

    grid_size: int
    step: int
    horizon: int
    shift: str | None
    station: NDArray[np.int16]
    position: NDArray[np.int16]
    carried: NDArray[np.int8]
    cue: NDArray[np.int8]
    need: NDArray[np.float64]
    drive: NDArray[np.float64]
    gifts: tuple[Gift, ...]
    thanks: tuple[tuple[int, int], ...]
    belief: NDArray[np.float32] | None
    names: tuple[str, ...] = ()

    def name(self, i: int) -> str:
        """Return what agent i is called."""
        return self.names[i] if self.names else f"ai_{i}"


def frame_of(
    world: World,
    e: int,
    belief: NDArray[np.float32] | None = None,
    names: tuple[str, ...] = (),
) -> Frame:
    """Return what there is to show of one world of a batch now.

    Args:
        world: The batch.
        e: Row of the batch.
        belief: float32 [A, O, K] in [0, 1]. What agents believe now, or None.
        names: Names of all agents; none for ai_0, ai_1, ...

    Returns:
        Frame: copies, which later steps leave as they are.

    Raises:
        ValueError: the belief has another shape.
    """
    state, params = world.state, world.params
    shape = (params.num_agents, params.num_others, params.num_kinds)
    if belief is not None and belief.shape != shape:
        raise ValueError(f"belief must be of shape {shape} [A, O, K], got {belief.shape}")
    shift_came = params.shift != "none" and state.step[e] > state.shift_step[e]
    return Frame(
        grid_size=params.grid_size,
        step=int(state.step[e]),
        horizon=params.horizon,
        shift=params.shift if shift_came else None,
        station=state.station[e].copy(),
        position=state.position[e].copy(),
        carried=state.carried[e].copy(),
        cue=state.cue[e].copy(),
        need=state.need[e].copy(),
        drive=state.drive[e].copy(),
        gifts=tuple(_gift(world, e, int(i), int(j)) for i, j in np.argwhere(state.helped[e])),
        thanks=tuple((int(i), int(j)) for i, j in np.argwhere(state.thanked[e])),
        belief=None if belief is None else belief.copy(),
        names=names,
    )


def expression(cue: int) -> str:
    """Return the name of the face that shows a cue, one of EXPRESSIONS."""
    return EXPRESSIONS[min(cue, DISTRESS)]


def kind_name(kind: int) -> str:
    """Return the letter of a need kind, or of the distress symbol that canonically means it."""
    return "ABCDEF"[kind]


def beliefs_about(frame: Frame, j: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield each agent that believes something of agent j, with the levels [K] it believes in."""
    if frame.belief is not None:
        num_agents = len(frame.carried)
        for i in range(num_agents):
            for d in range(num_agents - 1):
                if (i + d + 1) % num_agents == j:
                    yield i, frame.belief[i, d]


def in_words(name: str) -> str:
    """Return a name as one would say it."""
    return name.replace("_", " ")


def _gift(world: World, e: int, giver: int, receiver: int) -> Gift:
    """Return what is known of the help that one agent gave another in the last step."""
    state = world.state
    last = state.last_helper[e, receiver] == giver
    return Gift(
        giver,
        receiver,
        kind=int(state.received[e, receiver]) if last else NOTHING,
        misattuned=bool(state.misattuned_given[e, giver]),
    )
