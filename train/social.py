"""What goes on between AI and people in evaluated episodes: who helps whom, and who trusts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.populations import seat_of
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.state import REFUSED

CHANNELS: dict[str, str] = {
    "ai_to_ai": "helps of AI that relieved another AI",
    "ai_to_people": "helps of AI that relieved a person",
    "people_to_ai": "helps of people that relieved an AI",
    "people_to_people": "helps of people that relieved another person",
    "misattuned_to_people": "helps of AI that hurt a person",
    "refused": "helps of AI that a person refused",
    "trust": "trust of a person in an AI, mean over pairs",
    "willingness": "willingness of a person toward AI, mean over people",
    "crossed": "share of pairs of a person and an AI whose trust has been at the barrier or above",
    "ai_welfare": "unshaped welfare of the step, of AI alone, mean over them",
    "people_welfare": "unshaped welfare of the step, of people alone, mean over them",
}
"""What is counted in each step, as means over worlds; helps of all agents are added up."""


READOUTS: dict[str, str] = {
    "people_to_ai": "helps of people that relieved an AI, in one world's episode",
    "ai_to_people": "helps of AI that relieved a person, in one world's episode",
    "people_to_people": "helps of people that relieved another person, in one world's episode",
    "ai_to_ai": "helps of AI that relieved another AI, in one world's episode",
    "misattuned_share": "share of the helps that people took from AI which hurt them",
    "refused_share": "share of the helps offered to people by AI that they refused",
    "trust": "trust of people in AI, 0 to 1, mean over steps",
    "trust_end": "trust of people in AI after the last step",
    "willingness_end": "willingness of people toward AI after the last step",
    "barrier_steps": "steps until trust is at the barrier of acceptance; the horizon counts where "
    "it never is",
    "welfare": "unshaped welfare of an episode, from `count_from` on, mean over all agents",
    "ai_welfare": "the same of AI alone: less the cost of the help that they gave, whoever got it",
    "people_welfare": "the same of people alone",
}
"""What is read from the cell of a point; helps and means over steps from `count_from` on."""

Flags = NDArray[np.bool_]


class SocialLog:
    """Counts what happens in the steps of one evaluation.

    People whose time to act ends before the episode does are left out of trust, willingness and
    the barrier, unless all are such: they are part of what the others watch.

    Args:
        seated: The worlds, at the beginning of an episode; people sit in some seats.

    Attributes:
        values: float32 [T, C]. Each channel of CHANNELS after each step, mean over worlds.
    """

    def __init__(self, seated: SeatedWorld) -> None:
        assert seated.people is not None
        self._world, self._people = seated.world, seated.people
        seats = [seat_of(seat) for seat in seated.seats]
        people = [i for i, seat in enumerate(seats) if seat.person is not None]
        self._watched = [i for i in people if seats[i].acts_until is None] or people
        persons = [seats[i].person for i in self._watched]
        barriers = [one.params.acceptance_barrier for one in persons if one is not None]
        self._barrier = np.array(barriers)[None, :, None]
        self._crossed = self._trust() >= self._barrier
        self.values = np.zeros((seated.params.horizon, len(CHANNELS)), np.float32)

    def look(self, t: int) -> None:
        """Write down step number t, which was just done; no world may have begun anew."""
        state, person = self._world.state, self._people.is_person
        given = state.helped == 1
        relieving = given & (state.misattuned_given == 0)[..., None]
        self._crossed |= self._trust() >= self._barrier
        self.values[t] = (
            _between(relieving, ~person, ~person),
            _between(relieving, ~person, person),
            _between(relieving, person, ~person),
            _between(relieving, person, person),
            _between(given & ~relieving, ~person, person),
            _between(self._world.refusals == REFUSED, person, ~person),
            self._trust().mean(),
            self._people.state.willingness[:, self._watched].mean(),
            self._crossed.mean(),
            self._welfare(~person),
            self._welfare(person),
        )

    def _welfare(self, agents: Flags) -> float:
        """Return unshaped welfare of the step, at most 0, mean over some agents [A] and worlds.

        As `envs.rules.reward.measure_welfare` has it of all agents of a world.
        """
        state, kappa = self._world.state, self._world.params.drive_weight
        # Not the drive of the state: where a time to act begins, needs are cleared after the step.
        lost = kappa * self._world.transition.drive + state.cost + state.hurt
        return -float(lost[:, agents].mean())

    def _trust(self) -> NDArray[np.float64]:
        """Return the trust of people in AI, [E, P, F]."""
        trust = self._people.state.trust[:, self._watched]
        return trust[:, :, ~self._people.is_person]


def _between(acts: Flags, givers: Flags, others: Flags) -> float:
    """Return how many acts [E, A, A] of some agents concern some others, mean over worlds."""
    return float(acts[:, givers][:, :, others].sum((1, 2)).mean())


def read_out(
    social: NDArray[np.float32], welfare: NDArray[np.float64], count_from: int
) -> dict[str, float | None]:
    """Return the readouts of one evaluation.

    Args:
        social: float32 [T, C]. `SocialLog.values`.
        welfare: float64 [T, E], at most 0. Unshaped welfare of all that counts.
        count_from: First step that counts for helps and means over steps.

    Returns:
        Name in READOUTS to its value; None for a share of nothing.
    """
    steps = dict(zip(CHANNELS, social.astype(np.float64).T, strict=True))
    counted = {name: float(values[count_from:].sum()) for name, values in steps.items()}
    taken = counted["ai_to_people"] + counted["misattuned_to_people"]
    return {
        **{name: counted[name] for name in READOUTS if name.endswith(("_to_ai", "_to_people"))},
        "misattuned_share": _share(counted["misattuned_to_people"], taken),
        "refused_share": _share(counted["refused"], taken + counted["refused"]),
        "trust": float(steps["trust"][count_from:].mean()),
        "trust_end": float(steps["trust"][-1]),
        "willingness_end": float(steps["willingness"][-1]),
        "barrier_steps": float((1.0 - steps["crossed"]).sum()),
        "welfare": float(welfare.sum(0).mean()),
        "ai_welfare": counted["ai_welfare"],
        "people_welfare": counted["people_welfare"],
    }


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
