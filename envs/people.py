"""The people of a batch of worlds: what they think of the AI among them, step by step.

Around each step of the worlds, `look_ahead` says what people will take and give, and `look_back`
what they make of what happened. A person of the user's own is a class with the three methods of
`PersonModel`, which takes the place of the built-in equations for one seat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.kernel import batch, hot
from empathy_loop.envs.params import rules_of
from empathy_loop.envs.person import PersonParams, PersonSeat, person_table
from empathy_loop.envs.random import ROUND, UNWILLING, draw, fold
from empathy_loop.envs.reading import load_class
from empathy_loop.envs.rules import trust as rule
from empathy_loop.envs.world import World

Floats = NDArray[np.float64]
Flags = NDArray[np.uint8]


class PeopleState(NamedTuple):
    """All that people carry from step to step; entry [e, h, i] is person h's about agent i.

    Hidden from whatever acts. Rows of agents that are no persons are 0.

    Attributes:
        trust: float64 [E, A, A], in [0, 1]. Trust in an AI; 1 in another person, for good.
        willingness: float64 [E, A], in [0, 1]. Willingness toward AI.
        ignored: int16 [E, A, A]. Chances to relieve h's distress that i has passed by.
        thanks_due: int16 [E, A, A]. Steps left for i to thank h for a help; 0 if nothing is due.
        offered: uint8 [E, A, A]. 1 where i has offered help and not helped h since.
        cooperates: uint8 [E, A, A]. 1 where h cooperates with i in this round.
        answered: uint8 [E, A, A]. 1 where i has helped h in this round.
        asked: uint8 [E, A]. 1 where h has shown distress in this round since it was last relieved.
    """

    trust: Floats
    willingness: Floats
    ignored: NDArray[np.int16]
    thanks_due: NDArray[np.int16]
    offered: Flags
    cooperates: Flags
    answered: Flags
    asked: Flags


class Answers(NamedTuple):
    """What people are ready for in one step; entry [e, h, i] is person h's toward agent i.

    Attributes:
        accepts: float64 [E, A, A], in [0, 1]. Probability that h takes i's help.
        weight: float64 [E, A, A], in [0, 1]. Factor of i's apparent need in h's eyes.
        chance: uint8 [E, A, A]. 1 where i could relieve the distress that h shows.
    """

    accepts: Floats
    weight: Floats
    chance: Flags


class Events(NamedTuple):
    """What happened to people in one step; entry [e, h, i] is what AI i did to person h.

    Attributes:
        relieved: uint8 [E, A, A]. 1 where i gave h a help that was not misattuned.
        hurt: uint8 [E, A, A]. 1 where i gave h a misattuned help.
        ignored: uint8 [E, A, A]. 1 where h's distress has now been ignored by i.
        thanked: uint8 [E, A, A]. 1 where i thanked h for a help.
        unthanked: uint8 [E, A, A]. 1 where the time for that is over.
        offered: uint8 [E, A, A]. 1 where h saw i offer help, for the first time since a help.
        helped_person: uint8 [E, A, A]. 1 where h saw i help another person.
        helped_ai: uint8 [E, A]. Helps of AI by other persons that h saw.
    """

    relieved: Flags
    hurt: Flags
    ignored: Flags
    thanked: Flags
    unthanked: Flags
    offered: Flags
    helped_person: Flags
    helped_ai: Flags


class PersonModel(Protocol):
    """A person of the user's own, in one seat of E worlds; made with its PersonParams.

    It remembers nothing but trust and willingness, so that saved states are complete. Arrays are
    [E, A] over all agents; columns of persons, the one itself among them, are not used but in the
    weights, where they are those of the others' needs.
    """

    def __init__(self, params: PersonParams) -> None:
        """Take the numbers of the seat."""

    def accept(self, trust: Floats) -> Floats:
        """Return the probability that it takes each AI's help: float64 [E, A] in [0, 1]."""

    def weigh(self, trust: Floats, willingness: Floats) -> Floats:
        """Return the factor of each other's apparent need: float64 [E, A] in [0, 1].

        `trust` is 1 in the columns of persons; `willingness` is [E].
        """

    def learn(self, events: Events, trust: Floats, willingness: Floats) -> tuple[Floats, Floats]:
        """Return the new trust [E, A] and willingness [E], in [0, 1]; `events` are its own rows."""


class People:
    """The people in some seats of a batch of worlds, with what they think of the others.

    Args:
        world: The worlds; whose help is refused is written into `world.refusals`.
        seats: For each agent its person, or None for an AI.

    Attributes:
        state: PeopleState, live.
        answers: Answers of the present step.
        events: Events of the last step.
        is_person: bool [A]. Which agents are persons.

    Raises:
        ValueError: a model of the user's own cannot be found or lacks a method.
    """

    def __init__(self, world: World, seats: Sequence[PersonSeat | None]) -> None:
        self._table, self._rules = person_table(list(seats)), rules_of(world.params)
        self.is_person = self._table["is_person"].copy()
        self._custom = {
            h: _custom_model(seat.model, seat.params)
            for h, seat in enumerate(seats)
            if seat is not None and ":" in seat.model
        }
        agents = (world.num_worlds, world.params.num_agents)
        pairs = (*agents, world.params.num_agents)
        self.state = PeopleState(
            trust=np.zeros(pairs),
            willingness=np.zeros(agents),
            ignored=np.zeros(pairs, np.int16),
            thanks_due=np.zeros(pairs, np.int16),
            offered=np.zeros(pairs, np.uint8),
            cooperates=np.zeros(pairs, np.uint8),
            answered=np.zeros(pairs, np.uint8),
            asked=np.zeros(agents, np.uint8),
        )
        self.answers = Answers(np.zeros(pairs), np.zeros(pairs), np.zeros(pairs, np.uint8))
        shapes = [pairs] * (len(Events._fields) - 1) + [agents]
        self.events = Events(*(np.zeros(shape, np.uint8) for shape in shapes))
        world.refusals = np.zeros(pairs, np.uint8)

    def begin(self, world: World, begins: NDArray[np.bool_]) -> None:
        """Make people strangers to all AI in the worlds whose episode begins: bool [E]."""
        _begin_batch(world.records, begins, self._table, self.state)
        for array in self.events:
            array[begins] = 0

    def look_ahead(self, world: World) -> None:
        """Write the answers of this step, and into `world.refusals` whose help is refused.

        Draws are keyed by world, step, person and AI.
        """
        _weigh_batch(self._table, self.state, self.answers)
        for h, model in self._custom.items():
            trust, willingness = self.state.trust[:, h].copy(), self.state.willingness[:, h].copy()
            self.answers.accepts[:, h] = _shares(model, "accept", model.accept(trust))
            weights = model.weigh(trust, willingness)
            self.answers.weight[:, h] = _shares(model, "weigh", weights)
        _look_ahead_batch(self._rules, world.records, self._table, self.answers, world.refusals)

    def look_back(self, world: World, goes_on: NDArray[np.bool_]) -> None:
        """Move trust and willingness by the step just done, in worlds whose episode goes on.

        Args:
            world: The worlds after the step.
            goes_on: bool [E]. False where the step began another episode.
        """
        _look_back_batch(
            self._rules,
            world.records,
            goes_on,
            self._table,
            self.state,
            self.answers.chance,
            world.refusals,
            self.events,
        )
        for h, model in self._custom.items():
            events = Events(*(array[:, h].copy() for array in self.events))
            trust, willingness = self.state.trust[:, h], self.state.willingness[:, h]
            found = model.learn(events, trust.copy(), willingness.copy())
            rows = goes_on[:, None] & ~self.is_person
            trust[rows] = np.broadcast_to(_shares(model, "learn", found[0]), rows.shape)[rows]
            willingness[goes_on] = _shares(model, "learn", found[1])[goes_on]


def _custom_model(name: str, params: PersonParams) -> PersonModel:
    """Return a person of the user's own, or raise ValueError naming what is wrong."""
    found = load_class(name, "person")
    for method in ("accept", "weigh", "learn"):
        if not callable(getattr(found, method, None)):
            raise ValueError(
                f"person {name!r}: the class has no method {method}; "
                "empathy_loop.envs.people.PersonModel says what it needs"
            )
    model: PersonModel = found(params)
    return model


def _shares(model: PersonModel, method: str, values: Any) -> Floats:
    """Return what a model gave as float64, or raise ValueError if not all of it is in [0, 1]."""
    shares = np.asarray(values, np.float64)
    if not ((shares >= 0.0) & (shares <= 1.0)).all():
        raise ValueError(
            f"{type(model).__name__}.{method} must return numbers in [0, 1], "
            f"got {shares.min()} to {shares.max()}"
        )
    return shares


@batch
def _begin_batch(records, begins, table, minds):
    """Write the state of people at the beginning of an episode."""
    for e in range(records.shape[0]):
        if begins[e]:
            world = records[e]
            step_key = fold(world.key, world.step)
            for h in range(table.shape[0]):
                _begin(table, h, e, minds, step_key)


@hot
def _begin(table, h, e, minds, step_key):
    """Make person h of one world a stranger to all AI; for no person, write zeros."""
    person = table[h]
    is_unwilling = draw(step_key, h, UNWILLING, 0) < person.p_unwilling
    minds.willingness[e, h] = 0.0 if is_unwilling else person.willingness_start
    minds.asked[e, h] = 0
    for i in range(table.shape[0]):
        knows = person.is_person and table[i].is_person
        minds.trust[e, h, i] = 1.0 if knows else person.trust_start
        minds.ignored[e, h, i] = 0
        minds.thanks_due[e, h, i] = 0
        minds.offered[e, h, i] = 0
        minds.answered[e, h, i] = 0
        minds.cooperates[e, h, i] = draw(step_key, h, ROUND, i) < person.p_first


@batch
def _weigh_batch(table, minds, answers):
    """Write the built-in acceptance and weights."""
    for e in range(answers.weight.shape[0]):
        for h in range(table.shape[0]):
            person = table[h]
            for i in range(table.shape[0]):
                answers.accepts[e, h, i] = 1.0
                trust, willingness = minds.trust[e, h, i], minds.willingness[e, h]
                if table[i].is_person:
                    answers.weight[e, h, i] = rule.weight_of_person(person, willingness)
                else:
                    answers.weight[e, h, i] = rule.weight_of_ai(
                        person, trust, willingness, minds.cooperates[e, h, i] == 1
                    )
                    if not person.is_learned:
                        answers.accepts[e, h, i] = rule.acceptance(person, trust)


@batch
def _look_ahead_batch(rules, records, table, answers, refusals):
    """Write chances and refusals of all people."""
    for e in range(records.shape[0]):
        step_key = fold(records[e].key, records[e].step)
        for h in range(table.shape[0]):
            if table[h].is_person:
                rule.look_ahead(rules, records[e], table, h, e, answers, refusals, step_key)


@batch
def _look_back_batch(rules, records, goes_on, table, minds, chance, refusals, events):
    """Write the events of the step for all people, and what the built-in ones make of them."""
    for e in range(records.shape[0]):
        if goes_on[e]:
            world = records[e]
            step_key = fold(world.key, world.step)
            for h in range(table.shape[0]):
                if table[h].is_person:
                    rule.note_help(world, table, h, e, minds, chance, refusals, events)
                    rule.note_signals(rules, world, table, h, e, minds, events)
                    rule.note_kindness(rules, world, table, h, e, events)
                    if not table[h].is_custom:
                        rule.learn(table, h, e, minds, events)
                    rule.end_round(world, table, h, e, minds, step_key)
