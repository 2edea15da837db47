"""A user's own class that acts: made, asked, and told in words what is wrong with its answer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def new_agent(found: type[Any], name: str) -> Any:
    """Return an object of a user's class.

    Args:
        found: The class.
        name: What to call it in errors.

    Raises:
        ValueError: it cannot be made without arguments, or has no method `act`.
    """
    try:
        agent = found()
    except TypeError as error:
        raise ValueError(
            f"agent {name!r} must be made without arguments, and cannot be: {error}"
        ) from error
    if not callable(getattr(agent, "act", None)):
        raise ValueError(
            f"agent {name!r} has no method act(observation, state), which returns (actions, state)"
        )
    return agent


def checked_answer(
    answer: Any, name: str, num_rows: int, num_actions: int
) -> tuple[NDArray[Any], Any]:
    """Return what a user's `act` returned, as actions and state.

    Args:
        answer: What it returned.
        name: What to call the agent in errors.
        num_rows: Rows B that it was asked for.
        num_actions: Number of actions N.

    Returns:
        Actions, integer [B] in [0, N), and the state, which may be anything.

    Raises:
        ValueError: it is something else; says what.
    """
    asked = (
        f"agent {name!r}: act must return (actions, state) with one whole number "
        f"in [0, {num_actions - 1}] for each of {num_rows} rows"
    )
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise ValueError(f"{asked}, got a {type(answer).__name__} that is no such pair")
    actions = np.asarray(answer[0])
    if actions.shape != (num_rows,) or actions.dtype.kind not in "iu":
        raise ValueError(f"{asked}, got {actions.dtype} {actions.shape}")
    if ((actions < 0) | (actions >= num_actions)).any():
        raise ValueError(f"{asked}, got {actions.min()} to {actions.max()}")
    return actions, answer[1]
