"""What the views ask of seeds and actions, with errors that say what is allowed."""

from __future__ import annotations

import operator
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.reading import close_matches
from empathy_loop.envs.state import EAST, HELP_BASE, NORTH, OFFER, THANK, USE

Kind = TypeVar("Kind")

LARGEST = 2**63 - 1
"""Largest seed, world and episode: what fits into int64."""
MOST = 2**31 - 1
"""Largest count."""


def _whole(value: object) -> int | None:
    """Return a whole number of any type as an int; None for anything else, True and False too."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]  # a TypeError, then
    except TypeError:
        return None


def checked_whole(name: str, value: object, most: int = LARGEST) -> int:
    """Return a value that must be a whole number of at least 0, as an int.

    Raises:
        ValueError: it is none, or above `most`; names the argument, the value and the range.
    """
    number = _whole(value)
    if number is None or not 0 <= number <= most:
        raise ValueError(f"{name} must be a whole number in [0, {most}], got {value!r}")
    return number


def checked_seed(seed: object) -> int:
    """Return a seed as an int; for None, one drawn from the operating system's entropy.

    Args:
        seed: None, or a whole number in [0, 2^63 - 1] of any type.

    Returns:
        The seed, at least 0.

    Raises:
        ValueError: anything else.
    """
    if seed is None:
        return secrets.randbits(32)
    number = _whole(seed)
    if number is None or not 0 <= number <= LARGEST:
        raise ValueError(f"seed must be None or a whole number in [0, 2^63 - 1], got {seed!r}")
    return number


def checked_flag(name: str, value: object) -> bool:
    """Return a value that must be true or false.

    Raises:
        ValueError: it is neither; names the argument and the value.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return value


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuse a value that is neither None nor one of some names.

    Raises:
        ValueError: it is another; names the argument, the value and the close matches.
    """
    if value is not None and value not in choices:
        raise ValueError(
            f"{name} must be None or one of {', '.join(choices)}, "
            f"got {value!r}; {close_matches(str(value), choices)}"
        )


def checked_count(name: str, value: object) -> int:
    """Return a value that must be a whole number of at least 1, as an int.

    Raises:
        ValueError: it is not, or above MOST; names the argument and the value.
    """
    number = _whole(value)
    if number is None or number < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    if number > MOST:
        raise ValueError(f"{name} must be at most {MOST}, got {value!r}")
    return number


def checked_instance(name: str, value: object, kind: type[Kind], remedy: str) -> Kind:
    """Return a value that must be of some class.

    Raises:
        ValueError: it is of another; names the argument, the value and what to do.
    """
    if not isinstance(value, kind):
        raise ValueError(f"{name} must be {kind.__name__}, got {value!r}; {remedy}")
    return value


def checked_params(params: object) -> WorldParams:
    """Return rules, which must be WorldParams, or raise ValueError."""
    remedy = "make them with WorldParams(...), or take load_scenario(name).params"
    return checked_instance("params", params, WorldParams, remedy)


def whole_numbers(
    name: str, values: object, shape: tuple[int, ...], meaning: str = ""
) -> NDArray[np.integer[Any]]:
    """Return values that must be whole numbers, as an array.

    Args:
        name: What they are, for errors.
        values: Anything that numpy makes an array of.
        shape: What shape they must have.
        meaning: What one of them stands for, for errors, such as ", one for each row".

    Returns:
        integer of that shape, of any width; not a copy if they are that already.

    Raises:
        ValueError: they have another shape or type.
    """
    try:
        array = np.asarray(values)
        if array.shape == shape and array.dtype.kind in "iu":
            return array
        found = f"{array.dtype} of shape {array.shape}"
    except ValueError:
        found = "rows of different lengths"
    raise ValueError(f"{name} must be whole numbers of shape {shape}{meaning}, got {found}")


def check_saved(saved: object, agents: Sequence[Any]) -> None:
    """Refuse what cannot be the saved state of a view.

    Args:
        saved: What `set_state` was given.
        agents: Whose masked actions are counted: names, or numbers of rows from 0.

    Raises:
        ValueError: it is no dictionary with exactly the names that a view's get_state gives, or it
            counts the actions of other agents.
    """
    names = ["num_masked_actions", "world"]
    if not isinstance(saved, Mapping) or sorted(map(str, saved)) != names:
        given = sorted(map(str, saved)) if isinstance(saved, Mapping) else saved
        raise ValueError(
            f"set_state takes what get_state returned, a dictionary with {' and '.join(names)}, "
            f"got {given!r}"
        )
    counts = saved["num_masked_actions"]
    counted = list(counts) if isinstance(counts, Mapping) else list(range(len(counts)))
    if counted != list(agents):
        raise ValueError(
            f"num_masked_actions must count {len(agents)} agents, from {agents[0]} to "
            f"{agents[-1]}, got {len(counted)}; make the environment with the same sizes"
        )


def chosen_actions(
    agents: Sequence[str], actions: Mapping[str, int], num_actions: int
) -> list[int]:
    """Return the actions of all agents.

    Args:
        agents: Who has to act, A of them.
        actions: Agent to its action, a whole number of any type.
        num_actions: Number of actions N.

    Returns:
        A of them in [0, N), in the order of the agents.

    Raises:
        ValueError: an agent is missing or unknown, or an action does not exist; names it.
    """
    if actions.keys() != set(agents):
        raise ValueError(
            f"actions must name exactly the agents {', '.join(agents)}, "
            f"got {', '.join(map(str, actions)) or 'none'}"
        )
    chosen = []
    for agent in agents:
        try:
            action = operator.index(actions[agent])
        except TypeError:
            action = -1
        if not 0 <= action < num_actions:
            raise ValueError(
                f"action of {agent} must be a whole number in "
                f"[0, {num_actions - 1}], got {actions[agent]!r}"
            )
        chosen.append(action)
    return chosen


def refuse_masked(
    who: Callable[[int], str], actions: NDArray[np.integer[Any]], masked: NDArray[np.bool_]
) -> None:
    """Raise ValueError for the first action that the mask forbids.

    Args:
        who: Gives the name of a row, for the error.
        actions: integer [B]. The actions asked for.
        masked: bool [B]. Whether the mask forbids them.

    Raises:
        ValueError: one is forbidden; names who, the action and its condition.
    """
    for row in np.flatnonzero(masked)[:1]:
        action = int(actions[row])
        raise ValueError(
            f"action of {who(row)} is {action}, which its mask forbids now: {_condition(action)}; "
            "choose among the actions whose entry in action_mask is 1, or make the environment "
            "with strict=False, where such an action does nothing"
        )


def _condition(action: int) -> str:
    """Return what an action needs in order to be allowed."""
    if NORTH <= action <= EAST:
        return "a move must stay on the board"
    named = {
        USE: "using an item needs one in hand",
        THANK: "thanking needs somebody who has helped in this episode",
        OFFER: "offers are off unless the world is made with offers=True",
    }
    return named.get(action, f"help {action - HELP_BASE} needs an item in hand and that other near")
