"""Simulated people: every number of a person, the presets, and how a seat names them.

Each preset is an assumption about people and no finding about them; docs/rules.md states the
equations that the numbers stand in.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.params import Probability, Range, check_ranges
from empathy_loop.envs.reading import amend, close_matches

PERSON = "person:"
"""What the name of a person's seat begins with, such as person:reserved."""
LEARNED = "learned"
"""Person whose acts are the caller's: it is focal, and its trust moves nothing but what it sees
where `show_trust` is set."""

Slope = Annotated[float, Range(0, 1000)]
Steps = Annotated[int, Range(1, 1000)]


@dataclass(frozen=True, slots=True)
class PersonParams:
    """The numbers of one person; immutable, validated when made.

    Raises:
        ValueError: a field is out of its range; names the field, the value and what is allowed.
    """

    trust_start: Probability = 0.3
    """Trust in every AI at the start, which it drifts to, 0 to 1; assumed."""
    trust_gain: Probability = 0.15
    """Share of the missing trust that a help which is not misattuned wins, 0 to 1; assumed, in the
    form of Rescorla and Wagner 1972."""
    trust_loss: Probability = 0.3
    """Share of trust that a misattuned help costs, 0 to 1; assumed, twice the gain: losses weigh
    more (Kahneman and Tversky 1979)."""
    trust_loss_ignored: Probability = 0.05
    """Share of trust that ignored distress costs, 0 to 1; assumed."""
    trust_gain_thanked: Probability = 0.1
    """Share of the missing trust that thanks for a help win, 0 to 1; assumed."""
    trust_loss_unthanked: Probability = 0.05
    """Share of trust that a help without thanks costs, 0 to 1; assumed."""
    trust_gain_observed: Probability = 0.05
    """Share of the missing trust that help of another person wins who watches it, 0 to 1; assumed
    (vicarious, as in Najar et al. 2020)."""
    trust_gain_offered: Probability = 0.02
    """Share of the missing trust that an offer wins, once until a help follows, 0 to 1; assumed."""
    trust_drift: Probability = 0.005
    """Share of the way back to trust_start that trust goes in a step, 0 to 1; assumed."""
    ignored_after: Steps = 4
    """Chances to relieve shown distress that an AI passes by until it counts as ignored, 1 to 1000;
    assumed."""
    thanks_within: Steps = 4
    """Steps within which a help is to be thanked for, 1 to 1000; assumed."""
    acceptance_slope: Slope = 10.0
    """Steepness of acceptance over trust, 0 to 1000; assumed."""
    acceptance_barrier: Probability = 0.15
    """Trust at which every other help is refused, 0 to 1; assumed."""
    help_slope: Slope = 10.0
    """Steepness over trust of the weight of an AI's need, 0 to 1000; assumed."""
    help_midpoint: Probability = 0.5
    """Trust at which an AI's need weighs half, 0 to 1; assumed."""
    exploitation: Probability = 0.0
    """Share by which an AI's need weighs less whatever it has done, 0 to 1; the trait is that of
    Karpus et al. 2021 (iScience), its values are assumed."""
    willingness_start: Probability = 0.8
    """Willingness toward AI at the start, 0 to 1; assumed."""
    p_unwilling: Probability = 0.0
    """Probability that willingness toward AI starts at 0 instead, drawn for each episode, 0 to 1;
    assumed."""
    willingness_gain: Probability = 0.05
    """Share of the missing willingness that watching another person help an AI wins, 0 to 1;
    assumed (vicarious value shaping, Najar et al. 2020)."""
    willingness_people: Probability = 0.9
    """Weight of another person's need, 0 to 1; assumed."""
    spillover: Annotated[float, Range(0, 10)] = 0.0
    """Change of the weight of a person's need for each unit that willingness toward AI has changed
    by (sigma), 0 to 10; no source, to be swept."""
    rounds: bool = False
    """Whether rounds of a repeated prisoner's dilemma decide whom to help, in place of trust."""
    round_steps: Steps = 32
    """Steps of a round, 1 to 1000; assumed, long enough to need help and to get it."""
    p_first: Probability = 0.5
    """Probability of cooperation in the first round, 0 to 1; assumed, near the 0.46 of the data
    that the next four are from."""
    p_cc: Probability = 0.92
    """Probability of cooperation after both did, 0 to 1; this and the next three are shares of all
    168,386 human decisions in the repeated prisoner's dilemmas of several studies, counted in the
    data of Nay and Vorobeychik 2016 (PLOS ONE 11:e0155656; NV_games of the R package datafsm)."""
    p_cd: Probability = 0.4
    """Probability of cooperation after oneself did and the other did not, 0 to 1."""
    p_dc: Probability = 0.29
    """Probability of cooperation after the other did and oneself did not, 0 to 1."""
    p_dd: Probability = 0.07
    """Probability of cooperation after neither did, 0 to 1."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            value, kind = getattr(self, entry.name), type(entry.default)
            if type(value) is not kind:
                raise ValueError(f"{entry.name} must be of type {kind.__name__}, got {value!r}")
        check_ranges(self)


PRESETS: dict[str, PersonParams] = {
    "reserved": PersonParams(),
    "warm": PersonParams(trust_start=0.6, willingness_start=1.0),
    "exploiter": PersonParams(exploitation=1.0),
    "ipd": PersonParams(rounds=True, willingness_start=1.0),
}
"""Assumed people by name; a seat person:reserved,spillover=0.5 changes numbers of one."""


@dataclass(frozen=True, slots=True)
class PersonSeat:
    """Who sits in a person's seat."""

    model: str
    """A name in PRESETS, "learned", or `package.module:Class` for a model of the user's own."""
    params: PersonParams
    """The numbers; those of `reserved`, where no preset says others, with the seat's changes."""


def person_of(name: str, settings: dict[str, float | bool], seat: str) -> PersonSeat:
    """Return the person that a seat names.

    Args:
        name: What follows "person:".
        settings: Field of PersonParams to its value.
        seat: The whole seat, for errors.

    Raises:
        ValueError: an unknown model, or a setting that is unknown or refused; names the seat.
    """
    if name not in PRESETS and name != LEARNED and ":" not in name:
        known = (*PRESETS, LEARNED)
        raise ValueError(
            f"seat {seat!r}: unknown person {name!r}; {close_matches(name, known)} "
            "(or package.module:Class for one of your own)"
        )
    params = PRESETS.get(name, PersonParams())
    return PersonSeat(name, amend(params, settings, f"seat {seat!r}"))


PERSON_DTYPE = np.dtype(
    [(entry.name, type(entry.default)) for entry in fields(PersonParams)]
    + [("is_person", bool), ("is_learned", bool), ("is_custom", bool)],
    align=True,
)
"""One row of the table of people: the numbers, and what kind of person it is, if any."""


def person_table(people: list[PersonSeat | None]) -> NDArray[np.void]:
    """Return the numbers of the people of a world for the kernels.

    Args:
        people: For each agent its person, or None for an AI.

    Returns:
        record [A] of PERSON_DTYPE; zeros for an AI.
    """
    table = np.zeros(len(people), PERSON_DTYPE)
    for row, person in zip(table, people, strict=True):
        if person is not None:
            for entry in fields(PersonParams):
                row[entry.name] = getattr(person.params, entry.name)
            row["is_person"] = True
            row["is_learned"] = person.model == LEARNED
            row["is_custom"] = ":" in person.model
    return table
