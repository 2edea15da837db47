"""The AEC views of a scenario, and its entry in PettingZoo's registry."""

from __future__ import annotations

from typing import Any

import pettingzoo
from pettingzoo.utils.conversions import parallel_to_aec
from pettingzoo.utils.wrappers import AssertOutOfBoundsWrapper, OrderEnforcingWrapper

from empathy_loop.envs.pettingzoo_adapter import ScenarioEnv


def raw_aec_env(scenario: str, **arguments: Any) -> Any:
    """Return the AEC view: agents choose in turn, and then all act at once.

    Args:
        scenario: Name of the scenario.
        arguments: As for `ScenarioEnv`.

    Returns:
        An AECEnv of PettingZoo.

    Raises:
        ValueError: as `ScenarioEnv` does.
    """
    return parallel_to_aec(ScenarioEnv(scenario, **arguments))


def aec_env(scenario: str, **arguments: Any) -> Any:
    """Return the AEC view, which refuses unknown actions and calls out of order at once.

    A copy (`copy.deepcopy`) and a pickle continue identically, also in the middle of a step;
    `get_state` and `set_state` belong to the parallel view alone.

    Args:
        scenario: Name of the scenario.
        arguments: As for `ScenarioEnv`.

    Returns:
        An AECEnv of PettingZoo.

    Raises:
        ValueError: as `ScenarioEnv` does.
    """
    raw = raw_aec_env(scenario, **arguments)
    return OrderEnforcingWrapper(AssertOutOfBoundsWrapper(raw))


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
