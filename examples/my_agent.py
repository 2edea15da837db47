"""An agent of your own: it remembers who showed distress, and brings what they seem to need.

Run it from this folder: empathy-loop evaluate my_agent:MyAgent --shift cue_remap
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.observation import Observation, ObservationLayout
from empathy_loop.envs.params import WorldParams

LAYOUT = ObservationLayout.of(WorldParams())
STAY, NORTH, SOUTH, WEST, EAST, FIRST_HELP = 0, 1, 2, 3, 4, 8
Array = NDArray[Any]


class MyAgent:
    """Reads a face by the canonical rule, believes it less with each step, and walks to help.

    Each row is one agent of one world; `state` comes back as it was returned, None at first.
    """

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)

    def act(self, observation: Observation, state: Array | None) -> tuple[Array, Array]:
        """Return an action for each row, and the believed needs [rows, others, kinds]."""
        every = np.arange(len(observation.features))
        mine = {name: observation.features[:, part] for name, part in LAYOUT.self_block.items()}
        blocks = observation.features[:, LAYOUT.self_size :].reshape(
            len(every), LAYOUT.num_others, LAYOUT.other_size
        )
        theirs = {name: blocks[:, :, part] for name, part in LAYOUT.other_block.items()}

        # The first four cues are relief, annoyance, gratitude and kindness; the rest is distress.
        distress, received = theirs["cue"][:, :, 4:], theirs["received"]
        faded = np.zeros_like(distress) if state is None else 0.9 * state
        need = np.where(received > 0, 0.0, np.where(distress > 0, 0.8, faded))

        # Steps to fetch the item, none if it is in hand, and to bring it; offsets are in boards.
        carried = mine["carried"][:, None, :, None]
        fetch = mine["station"].reshape(len(every), 1, -1, 2) * (1 - carried)
        bring = theirs["offset"][:, :, None] - fetch
        steps = 4 * (np.abs(fetch) + np.abs(bring)).sum(-1)
        best = (need / (steps + 1)).reshape(len(every), -1).argmax(-1)
        other, kind = np.divmod(best, LAYOUT.num_kinds)

        in_hand = mine["carried"][every, kind] > 0
        goal = np.where(in_hand[:, None], theirs["offset"][every, other], fetch[every, 0, kind])
        along_rows = np.abs(goal[:, 0]) >= np.abs(goal[:, 1])
        walk = np.where(along_rows, NORTH + (goal[:, 0] > 0), WEST + (goal[:, 1] > 0))
        jammed = (self.random.random(len(every)) < 0.15) | ~goal.any(-1)
        walk = np.where(jammed, self.random.integers(NORTH, EAST + 1, len(every)), walk)
        help_them = FIRST_HELP + other
        can_help = in_hand & observation.action_mask[every, help_them]
        worth_it = need[every, other, kind] > 0.3
        return np.where(worth_it, np.where(can_help, help_them, walk), STAY), need
