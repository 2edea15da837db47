"""What a viewer sees of everybody, in terms that do not depend on where it stands.

Axes, beside those of `agents.types`: S moments, V viewer. The viewers are the first V agents of a
world. A moment is an observation; the step of the same number follows it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from empathy_loop.agents.empathy.targets import one_hot_codes
from empathy_loop.agents.streams import other_blocks
from empathy_loop.agents.types import Inputs
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams


class Sighting(NamedTuple):
    """What each viewer sees of each agent, itself included.

    Attributes:
        looks: float32 [S, E, V, A, X]. Exterior view of the agent; zeros where it is not seen.
        visible: bool [S, E, V, A]. Whether it is seen.
        place: int64 [S, E, V, A, 2]. Row and column, in cells; zeros where it is not seen.
        station: int64 [S, E, V, K, 2]. Row and column of each kind's station, in cells.
        helped_viewer: bool [S, E, V, A]. Whether it helped the viewer in the last step.
        last_action: int64 [S, E, V]. The viewer's own last action, -1 in the first moment.
    """

    looks: Tensor
    visible: Tensor
    place: Tensor
    station: Tensor
    helped_viewer: Tensor
    last_action: Tensor

    def rows(self, moments: slice) -> Sighting:
        """Return some of the moments."""
        return Sighting(*(part[moments] for part in self))


def sightings(
    inputs: Inputs, layout: ObservationLayout, params: WorldParams, num_viewers: int
) -> Sighting:
    """Return what the viewers see; of other agents' rows nothing is read.

    Args:
        inputs: Inputs with leading axes [S, E, A].
        layout: Where the quantities stand.
        params: The world, of which the board's side is read.
        num_viewers: Viewers, V, the first agents of a world.
    """
    features = inputs.features[:, :, :num_viewers]
    own = inputs.exterior[:, :, :num_viewers]
    around = torch.cat([own.unsqueeze(-2), other_blocks(features, layout)], dim=-2)
    views = _by_agent(around, num_viewers)
    visible = views[..., layout.other_block["visible"].start] > 0.0
    side = params.grid_size - 1

    def cells(values: Tensor) -> Tensor:
        return (values * side).round().long()

    position = cells(0.5 * (features[..., layout.self_block["position"]] + 1.0))
    station = cells(features[..., layout.self_block["station"]])
    station = station.view(*station.shape[:-1], layout.num_kinds, 2)
    place = position.unsqueeze(-2) + cells(views[..., layout.other_block["offset"]])
    # What an agent is to the viewer alone, and what that viewer thinks of it, is none of its looks.
    shared = torch.zeros(layout.other_size, device=views.device)
    shared[[layout.other_block["visible"].start, *layout.impersonal]] = 1.0
    return Sighting(
        looks=torch.where(shared > 0.0, views, 0.0),
        visible=visible,
        place=place * visible.unsqueeze(-1),
        station=station + position.unsqueeze(-2),
        helped_viewer=views[..., layout.other_block["helped_me"].start] > 0.0,
        last_action=one_hot_codes(features[..., layout.self_block["last_action"]]) - 1,
    )


def streams_by_agent(own: Tensor, others: Tensor) -> Tensor:
    """Return the stream that shows each agent to each viewer, int64 [V, A].

    Args:
        own: int64 [V]. Each viewer's own stream.
        others: int64 [V, O]. The streams that show it others, as in a StreamTable.
    """
    return _by_agent(torch.cat([own[:, None], others], dim=1)[..., None], len(own)).squeeze(-1)


def distances(one: Tensor, other: Tensor) -> Tensor:
    """Return the row and column distance of each of some places to each of others.

    Args:
        one: int64 [..., A, 2].
        other: int64 [..., A, 2].

    Returns:
        int64 [..., A, A, 2], at least 0.
    """
    return (one.unsqueeze(-2) - other.unsqueeze(-3)).abs()


def _by_agent(around: Tensor, num_viewers: int) -> Tensor:
    """Return [..., V, A, X], by the number of the agent seen, of what is in each viewer's order."""
    num_agents, device = around.shape[-2], around.device
    viewers = torch.arange(num_viewers, device=device)[:, None]
    order = (torch.arange(num_agents, device=device) - viewers) % num_agents
    return around[..., viewers, order, :]
