"""Unsignalled shifts: what changes inside an episode, for whom, and when."""

from __future__ import annotations

import math

import numpy as np

from empathy_loop.envs.kernel import hot, rare
from empathy_loop.envs.params import SHIFT_FAMILIES
from empathy_loop.envs.random import (
    REMAP,
    SHIFT_STEP,
    SHIFT_WHO,
    STRANGER_EXPRESSIVITY,
    STRANGER_HAZARD,
    STRANGER_IDIOSYNCRATIC,
    STRANGER_STYLE,
    below,
    draw,
    permute,
)
from empathy_loop.envs.rules.traits import draw_hazard, draw_style

NO_SHIFT = SHIFT_FAMILIES.index("none")
PARTNER_SWAP = SHIFT_FAMILIES.index("partner_swap")
CUE_REMAP = SHIFT_FAMILIES.index("cue_remap")

_REMAP_STRIDE = 64


@rare
def draw_shift_step(rules, step_key):
    """Draw the step of the shift, uniform over the middle third; int64."""
    first, end = rules.horizon // 3, 2 * rules.horizon // 3
    return first + below(draw(step_key, 0, SHIFT_STEP, 0), max(1, end - first))


@hot
def apply_shift(rules, state, e, step_key):
    """Change the affected agents of one world if its shift comes in this step.

    Writes: hazard, style and expressivity of the affected agents. Needs stay.

    Args:
        rules: Rules.
        state: State.
        e: int64. The world.
        step_key: uint64. Key of the step.
    """
    if rules.shift != NO_SHIFT and state.step[e] == state.shift_step[e]:
        _shift_agents(rules, state, e, step_key)


@rare
def _shift_agents(rules, state, e, step_key):
    """Change the affected agents of one world."""
    num_agents = state.carried.shape[1]
    who = np.empty(num_agents, np.int64)
    permute(step_key, 0, SHIFT_WHO, 0, who)
    # The small term keeps a severity such as 1/3 of 3 agents from rounding up to 2.
    for n in range(math.ceil(rules.shift_severity * num_agents - 1e-9)):
        if rules.shift == PARTNER_SWAP:
            _become_stranger(rules, state, e, who[n], step_key)
        elif rules.shift == CUE_REMAP:
            _remap_cues(state, e, who[n], step_key)


@rare
def _become_stranger(rules, state, e, i, step_key):
    """Give agent i the hidden traits of a stranger; its place, item and needs stay."""
    draw_hazard(rules, step_key, i, STRANGER_HAZARD, state.hazard[e, i])
    draw_style(rules, step_key, i, STRANGER_IDIOSYNCRATIC, STRANGER_STYLE, state.style[e, i])
    low, high = rules.stranger_expressivity_low, rules.stranger_expressivity_high
    state.expressivity[e, i] = low + (high - low) * draw(step_key, i, STRANGER_EXPRESSIVITY, 0)


@rare
def _remap_cues(state, e, i, step_key):
    """Redraw agent i's symbols until they differ from the present ones."""
    present = state.style[e, i].copy()
    attempt = 0
    same = True
    while same:
        permute(step_key, i, REMAP, _REMAP_STRIDE * attempt, state.style[e, i])
        same = True
        for k in range(present.shape[0]):
            same = same and state.style[e, i, k] == present[k]
        attempt += 1
