"""The worlds as a vector environment of Stable-Baselines3, which has an interface of its own.

Needs the extra: pip install "empathy-loop[sb3]".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from empathy_loop.envs.vector import AgentVectorEnv


class AgentVecEnv(VecEnv):
    """Every focal agent of every world as a row, for the algorithms of Stable-Baselines3.

    At the horizon, a row's info holds `terminal_observation` and `TimeLimit.truncated`, so that
    the value of the last observation is bootstrapped. `env_method("action_masks")` gives the masks
    as sb3-contrib's MaskablePPO asks for them; algorithms that know of no masks may choose what is
    forbidden, which does nothing. Partners act where the `seats` of `env` say; F of the agents are
    focal.

    Args:
        env: The worlds, made with `copy=True`: Stable-Baselines3 keeps observations.
        seed: Seed of the worlds until `seed` is called; None for one from the system's entropy.
    """

    def __init__(self, env: AgentVectorEnv, seed: int | None = None) -> None:
        self.env = env
        self._masks: NDArray[np.bool_] | None = None
        self._actions: NDArray[Any] | None = None
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self._seeds = [seed]

    def reset(self) -> NDArray[np.float32]:
        """Begin an episode in every world.

        Returns:
            float32 [E * F, D]. Observations.
        """
        observations, infos = self.env.reset(seed=self._seeds[0])
        self._reset_seeds()
        self._reset_options()
        self._masks = infos["action_mask"]
        return observations

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take note of the actions, integer [E * F], of the step that `step_wait` takes."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Advance every world by one step.

        Returns:
            Observations, float32 [E * F, D]; rewards, float32 [E * F]; ends of episodes, bool
            [E * F], all of them truncations; and a dictionary for each row.

        Raises:
            ValueError: `reset` or `step_async` was not called, or an action is none.
        """
        if self._actions is None:
            raise ValueError("no actions were given; call step_async() before step_wait()")
        observations, rewards, _, ends, told = self.env.step(self._actions)
        self._actions, self._masks = None, told["action_mask"]
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for row in np.flatnonzero(ends):
            last = told["final_obs"][row]
            infos[row] = {"terminal_observation": last, "TimeLimit.truncated": True}
        return observations, rewards, ends, infos

    def close(self) -> None:
        """Release nothing, for nothing is held; Stable-Baselines3 asks for the method."""

    def env_method(
        self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        """Return the result of a method for each row; rows have `action_masks` only.

        Raises:
            AttributeError: another method.
            ValueError: `reset` was not called.
        """
        if method_name != "action_masks":
            raise AttributeError(f"rows have the method action_masks only, not {method_name}")
        if self._masks is None:
            raise ValueError("no episode was begun; call reset() first")
        return [self._masks[row] for row in self._rows(indices)]

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Return an attribute of each row: `render_mode`, which is None, or `action_masks`.

        Raises:
            AttributeError: another attribute.
        """
        known = {"render_mode": None, "action_masks": self.env_method}
        if attr_name not in known:
            raise AttributeError(f"rows have {' and '.join(known)} only, not {attr_name}")
        return [known[attr_name] for _ in self._rows(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Refuse: rows are agents of shared worlds, and have nothing of their own to set.

        Raises:
            AttributeError: always.
        """
        raise AttributeError(f"{attr_name} cannot be set; make the AgentVectorEnv with it")

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:
        """Return False for each row: there is no environment of its own that could be wrapped."""
        return [False for _ in self._rows(indices)]

    def _rows(self, indices: VecEnvIndices) -> Iterable[int]:
        return self._get_indices(indices)
