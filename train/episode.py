"""One episode of one world, played step by step and written down as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.frame import Frame, frame_of
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.people import People
from empathy_loop.envs.populations import agent_names
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.state import STAY
from empathy_loop.envs.world import World
from empathy_loop.train.actors import Actor
from empathy_loop.train.evaluate import SEED_OFFSET
from empathy_loop.train.records import ARRAYS, HUMAN, Header, Record, shapes_of

_OF_STATE = ("need", "hazard", "style", "severe", "expressivity")


@dataclass(frozen=True)
class Setting:
    """Which episode is played, and who acts in it."""

    scenario: str
    """Name of the scenario, or own_world."""
    params: WorldParams
    """The rules."""
    seed: int
    """Seed of evaluation, at least 0."""
    world: int
    """Which of the seed's worlds, at least 0."""
    seats: tuple[str, ...]
    """Seat of each agent, focal ones first."""
    policies: tuple[str, ...]
    """What acts for each focal agent: a key of the actors, or "human"."""
    greedy: bool = False
    """Whether learned policies take their most probable actions instead of sampling."""


class Episode:
    """An episode in progress.

    Randomness is the world's keyed noise: the same setting and the same chosen actions give the
    same episode.

    Args:
        setting: What is played.
        actors: Name to actor, for every policy of the setting that is not "human". They are
            begun here, and must not be used elsewhere until the episode is over.

    Attributes:
        world: World. A batch of one.
        step_number: Steps taken so far.

    Raises:
        ValueError: a number is out of its range, the seats do not fit the world, or an actor does
            not.
    """

    def __init__(self, setting: Setting, actors: Mapping[str, Actor]) -> None:
        for name in ("seed", "world"):
            if getattr(setting, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(setting, name)}")
        params = setting.params
        self._actors = {name: actors[name] for name in setting.policies if name != HUMAN}
        for actor in self._actors.values():
            params = actor.view(params)
        # First, for who does not fit the world is told before that is compiled.
        for actor in self._actors.values():
            actor.begin(params, 1)
        self.setting, self.params = setting, params
        seed = SEED_OFFSET + setting.seed
        self.world = World(params, 1, seed, first_world=setting.world, autoreset=False)
        self._seated = SeatedWorld(self.world, setting.seats)
        if len(setting.policies) != self._seated.num_focal:
            raise ValueError(
                f"policies must name one for each of {self._seated.num_focal} focal agents, "
                f"got {', '.join(setting.policies) or 'none'}"
            )
        self._arrays: dict[str, NDArray[Any]] = {
            name: np.zeros(shape, ARRAYS[name][0])
            for name, shape in shapes_of(params, params.horizon, self.people is not None).items()
        }
        self._arrays["belief"].fill(np.nan)
        self._arrays["truth/shift_step"][...] = self.world.state.shift_step[0]
        self.step_number = 0
        self._decided = np.full(self._seated.num_focal, STAY, np.int8)
        self._look()

    @property
    def is_over(self) -> bool:
        """Whether the episode has reached its horizon."""
        return self.step_number == self.params.horizon

    @property
    def welfare(self) -> float:
        """Unshaped welfare so far, at most 0."""
        return float(self._arrays["truth/welfare"].sum())

    @property
    def belief(self) -> NDArray[np.float32]:
        """What agents believe now, float32 [A, O, K]; NaN where there is nothing to tell."""
        belief: NDArray[np.float32] = self._arrays["belief"][self.step_number]
        return belief

    @property
    def people(self) -> People | None:
        """The people among the agents, with what they think of the others; None without."""
        return self._seated.people

    def step(self, chosen: Mapping[int, int] | None = None) -> None:
        """Let everybody act, and look at what came of it.

        Args:
            chosen: Focal agent to the action that it takes instead of what its policy has
                decided; a human one that is missing stays.

        Raises:
            ValueError: the episode is over, or there is no such action.
        """
        if self.is_over:
            raise ValueError(f"the episode is over after {self.params.horizon} steps")
        actions = self._decided.copy()
        for i, action in (chosen or {}).items():
            actions[i] = action
        transition = self._seated.step(actions[None])
        whole, t = self.world.transition, self.step_number
        self._arrays["actions"][t] = self.world.state.last_action[0]
        self._arrays["reward"][t] = whole.reward[0]
        self._arrays["reward_terms"][t] = whole.reward_terms[0]
        self._arrays["truth/welfare"][t] = transition.welfare[0]
        self.step_number += 1
        self._look()

    def frame(self) -> Frame:
        """Return what there is to show now: the truth, and what agents believe.

        Who tells no belief is shown to believe that nobody needs anything; where nobody tells one,
        there is none.
        """
        return frame_of(self.world, 0, shown_belief(self.belief))

    def record(self) -> Record:
        """Return what happened so far, in arrays of its own."""
        steps, setting = self.step_number, self.setting
        names = self._seated.row_names
        partners = (names[row] for row in self._seated.rows[0] if row >= 0)
        header = Header(
            scenario=setting.scenario,
            params=self.params,
            seed=setting.seed,
            world=setting.world,
            seats=self._seated.seats,
            agents=agent_names(self._seated.seats),
            policies=(*setting.policies, *partners),
            greedy=setting.greedy,
        )
        arrays = {}
        for name, array in self._arrays.items():
            axes, length = ARRAYS[name][1], {"S": steps + 1, "T": steps}
            kept = array[: length[axes[0]]] if axes else array
            arrays[name] = kept.copy()
        return Record(header, arrays)

    def _look(self) -> None:
        """Write down this moment, and let each actor decide and tell what it believes."""
        t, state = self.step_number, self.world.state
        for name, seen in self.world.observation._asdict().items():
            self._arrays[name][t] = seen[0]
        self._arrays["cue"][t] = state.cue[0]
        for name in _OF_STATE:
            self._arrays[f"truth/{name}"][t] = getattr(state, name)[0]
        if self.people is not None:
            self._arrays["truth/trust"][t] = self.people.state.trust[0]
            self._arrays["truth/willingness"][t] = self.people.state.willingness[0]
        for policy, actor in self._actors.items():
            decision = actor.act(self.world, self.setting.greedy)
            for i, own in enumerate(self.setting.policies):
                if own == policy:
                    self._decided[i] = decision.actions[0, i]
                    if decision.belief is not None:
                        self._arrays["belief"][t, i] = decision.belief[0, i]


def shown_belief(belief: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Return a belief as a picture can show it: zeros for NaN; None where all is NaN."""
    return None if np.isnan(belief).all() else np.nan_to_num(belief)
