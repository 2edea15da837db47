"""What is imagined of another's view is what it sees, but for its needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from sizes import SIZES
from torch import Tensor

from empathy_loop.agents.observing.acts import THANK, infer_acts
from empathy_loop.agents.observing.perspective import imagine
from empathy_loop.agents.observing.sighting import sightings
from empathy_loop.agents.streams import other_blocks
from empathy_loop.agents.types import Inputs

Play = Callable[..., Any]

pytestmark = pytest.mark.xdist_group("sizes")


def imagined(game: Any, num_viewers: int) -> tuple[Inputs, Inputs, Tensor]:
    """Return what viewers imagine and what is, both [T, E, V, A], and the beliefs put in."""
    seen = sightings(game.inputs, game.layout, game.params, num_viewers)
    acts = infer_acts(seen, game.layout, game.params)
    believed = torch.rand(*acts.told.shape, game.layout.num_kinds)
    found = imagine(seen, acts, believed, game.layout, game.params)
    pairs = zip(found, game.inputs, strict=True)
    true = Inputs(*(true[:-1].unsqueeze(2).expand_as(mine) for mine, true in pairs))
    return found, true, believed


@pytest.mark.parametrize(("num_agents", "num_kinds"), SIZES)
def test_on_the_full_board_all_that_is_public_is_exact_and_needs_are_the_belief(
    played: Play, num_agents: int, num_kinds: int
) -> None:
    game = played(num_agents, num_kinds, seed=5)
    found, true, believed = imagined(game, num_agents)
    layout = game.layout
    assert torch.equal(found.exterior, true.exterior)
    for name, part in layout.self_block.items():
        mine, theirs = found.features[..., part], true.features[..., part]
        if name == "need":
            assert torch.equal(mine, believed)
        elif name == "last_action":  # where it can be told; there is none in the first moment
            told = mine.any(-1)
            assert torch.equal(mine[told], theirs[told]) and told.float().mean() > 0.7
        else:
            assert torch.equal(mine, theirs), name
    mine, theirs = (other_blocks(each.features, layout) for each in (found, true))
    for name, part in layout.other_block.items():
        if name in ("helped_me", "thanked_me"):  # but where two gifts hide each other
            assert (mine[..., part] <= theirs[..., part]).all(), name
            assert mine[..., part].sum() > 0.8 * theirs[..., part].sum(), name
        else:
            assert torch.equal(mine[..., part], theirs[..., part]), name
    legal = [n for n in range(layout.num_actions) if n != THANK]
    assert torch.equal(found.action_mask[..., legal], true.action_mask[..., legal])
    assert (found.action_mask <= true.action_mask).all()


def test_within_a_limited_view_nothing_is_imagined_that_the_other_does_not_see(
    played: Play,
) -> None:
    game = played(4, 3, seed=6, view_radius=2)
    layout = game.layout
    found, true, _ = imagined(game, 4)
    seen = sightings(game.inputs, layout, game.params, 4).visible[:-1]
    mine, theirs = (other_blocks(each.features, layout) for each in (found, true))
    visible = layout.other_block["visible"].start
    told = mine[..., visible] > 0.0
    assert told.any() and (~told & (theirs[..., visible] > 0.0)).any()
    assert not mine[~told].any() and not mine[~seen].any()
    for name in ("visible", "offset", "in_reach", "carried", "cue", "social_act", "received"):
        part = layout.other_block[name]
        assert torch.equal(mine[told][..., part], theirs[told][..., part]), name
    place = layout.self_block["position"]
    assert torch.equal(found.features[seen][..., place], true.features[seen][..., place])


def test_a_viewer_reads_its_own_rows_only(played: Play) -> None:
    game = played(4, 3, seed=7)
    poisoned = Inputs(*(part.clone() for part in game.inputs))
    for part in poisoned:
        part[:, :, 2:] = torch.nan if part.is_floating_point() else True

    def of(inputs: Inputs) -> Inputs:
        torch.manual_seed(0)  # for the beliefs
        found: Inputs = imagined(game._replace(inputs=inputs), 2)[0]
        return found

    for one, other in zip(of(game.inputs), of(poisoned), strict=True):
        assert torch.equal(one, other)
