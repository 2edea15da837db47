"""Perspective taking: the world as another one sees it, made of what a viewer sees.

Of what another one sees, all is open to a viewer that sees the same, but for the other's needs:
their place is taken by what the viewer believes of them. What a viewer cannot know is zeros.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from empathy_loop.agents.observing.acts import OFFER, STAY, THANK, USE, Acts
from empathy_loop.agents.observing.sighting import Sighting, distances
from empathy_loop.agents.types import Inputs
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams


def imagine(
    seen: Sighting, acts: Acts, need: Tensor, layout: ObservationLayout, params: WorldParams
) -> Inputs:
    """Return what each agent observes at each step, as each viewer imagines it.

    Unknown, and zeros, is in the first moment what went before it. Whom thanks were for is known of
    those who were seen to be helped before. What an agent was seen to do next, it was free to do.

    Args:
        seen: Sighting of T + 1 moments; the last one is only what the last acts are told from.
        acts: What is told of the T steps between them.
        need: float32 [T, E, V, A, K], in [0, 1]. What each viewer believes of each one's needs.
        layout: Where the quantities stand.
        params: The world.

    Returns:
        Inputs with leading axes [T, E, V, A], the last of which is who observes.
    """
    last_helper = last_helpers(acts, seen, layout)
    blocks = _other_blocks(seen.rows(slice(None, -1)), acts, last_helper, layout, params)
    own = _self_block(seen.rows(slice(None, -1)), acts, need, layout, params)
    seen = seen.rows(slice(None, -1))
    return Inputs(
        features=torch.cat([own, blocks.flatten(-2)], dim=-1),
        exterior=seen.looks,
        action_mask=_mask(seen, acts, blocks, last_helper, layout, params),
    )


def last_helpers(acts: Acts, seen: Sighting, layout: ObservationLayout) -> Tensor:
    """Return who helped each agent last, in each moment, as far as it was seen.

    Args:
        acts: What is told of T steps.
        seen: Sighting of the T + 1 moments around them.
        layout: Where the quantities stand.

    Returns:
        int64 [T, E, V, A]. Number of the helper, -1 where it is not known. Of two helpers in one
        step nobody sees who was the later one.
    """
    received = seen.looks[1:, ..., layout.other_block["received"]].any(-1)
    helpers = acts.helped.sum(-2)
    helper = acts.helped.int().argmax(-2).masked_fill(helpers != 1, -1)
    known = [torch.full_like(helper[0], -1)]
    for t in range(len(helper) - 1):
        known.append(torch.where(received[t], helper[t], known[-1]))
    return torch.stack(known)


def _self_block(
    seen: Sighting, acts: Acts, need: Tensor, layout: ObservationLayout, params: WorldParams
) -> Tensor:
    """Return the self block of each agent, float32 [T, E, V, A, self_size]."""
    side = params.grid_size - 1
    last = one_hot(acts.actions, layout.num_actions) * acts.told.unsqueeze(-1)
    station = seen.station.unsqueeze(-3) - seen.place.unsqueeze(-2)
    parts = {
        "need": need,
        "position": _scaled(2 * seen.place - side, side),
        "last_action": _a_moment_later(last).float(),
        "station": _scaled(station, side).flatten(-2),
    }
    for name in ("carried", "cue", "received"):
        parts[name] = seen.looks[..., layout.other_block[name]]
    return torch.cat([parts[name] for name in layout.self_block], dim=-1)


def _other_blocks(
    seen: Sighting,
    acts: Acts,
    last_helper: Tensor,
    layout: ObservationLayout,
    params: WorldParams,
) -> Tensor:
    """Return what each agent sees of each other, float32 [T, E, V, A, O, X]."""
    num_agents = seen.place.shape[-2]
    agents = torch.arange(num_agents, device=seen.place.device)
    others = (agents[:, None] + 1 + agents[:-1]) % num_agents

    def of_others(pairs: Tensor) -> Tensor:
        """Return [..., A, O], by who looks, of pairs [..., A, A] by who looks and who is seen."""
        return pairs.take_along_dim(others.expand(*pairs.shape[:-1], -1), dim=-1)

    apart = distances(seen.place, seen.place)
    open_to = (apart.amax(-1) <= params.view_radius) & seen.visible.unsqueeze(-1)
    visible = of_others(open_to & seen.visible.unsqueeze(-2))
    helped = _a_moment_later(acts.helped)
    is_last = last_helper.unsqueeze(-1) == agents
    thanks = seen.looks[..., layout.other_block["social_act"].start].unsqueeze(-1) > 0.0
    # Who was helped in the very step in which it thanked may have thanked that helper.
    thanked = thanks & is_last & ~helped.any(-2).unsqueeze(-1)
    offset = seen.place[..., others, :] - seen.place.unsqueeze(-2)
    looks = seen.looks[..., others, :].clone()
    block = layout.other_block
    looks[..., block["visible"]] = 1.0
    looks[..., block["offset"]] = _scaled(offset, params.grid_size - 1)
    for name, pairs in (
        ("in_reach", apart.sum(-1) <= params.help_reach),
        ("helped_me", helped.transpose(-1, -2)),
        ("thanked_me", thanked.transpose(-1, -2)),
    ):
        looks[..., block[name].start] = of_others(pairs).float()
    return looks * visible.unsqueeze(-1)


def _mask(
    seen: Sighting,
    acts: Acts,
    blocks: Tensor,
    last_helper: Tensor,
    layout: ObservationLayout,
    params: WorldParams,
) -> Tensor:
    """Return which actions are open to each agent, as far as is known, bool [T, E, V, A, N]."""
    block, place = layout.other_block, seen.place
    carries = seen.looks[..., block["carried"]].any(-1)
    mask = torch.zeros(*carries.shape, layout.num_actions, dtype=torch.bool, device=place.device)
    mask[..., STAY] = True
    room = torch.stack([place > 0, place < params.grid_size - 1], dim=-1)
    mask[..., STAY + 1 : USE] = room.flatten(-2)
    mask[..., USE] = carries
    mask[..., THANK] = last_helper >= 0
    mask[..., OFFER] = params.offers
    mask[..., OFFER + 1 :] = (blocks[..., block["in_reach"].start] > 0.0) & carries.unsqueeze(-1)
    return mask.scatter(-1, acts.actions.unsqueeze(-1), True)


def _a_moment_later(steps: Tensor) -> Tensor:
    """Return what each step is preceded by: values of T steps, one later, zeros first."""
    return torch.cat([torch.zeros_like(steps[:1]), steps[:-1]])


def _scaled(cells: Tensor, side: int) -> Tensor:
    """Return whole numbers of cells in board sides, rounded as the world rounds them."""
    return (cells.double() * (1.0 / side)).float()
