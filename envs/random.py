"""Counter-based randomness: a stateless hash of seed, world, episode, step, agent and purpose.

The same coordinates give the same draw whatever the batch size, the thread or the order of
calls (the idea is that of Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3";
the mixing function is SplitMix64's, Steele, Lea and Flood 2014). docs/rules.md states the
arithmetic.
"""

from __future__ import annotations

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from empathy_loop.envs.kernel import batch, hot, rare

(
    PLACE,
    HAZARD,
    IDIOSYNCRATIC,
    STYLE,
    SHIFT_STEP,
    SHIFT_WHO,
    STRANGER_HAZARD,
    STRANGER_IDIOSYNCRATIC,
    STRANGER_STYLE,
    STRANGER_EXPRESSIVITY,
    REMAP,
    CRISIS,
    REACTION,
    FALSE_DISTRESS,
    FALSE_SYMBOL,
    EXPRESS,
    POLICY,
    JAM,
    ACTION,
    NEW_DOMINANT,
    MOVE_WHICH,
    MOVE_WHERE,
    SEVERE,
    PARTNER,
    REFUSE,
    THANKS,
    ROUND,
    DOSE,
    SCRAMBLE,
    UNWILLING,
) = range(30)
"""Purposes of draws; a purpose keeps its number for ever, new ones are added at the end (< 32)."""

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER_1 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLIER_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 1.0 / 9007199254740992.0


@hot
def mix(word):
    """Scramble 64 bits so that every input bit moves every output bit.

    Args:
        word: uint64. Any value.

    Returns:
        uint64. A bijection of `word`.
    """
    word = (word ^ (word >> uint64(30))) * _MULTIPLIER_1
    word = (word ^ (word >> uint64(27))) * _MULTIPLIER_2
    return word ^ (word >> uint64(31))


@hot
def fold(key, word):
    """Return a new key that depends on a key and one more word.

    Args:
        key: uint64. The key so far.
        word: int64, at least 0. What is added.

    Returns:
        uint64.
    """
    return mix(key + _GAMMA * (uint64(word) + uint64(1)))


@rare
def world_key(seed, world, episode):
    """Return the key of one episode of one world.

    Args:
        seed: int64, at least 0.
        world: int64, at least 0. Number of the world.
        episode: int64, at least 0. Number of the episode in that world.

    Returns:
        uint64.
    """
    return fold(fold(fold(uint64(0), seed), world), episode)


@hot
def draw(step_key, agent, purpose, index):
    """Draw a uniform number; the same arguments always give the same number.

    Args:
        step_key: uint64. `fold(world_key, t)`.
        agent: int64 in [0, 2^24). 0 where the draw belongs to no agent.
        purpose: int64 in [0, 32). One of the purposes above.
        index: int64 in [0, 4096). Which of several draws for one purpose.

    Returns:
        float64 in [0, 1).
    """
    counter = (uint64(agent) * uint64(32) + uint64(purpose)) * uint64(4096) + uint64(index)
    return float(mix(step_key + _GAMMA * (counter + uint64(1))) >> uint64(11)) * _TO_UNIT


@hot
def below(uniform, count):
    """Return a whole number in [0, count) from a uniform number in [0, 1)."""
    return int(uniform * count)


@rare
def permuted(step_key, agent, purpose, base, count, position):
    """Return which number stands at one place of a uniform random permutation (Fisher and Yates).

    It follows one place back through the swaps, so that no array is needed.

    Args:
        step_key: uint64. Key of the step.
        agent: int64. Agent of the draws.
        purpose: int64. Purpose of the draws.
        base: int64. First draw index; `base + 1 .. base + count - 1` are used.
        count: int64, at least 1. How many numbers are permuted: 0..count-1.
        position: int64 in [0, count). The place.

    Returns:
        int64 in [0, count).
    """
    found = position
    for i in range(1, count):
        j = below(draw(step_key, agent, purpose, base + i), i + 1)
        if found == i:
            found = j
        elif found == j:
            found = i
    return found


@batch
def fill_uniform(records, purpose, out, start, end):
    """Fill an array with one uniform number per world and agent at each world's own step.

    Args:
        records: record [E]. The worlds.
        purpose: int64. Purpose of the draws.
        out: float64 [E, A]. Written, in [0, 1).
        start: int64. First row to fill.
        end: int64. Row after the last one.
    """
    for e in range(max(start, 0), end):
        step_key = fold(records[e].key, records[e].step)
        for i in range(out.shape[1]):
            out[e, i] = draw(step_key, i, purpose, 0)


Uniforms = NDArray[np.float64]
"""Uniform numbers in [0, 1)."""
