"""Who may act when: seats whose agents only watch until a step, or from a step on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.state import NEUTRAL, NOTHING, STAY
from empathy_loop.envs.world import World


class Stage:
    """The times at which each agent may act; at all others it must stay, and sees what happens.

    When an agent's time begins or ends its needs become 0 and its face neutral, so that what comes
    then does not hang on what it could not do. No reward marks it, and no draw depends on it.

    Args:
        acts_from: For each agent the first step in which it may act, at least 0.
        acts_until: For each agent the step in which it may act no more, or None.

    Attributes:
        is_plain: bool. Whether everybody may act at any time.
    """

    def __init__(self, acts_from: Sequence[int], acts_until: Sequence[int | None]) -> None:
        self._from = np.array(acts_from, np.int64)
        ends = [np.iinfo(np.int64).max if end is None else end for end in acts_until]
        self._until = np.array(ends, np.int64)
        self.is_plain = not any(acts_from) and all(end is None for end in acts_until)

    def waits(self, world: World) -> NDArray[np.bool_]:
        """Return who may not act in the coming step: bool [E, A]."""
        step = world.state.step[:, None]
        return (step < self._from) | (step >= self._until)

    def hold(self, world: World, actions: NDArray[Any]) -> None:
        """Write STAY into the actions [E, A] of all who may not act."""
        if not self.is_plain:
            actions[self.waits(world)] = STAY

    def turn(self, world: World) -> None:
        """Clear the needs of those whose time begins or ends with the coming step.

        Writes: need, drive, cue and what is known of severe crises; and the observation.
        """
        if self.is_plain:
            return
        step = world.state.step[:, None]
        turns = (step > 0) & ((step == self._from) | (step == self._until))
        if turns.any():
            for array in (world.state.need, world.state.severe, world.state.help_left):
                array[turns] = 0
            world.state.first_helper[turns] = NOTHING
            world.state.drive[turns] = 0.0
            world.state.cue[turns] = NEUTRAL
            world.observe()

    def mask(self, world: World) -> None:
        """Let the action mask of all who may not act say so."""
        if self.is_plain:
            return
        mask = world.observation.action_mask
        mask[self.waits(world)] = False
        mask[..., STAY] = True
