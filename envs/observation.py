"""What agents see: features in a fixed layout, the exterior view, and the action mask.

`empathy_loop.envs.observing` writes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.params import NUM_PLAIN_ACTIONS, WorldParams
from empathy_loop.envs.state import HELP_BASE


class Observation(NamedTuple):
    """What a policy is given; all it is given.

    Attributes:
        features: float32 [E, A, D], in [-1, 1]. Self block, then one block for each other.
        exterior: float32 [E, A, X], in [-1, 1]. The agent in the layout of an other-block, as
            the others see it.
        action_mask: bool [E, A, N]. Whether each action's condition holds now.
    """

    features: NDArray[np.float32]
    exterior: NDArray[np.float32]
    action_mask: NDArray[np.bool_]


def empty_observation(params: WorldParams, num_worlds: int) -> Observation:
    """Return a zeroed observation of a batch of worlds."""
    layout = ObservationLayout.of(params)
    shape = (num_worlds, params.num_agents)
    return Observation(
        features=np.zeros((*shape, layout.size), np.float32),
        exterior=np.zeros((*shape, layout.other_size), np.float32),
        action_mask=np.zeros((*shape, params.num_actions), np.bool_),
    )


@dataclass(frozen=True, slots=True)
class ObservationLayout:
    """Where each quantity stands in the features of an observation.

    Attributes:
        self_block: Name to slice of the features, for the agent itself.
        other_block: Name to slice of one other-block, relative to its start.
        num_others: Number of other-blocks, O.
        num_kinds: Number of need kinds, K.
        num_actions: Number of actions, N.
    """

    self_block: dict[str, slice]
    other_block: dict[str, slice]
    num_others: int
    num_kinds: int
    num_actions: int

    @classmethod
    def of(cls, params: WorldParams) -> ObservationLayout:
        """Return the layout of the world's observations.

        It depends on the sizes, `show_needs` and `show_trust` only.
        """
        kinds, cues = params.num_kinds, 4 + params.num_kinds
        needs = (("need", kinds),) if params.show_needs else ()
        felt = (("trust", 1), ("willingness", 1)) if params.show_trust else ()
        return cls(
            self_block=_slices(
                ("need", kinds),
                ("carried", kinds),
                ("position", 2),
                ("cue", cues),
                ("last_action", params.num_actions),
                ("received", kinds),
                ("station", 2 * kinds),
            ),
            other_block=_slices(
                ("visible", 1),
                ("offset", 2),
                ("in_reach", 1),
                ("carried", kinds),
                ("cue", cues),
                ("social_act", 3),
                ("received", kinds),
                ("helped_me", 1),
                ("thanked_me", 1),
                *needs,
                *felt,
            ),
            num_others=params.num_others,
            num_kinds=kinds,
            num_actions=params.num_actions,
        )

    @property
    def self_size(self) -> int:
        """Number of features of the self block."""
        return int(max(part.stop for part in self.self_block.values()))

    @property
    def other_size(self) -> int:
        """Number of features of one other-block, and of the exterior view (X)."""
        return int(max(part.stop for part in self.other_block.values()))

    @property
    def size(self) -> int:
        """Number of features in all (D)."""
        return self.self_size + self.num_others * self.other_size

    @property
    def impersonal(self) -> list[int]:
        """Columns of an other-block that do not depend on who looks; what a belief may read."""
        parts = [part for name, part in self.other_block.items() if name not in _PERSONAL]
        return [column for part in parts for column in _columns(part)]

    def columns_of(self, other: ObservationLayout) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return where a narrower layout of the same world has its columns in this one.

        Args:
            other: A layout of the same sizes, all of whose quantities this one has too.

        Returns:
            intp [D'] of the features and intp [X'] of the exterior view, in the other's order.
        """
        own = [column for part in self.self_block.values() for column in _columns(part)]
        block = np.concatenate([np.r_[self.other_block[name]] for name in other.other_block])
        starts = self.self_size + self.other_size * np.arange(self.num_others)
        return np.concatenate([own, (starts[:, None] + block).ravel()]).astype(np.intp), block

    def describe(self) -> str:
        """Return the layout as a Markdown table: columns of the features, name, meaning."""
        rows = ["| features | block | name | meaning |", "|---|---|---|---|"]
        for name, part in self.self_block.items():
            rows.append(_row(part, 0, "self", name, _MEANINGS[name]))
        for d in range(1, self.num_others + 1):
            start = self.self_size + (d - 1) * self.other_size
            for name, part in self.other_block.items():
                meaning = "other need" if name == "need" else name
                rows.append(_row(part, start, f"other {d}", name, _MEANINGS[meaning]))
        return "\n".join(rows)


_MEANINGS = {
    "need": "own need levels, by kind",
    "carried": "kind of the item carried, one-hot, none = zeros",
    "position": "row and column, -1 to 1 across the board",
    "cue": "cue on show, one-hot: relief, annoyed, gratitude, kindness, then distress symbols",
    "last_action": "own last action, one-hot, zeros in the first step",
    "received": "kind of the item just received, one-hot, none = zeros",
    "station": "row and column offset of each kind's station, in board sides",
    "visible": "1 if this other is seen; all else is 0 if not",
    "offset": "row and column offset of this other, in board sides",
    "in_reach": "1 if near enough to help",
    "social_act": "last social act, one-hot: thank, offer, help",
    "helped_me": "1 if it helped this agent in the last step",
    "thanked_me": "1 if it thanked this agent in the last step",
    "other need": "its true need levels, by kind",
    "trust": "of a person: its trust in this other, 1 in a person; of an AI 0",
    "willingness": "of a person: its willingness toward AI, if this other is one; of an AI 0",
}

_PERSONAL = {
    *("visible", "offset", "in_reach", "helped_me", "thanked_me", "trust", "willingness"),
}
"""Quantities of an other-block that depend on who looks."""


def _slices(*parts: tuple[str, int]) -> dict[str, slice]:
    """Lay named parts of given sizes one after another."""
    slices, start = {}, 0
    for name, size in parts:
        slices[name] = slice(start, start + size)
        start += size
    return slices


def _columns(part: slice) -> Iterable[int]:
    return range(part.start, part.stop)


def _row(part: slice, start: int, block: str, name: str, meaning: str) -> str:
    first, last = start + part.start, start + part.stop - 1
    columns = str(first) if first == last else f"{first}-{last}"
    return f"| {columns} | {block} | {name} | {meaning} |"


assert HELP_BASE + 1 == NUM_PLAIN_ACTIONS, "help actions follow the plain ones"
