"""Unsignalled shifts: what changes inside an episode, for whom, and when."""

from __future__ import annotations

import math

from empathy_loop.envs.kernel import hot, rare
from empathy_loop.envs.params import SHIFT_FAMILIES
from empathy_loop.envs.random import (
    MOVE_WHERE,
    MOVE_WHICH,
    NEW_DOMINANT,
    REMAP,
    SHIFT_STEP,
    SHIFT_WHO,
    STRANGER_EXPRESSIVITY,
    STRANGER_HAZARD,
    STRANGER_IDIOSYNCRATIC,
    STRANGER_STYLE,
    below,
    draw,
    permuted,
)
from empathy_loop.envs.rules.traits import draw_hazard, draw_style

NO_SHIFT = SHIFT_FAMILIES.index("none")
PARTNER_SWAP = SHIFT_FAMILIES.index("partner_swap")
CUE_REMAP = SHIFT_FAMILIES.index("cue_remap")
NEED_DYNAMICS = SHIFT_FAMILIES.index("need_dynamics")
RESOURCE_MOVE = SHIFT_FAMILIES.index("resource_move")

_REMAP_STRIDE = 64


@rare
def draw_shift_step(rules, step_key):
    """Draw the step of the shift, uniform over the middle third; int64."""
    first, end = rules.horizon // 3, 2 * rules.horizon // 3
    return first + below(draw(step_key, 0, SHIFT_STEP, 0), max(1, end - first))


@hot
def apply_shift(rules, world, step_key):
    """Change the affected agents or stations of one world if its shift comes in this step.

    Writes: hazard, style and expressivity of the affected agents, whose needs stay; or station.

    Args:
        rules: Rules.
        world: record. One world of a batch.
        step_key: uint64. Key of the step.
    """
    if rules.shift != NO_SHIFT and world.step == world.shift_step:
        if rules.shift == RESOURCE_MOVE:
            _move_stations(rules, world, step_key)
        else:
            _shift_agents(rules, world, step_key)


@rare
def _num_affected(rules, count):
    """Return how many of a number of agents or stations are affected; int64."""
    # The small term keeps a severity such as 1/3 of 3 agents from rounding up to 2.
    return math.ceil(rules.shift_severity * count - 1e-9)


@rare
def _shift_agents(rules, world, step_key):
    """Change the affected agents of one world, who are drawn."""
    num_agents = world.carried.shape[0]
    for n in range(_num_affected(rules, num_agents)):
        i = permuted(step_key, 0, SHIFT_WHO, 0, num_agents, n)
        if rules.shift == PARTNER_SWAP:
            _become_stranger(rules, world, i, step_key)
        elif rules.shift == CUE_REMAP:
            _remap_cues(world, i, step_key)
        elif rules.shift == NEED_DYNAMICS:
            _turn_hazards(world, i, step_key)


@rare
def _become_stranger(rules, world, i, step_key):
    """Give agent i the hidden traits of a stranger; its place, item and needs stay."""
    draw_hazard(rules, step_key, i, STRANGER_HAZARD, world.hazard[i])
    draw_style(rules, step_key, i, STRANGER_IDIOSYNCRATIC, STRANGER_STYLE, world.style[i])
    low, high = rules.stranger_expressivity_low, rules.stranger_expressivity_high
    world.expressivity[i] = low + (high - low) * draw(step_key, i, STRANGER_EXPRESSIVITY, 0)


@rare
def _remap_cues(world, i, step_key):
    """Redraw agent i's symbols until they differ from the present ones."""
    num_kinds = world.style.shape[1]
    base = 0
    while not _is_new_style(world, i, step_key, base):
        base += _REMAP_STRIDE
    for k in range(num_kinds):
        world.style[i, k] = permuted(step_key, i, REMAP, base, num_kinds, k)


@rare
def _is_new_style(world, i, step_key, base):
    """Return whether the permutation from one draw index on differs from agent i's symbols."""
    num_kinds = world.style.shape[1]
    is_new = False
    for k in range(num_kinds):
        is_new = is_new or world.style[i, k] != permuted(step_key, i, REMAP, base, num_kinds, k)
    return is_new


@rare
def _turn_hazards(world, i, step_key):
    """Make another kind agent i's dominant one: turn its hazards round by 1 to K - 1 kinds."""
    num_kinds = world.hazard.shape[1]
    for _ in range(1 + below(draw(step_key, i, NEW_DOMINANT, 0), num_kinds - 1)):
        last = world.hazard[i, num_kinds - 1]
        for k in range(num_kinds - 1, 0, -1):
            world.hazard[i, k] = world.hazard[i, k - 1]
        world.hazard[i, 0] = last


@rare
def _move_stations(rules, world, step_key):
    """Move the affected stations of one world, one after another."""
    num_kinds = world.station.shape[0]
    num_free = rules.grid_size * rules.grid_size - num_kinds
    for n in range(_num_affected(rules, num_kinds)):
        k = permuted(step_key, 0, MOVE_WHICH, 0, num_kinds, n)
        _move_station(rules, world, k, below(draw(step_key, 0, MOVE_WHERE, k), num_free))


@rare
def _move_station(rules, world, kind, rank):
    """Move one station to the cell of some rank among those that hold no station."""
    for cell in range(rules.grid_size * rules.grid_size):
        row, column = cell // rules.grid_size, cell % rules.grid_size
        taken = False
        for k in range(world.station.shape[0]):
            taken = taken or (world.station[k, 0] == row and world.station[k, 1] == column)
        if not taken:
            if rank == 0:
                world.station[kind, 0] = row
                world.station[kind, 1] = column
                return
            rank -= 1
