"""Who plays which seat: several actors in one world, and an AI beside people who were trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.populations import FOCAL, LEARNED_PERSON, check_seats, seat_of
from empathy_loop.envs.world import World
from empathy_loop.train.actors import Actor, Decision, LearnedActor


class MixedActor:
    """Several actors, each of which acts and believes in its own seats.

    Args:
        actors: Who plays each seat, A of them; one actor may play several.

    Attributes:
        name: Names of the actors that differ, in the order of their seats.
    """

    def __init__(self, actors: Sequence[Actor]) -> None:
        self.name = " with ".join(dict.fromkeys(actor.name for actor in actors))
        self._actors = tuple(actors)
        self._distinct = list(dict.fromkeys(actors))

    def view(self, params: WorldParams) -> WorldParams:
        """Return the world as it must be shown to all of them."""
        for actor in self._distinct:
            params = actor.view(params)
        return params

    def begin(self, params: WorldParams, num_worlds: int) -> None:
        """Let everyone forget everything."""
        for actor in self._distinct:
            actor.begin(params, num_worlds)

    def act(self, world: World, greedy: bool) -> Decision:
        """Ask everyone, and take of each the rows of its own seats.

        Returns:
            Decision; with a belief only where all of them tell one.
        """
        found = {actor: actor.act(world, greedy) for actor in self._distinct}
        decisions = [found[actor] for actor in self._actors]
        return Decision(
            _own_rows([one.actions for one in decisions]),
            _own_rows([one.belief for one in decisions]),
            _own_rows([one.p_crisis for one in decisions]),
        )


def cast_of(seats: Sequence[str], roles: Mapping[str, Actor]) -> MixedActor:
    """Return one actor that plays the focal AI and the learned persons of a world, each as itself.

    An AI is shown nobody's trust, a person its own. All share the world's keyed noise, so that two
    variants of the same seats differ by nothing but what happens in them.

    Args:
        seats: A seat for each agent, those in which it is to play.
        roles: Name of a seat, "focal" or "person:learned", to who plays all such seats.

    Returns:
        MixedActor, for `run_episodes` with the same seats or a variant with the same roles.

    Raises:
        ValueError: a focal seat has no actor, or an actor no seat; one that was trained as an AI is
            to play a person, or the other way round; or the seats cannot be.
    """
    names = [seat_of(seat).name for seat in check_seats(seats, len(seats))]
    focal = _roles_in(seats)
    if focal != roles.keys():
        raise ValueError(
            f"a cast must have an actor for {_listed(focal)} and for no other seat, got one for "
            f"{_listed(roles)}; the seats are {', '.join(seats)}"
        )
    for role, actor in roles.items():
        _demand_trained_for(role, actor)
    # Whoever sits in a partner's seat acts inside, whatever is said in its place.
    anyone = roles[names[0]]
    return MixedActor([roles.get(name, anyone) for name in names])


def check_role(actor: Actor, seats: Sequence[str]) -> None:
    """Refuse a trained actor that alone is to play seats of a kind it was not trained in.

    Args:
        actor: Plays all focal seats.
        seats: A seat for each agent; none for all focal.

    Raises:
        ValueError: an AI is to play a person, or the other way round; says what to do.
    """
    for role in _roles_in(seats):
        _demand_trained_for(role, actor)


def _roles_in(seats: Sequence[str]) -> set[str]:
    """Return the names of the kinds of focal seats that there are."""
    return {seat_of(seat).name for seat in seats} & {FOCAL, LEARNED_PERSON}


def _demand_trained_for(role: str, actor: Actor) -> None:
    """Raise ValueError where a trained actor has been trained for the other kind of seat."""
    if isinstance(actor, LearnedActor) and actor.is_person != (role == LEARNED_PERSON):
        found = "a person's seat, and reads its own trust" if actor.is_person else "an AI's seat"
        raise ValueError(
            f"agent {actor.name!r} was trained in {found}; it cannot play {role}. "
            "Give a run that was trained in such a seat; train.cast.cast_of seats one of each"
        )


def _listed(roles: Iterable[str]) -> str:
    return " and ".join(sorted(roles)) or "nobody"


def _own_rows(parts: Sequence[NDArray[Any] | None]) -> Any:
    """Return row i, of [E, A, ...], of the i-th of A arrays; None where one is missing."""
    rows = [part[:, seat] for seat, part in enumerate(parts) if part is not None]
    return np.stack(rows, axis=1) if len(rows) == len(parts) else None
