"""What others did between two moments, told from what a viewer sees in both.

A move shows in places; thanks, offers and helps are social acts that show; an item that vanishes
without a help was used on oneself. Whom a help went to shows in who received what. Everything else
looks like staying, and is told to be so only where nothing else could have looked the same: a move
into another's way, or a help of somebody who has walked out of reach, leaves no trace.

Where everybody is seen, what is told is what was done, provided that nobody asks for what its
mask rules out. Of limited views that holds but for what others out of view have to do with it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from empathy_loop.agents.observing.sighting import Sighting, distances
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import NUM_PLAIN_ACTIONS, WorldParams

STAY, NORTH, SOUTH, WEST, EAST, USE, THANK, OFFER = range(NUM_PLAIN_ACTIONS)
"""Codes of the actions that address nobody; others come after them, as in `docs/rules.md`."""


class Acts(NamedTuple):
    """What each viewer takes each agent to have done in each step.

    Attributes:
        actions: int64 [T, E, V, A], in [0, N). STAY where nothing is known.
        told: bool [T, E, V, A]. Whether the action can be told.
        addressed: bool [T, E, V, A, A]. Whether the first agent's help, taken or refused, was for
            the second; of helps that can be told.
        helped: bool [T, E, V, A, A]. The same, of helps that were taken.
    """

    actions: Tensor
    told: Tensor
    addressed: Tensor
    helped: Tensor


def infer_acts(seen: Sighting, layout: ObservationLayout, params: WorldParams) -> Acts:
    """Return what is told of each step from the moments before and after it.

    Args:
        seen: Sighting of T + 1 moments of one episode.
        layout: Where the quantities stand.
        params: The world: its reach, and whether it shows signals.
    """
    before, after = seen.rows(slice(None, -1)), seen.rows(slice(1, None))
    both = before.visible & after.visible
    had, has = (_shows(each, layout, "carried") for each in (before, after))
    thanks, offers, helps = _part(after, layout, "social_act").unbind(-1)
    addressed = _addressed(before, after, layout, params, had & ~has)
    recipient = addressed.int().argmax(-1)
    agents = torch.arange(recipient.shape[-1], device=recipient.device)
    step = after.place - before.place
    moved = step.abs().sum(-1) == 1
    forward = (step > 0).long()
    direction = torch.where(step[..., 0] != 0, NORTH + forward[..., 0], WEST + forward[..., 1])
    actions = torch.where(moved, direction, torch.full_like(direction, STAY))
    for code, done in ((USE, had & ~has & ~helps), (THANK, thanks), (OFFER, offers)):
        actions = actions.masked_fill(done, code)
    towards = NUM_PLAIN_ACTIONS - 1 + (recipient - agents) % len(agents)
    actions = torch.where(helps, towards, actions)
    told = torch.where(helps, addressed.any(-1), actions != STAY)
    told = both & (told | ~helps & _surely_stayed(before, after, params, had))
    addressed = addressed & told.unsqueeze(-1)
    return Acts(
        actions=actions * told,
        told=told,
        addressed=addressed,
        helped=addressed & (had & ~has).unsqueeze(-1),
    )


def _addressed(
    before: Sighting,
    after: Sighting,
    layout: ObservationLayout,
    params: WorldParams,
    gave: Tensor,
) -> Tensor:
    """Return whom each help was for, bool [T, E, V, A, A]; nobody where it cannot be told.

    An item that was given went to one in reach who received that kind; where more was given than
    received, for a second gift to the same agent hides the first, to one who received anything.
    An item that was kept was refused, by whomever in reach. Viewers know what they themselves got
    and did.
    """
    helps = _part(after, layout, "social_act")[..., 2]
    received = _part(after, layout, "received")
    reach = _near(after, after, params.help_reach)
    kinds = _part(before, layout, "carried").unsqueeze(-2) & received.unsqueeze(-3)
    given, taken = (helps & gave), received.any(-1)
    one_each = (given.sum(-1) == taken.sum(-1))[..., None, None]
    fits = taken.unsqueeze(-2) & (kinds.any(-1) | ~one_each)
    kept = (helps & ~gave).unsqueeze(-1)
    options = reach & (given.unsqueeze(-1) & fits | kept)
    num_viewers, num_agents = options.shape[2], options.shape[3]
    agents = torch.arange(num_agents, device=options.device)
    is_viewer = agents == agents[:num_viewers, None]
    helped_viewer = after.helped_viewer.unsqueeze(-1)
    options &= torch.where(is_viewer[:, None, :], helped_viewer | kept, ~helped_viewer)
    towards = agents[:num_viewers] + after.last_action - (NUM_PLAIN_ACTIONS - 1)
    own = agents == (towards % num_agents).unsqueeze(-1)
    options &= ~is_viewer[:, :, None] | own.unsqueeze(-2)
    return options & (options.sum(-1, keepdim=True) == 1)


def _surely_stayed(before: Sighting, after: Sighting, params: WorldParams, had: Tensor) -> Tensor:
    """Return whether who is seen to do nothing cannot have tried to, bool [T, E, V, A]."""
    if not (params.show_cues and params.show_positive_cues):
        return torch.zeros_like(had)  # thanks and offers are not seen
    blocked = _near(after, before, 1).any(-1) | _near(after, after, 1).any(-1)
    gone = _near(before, before, params.help_reach) & ~_near(after, after, params.help_reach)
    return ~blocked & ~(had & gone.any(-1))


def _near(one: Sighting, other: Sighting, reach: int) -> Tensor:
    """Return whether each agent is within some steps of each other one, bool [T, E, V, A, A]."""
    near = distances(one.place, other.place).sum(-1) <= reach
    apart = ~torch.eye(near.shape[-1], dtype=torch.bool, device=near.device)
    return near & apart & one.visible.unsqueeze(-1) & other.visible.unsqueeze(-2)


def _part(seen: Sighting, layout: ObservationLayout, name: str) -> Tensor:
    return seen.looks[..., layout.other_block[name]] > 0.0


def _shows(seen: Sighting, layout: ObservationLayout, name: str) -> Tensor:
    return _part(seen, layout, name).any(-1)
