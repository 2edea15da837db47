"""What is told of others' acts is what they did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from sizes import SIZES

from empathy_loop.agents.observing import acts as codes
from empathy_loop.agents.observing.acts import Acts, infer_acts
from empathy_loop.agents.observing.sighting import sightings
from empathy_loop.envs import state
from empathy_loop.envs.params import NUM_PLAIN_ACTIONS

Play = Callable[..., Any]

pytestmark = pytest.mark.xdist_group("sizes")


def told_of(played: Any, num_viewers: int) -> Acts:
    seen = sightings(played.inputs, played.layout, played.params, num_viewers)
    return infer_acts(seen, played.layout, played.params)


def test_the_codes_of_actions_are_the_worlds() -> None:
    for name in ("STAY", "NORTH", "SOUTH", "WEST", "EAST", "USE", "THANK", "OFFER"):
        assert getattr(codes, name) == getattr(state, name)
    assert NUM_PLAIN_ACTIONS - 1 == state.HELP_BASE


@pytest.mark.parametrize(("num_agents", "num_kinds"), SIZES)
@pytest.mark.parametrize("warm_up", [0, 17])
def test_what_is_told_on_the_full_board_is_what_was_done(
    played: Play, num_agents: int, num_kinds: int, warm_up: int
) -> None:
    game = played(num_agents, num_kinds, seed=num_agents, warm_up=warm_up)
    found = told_of(game, num_agents)
    done = game.actions.unsqueeze(2).expand_as(found.actions)
    told = found.told
    assert torch.equal(found.actions[told], done[told])
    assert not found.actions[~told].any()
    # What shows by itself is always told: thanks, offers, and an item used on oneself.
    for action in (codes.USE, codes.THANK, codes.OFFER):
        assert told[done == action].all()
    for action in (codes.NORTH, codes.SOUTH, codes.WEST, codes.EAST):
        assert told[done == action].float().mean() > 0.6, "all but the moves that were blocked"


def test_helps_are_told_with_their_recipient_unless_two_gifts_hide_each_other(
    played: Play,
) -> None:
    for num_agents, num_kinds in SIZES:
        game = played(num_agents, num_kinds, seed=1)
        found = told_of(game, num_agents)
        true = game.helped.bool().unsqueeze(2).expand_as(found.helped)
        assert not (found.helped & ~true).any()
        alone = true.any(-1).sum(-1, keepdim=True) == 1  # the only gift of the step
        assert torch.equal(found.helped[alone.squeeze(-1)], true[alone.squeeze(-1)])
        assert found.helped.sum() > 0.9 * true.sum() > 0


def test_a_viewer_that_was_helped_or_that_helps_knows_it(played: Play) -> None:
    game = played(5, 4, seed=2)
    found = told_of(game, 5)
    for i in range(5):
        gave = game.helped[:, :, i].bool()
        assert torch.equal(found.helped[:, :, i, i], gave)
        others = [j for j in range(5) if j != i]
        got = game.helped[:, :, others, i].bool()
        assert torch.equal(found.helped[:, :, i, others, i], got)


def test_a_limited_view_is_seldom_wrong_and_never_about_whom_it_does_not_see(played: Play) -> None:
    game = played(4, 3, seed=3, view_radius=2)
    seen = sightings(game.inputs, game.layout, game.params, 4)
    found = infer_acts(seen, game.layout, game.params)
    unseen = ~(seen.visible[:-1] & seen.visible[1:])
    assert unseen.any() and not found.told[unseen].any()
    done = game.actions.unsqueeze(2).expand_as(found.actions)
    right = (found.actions == done)[found.told].float().mean()
    assert right > 0.97


def test_nobody_is_said_to_stay_where_thanks_and_offers_are_not_seen(played: Play) -> None:
    game = played(seed=4, show_positive_cues=False)
    found = told_of(game, 3)
    done = game.actions.unsqueeze(2).expand_as(found.actions)
    assert not found.told[found.actions == codes.STAY].any()
    assert torch.equal(found.actions[found.told], done[found.told])
