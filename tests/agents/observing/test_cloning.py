"""Demonstrators are cloned on what they saw and did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.registry import load_agent
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Batch, Inputs, Memory, Recorded

Play = Callable[..., Any]
MakeBatch = Callable[[Any, Arm], Batch]
SIZES = {"network": {"hidden_size": 12, "belief_size": 8}}


def make_arm(game: Any, num_focal: int) -> Arm:
    return Arm(load_agent("cloned", SIZES), game.params, seed=1, num_focal=num_focal)


def missed(arm: Arm, inputs: Inputs, streams: Tensor, actions: Tensor, rows: list[int]) -> float:
    """Return the mean cross-entropy of the actions of some rows, by each row's own policy."""
    num_agents = actions.shape[-1]
    table = StreamTable.of(num_agents, num_agents - 1, shared=True)
    core = torch.zeros(len(streams), num_agents, 12)
    present = Inputs(*(part[:-1] for part in inputs))
    logits = arm.network(present, Memory(streams, core), table).logits
    logp = torch.log_softmax(logits, dim=-1).gather(-1, actions[..., None])[..., 0]
    return -float(logp[:, :, rows].mean().detach())


def test_the_loss_is_the_cross_entropy_of_what_partners_did(
    played: Play, batch_of: MakeBatch
) -> None:
    game = played(4, 3, seed=16)
    arm = make_arm(game, 2)
    batch = batch_of(game, arm)
    found = float(arm.loss(batch).terms["cloning"].detach())
    expected = missed(arm, game.inputs, batch.memory.streams, game.actions, [2, 3])
    assert found == pytest.approx(expected, rel=1e-5)


def test_records_are_cloned_where_no_partner_acts(played: Play, batch_of: MakeBatch) -> None:
    game, other = played(3, 3, seed=17), played(3, 3, seed=18)
    arm = make_arm(game, 3)
    batch = batch_of(game, arm)
    assert arm.loss(batch).terms["cloning"].item() == 0.0
    num_steps, num_worlds, _ = other.actions.shape
    demonstrates = torch.tensor([True, False, True]).expand(num_worlds, -1)
    valid = torch.ones(num_steps, num_worlds, dtype=torch.bool)
    recorded = Recorded(other.inputs, other.actions, demonstrates, valid)
    found = float(arm.loss(batch._replace(recorded=recorded)).terms["cloning"])
    streams = torch.zeros_like(batch.memory.streams)
    expected = missed(arm, other.inputs, streams, other.actions, [0, 2])
    assert found == pytest.approx(expected, rel=1e-5)


def test_an_act_that_the_mask_rules_out_is_not_counted(played: Play, batch_of: MakeBatch) -> None:
    game = played(4, 3, seed=19)
    arm = make_arm(game, 2)
    mask = game.inputs.action_mask.clone()
    mask[:-1].scatter_(-1, game.actions[..., None], False)
    mask[..., 0] = True
    batch = batch_of(game._replace(inputs=game.inputs._replace(action_mask=mask)), arm)
    stays = game.actions == 0
    batch = batch._replace(actions=game.actions.masked_fill(stays, 1))
    assert float(arm.loss(batch).terms["cloning"].detach()) < 20.0, "-1e9 is no log-probability"


def test_limited_views_can_be_cloned_too(played: Play, batch_of: MakeBatch) -> None:
    game = played(4, 3, seed=20, view_radius=2)
    arm = make_arm(game, 2)
    batch = batch_of(game, arm)
    loss = arm.loss(batch)
    assert 0.0 < float(loss.terms["cloning"].detach()) < 3.0
    assert torch.equal(loss.total, loss.terms["cloning"]), "it learns nothing else"
