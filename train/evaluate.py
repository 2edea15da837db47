"""Episodes in which nothing is learned, on worlds that training never meets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from empathy_loop.agents.empathy.metrics import belief_quality
from empathy_loop.envs.doses import FULL, Doses
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.world import World
from empathy_loop.train.actors import Actor, Decision
from empathy_loop.train.cast import check_role
from empathy_loop.train.social import SocialLog

SEED_OFFSET = 10_000
"""Added to a seed of evaluation; training seeds lie below it, so that their worlds never meet."""


class EpisodeLog(NamedTuple):
    """A batch of whole episodes, one in each world.

    All A agents are in it, partners too, but only the F focal ones are asked what they believe.

    Attributes:
        welfare: float64 [T, E], at most 0. Unshaped welfare of each step.
        drive: float64 [T, E, A], in [0, K]. Drive after each step.
        helps: int8 [T, E, A]. Helps given in each step.
        misattuned: int8 [T, E, A]. Those of them that were misattuned.
        belief: float32 [T, E, F, O, K] or None. Need levels of all others, as the focal agents
            believed them before the step.
        shift_step: int32 [E]. Step in which the shift comes; in a world without a shift, in
            which it would have come.
        need: float32 [T, E, A, K]. True needs before the step, beside the belief.
        p_crisis: float32 [T, E, F, O, K] or None. Believed probability of a crisis.
        social: float32 [T, C] or None. What goes on between AI and people, as `social.CHANNELS`
            says; None where no person sits.
    """

    welfare: NDArray[np.float64]
    drive: NDArray[np.float64]
    helps: NDArray[np.int8]
    misattuned: NDArray[np.int8]
    belief: NDArray[np.float32] | None
    shift_step: NDArray[np.int32]
    need: NDArray[np.float32]
    p_crisis: NDArray[np.float32] | None
    social: NDArray[np.float32] | None = None


def run_episodes(
    actor: Actor,
    params: WorldParams,
    episodes: int,
    seed: int,
    greedy: bool = False,
    seats: Sequence[str] = (),
    doses: Doses = FULL,
    forget_at: int = 0,
) -> EpisodeLog:
    """Play one episode in each of a number of worlds.

    Worlds and sampled actions are keyed by the seed: the same call gives the same log, and a
    call with another shift gives its twin, equal up to the shift.

    Args:
        actor: Acts for all focal agents; it is asked for everybody's action and belief.
        params: The rules.
        episodes: Number of worlds, E, at least 1.
        seed: Seed of the worlds, at least 0; 0 to 99 for reported numbers.
        greedy: Whether to take the most probable actions instead of sampling.
        seats: A seat for each agent, such as ("focal", "heldout", "heldout"); none for all focal.
        doses: How much of the help between AI and people comes about.
        forget_at: Step before which the actor forgets what it has seen in the episode; partners
            do not. 0 for never.

    Returns:
        EpisodeLog of all agents, partners included, and of the beliefs of the focal ones.

    Raises:
        ValueError: a number is out of its range, or the actor or the seats do not fit the world.
    """
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    check_role(actor, seats)
    params = actor.view(params)
    world = World(params, episodes, SEED_OFFSET + seed, autoreset=False)
    seated = SeatedWorld(world, seats, doses)
    social = SocialLog(seated) if seated.people else None
    log = _empty_log(params, episodes)._replace(shift_step=world.state.shift_step.copy())
    believed: list[Decision] = []
    for t in range(params.horizon):
        if t in (0, forget_at):
            actor.begin(params, episodes)
        log.need[t] = world.state.need
        decision = actor.act(world, greedy)
        believed.append(decision)
        seated.step(decision.actions[:, : seated.num_focal])
        transition = world.transition
        log.welfare[t], log.drive[t] = transition.welfare, transition.drive
        log.helps[t], log.misattuned[t] = transition.helps, transition.misattuned
        if social is not None:
            social.look(t)
    return log._replace(
        social=None if social is None else social.values,
        belief=_stacked([decision.belief for decision in believed], seated.num_focal),
        p_crisis=_stacked([decision.p_crisis for decision in believed], seated.num_focal),
    )


def score_belief(log: EpisodeLog) -> dict[str, float]:
    """Score what the focal agents believed of all others, partners included, against the truth.

    Args:
        log: Episodes.

    Returns:
        The numbers of `belief_quality`, over focal viewers; nothing where no belief is logged.
    """
    return {} if log.p_crisis is None else belief_quality(log.p_crisis, log.need)


def _empty_log(params: WorldParams, episodes: int) -> EpisodeLog:
    per_world = (params.horizon, episodes)
    per_agent = (*per_world, params.num_agents)
    return EpisodeLog(
        welfare=np.zeros(per_world),
        drive=np.zeros(per_agent),
        helps=np.zeros(per_agent, np.int8),
        misattuned=np.zeros(per_agent, np.int8),
        belief=None,
        shift_step=np.zeros(episodes, np.int32),
        need=np.zeros((*per_agent, params.num_kinds), np.float32),
        p_crisis=None,
    )


def _stacked(parts: list[NDArray[np.float32] | None], num_focal: int) -> NDArray[np.float32] | None:
    """Return the focal rows of arrays [E, A, ...], one for each step, as [T, E, F, ...]."""
    present = [part[:, :num_focal] for part in parts if part is not None]
    return np.stack(present) if present else None
