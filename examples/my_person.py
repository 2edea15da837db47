"""A person of your own: one who forgives nothing, and returns each help with the next chance.

Run it from this folder: empathy-loop evaluate reader --env human_loop_v0
    --seats focal focal person:my_person:Grudge person:my_person:Grudge,trust_start=0.5
"""

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.people import Events
from empathy_loop.envs.person import PersonParams

Array = NDArray[np.float64]


class Grudge:
    """Trusts whoever helped, at once and in full, until it is hurt or ignored once.

    Each row is one world, each column another agent; `params` are the numbers of the seat.
    """

    def __init__(self, params: PersonParams) -> None:
        self.params = params

    def accept(self, trust: Array) -> Array:
        """Return the probability of taking each AI's help: from anyone who has not hurt it."""
        return np.where(trust > 0.0, 1.0, 0.0)

    def weigh(self, trust: Array, willingness: Array) -> Array:
        """Return how much each other's need counts; trust is 1 in people."""
        return trust * willingness[:, None]

    def learn(self, events: Events, trust: Array, willingness: Array) -> tuple[Array, Array]:
        """Return the trust and the willingness after what has just happened."""
        trust = np.where((events.relieved > 0) & (trust > 0.0), 1.0, trust)
        spoiled = (events.hurt > 0) | (events.ignored > 0)
        return np.where(spoiled, 0.0, trust), willingness
