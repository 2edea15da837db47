"""What a person in a focal seat knows of itself besides what it sees: its own trust."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.people import People


def introspect(people: People, h: int) -> NDArray[np.float32]:
    """Return a person's trust in each other agent, and its willingness toward AI.

    A policy that learns in the seat person:learned is given these beside its observation, whose
    layout is that of everybody. PettingZoo's view appends them to it.

    Args:
        people: The people of a batch of worlds.
        h: The person.

    Returns:
        float32 [E, O + 1] in [0, 1]: trust in (h + 1) % A, (h + 2) % A, ... (1 in a person), then
        willingness; a new array.
    """
    state, num_agents = people.state, len(people.is_person)
    others = (h + np.arange(1, num_agents)) % num_agents
    columns = [state.trust[:, h, others], state.willingness[:, h, None]]
    return np.concatenate(columns, axis=1).astype(np.float32)


def with_self_knowledge(
    features: NDArray[np.float32], people: People | None
) -> list[NDArray[np.float32]]:
    """Return what each focal agent of the first world is given: a person its own trust besides.

    Args:
        features: float32 [F, D]. What each sees.
        people: The people of the worlds, if there are any.

    Returns:
        float32 [D] for each AI; float32 [D + O + 1] for each person, as `introspect` has it.
    """
    rows = list(features)
    if people is not None:
        for h in np.flatnonzero(people.is_person[: len(rows)]).tolist():
            rows[h] = np.append(rows[h], introspect(people, h)[0])
    return rows
