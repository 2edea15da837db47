"""Interventions on help between AI and people: how much of one's help comes about.

What follows from help can be told from what goes with it only where somebody else decides how much
of it there is. A dose is the share of helps of one side to the other that are let through.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.kernel import batch, hot
from empathy_loop.envs.params import Probability, check_ranges
from empathy_loop.envs.people import People
from empathy_loop.envs.random import DOSE, draw, fold
from empathy_loop.envs.state import HELP_BASE, STAY, agent_after
from empathy_loop.envs.world import World

WINDOW = 32
"""Steps over which one draw holds: whoever was stopped for one step only would help in the next.
Assumed, as long as a round of `empathy_loop.envs.person`."""


@dataclass(frozen=True, slots=True)
class Doses:
    """Shares of helps that come about; with 1, nobody is stopped.

    Raises:
        ValueError: a share is out of its range.
    """

    ai_to_people: Probability = 1.0
    """Of help of AI for people, 0 to 1."""
    people_to_ai: Probability = 1.0
    """Of help of people for AI, 0 to 1."""

    def __post_init__(self) -> None:
        check_ranges(self)


FULL = Doses()
"""Nobody is stopped."""


def stop(world: World, people: People | None, doses: Doses) -> None:
    """Decide whose help for whom does not come about in the coming step, before anybody chooses.

    In each window of WINDOW steps each agent is stopped or not from helping the other side, by one
    draw keyed by world, window and agent: with the share of the windows in which it is not stopped,
    the dose. Nothing else is touched, and no other draw. It has to be known before agents choose:
    whoever is stopped in the middle of a help would stand there for want of a better plan, and
    what comes of that is not what comes of less help.

    Args:
        world: The worlds, before the step. Writes: `stopped`, and the helps in question in
            `observation.action_mask`.
        people: The people in seats; without any, nobody is stopped.
        doses: The shares.
    """
    if people is None or doses == FULL:
        # An earlier view of the same worlds may have stopped somebody.
        world.stopped = world.stopped[:, :0, :0]
    else:
        is_person = people.is_person
        shape = (world.num_worlds, *2 * is_person.shape)
        if world.stopped.shape != shape:
            world.stopped = np.zeros(shape, np.bool_)
        _stop_batch(
            world.records,
            world.observation.action_mask,
            world.stopped,
            is_person,
            doses.ai_to_people,
            doses.people_to_ai,
        )


def thin(world: World, actions: NDArray[np.int8]) -> None:
    """Let those stay who would give a help that is stopped, whatever they were told; in place.

    Args:
        world: The worlds, before the step.
        actions: int8 [E, A], in [0, N). What everybody is about to do.
    """
    if world.stopped.size:
        _thin_batch(world.stopped, actions)


@batch
def _stop_batch(records, action_mask, stopped, is_person, ai_to_people, people_to_ai):
    """Write which helps do not come about, and take them out of the masks."""
    num_agents = is_person.shape[0]
    for e in range(stopped.shape[0]):
        window_key = fold(records[e].key, records[e].step // WINDOW)
        for i in range(num_agents):
            u = draw(window_key, i, DOSE, 0)
            for d in range(1, num_agents):
                j = agent_after(i, d, num_agents)
                share = _share(is_person[i], is_person[j], ai_to_people, people_to_ai)
                stopped[e, i, j] = not u < share
                if stopped[e, i, j]:
                    action_mask[e, i, HELP_BASE + d] = False


@batch
def _thin_batch(stopped, actions):
    """Write STAY in place of the helps that do not come about."""
    num_agents = actions.shape[1]
    for e in range(actions.shape[0]):
        for i in range(num_agents):
            if actions[e, i] > HELP_BASE:
                j = agent_after(i, actions[e, i] - HELP_BASE, num_agents)
                if stopped[e, i, j]:
                    actions[e, i] = STAY


@hot
def _share(helper_is_person, other_is_person, ai_to_people, people_to_ai):
    """Return the dose of help between two agents; 1 on one side."""
    if helper_is_person == other_is_person:
        return 1.0
    return people_to_ai if helper_is_person else ai_to_people
