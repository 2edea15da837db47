"""A batch of mutual-aid worlds, stepped together; every other interface is a view of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.inputs import (
    LARGEST,
    checked_count,
    checked_flag,
    checked_params,
    checked_whole,
    whole_numbers,
)
from empathy_loop.envs.observation import (
    Observation,
    ObservationLayout,
    empty_observation,
)
from empathy_loop.envs.params import WorldParams, rules_of
from empathy_loop.envs.random import ACTION, fill_uniform
from empathy_loop.envs.reset import check_first_steps
from empathy_loop.envs.rules.reward import REWARD_TERMS
from empathy_loop.envs.state import State, empty_records
from empathy_loop.envs.step import observe_batch, reset_batch, step_batch
from empathy_loop.envs.threads import run_in_rows


class Transition(NamedTuple):
    """What one step of a batch brought; the arrays are overwritten by the next step.

    Attributes:
        reward: float32 [E, A]. Sum of the reward terms.
        reward_terms: float32 [E, A, R]. Named terms, in the order of REWARD_TERMS.
        welfare: float64 [E], at most 0. Unshaped welfare of the step, the score.
        drive: float64 [E, A], in [0, K]. Drive after the step.
        helps: int8 [E, A]. Helps that each agent gave.
        misattuned: int8 [E, A]. Those of them that were misattuned.
        truncated: bool [E]. Whether the episode reached its horizon. There is no termination.
        final_observation: Observation. Where truncated, the last observation of that episode;
            other rows hold what they held before.
    """

    reward: NDArray[np.float32]
    reward_terms: NDArray[np.float32]
    welfare: NDArray[np.float64]
    drive: NDArray[np.float64]
    helps: NDArray[np.int8]
    misattuned: NDArray[np.int8]
    truncated: NDArray[np.bool_]
    final_observation: Observation


class World:
    """A batch of E worlds with the same rules and different draws.

    Args:
        params: The rules.
        num_worlds: Number of worlds E, at least 1.
        seed: Seed of all draws, 0 to 2^63 - 1. World w of seed s is the same in any batch.
        first_world: Number of the batch's first world, at least 0.
        autoreset: Whether a truncated world begins its next episode inside `step`
            (Gymnasium's SAME_STEP mode). Otherwise it must be reset by hand.
        num_threads: Threads that share the worlds, at least 1. More pay from about a thousand
            worlds on; what comes out does not depend on them.

    Raises:
        ValueError: a value is of another type or out of its range.
    """

    def __init__(
        self,
        params: WorldParams,
        num_worlds: int,
        seed: int,
        first_world: int = 0,
        autoreset: bool = True,
        num_threads: int = 1,
    ) -> None:
        self.params = checked_params(params)
        self.num_worlds = checked_count("num_worlds", num_worlds)
        self.seed = checked_whole("seed", seed)
        most = LARGEST - self.num_worlds + 1
        self.first_world = checked_whole("first_world", first_world, most)
        self.autoreset = checked_flag("autoreset", autoreset)
        self.num_threads = checked_count("num_threads", num_threads)
        self.layout = ObservationLayout.of(params)
        self._rules = rules_of(params)
        self.records = empty_records(params, self.num_worlds)
        self.state = State.of(self.records)
        self.observation = empty_observation(params, self.num_worlds)
        self.transition = _empty_transition(params, self.num_worlds)
        # Whose help is refused in the coming step: an input of the rules, and no part of the state.
        self.refusals = np.zeros((self.num_worlds, 0, 0), np.uint8)
        # Whose help for whom an intervention stops in the coming step; without one, it has no rows.
        self.stopped = np.zeros((self.num_worlds, 0, 0), np.bool_)
        self.reset()

    def reset(self, episode: int = 0, first_step: NDArray[np.int_] | None = None) -> Observation:
        """Begin an episode in every world.

        Args:
            episode: Number of the episode, at least 0; part of every draw's key.
            first_step: int [E] in [0, horizon), or None for 0. Step at which each world wakes;
                training staggers the worlds of a batch with it. A shift that lies before
                a world's first step does not come in that episode.

        Returns:
            Observation: the live views, overwritten by the next step.

        Raises:
            ValueError: `episode` is no such number, or a first step lies outside the episode.
        """
        episode = checked_whole("episode", episode)
        steps = check_first_steps(self.params, self.num_worlds, first_step)
        self._in_rows(
            reset_batch,
            self.records,
            self.observation,
            self.transition,
            self.seed,
            self.first_world,
            episode,
            steps,
        )
        return self.observation

    def step(self, actions: NDArray[np.integer[Any]]) -> Transition:
        """Advance every world by one step.

        Args:
            actions: integer [E, A], in [0, N). An action whose condition does not hold does
                nothing.

        Returns:
            Transition: live views, overwritten by the next step, as is `self.observation`.

        Raises:
            ValueError: wrong shape or dtype, an unknown action, or, without autoreset, an
                episode that is already over.
        """
        return self.step_checked(self.checked(actions))

    def step_checked(self, actions: NDArray[np.int8]) -> Transition:
        """Advance every world by one step, as `step` does once it has checked the actions.

        Args:
            actions: int8 [E, A]. What `checked` returned; nothing is checked again.

        Returns:
            Transition: live views, overwritten by the next step.
        """
        self._in_rows(
            step_batch,
            self.records,
            self.observation,
            self.transition,
            actions,
            self.refusals,
            self.seed,
            self.first_world,
            self.autoreset,
        )
        return self.transition

    def noise(self) -> NDArray[np.float64]:
        """Return keyed uniform numbers for sampling this step's actions.

        Returns:
            float64 [E, A] in [0, 1): a new array. The same world, step and agent always give
            the same number, so that runs repeat and twins share it.
        """
        out = np.empty((self.num_worlds, self.params.num_agents))
        fill_uniform(self.records, ACTION, out, 0, self.num_worlds)
        return out

    def get_state(self) -> dict[str, NDArray[Any]]:
        """Return copies of all arrays from which `set_state` continues identically.

        The seed and the first world's number are among them, so that later episodes are the same.
        """
        return {name: array.copy() for name, array in self._arrays().items()}

    def set_state(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Continue from what `get_state` returned.

        Args:
            arrays: Name to array, of a batch with the same params and size.

        Raises:
            ValueError: a name is missing or unknown, or an array has another shape or dtype.
        """
        own = self._arrays()
        if arrays.keys() != own.keys():
            raise ValueError(
                "set_state takes exactly the names that get_state returns; these differ: "
                f"{sorted(arrays.keys() ^ own.keys())}"
            )
        for name, array in own.items():
            given = np.asarray(arrays[name])
            if given.shape != array.shape or given.dtype != array.dtype:
                raise ValueError(
                    f"{name} must be {array.dtype} {array.shape}, got {given.dtype} "
                    f"{given.shape}; make the world with the same params and num_worlds"
                )
        for name, array in own.items():
            array[...] = arrays[name]
        self.seed, self.first_world = int(own["seed"]), int(own["first_world"])
        self.observe()

    def observe(self) -> None:
        """Write the observation of the present state, after something has changed it."""
        self._in_rows(observe_batch, self.records, self.observation)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the views: a copy of a view is none of the copied records."""
        return {name: value for name, value in vars(self).items() if name != "state"}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        """Make the views anew."""
        vars(self).update(saved)
        self.state = State.of(self.records)

    def _in_rows(self, kernel: Callable[..., None], *arguments: Any) -> None:
        """Run a kernel on all worlds."""
        threads = min(self.num_threads, self.num_worlds)
        run_in_rows(kernel, (self._rules, *arguments), self.num_worlds, threads)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Return by name all that decides how the batch goes on; arrays of the state are live."""
        return {
            **{f"state.{name}": array for name, array in self.state._asdict().items()},
            "truncated": self.transition.truncated,
            "seed": np.array(self.seed, np.int64),
            "first_world": np.array(self.first_world, np.int64),
        }

    def checked(
        self, actions: NDArray[np.integer[Any]], num_acting: int | None = None, meaning: str = ""
    ) -> NDArray[np.int8]:
        """Return actions as `step` needs them.

        Args:
            actions: integer [E, F], in [0, N).
            num_acting: Number of agents F whose actions they are; None for all.
            meaning: What a column stands for, for errors, such as ", one for each agent".

        Returns:
            int8 [E, F]; not a copy if they are that already.

        Raises:
            ValueError: what `step` would raise.
        """
        shape = (self.num_worlds, num_acting or self.params.num_agents)
        actions = whole_numbers("actions", actions, shape, meaning)
        # Read as unsigned, a negative number is a large one: one look instead of two. And of few
        # numbers, to count is many times faster than to reduce.
        unsigned = actions.view(f"u{actions.dtype.itemsize}")
        if np.count_nonzero(unsigned >= self.params.num_actions):
            raise ValueError(
                f"actions must be in [0, {self.params.num_actions - 1}], "
                f"got {actions.min()} to {actions.max()}"
            )
        if not self.autoreset and np.count_nonzero(self.transition.truncated):
            raise ValueError(
                "the episode is over; call reset() before step(), or make the world "
                "with autoreset=True"
            )
        return actions.astype(np.int8, copy=False)


def _empty_transition(params: WorldParams, num_worlds: int) -> Transition:
    """Return a zeroed transition of a batch."""
    shape = (num_worlds, params.num_agents)
    return Transition(
        reward=np.zeros(shape, np.float32),
        reward_terms=np.zeros((*shape, len(REWARD_TERMS)), np.float32),
        welfare=np.zeros(num_worlds),
        drive=np.zeros(shape),
        helps=np.zeros(shape, np.int8),
        misattuned=np.zeros(shape, np.int8),
        truncated=np.zeros(num_worlds, np.bool_),
        final_observation=empty_observation(params, num_worlds),
    )
