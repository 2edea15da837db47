"""Many worlds at once for any trainer: arrays by scenario name, and the view of gymnasium."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from empathy_loop.envs.inputs import (
    check_saved,
    checked_count,
    checked_flag,
    checked_seed,
    refuse_masked,
    whole_numbers,
)
from empathy_loop.envs.observation import Observation, ObservationLayout
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.populations import count_focal
from empathy_loop.envs.scenarios import resolve, seats_of
from empathy_loop.envs.seats import SeatedWorld, seat_partners
from empathy_loop.envs.world import World

Floats = NDArray[np.float32]


def make_vector(
    scenario: str | WorldParams,
    num_worlds: int,
    seed: int,
    num_threads: int = 1,
    seats: Sequence[str] | str | None = None,
    **world: Any,
) -> World | SeatedWorld:
    """Return a batch of worlds of a scenario: arrays [E, F, ...] of the focal agents in and out.

    A world that reaches its horizon begins its next episode in the same step; the last observation
    of the old one is then in `transition.final_observation`. All arrays are overwritten by the next
    step, and stay where they are in memory: `torch.from_numpy(batch.observation.features)` made
    once shows every later observation without a copy. Clone what you keep. Where partners sit
    beside the focal agents, the arrays are views that skip the partners' rows.

    Args:
        scenario: Name of the scenario, or rules of your own.
        num_worlds: Number of worlds E, at least 1.
        seed: Seed of all draws, 0 to 2^63 - 1.
        num_threads: Threads that share the worlds, at least 1; pays from about 1000 worlds.
        seats: A seat for each agent, focal ones first, as `populations.seat_of` takes them, such as
            ("focal", "train", "person:warm"); or a variant of the scenario. None for its own.
        world: Fields of WorldParams that differ from the scenario's.

    Returns:
        World, just reset, where all A seats are focal. Else SeatedWorld, in which the partners act
        by themselves: it is used alike, but observation, transition and actions are those of the
        F focal agents. `state` and, as `world`, the whole of it hold all agents.

    Raises:
        ValueError: an unknown scenario, field or seat, or a value that is refused.
    """
    _, params = resolve(scenario, world)
    seats = seats_of(scenario, seats, params)
    return seat_partners(World(params, num_worlds, seed, num_threads=num_threads), seats)


class AgentVectorEnv(VectorEnv[Floats, NDArray[np.int64], NDArray[Any]]):
    """Every focal agent of every world as a row of a gymnasium vector environment.

    For single-agent trainers that share one policy among all agents. Row `e * F + i` is agent i of
    the F focal agents of world e; partners in other seats act inside the worlds. Episodes end by
    truncation and never by termination; they begin anew in the same step (AutoresetMode.SAME_STEP),
    and `infos` then holds `final_obs` and `final_info` as gymnasium documents.
    `infos["action_mask"]`, bool [E * F, N], says which actions are possible now,
    `infos["exterior"]`, float32 [E * F, X], how a row's agent looks to others. A copy
    (`copy.deepcopy`) and a pickle continue identically.

    Args:
        scenario: Name of the scenario, or rules of your own.
        num_worlds: Number of worlds E, at least 1.
        copy: Whether each step returns new arrays. Without, they are views that the next step
            overwrites, which is only for trainers that copy at once. Where partners sit beside
            several focal agents, rows cannot be views, and are new arrays either way.
        strict: Whether an action that the mask forbids is an error, and not just in vain.
        num_threads: Threads that share the worlds, at least 1.
        seats: A seat for each agent, as `make_vector` takes it; None for the scenario's.
        world: Fields of WorldParams that differ from the scenario's.

    Attributes:
        params: WorldParams. The rules.
        seats: Seats of all agents.
        num_envs: Number of rows, E * F.
        num_masked_actions: int64 [E * F]. How many actions of each row were forbidden by the mask
            since `reset`; each did nothing.

    Raises:
        ValueError: an unknown scenario, field or seat, or a value that is refused.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]  # gymnasium's is no ClassVar
        "render_modes": [],
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        scenario: str | WorldParams,
        num_worlds: int,
        copy: bool = True,
        strict: bool = False,
        num_threads: int = 1,
        seats: Sequence[str] | str | None = None,
        **world: Any,
    ) -> None:
        self.scenario, self.params = resolve(scenario, world)
        self.seats = seats_of(scenario, seats, self.params)
        self._num_focal = count_focal(self.seats)
        self.num_worlds = checked_count("num_worlds", num_worlds)
        self._num_threads = checked_count("num_threads", num_threads)
        self._copy, self._strict = checked_flag("copy", copy), checked_flag("strict", strict)
        self.num_envs = self.num_worlds * self._num_focal
        size = ObservationLayout.of(self.params).size
        self.single_observation_space = Box(-1.0, 1.0, (size,), np.float32)
        self.single_action_space = Discrete(self.params.num_actions)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.num_masked_actions = np.zeros(self.num_envs, np.int64)
        self._batch: World | SeatedWorld | None = None

    @property
    def batch(self) -> World | SeatedWorld:
        """The worlds behind the rows, as `make_vector` returns them.

        `batch.transition.welfare`, float64 [E], is their score, that of the whole group.

        Raises:
            ValueError: no episode was begun.
        """
        if self._batch is None:
            raise ValueError("no episode was begun; call reset() first")
        return self._batch

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Floats, dict[str, Any]]:
        """Begin an episode in every world.

        Args:
            seed: Whole number, at least 0, that fixes all worlds and their later episodes; None
                for the next episode of the same seed. Before any seed was given, one is drawn from
                the operating system's entropy.
            options: Not used.

        Returns:
            Observations, float32 [E * F, D] in [-1, 1], and infos.

        Raises:
            ValueError: the seed is not such a number.
        """
        if seed is not None or self._batch is None:
            self._batch = self._new(checked_seed(seed))
        else:
            self._batch.reset(episode=int(self._batch.state.episode.max()) + 1)
        self.num_masked_actions[:] = 0
        return self._rows(self._batch.observation.features), self._infos(self._batch.observation)

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[Floats, NDArray[Any], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Advance every world by one step.

        Args:
            actions: integer [E * F], in [0, N). One that the mask forbids does nothing and is
                counted in `num_masked_actions`.

        Returns:
            Observations, float32 [E * F, D]; rewards, float32 [E * F]; terminations, never;
            truncations, bool [E * F], at the horizon; and infos.

        Raises:
            ValueError: `reset` was not called, a wrong shape or dtype, an unknown action, or, with
                `strict`, one that the mask forbids.
        """
        batch = self.batch
        chosen = self._chosen(actions)
        mask = batch.observation.action_mask.reshape(self.num_envs, -1)
        masked = ~mask[np.arange(self.num_envs), chosen]
        if self._strict:
            refuse_masked(self._row_name, chosen, masked)
        transition = batch.step(chosen.reshape(self.num_worlds, -1))
        self.num_masked_actions += masked
        truncations = np.repeat(transition.truncated, self._num_focal)
        infos = self._infos(batch.observation)
        if truncations.any():
            infos |= self._final(transition.final_observation, truncations)
        return (
            self._rows(batch.observation.features),
            self._rows(transition.reward),
            np.zeros(self.num_envs, np.bool_),
            truncations,
            infos,
        )

    def get_state(self) -> dict[str, Any]:
        """Return copies of all from which `set_state` continues identically, in any process.

        Returns:
            "world": name to array, of `batch.get_state`; "num_masked_actions": int64 [E * F].

        Raises:
            ValueError: no episode was begun.
        """
        masked = self.num_masked_actions.copy()
        return {"world": self.batch.get_state(), "num_masked_actions": masked}

    def set_state(self, saved: Mapping[str, Any]) -> tuple[Floats, dict[str, Any]]:
        """Continue from what `get_state` returned; later episodes are those of its seed.

        Args:
            saved: Of an environment with the same rules, number of worlds and seats. It may have
                been pickled.

        Returns:
            Observations and infos of that moment, as `reset` returns them.

        Raises:
            ValueError: something is missing, or of another shape or type; nothing is changed then.
        """
        check_saved(saved, range(self.num_envs))
        batch = self._new(0)
        batch.set_state(saved["world"])
        self._batch = batch
        self.num_masked_actions[:] = saved["num_masked_actions"]
        return self._rows(batch.observation.features), self._infos(batch.observation)

    def _new(self, seed: int) -> World | SeatedWorld:
        """Return a batch of a seed, just reset."""
        world = World(self.params, self.num_worlds, seed, num_threads=self._num_threads)
        return seat_partners(world, self.seats)

    def _chosen(self, actions: NDArray[np.int64]) -> NDArray[np.integer[Any]]:
        """Return the actions as integers [E * F], or raise ValueError naming what is wrong."""
        most = self.params.num_actions - 1
        chosen = whole_numbers("actions", actions, (self.num_envs,), ", one for each row")
        if chosen.min() < 0 or chosen.max() > most:
            row = int(np.flatnonzero((chosen < 0) | (chosen > most))[0])
            raise ValueError(
                f"action of {self._row_name(row)} must be in [0, {most}], got {chosen[row]}"
            )
        return chosen

    def _row_name(self, row: int) -> str:
        world, i = divmod(row, self._num_focal)
        return f"row {row} (ai_{i} of world {world})"

    def _rows(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return an array [E, F, ...] as rows [E * F, ...]."""
        array = array.copy() if self._copy else array
        return array.reshape(self.num_envs, *array.shape[2:])

    def _infos(self, observation: Observation) -> dict[str, Any]:
        """Return what every row is told beside its observation."""
        every = np.ones(self.num_envs, np.bool_)
        return {
            "action_mask": self._rows(observation.action_mask),
            "_action_mask": every,
            "exterior": self._rows(observation.exterior),
            "_exterior": every.copy(),
        }

    def _final(self, last: Observation, ended: NDArray[np.bool_]) -> dict[str, Any]:
        """Return the last observation and infos of the rows whose episode ended."""
        final = np.full(self.num_envs, None, dtype=object)
        features = last.features.reshape(self.num_envs, -1)
        for row in np.flatnonzero(ended):
            final[row] = features[row].copy()
        told = self._infos(last)
        told |= {name: mask & ended for name, mask in told.items() if name.startswith("_")}
        return {
            "final_obs": final,
            "_final_obs": ended.copy(),
            "final_info": told,
            "_final_info": ended.copy(),
        }
