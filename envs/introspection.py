"""What a person knows of itself besides what it sees: its own trust, and its willingness.

They stand in the observation of persons where `show_trust` is set: in the block of an AI both, in
that of another person trust 1 and willingness 0, in that of an other who is not seen zeros. What an
AI sees has zeros in these columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.people import People
from empathy_loop.envs.world import World


def show_trust(people: People | None, world: World) -> None:
    """Write into the observation what persons think of the others, if it is shown.

    Args:
        people: The people of the worlds, if there are any.
        world: Its observation is written, the columns trust and willingness of persons.
    """
    if people is not None and world.params.show_trust:
        _write_trust(people, world.layout, world.observation.features, slice(None))


def show_final_trust(people: People, world: World) -> None:
    """Write the same into the final observation of the episodes that are over.

    To be called before their persons are made strangers again.
    """
    over = world.transition.truncated
    if world.params.show_trust and over.any():
        features = world.transition.final_observation.features
        last = features[over]
        _write_trust(people, world.layout, last, over)
        features[over] = last


def _write_trust(
    people: People,
    layout: ObservationLayout,
    features: NDArray[np.float32],
    worlds: NDArray[np.bool_] | slice,
) -> None:
    """Write the columns trust and willingness of persons.

    Args:
        people: The people of a batch of worlds.
        layout: Layout of the features.
        features: float32 [E', A, D]. Written.
        worlds: The E' worlds of the batch that are meant, as an index.
    """
    num_agents = len(people.is_person)
    starts = layout.self_size + layout.other_size * np.arange(layout.num_others)
    visible, trust, willingness = (
        starts + layout.other_block[name].start for name in ("visible", "trust", "willingness")
    )
    for h in np.flatnonzero(people.is_person):
        others = (h + np.arange(1, num_agents)) % num_agents
        seen = features[:, h, visible]
        willing = people.state.willingness[worlds, h, None] * ~people.is_person[others]
        features[:, h, trust] = people.state.trust[worlds, h][:, others] * seen
        features[:, h, willingness] = willing * seen
