"""One world of a scenario as a PettingZoo environment: a thin view of `empathy_loop.envs.world`.

The page of a scenario's environment is the docstring of its own module, such as
`empathy_loop.envs.mutual_aid_v0`; that module also holds the AEC view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pettingzoo
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from empathy_loop.envs import inputs
from empathy_loop.envs.frame import frame_of
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.populations import agent_names, count_focal
from empathy_loop.envs.render import ansi, draw
from empathy_loop.envs.scenarios import resolve, seats_of
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.shared_state import shared_size, shared_state, truth_of
from empathy_loop.envs.window import Window
from empathy_loop.envs.world import World

RENDER_MODES = "ansi", "human", "rgb_array"
"""How a world is shown: as a text, in a window, or as a picture, uint8 [H, W, 3]."""
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

    They are the focal ones: partners in other seats act inside the environment. A copy
    (`copy.deepcopy`) and a pickle continue identically, without the window.

    Args:
        scenario: Name of the scenario, or rules of your own.
        render_mode: "ansi" or "rgb_array" for what `render` returns, "human" for a window that
            follows every step; None for no rendering.
        truth: Whether infos hold what is hidden of each agent, for training targets and
            scoring. Nothing that acts may read it.
        privileged_state: Whether `state` ends with the true needs.
        strict: Whether an action that the mask forbids is an error, and not just in vain.
        max_cycles: PettingZoo's name for `horizon`.
        seats: A seat for each agent, focal ones first, as `populations.seat_of` takes them, such as
            ("focal", "train", "person:warm"); or a variant of the scenario. None for its own.
        world: Fields of WorldParams that differ from the scenario's.

    Attributes:
        params: WorldParams. The rules.
        agents: All agents during an episode; empty before and after it.
        num_masked_actions: Agent to the number of its actions in this episode that the mask
            forbade; each did nothing.
        state_space: Box [-1, 1]. Space of `state`.

    Raises:
        ValueError: an unknown scenario, argument or render mode, or a value that is refused.
        ImportError: `render_mode` is "human" and pygame is not installed.
    """

    def __init__(
        self,
        scenario: str | WorldParams,
        render_mode: str | None = None,
        truth: bool = False,
        privileged_state: bool = False,
        strict: bool = False,
        max_cycles: int | None = None,
        seats: Sequence[str] | str | None = None,
        **world: Any,
    ) -> None:
        inputs.check_choice("render_mode", render_mode, RENDER_MODES)
        if max_cycles is not None:
            if "horizon" in world:
                raise ValueError("max_cycles is another name for horizon; give one of the two")
            world["horizon"] = max_cycles
        name, self.params = resolve(scenario, world)
        self.seats = seats_of(scenario, seats, self.params)
        self.render_mode = render_mode
        self.metadata = {
            "name": name,
            "render_modes": list(RENDER_MODES),
            "is_parallelizable": True,
            "render_fps": FRAMES_PER_SECOND,
        }
        self._truth = inputs.checked_flag("truth", truth)
        self._privileged_state = inputs.checked_flag("privileged_state", privileged_state)
        self._strict = inputs.checked_flag("strict", strict)
        self._seated: SeatedWorld | None = None
        self._window = Window(name, FRAMES_PER_SECOND) if render_mode == "human" else None
        self._make_spaces()

    def _make_spaces(self) -> None:
        """Lay out who there is and what each sees, does, and is one of."""
        names = agent_names(self.seats)
        self.possible_agents = list(names[: count_focal(self.seats)])
        self.agents: list[str] = []
        self.num_masked_actions = dict.fromkeys(self.possible_agents, 0)
        size, num_actions = ObservationLayout.of(self.params).size, self.params.num_actions
        self.observation_spaces = {
            agent: Box(-1.0, 1.0, (size,), np.float32) for agent in self.possible_agents
        }
        self.action_spaces = {agent: Discrete(num_actions) for agent in self.possible_agents}
        shared = (shared_size(self.params, self._privileged_state),)
        self.state_space = Box(-1.0, 1.0, shared, np.float32)

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
        if self._seated is None:
            world = World(self.params, 1, inputs.checked_seed(seed), autoreset=False)
            self._seated = SeatedWorld(world, self.seats)
        elif seed is None:
            self._seated.reset(episode=int(self._seated.state.episode[0]) + 1)
        else:
            world = self._seated.world
            world.seed, world.first_world = inputs.checked_seed(seed), 0
            self._seated.reset()
        self.agents = self.possible_agents[:]
        self.num_masked_actions = dict.fromkeys(self.agents, 0)
        self._show()
        return self._observations(), self._infos()

    def step(
        self, actions: Mapping[str, int]
    ) -> tuple[Observations, dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        """Advance the world by one step.

        Args:
            actions: An action in [0, N) for every agent. One that the mask forbids does nothing
                and is counted in `num_masked_actions`.

        Returns:
            Observations, rewards, terminations (never), truncations (at the horizon) and infos,
            for each agent. Their arrays are new: later steps leave them as they are.

        Raises:
            ValueError: no episode is on, an agent is missing or unknown, an action is none, or,
                with `strict`, one is forbidden by the mask.
        """
        seated = self._begun()
        if not self.agents:
            raise ValueError("the episode is over; call reset() before step()")
        transition = seated.step_checked(self._checked_actions(seated, actions))
        agents, over = self.agents, bool(transition.truncated[0])
        rewards = dict(zip(agents, transition.reward[0].tolist(), strict=True))
        ends = dict.fromkeys(agents, False), dict.fromkeys(agents, over)
        if over:
            self.agents = []
        self._show()
        return self._observations(), rewards, *ends, self._infos()

    def state(self) -> NDArray[np.float32]:
        """Return all that agents show each other: float32 [S] in [-1, 1], a new array.

        `empathy_loop.envs.shared_state` says how it is laid out; with `privileged_state` the true
        needs [A, K] come last.

        Raises:
            ValueError: no episode was begun.
        """
        row: NDArray[np.float32] = shared_state(self._begun().world, self._privileged_state)[0]
        return row

    def get_state(self) -> dict[str, Any]:
        """Return copies of all from which `set_state` continues identically, in any process.

        Returns:
            "world": name to array, of SeatedWorld; "num_masked_actions": agent to count.

        Raises:
            ValueError: no episode was begun.
        """
        masked = dict(self.num_masked_actions)
        return {"world": self._begun().get_state(), "num_masked_actions": masked}

    def set_state(self, saved: Mapping[str, Any]) -> tuple[Observations, Infos]:
        """Continue from what `get_state` returned; later episodes are those of its seed.

        Args:
            saved: Of an environment with the same rules. It may have been pickled.

        Returns:
            Observations and infos of that moment, as `reset` and `step` return them.

        Raises:
            ValueError: something is missing, or of another shape or type; nothing is changed then.
        """
        inputs.check_saved(saved, self.possible_agents)
        seated = SeatedWorld(World(self.params, 1, 0, autoreset=False), self.seats)
        seated.set_state(saved["world"])
        self._seated = seated
        self.agents = [] if seated.world.transition.truncated[0] else self.possible_agents[:]
        self.num_masked_actions = dict(saved["num_masked_actions"])
        return self._observations(), self._infos()

    def render(self) -> Any:
        """Show the present state as `render_mode` says, with everybody's true needs.

        Returns:
            str for "ansi"; uint8 [H, W, 3] for "rgb_array"; None for "human", which draws into
            the window, waits so that steps last 1 / `render_fps` seconds, and needs no call.

        Raises:
            ValueError: no episode was begun, or the environment was made without a render mode.
        """
        if self.render_mode is None:
            raise ValueError(
                f"make the environment with render_mode set to {' or '.join(RENDER_MODES)} "
                "in order to render it"
            )
        frame = frame_of(self._begun().world, 0, names=agent_names(self.seats))
        if self.render_mode == "ansi":
            return ansi(frame)
        picture = draw(frame, CELL_PIXELS)
        if self._window is None:
            return picture
        self._window.show(picture)
        return None

    def close(self) -> None:
        """Close the window, if there is one; the next step or reset opens it again."""
        if self._window is not None:
            self._window.close()

    def _show(self) -> None:
        if self._window is not None:
            self.render()

    def _begun(self) -> SeatedWorld:
        if self._seated is None:
            raise ValueError("no episode was begun; call reset() first")
        return self._seated

    def _checked_actions(self, seated: SeatedWorld, actions: Mapping[str, int]) -> NDArray[np.int8]:
        """Return the actions as int8 [1, F], counting those in vain, or raise ValueError."""
        chosen = inputs.chosen_actions(self.agents, actions, self.params.num_actions)
        # Number by number, for so few of them that one call of numpy takes longer.
        allows = seated.observation.action_mask.item
        masked = [not allows(0, i, action) for i, action in enumerate(chosen)]
        if True in masked:
            if self._strict:
                who = self.agents.__getitem__
                inputs.refuse_masked(who, np.array(chosen), np.array(masked))
            for agent, in_vain in zip(self.agents, masked, strict=True):
                self.num_masked_actions[agent] += in_vain
        return np.array([chosen], np.int8)

    def _observations(self) -> Observations:
        """Return each agent's features; one copy for all of them."""
        seated = self._begun()
        return dict(zip(self.possible_agents, seated.observation.features[0].copy(), strict=True))

    def _infos(self) -> Infos:
        """Return each agent's mask and exterior view, and the truth if it was asked for."""
        seated = self._begun()
        masks = seated.observation.action_mask[0].astype(np.int8)
        exteriors = seated.observation.exterior[0].copy()
        infos: Infos = {}
        for i, agent in enumerate(self.possible_agents):
            infos[agent] = {"action_mask": masks[i], "exterior": exteriors[i]}
            if self._truth:
                infos[agent]["truth"] = truth_of(seated.world, i, seated.people)
        return infos
