"""One world of a scenario as a PettingZoo environment: a thin view of `empathy_loop.envs.world`.

The page of an environment is the docstring of its own module, such as
`empathy_loop.envs.mutual_aid_v0`.
"""

from __future__ import annotations

import operator
import secrets
from collections.abc import Mapping
from typing import Any

import numpy as np
import pettingzoo
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray
from pettingzoo.utils.conversions import parallel_to_aec
from pettingzoo.utils.wrappers import AssertOutOfBoundsWrapper, OrderEnforcingWrapper

from empathy_loop.envs.frame import frame_of
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.reading import amend, close_matches
from empathy_loop.envs.render import ansi, draw
from empathy_loop.envs.scenarios import load_scenario
from empathy_loop.envs.world import World

RENDER_MODES = ("ansi", "rgb_array")
"""What `render` can return: a text, or a picture as uint8 [H, W, 3]."""
FRAMES_PER_SECOND = 4
"""Steps that a video should show in a second."""
CELL_PIXELS = 64
"""Side of a cell in the picture that `render` returns."""

Observations = dict[str, NDArray[np.float32]]
"""Agent to the features it is given."""
Infos = dict[str, dict[str, Any]]
"""Agent to what it is told beside its observation."""


# PettingZoo ships no types, so that its classes are Any to mypy.
class ScenarioEnv(pettingzoo.ParallelEnv[str, NDArray[np.float32], int]):  # type: ignore[misc]
    """One world of a scenario with agents `ai_0`, `ai_1`, ..., all of whom act at once.

    A copy (`copy.deepcopy`) and a pickle continue identically.

    Args:
        scenario: Name of the scenario.
        render_mode: What `render` returns, "ansi" or "rgb_array"; None for no rendering.
        truth: Whether infos hold what is hidden of each agent, for training targets and
            scoring. Nothing that acts may read it.
        privileged_state: Whether `state` ends with the true needs.
        max_cycles: PettingZoo's name for `horizon`.
        world: Fields of WorldParams that differ from the scenario's.

    Attributes:
        params: WorldParams. The rules.
        agents: All agents during an episode; empty before and after it.
        state_space: Box [-1, 1]. Space of `state`.

    Raises:
        ValueError: an unknown scenario, argument or render mode, or a value that is refused.
    """

    def __init__(
        self,
        scenario: str,
        render_mode: str | None = None,
        truth: bool = False,
        privileged_state: bool = False,
        max_cycles: int | None = None,
        **world: Any,
    ) -> None:
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise ValueError(
                f"render_mode must be None or one of {', '.join(RENDER_MODES)}, "
                f"got {render_mode!r}; {close_matches(str(render_mode), RENDER_MODES)}"
            )
        if max_cycles is not None:
            if "horizon" in world:
                raise ValueError("max_cycles is another name for horizon; give one of the two")
            world["horizon"] = max_cycles
        self.params: WorldParams = amend(load_scenario(scenario).params, world, scenario)
        self.render_mode = render_mode
        self.metadata = {
            "name": scenario,
            "render_modes": list(RENDER_MODES),
            "is_parallelizable": True,
            "render_fps": FRAMES_PER_SECOND,
        }
        self._truth, self._privileged_state = truth, privileged_state
        self._world: World | None = None
        self._make_spaces()

    def _make_spaces(self) -> None:
        """Lay out who there is and what each sees, does, and is one of."""
        blank = World(self.params, 1, seed=0)
        layout, (_, size) = blank.layout, blank.observation.features.shape[1:]
        self.possible_agents = [f"ai_{i}" for i in range(self.params.num_agents)]
        self.agents: list[str] = []
        self.observation_spaces = {
            agent: Box(-1.0, 1.0, (size,), np.float32) for agent in self.possible_agents
        }
        self.action_spaces = {
            agent: Discrete(self.params.num_actions) for agent in self.possible_agents
        }
        columns = [np.r_[layout.self_block["position"]]]
        for name in ("helped_me", "thanked_me"):
            first = layout.self_size + layout.other_block[name].start
            columns.append(first + layout.other_size * np.arange(layout.num_others))
        self._public_columns = np.concatenate(columns)
        self.state_space = Box(-1.0, 1.0, self._state_of(blank).shape, np.float32)

    def observation_space(self, agent: str) -> Box:
        """Return the space of an agent's observations: float32 [D], in [-1, 1]."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Discrete:
        """Return the space of an agent's actions, [0, N)."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Observations, Infos]:
        """Begin an episode.

        Args:
            seed: Whole number, at least 0, that fixes this episode and those that follow; None
                for the next episode of the same seed. Before any seed was given, one is drawn
                from the operating system's entropy.
            options: Not used.

        Returns:
            Observations, float32 [D] in [-1, 1] for each agent, and infos.

        Raises:
            ValueError: the seed is not such a number.
        """
        if seed is not None or self._world is None:
            seed = secrets.randbits(32) if seed is None else _checked_seed(seed)
            self._world = World(self.params, 1, seed, autoreset=False)
        else:
            self._world.reset(episode=int(self._world.state.episode[0]) + 1)
        self.agents = self.possible_agents[:]
        return self._observations(self._world), self._infos(self._world)

    def step(
        self, actions: Mapping[str, int]
    ) -> tuple[Observations, dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        """Advance the world by one step.

        Args:
            actions: An action in [0, N) for every agent. One that the mask forbids does nothing.

        Returns:
            Observations, rewards, terminations (never), truncations (at the horizon) and infos,
            for each agent. Their arrays are new: later steps leave them as they are.

        Raises:
            ValueError: no episode is on, an agent is missing or unknown, or an action is none.
        """
        world = self._begun()
        if not self.agents:
            raise ValueError("the episode is over; call reset() before step()")
        transition = world.step(self._checked_actions(actions))
        agents, over = self.agents, bool(transition.truncated[0])
        rewards = dict(zip(agents, transition.reward[0].tolist(), strict=True))
        ends = dict.fromkeys(agents, False), dict.fromkeys(agents, over)
        if over:
            self.agents = []
        return self._observations(world), rewards, *ends, self._infos(world)

    def state(self) -> NDArray[np.float32]:
        """Return all that agents show each other: float32 [S] in [-1, 1], a new array.

        For each agent in turn: position [2], exterior view [X], and which others it saw help
        it [O] and thank it [O] in the last step, in its own order of them. Then the row and
        column of each station [K, 2], from -1 to 1 across the board. With `privileged_state`
        also the true needs [A, K].

        Raises:
            ValueError: no episode was begun.
        """
        return self._state_of(self._begun())

    def render(self) -> Any:
        """Return the present state as `render_mode` says, with everybody's true needs.

        Returns:
            str for "ansi"; uint8 [H, W, 3] for "rgb_array".

        Raises:
            ValueError: no episode was begun, or the environment was made without a render mode.
        """
        if self.render_mode is None:
            raise ValueError(
                f"make the environment with render_mode set to {' or '.join(RENDER_MODES)} "
                "in order to render it"
            )
        frame = frame_of(self._begun(), 0)
        return ansi(frame) if self.render_mode == "ansi" else draw(frame, CELL_PIXELS)

    def close(self) -> None:
        """Release nothing, for nothing is held; PettingZoo asks for the method."""

    def _begun(self) -> World:
        if self._world is None:
            raise ValueError("no episode was begun; call reset() first")
        return self._world

    def _checked_actions(self, actions: Mapping[str, int]) -> NDArray[np.int64]:
        """Return the actions as int64 [1, A], or raise ValueError naming what is wrong."""
        if actions.keys() != set(self.agents):
            raise ValueError(
                f"actions must name exactly the agents {', '.join(self.agents)}, "
                f"got {', '.join(map(str, actions)) or 'none'}"
            )
        chosen = np.empty((1, len(self.agents)), np.int64)
        for i, agent in enumerate(self.agents):
            try:
                chosen[0, i] = action = operator.index(actions[agent])
            except (TypeError, OverflowError):
                action = -1
            if not 0 <= action < self.params.num_actions:
                raise ValueError(
                    f"action of {agent} must be a whole number in "
                    f"[0, {self.params.num_actions - 1}], got {actions[agent]!r}"
                )
        return chosen

    def _observations(self, world: World) -> Observations:
        """Return each agent's features; one copy for all of them."""
        features = world.observation.features[0].copy()
        return dict(zip(self.possible_agents, features, strict=True))

    def _infos(self, world: World) -> Infos:
        """Return each agent's mask and exterior view, and the truth if it was asked for."""
        masks = world.observation.action_mask[0].astype(np.int8)
        exteriors = world.observation.exterior[0].copy()
        infos: Infos = {}
        for i, agent in enumerate(self.possible_agents):
            infos[agent] = {"action_mask": masks[i], "exterior": exteriors[i]}
            if self._truth:
                infos[agent]["truth"] = _truth_of(world, i)
        return infos

    def _state_of(self, world: World) -> NDArray[np.float32]:
        """Return the concatenation that `state` describes."""
        features, exterior = world.observation.features[0], world.observation.exterior[0]
        position, ties = np.split(features[:, self._public_columns], [2], axis=1)
        stations = world.state.station[0] / (self.params.grid_size - 1) * 2.0 - 1.0
        parts = [np.hstack([position, exterior, ties]), stations]
        if self._privileged_state:
            parts.append(world.state.need[0])
        return np.concatenate([part.ravel() for part in parts]).astype(np.float32)


def checked(env: Any) -> Any:
    """Return an AEC environment that refuses unknown actions and calls out of order at once."""
    return OrderEnforcingWrapper(AssertOutOfBoundsWrapper(env))


def in_turns(env: ScenarioEnv) -> Any:
    """Return the AEC view of an environment: agents choose in turn, and then all act at once."""
    return parallel_to_aec(env)


def register(scenario: str) -> None:
    """Enter a scenario into PettingZoo's registry, unless it is there already.

    Args:
        scenario: Its name, and that of the module in this package which holds its environments.
    """
    module = f"{__package__}.{scenario}"
    for env_type, attribute in (("parallel", "parallel_env"), ("aec", "env")):
        spec = pettingzoo.EnvSpec(f"empathy_loop/{scenario}", f"{module}:{attribute}")
        registry = getattr(pettingzoo, f"{env_type}_registry")
        if registry.get(spec.id) != spec:
            pettingzoo.register(env_type, spec.id, spec.entry_point)


def _checked_seed(seed: int) -> int:
    """Return the seed as an int, or raise ValueError."""
    try:
        number = operator.index(seed)
    except TypeError:
        number = -1
    if not 0 <= number < 2**63:
        raise ValueError(f"seed must be None or a whole number in [0, 2^63 - 1], got {seed!r}")
    return number


def _truth_of(world: World, i: int) -> dict[str, Any]:
    """Return what is hidden of agent i, in new arrays by kind and a number."""
    state = world.state
    by_kind = {name: getattr(state, name)[0, i].copy() for name in ("need", "hazard", "style")}
    return by_kind | {"expressivity": float(state.expressivity[0, i])}
