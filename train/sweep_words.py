"""What a report says in words of its sweeps: what was assumed about people, what was learned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from empathy_loop.envs.person import LEARNED, PERSON, PRESETS, PersonSeat
from empathy_loop.envs.populations import seat_of
from empathy_loop.train.evidence import Evidence
from empathy_loop.train.measures import Score, mean_score
from empathy_loop.train.plan import Comparison, plan_runs
from empathy_loop.train.sweeps import PRESET, VARIANT, Sweep, circumstances_of, points_of

USUAL = "reserved"
"""Preset whose numbers are told in full; of others what differs from it."""
TOLD = {
    "ai_to_people": "relieving helps for people",
    "misattuned_share": "of what people took from it hurt",
    "people_to_ai": "relieving helps of people for it and its fellows",
    "people_to_people": "of people for each other",
    "trust_end": "trust in the end",
    "welfare": "welfare of all",
    "ai_welfare": "of AI alone",
}
"""Readouts that are told of each learned arm, with words to follow the number."""


def assumed_of(comparison: Comparison) -> list[str]:
    """Return a sentence on each kind of person whom the arms of a comparison meet.

    They sit in its own seats, and in those of sweeps over presets and variants; the numbers that
    a sweep takes one by one stand in its map.
    """
    people = dict.fromkeys(_people_of(comparison))
    known = PersonSeat(USUAL, PRESETS[USUAL])
    others = [_apart(person) for person in people if person != known]
    return [_usual(), *others] if people else []


def learned_of(
    swept: Evidence, read: Mapping[str, Mapping[str, Mapping[str, Mapping[int, float | None]]]]
) -> list[str]:
    """Return a sentence on what each learned arm does, where the first claim says to look.

    Args:
        swept: What is there of the sweeps.
        read: Of `sweep_scores.read_all`.
    """
    claims = swept.comparison.claims
    if not claims:
        return []
    _, point = claims[0].sides[0]
    found = {arm: read[arm].get(point.name) for arm in swept.learned if arm in read}
    return [
        f"{arm} ({point.name}), in one world's episode: "
        + "; ".join(
            f"{_number(mean_score(swept, readouts[name]))} {words}" for name, words in TOLD.items()
        )
        + "."
        for arm, readouts in sorted(found.items())
        if readouts
    ]


def _people_of(comparison: Comparison) -> Iterator[PersonSeat]:
    """Yield all people of a comparison, many of them more than once."""
    config = plan_runs(comparison)[0].config
    seats = list(config.seats)
    for sweep in comparison.sweeps:
        chosen = {axis: sweep.axes[axis] for axis in (PRESET, VARIANT) if axis in sweep.axes}
        for point in points_of(Sweep(sweep.name, chosen)):
            seats += circumstances_of(point, comparison.env, config.world, config.seats).seats
    for seat in seats:
        person = seat_of(seat).person
        if person is not None:
            yield person


def _usual() -> str:
    numbers = ", ".join(f"{name} {value}" for name, value in asdict(PRESETS[USUAL]).items())
    return f"person:{USUAL} is written down and not observed: {numbers}."


def _apart(person: PersonSeat) -> str:
    """Return in what a person differs from the usual one."""
    usual, numbers = asdict(PRESETS[USUAL]), asdict(person.params)
    other = [f"{name} {value}" for name, value in numbers.items() if value != usual[name]]
    if person.model == LEARNED:
        return (
            f"{PERSON}{LEARNED} is a policy that has learned in the seat of a person and refuses "
            "nothing; it may see its trust and willingness, which move by these equations"
            + (f" with {', '.join(other)}." if other else ".")
        )
    differs = f"but for {', '.join(other)}" if other else "in all numbers"
    return f"{PERSON}{person.model} sits there too, as the preset {USUAL} {differs}."


def _number(score: Score) -> str:
    return "no" if score["mean"] is None else f"{score['mean']:z.2f}"
