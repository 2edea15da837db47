"""The keyed draws of docs/rules.md in plain Python integers, written from that page alone."""

from __future__ import annotations

GAMMA = 0x9E3779B97F4A7C15
WORD = 1 << 64

PURPOSES = (
    "PLACE",
    "HAZARD",
    "IDIOSYNCRATIC",
    "STYLE",
    "SHIFT_STEP",
    "SHIFT_WHO",
    "STRANGER_HAZARD",
    "STRANGER_IDIOSYNCRATIC",
    "STRANGER_STYLE",
    "STRANGER_EXPRESSIVITY",
    "REMAP",
    "CRISIS",
    "REACTION",
    "FALSE_DISTRESS",
    "FALSE_SYMBOL",
    "EXPRESS",
    "POLICY",
    "JAM",
    "ACTION",
    "NEW_DOMINANT",
    "MOVE_WHICH",
    "MOVE_WHERE",
    "SEVERE",
    "PARTNER",
    "REFUSE",
    "THANKS",
    "ROUND",
    "DOSE",
    "SCRAMBLE",
    "UNWILLING",
)


def mix(x: int) -> int:
    """Return a 64-bit word well mixed (the mixing function of SplitMix64)."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB % WORD
    return x ^ (x >> 31)


def fold(h: int, w: int) -> int:
    """Return the hash h with the word w folded in."""
    return mix((h + GAMMA * (w + 1)) % WORD)


def world_key(seed: int, world: int, episode: int) -> int:
    """Return the key of one world in one episode."""
    return fold(fold(fold(0, seed), world), episode)


def draw(step_key: int, agent: int, purpose: str, index: int) -> float:
    """Return the uniform number in [0, 1) that belongs to these four words."""
    counter = (agent * 32 + PURPOSES.index(purpose)) * 4096 + index
    return (mix((step_key + GAMMA * (1 + counter)) % WORD) >> 11) * 2.0**-53


def below(u: float, n: int) -> int:
    """Return a uniform number in [0, 1) as a whole number below n."""
    return int(u * n)


def permutation(step_key: int, agent: int, purpose: str, base: int, n: int) -> list[int]:
    """Return 0..n-1 in a random order (Fisher and Yates, from the back)."""
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = below(draw(step_key, agent, purpose, base + i), i + 1)
        order[i], order[j] = order[j], order[i]
    return order
