"""What the agents of a reference world see, block by block, from docs/rules.md alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from reference_draws import below, draw, fold
from reference_world import MOVES, World


def features(world: World) -> NDArray[np.float32]:
    """Return features: float32 [A, D], the self block and then one block for each other."""
    rows = []
    for i in world.agents:
        row = self_block(world, i)
        for d in range(1, world.params.num_agents):
            row += other_block(world, i, world.other(i, d))
        rows.append(row)
    return np.array(rows, np.float32)


def exterior(world: World) -> NDArray[np.float32]:
    """Return exterior: float32 [A, X], each agent as others see it, free of any viewer."""
    rows = [
        [1.0, 0.0, 0.0, 0.0, *looks(world, i), 0.0, 0.0, *shown_needs(world, i), *felt(world)]
        for i in world.agents
    ]
    return np.array(rows, np.float32)


def action_mask(world: World) -> NDArray[np.bool_]:
    """Return action_mask: bool [A, 8 + A - 1], what each agent may ask for."""
    return np.array([legal_actions(world, i) for i in world.agents], np.bool_)


def legal_actions(world: World, i: int) -> list[bool]:
    """Return for each action of agent i whether it is legal."""
    row, column = world.position[i]
    holds = world.carried[i] >= 0
    return [
        True,
        *[world.is_on_board(row + down, column + right) for down, right in MOVES.values()],
        holds,
        world.last_helper[i] >= 0,
        world.params.offers,
        *[holds and is_in_reach(world, i, d) for d in range(1, world.params.num_agents)],
    ]


def is_in_reach(world: World, i: int, d: int) -> bool:
    """Return whether agent i reaches its other number d."""
    return world.distance(i, world.other(i, d)) <= world.params.help_reach


def one_hot(entry: int, size: int) -> list[float]:
    """Return a block with a one at an entry, all zeros for an entry of -1."""
    return [1.0 if n == entry else 0.0 for n in range(size)]


def cue_columns(world: World, j: int) -> list[float]:
    """Return the cue of agent j, as far as it is seen."""
    hidden: set[int] = set()
    scrambled = world.params.p_scrambled_cue
    if not world.params.show_positive_cues or scrambled > 0:
        hidden = {1, 3, 4}
    if not world.params.show_cues:
        hidden = set(range(5 + world.params.num_kinds))
    cue = 0 if world.cue[j] in hidden else world.cue[j]
    if cue == 0 and world.params.show_cues and scrambled > 0:
        key = fold(world.key, world.step_count)
        if draw(key, j, "SCRAMBLE", 0) < scrambled:
            cue = [1, 3, 4][below(draw(key, j, "SCRAMBLE", 1), 3)]
    return one_hot(cue - 1, 4 + world.params.num_kinds)


def sees_signals(world: World) -> bool:
    """Return whether thanks and offers are seen."""
    shown = world.params.show_positive_cues and world.params.p_scrambled_cue == 0
    return world.params.show_cues and shown


def shown_needs(world: World, j: int) -> list[float]:
    """Return the needs of agent j if they are seen, and else nothing."""
    return list(world.need[j]) if world.params.show_needs else []


def felt(world: World) -> list[float]:
    """Return trust and willingness, if they are shown, of an AI."""
    return [0.0, 0.0] if world.params.show_trust else []


def self_block(world: World, i: int) -> list[float]:
    """Return what agent i knows of itself."""
    k, side = world.params.num_kinds, world.params.grid_size - 1
    row, column = world.position[i]
    stations = [((r - row) / side, (c - column) / side) for r, c in world.station]
    return [
        *world.need[i],
        *one_hot(world.carried[i], k),
        2 * row / side - 1,
        2 * column / side - 1,
        *cue_columns(world, i),
        *one_hot(world.last_action[i], 8 + world.params.num_agents - 1),
        *one_hot(world.received[i], k),
        *[number for offset in stations for number in offset],
    ]


def looks(world: World, j: int) -> list[float]:
    """Return how agent j looks, whoever sees it: carried, cue, social act, received."""
    k = world.params.num_kinds
    thank, offer, help = one_hot(world.social_act[j] - 1, 3)
    return [
        *one_hot(world.carried[j], k),
        *cue_columns(world, j),
        thank if sees_signals(world) else 0.0,
        offer if sees_signals(world) else 0.0,
        help,
        *one_hot(world.received[j], k),
    ]


def other_block(world: World, i: int, j: int) -> list[float]:
    """Return what agent i sees of agent j."""
    side = world.params.grid_size - 1
    down = world.position[j][0] - world.position[i][0]
    right = world.position[j][1] - world.position[i][1]
    block = [
        1.0,
        down / side,
        right / side,
        1.0 if abs(down) + abs(right) <= world.params.help_reach else 0.0,
        *looks(world, j),
        float(world.helped[j][i]),
        float(world.thanked[j][i]) if sees_signals(world) else 0.0,
        *shown_needs(world, j),
        *felt(world),
    ]
    if max(abs(down), abs(right)) > world.params.view_radius:
        return [0.0 for _ in block]
    return block
