"""Seats: which agents the caller controls, and which partners act by themselves.

Partners act inside the environment, as the background population of Melting Pot does (Leibo et
al. 2021, ICML): the caller sees and steps the focal agents only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.doses import FULL, Doses, stop, thin
from empathy_loop.envs.inputs import checked_instance
from empathy_loop.envs.introspection import show_final_trust, show_trust
from empathy_loop.envs.kernel import batch, hot
from empathy_loop.envs.observation import Observation
from empathy_loop.envs.partners import NOBODY, ScriptedPolicies, policy_code
from empathy_loop.envs.people import People
from empathy_loop.envs.populations import (
    FOCAL,
    check_seats,
    count_focal,
    seat_of,
    seat_table,
    seats_learned_person,
)
from empathy_loop.envs.random import PARTNER, below, draw, fold
from empathy_loop.envs.stage import Stage
from empathy_loop.envs.state import State
from empathy_loop.envs.world import Transition, World


class SeatedWorld:
    """A batch of worlds in which partners sit in some of the seats.

    Who sits where is drawn anew for each world, episode and seat, keyed as all draws are; with
    only focal seats the worlds are those of `World`, bit for bit. A partner's traits hold until a
    shift replaces them. The caller steps the world through this view only.

    Args:
        world: The worlds; their episodes begin anew.
        seats: A seat for each agent, as `populations.seat_of` takes it: "focal", a population, a
            scripted policy or a person. Focal ones first; none for all focal.
        doses: How much of the help between AI and people comes about.

    Attributes:
        world: World. The whole of it, with all agents' `observation` and `transition`.
        params: WorldParams. The rules.
        seats: Seats of all agents.
        num_focal: Number of focal agents F, who are agents 0..F-1.
        observation: Observation of the focal agents, [E, F, ...]; views overwritten by each step.
        transition: Transition with reward, reward_terms, drive, helps, misattuned and
            final_observation of the focal agents only; welfare is that of the whole group.
        people: People, where somebody sits in a person's seat, else None.
        row_names: Names of the partners that may sit, such as "heldout/stoic".
        rows: int64 [E, A]. Who sits in each seat, an index of `row_names`; -1 if focal.
        actions: integer [E, A]. What everybody did in the last step; zeros before it.

    Raises:
        ValueError: a value is of another type, or the seats do not fit the world.
    """

    def __init__(self, world: World, seats: Sequence[str] = (), doses: Doses = FULL) -> None:
        self.world = checked_instance("world", world, World, "make one with World(...)")
        self.params = world.params
        self.seats = check_seats(seats, world.params.num_agents)
        self.num_focal = count_focal(self.seats)
        self._table, self.row_names = seat_table(self.seats)
        shape = (world.num_worlds, world.params.num_agents)
        self.rows = np.full(shape, -1, np.int64)
        self.actions: NDArray[np.integer[Any]] = np.zeros(shape, np.int8)
        filters = policy_code("filter") in self._table.policy
        found = [seat_of(seat) for seat in self.seats]
        for text, seat in zip(self.seats, found, strict=True):
            if seat.acts_from >= world.params.horizon:
                raise ValueError(
                    f"seat {text!r} acts from step {seat.acts_from}, but an episode has "
                    f"{world.params.horizon}; lower from, or raise horizon"
                )
        self.people = None
        if world.params.show_trust and not seats_learned_person(self.seats):
            raise ValueError(
                "show_trust shows persons whose acts are the caller's their own trust, but none of "
                f"the seats {', '.join(self.seats)} is person:learned; seat one, or leave it off"
            )
        if any(seat.person for seat in found):
            self.people = People(world, [seat.person for seat in found])
        self._stage = Stage([seat.acts_from for seat in found], [s.acts_until for s in found])
        self._is_plain = set(self.seats) == {FOCAL}
        self._doses = checked_instance("doses", doses, Doses, "make them with Doses(...)")
        self._policies = ScriptedPolicies(
            world.params, np.full(shape, NOBODY, np.int8), bool(filters), self.people
        )
        self._make_views()
        self.reset()

    @property
    def state(self) -> State:
        """State of all agents, partners included; live views."""
        return self.world.state

    def reset(self, episode: int = 0, first_step: NDArray[np.int_] | None = None) -> Observation:
        """Begin an episode in every world; arguments and errors are those of `World.reset`.

        Returns:
            Observation of the focal agents, [E, F, ...]; overwritten by the next step.
        """
        self.world.reset(episode, first_step)
        # Otherwise a second play of the same episode would begin with the memory of the first.
        self._policies.minds.key[:] = 0
        self._seat(np.ones(self.world.num_worlds, np.bool_))
        self._complete()
        return self.observation

    def step(self, actions: NDArray[np.integer[Any]]) -> Transition:
        """Let partners choose, and advance every world by one step.

        Args:
            actions: integer [E, F], in [0, N). Actions of the focal agents.

        Returns:
            Transition of the focal agents; views overwritten by the next step.

        Raises:
            ValueError: wrong shape or dtype, an unknown action, or an episode that is over.
        """
        # Before partners act, who would otherwise have looked twice at a step refused once.
        checked = self.world.checked(actions, self.num_focal, ", one for each focal agent")
        return self.step_checked(checked)

    def step_checked(self, actions: NDArray[np.int8]) -> Transition:
        """Do what `step` does with actions that are int8 [E, F] and known to be right."""
        if self._is_plain:
            return self._stepped(actions)
        everybody = np.zeros((len(actions), len(self.seats)), np.int8)
        everybody[:, : self.num_focal] = actions
        if self.people is not None:
            self.people.look_ahead(self.world)
        everybody[:, self.num_focal :] = self._policies.act(self.world)[:, self.num_focal :]
        self._stage.hold(self.world, everybody)
        if self.people is not None:
            thin(self.world, everybody)
        self._stepped(everybody)
        self._stage.turn(self.world)
        self._complete()
        return self.transition

    def _stepped(self, actions: NDArray[np.int8]) -> Transition:
        """Advance the worlds by everybody's actions, and begin the next episode where one ended."""
        self.actions = actions
        transition = self.world.step_checked(actions)
        begins = transition.truncated if self.world.autoreset else None
        if self.people is not None:
            goes_on = np.ones(len(actions), np.bool_) if begins is None else ~begins
            self.people.look_back(self.world, goes_on)
            show_final_trust(self.people, self.world)
        if begins is not None and begins.any():
            self._seat(begins)
        return self.transition

    def get_state(self) -> dict[str, NDArray[Any]]:
        """Return copies of all arrays from which `set_state` continues identically."""
        own = {name: one.copy() for name, one in self._own().items()}
        return {**self.world.get_state(), **own, "seats.names": np.array(self.seats)}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Continue from what `get_state` returned.

        Args:
            arrays: Name to array, of a batch with the same params, size and seats.

        Raises:
            ValueError: a name is missing or unknown, an array has another shape or dtype, or the
                seats are others; nothing is changed then.
        """
        own, names = self._own(), tuple(map(str, arrays.get("seats.names", ())))
        if names != self.seats:
            raise ValueError(
                f"seats must be those of the saved state, {', '.join(names) or 'none'}, "
                f"got {', '.join(self.seats)}; make the world with the same seats"
            )
        for name, array in own.items():
            given = arrays.get(name)
            if given is None or given.shape != array.shape or given.dtype != array.dtype:
                found = "none" if given is None else f"{given.dtype} {given.shape}"
                raise ValueError(
                    f"{name} must be {array.dtype} {array.shape}, got {found}; "
                    "make the world with the same params, num_worlds and seats"
                )
        not_the_worlds = {*own, "seats.names"}
        self.world.set_state({k: one for k, one in arrays.items() if k not in not_the_worlds})
        for name, array in own.items():
            array[...] = arrays[name]
        self._complete()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the views: a copy of a view is none of the copied arrays."""
        return {k: v for k, v in vars(self).items() if k not in ("observation", "transition")}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        """Make the views anew."""
        vars(self).update(saved)
        self._make_views()

    def _make_views(self) -> None:
        """Look at the focal agents' rows of the world's arrays."""
        self.observation = _focal_observation(self.world.observation, self.num_focal)
        self.transition = _focal_transition(self.world.transition, self.num_focal)

    def _own(self) -> dict[str, NDArray[Any]]:
        """Return by name the arrays that are not the world's."""
        minds, inferred = self._policies.minds, self._policies.inferred
        return {
            "seats.rows": self.rows,
            "seats.codes": self._policies.codes,
            **{f"minds.{name}": array for name, array in minds._asdict().items()},
            "filter.weight": inferred.weight,
            "filter.age": inferred.age,
            **self._people_arrays(),
        }

    def _people_arrays(self) -> dict[str, NDArray[Any]]:
        """Return by name the arrays of the people, none where there are none."""
        if self.people is None:
            return {}
        return {f"people.{name}": array for name, array in self.people.state._asdict().items()}

    def _complete(self) -> None:
        """Put into the observation what seats add to it: who waits or is stopped, who trusts."""
        self._stage.mask(self.world)
        stop(self.world, self.people, self._doses)
        show_trust(self.people, self.world)

    def _seat(self, begins: NDArray[np.bool_]) -> None:
        """Draw who sits where in the worlds whose episode begins, and give them their traits."""
        _seat_batch(self.world.records, begins, self._table, self.rows, self._policies.codes)
        if self.people is not None:
            self.people.begin(self.world, begins)


def seat_partners(world: World, seats: tuple[str, ...]) -> World | SeatedWorld:
    """Return worlds in which partners sit in their seats; if all are focal, the worlds as given.

    Args:
        world: The worlds, just reset.
        seats: Checked seats of all agents.
    """
    return world if set(seats) == {FOCAL} else SeatedWorld(world, seats)


def _focal_observation(observation: Observation, num_focal: int) -> Observation:
    """Return views of the first agents' rows."""
    return Observation(
        features=observation.features[:, :num_focal],
        exterior=observation.exterior[:, :num_focal],
        action_mask=observation.action_mask[:, :num_focal],
    )


def _focal_transition(transition: Transition, num_focal: int) -> Transition:
    """Return views of the first agents' rows, and of what belongs to the world."""
    per_agent = ("reward", "reward_terms", "drive", "helps", "misattuned")
    parts = {name: getattr(transition, name)[:, :num_focal] for name in per_agent}
    final = _focal_observation(transition.final_observation, num_focal)
    return transition._replace(**parts, final_observation=final)


@batch
def _seat_batch(records, begins, table, rows, codes):
    """Write who sits where, and their traits, in every world whose episode begins.

    The traits are read from the second step on, so that they can be set after the reset.
    """
    for e in range(begins.shape[0]):
        if begins[e]:
            world = records[e]
            step_key = fold(world.key, 0)
            for i in range(rows.shape[1]):
                if table.num[i] > 0:
                    u = draw(step_key, i, PARTNER, 0)
                    rows[e, i] = table.first[i] + below(u, table.num[i])
                    codes[e, i] = table.policy[rows[e, i]]
                    _give_traits(world, i, table, rows[e, i])


@hot
def _give_traits(world, i, table, row):
    """Replace those hidden traits of agent i that its partner prescribes."""
    if table.expressivity[row] >= 0.0:
        world.expressivity[i] = table.expressivity[row]
    if table.inverted[row]:
        num_kinds = world.style.shape[1]
        for k in range(num_kinds):
            world.style[i, k] = (k + 1) % num_kinds
