"""What was seen to bring relief is imitated, and what annoyed is shunned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.observing.acts import infer_acts
from empathy_loop.agents.observing.imitation import (
    Observational,
    credited,
    outcomes,
    shaped_loss,
    watch,
)
from empathy_loop.agents.observing.sighting import sightings
from empathy_loop.agents.observing.watching import live_scene
from empathy_loop.agents.registry import load_agent
from empathy_loop.agents.types import Batch, Inputs, Memory, Outputs, Recorded

Play = Callable[..., Any]
MakeBatch = Callable[[Any, Arm], Batch]
SMALL: dict[str, Any] = {"network": {"hidden_size": 12, "belief_size": 8}}


def make_arm(game: Any, num_focal: int, **overrides: Any) -> Arm:
    config = load_agent("observational", SMALL | overrides)
    arm = Arm(config, game.params, seed=1, num_focal=num_focal)
    with torch.no_grad():  # a new policy hardly minds what it sees
        for head in (arm.network.plain, arm.network.help):
            head.weight.mul_(50.0)  # type: ignore[union-attr,operator]
    return arm


def outputs_of(arm: Arm, batch: Batch) -> Outputs:
    present = Inputs(*(part[:-1] for part in batch.inputs))
    found: Outputs = arm.network(present, batch.memory, arm.table)
    return found


def imitation(arm: Arm, batch: Batch) -> Tensor:
    return arm.loss(batch).terms["imitation"]


def lost(arm: Arm, batch: Batch) -> float:
    return float(imitation(arm, batch).detach())


def test_credit_runs_back_to_the_help_before() -> None:
    # Helps in steps 2 (relieved) and 4 (annoyed); with decay 1/2 each step before has half as much.
    outcome = torch.tensor([0.0, 0.0, 1.0, 0.0, -1.0, 0.0])
    helps = torch.tensor([False, False, True, False, True, False])
    expected = torch.tensor([0.25, 0.5, 1.0, -0.5, -1.0, 0.0])
    assert torch.equal(credited(outcome, helps, 0.5), expected)
    # A help that nobody answers is worth nothing, and nor is what led to it.
    assert not credited(0.0 * outcome, helps, 0.5).any()


def test_an_outcome_that_is_perceived_is_the_true_one(played: Play) -> None:
    game = played(4, 3, seed=8)
    seen = sightings(game.inputs, game.layout, game.params, 2)
    acts = infer_acts(seen, game.layout, game.params)
    found = outcomes(seen, acts, game.layout)
    # The recipient's relief and hurt in the step; a face is shown of nine in ten of them.
    relief, hurt = (each[:, :, None, None] for each in (game.relief, game.hurt))
    relieved = (acts.helped & (relief > game.params.relief_threshold)).any(-1)
    hurt_one = (acts.helped & (hurt > 0.0) & (relief == 0.0)).any(-1)
    assert not (found > 0.0)[~relieved].any() and not (found < 0.0)[~hurt_one].any()
    shown = (found != 0.0)[relieved | hurt_one].float().mean()
    assert 0.8 < shown <= 1.0


@pytest.mark.parametrize("num_focal", [2, 4])
def test_the_loss_is_what_the_policy_alone_in_each_place_loses(
    played: Play, batch_of: MakeBatch, num_focal: int
) -> None:
    game = played(4, 3, seed=9)
    arm = make_arm(game, num_focal)
    batch = batch_of(game, arm)
    outputs = outputs_of(arm, batch)
    scene = live_scene(batch, arm.table)
    belief = torch.sigmoid(outputs.belief.crisis) * outputs.belief.level
    need = belief[:, :, None].expand(-1, -1, num_focal, -1, -1).detach()
    watched = watch(scene, need, 0.9, game.layout, game.params)
    total, count = 0.0, 0
    shown = range(num_focal, 4) if num_focal < 4 else range(4)  # partners, or each other
    for i in range(num_focal):
        for j in set(shown) - {i}:
            # Everybody in the place of j's row: the network is run over a world as i imagines it.
            one = Inputs(*(part[:, :, i].roll(-j, dims=2) for part in watched.inputs))
            streams = batch.memory.streams.roll(-j, dims=1)
            core = torch.zeros(len(streams), 1, 12)
            table = make_arm(game, 1).table
            logits = arm.network(one, Memory(streams, core), table).logits[:, :, 0]
            p = torch.softmax(logits, dim=-1).detach()
            for t, e in watched.acts.told[:, :, i, j].nonzero().tolist():
                chosen = p[t, e, watched.acts.actions[t, e, i, j]]
                worth = float(watched.worth[t, e, i, j])
                total -= abs(worth) * float((chosen if worth > 0.0 else 1.0 - chosen).log())
                count += 1
    found = lost(arm, batch)
    assert found == pytest.approx(total / count, rel=1e-4)


def test_fellow_learners_are_watched_where_there_are_no_partners(
    played: Play, batch_of: MakeBatch
) -> None:
    game = played(3, 3, seed=10)
    arm = make_arm(game, 3)
    scene = live_scene(batch_of(game, arm), arm.table)
    assert scene.demonstrates.all() and (scene.first, scene.num_shown) == (0, 3)
    assert lost(arm, batch_of(game, arm)) != 0.0


def test_nothing_hidden_is_read(played: Play, batch_of: MakeBatch) -> None:
    for rules in ({}, {"view_radius": 2}):
        game = played(4, 3, seed=11, **rules)
        arm = make_arm(game, 2)
        batch = batch_of(game, arm)
        features, mask = (
            part.clone() for part in (batch.inputs.features, batch.inputs.action_mask)
        )
        features[:, :, 2:] = torch.nan
        mask[:, :, 2:] = True
        actions = batch.actions.clone()
        actions[:, :, 2:] = 0
        poisoned = batch._replace(
            inputs=batch.inputs._replace(features=features, action_mask=mask),
            actions=actions,
            need=torch.full_like(batch.need, torch.nan),
            rewards=torch.full_like(batch.rewards, torch.nan),
        )
        assert torch.equal(imitation(arm, batch), imitation(arm, poisoned))


def test_what_a_record_holds_beyond_its_first_seat_is_not_read(
    played: Play, batch_of: MakeBatch
) -> None:
    game = played(4, 3, seed=11)
    arm = make_arm(game, 2)
    batch = batch_of(game, arm)
    other = played(4, 3, seed=12)
    whole = torch.ones(other.actions.shape[:2], dtype=torch.bool)
    demonstrates = torch.tensor([False, True, True, True]).expand(other.actions.shape[1], -1)
    recorded = Recorded(other.inputs, other.actions, demonstrates, whole)
    features = other.inputs.features.clone()
    features[:, :, 1:] = torch.nan
    poisoned = recorded._replace(
        inputs=other.inputs._replace(features=features), actions=0 * other.actions
    )
    alone = imitation(arm, batch).detach()
    found = imitation(arm, batch._replace(recorded=recorded))
    assert torch.equal(found, imitation(arm, batch._replace(recorded=poisoned)))
    assert not torch.equal(found, alone)
    nothing = recorded._replace(valid=~whole)
    assert lost(arm, batch._replace(recorded=nothing)) == pytest.approx(float(alone))


def test_the_gradient_reaches_the_policy_and_never_the_decoder_of_needs(
    played: Play, batch_of: MakeBatch
) -> None:
    game = played(4, 3, seed=13)
    arm = make_arm(game, 2)
    torch.autograd.backward(imitation(arm, batch_of(game, arm)))
    found = {
        name.split(".")[0]
        for name, weight in arm.network.named_parameters()
        if weight.grad is not None and weight.grad.abs().max() > 0.0
    }
    everything = {name for name, _ in arm.network.named_children()}
    assert found == everything - {"decoder", "critic", "sight"}


@pytest.mark.parametrize("only", ["relief", "annoyed"])
def test_learning_it_does_what_relieved_and_leaves_what_annoyed(
    played: Play, batch_of: MakeBatch, only: str
) -> None:
    game = played(4, 3, seed=14)
    arm = make_arm(game, 2)
    batch = batch_of(game, arm)
    # The faces that answer helps otherwise are never seen.
    shown = torch.ones(game.layout.other_size)
    shown[game.layout.other_block["cue"].start + (only == "relief")] = 0.0
    own = torch.ones(game.layout.self_size)
    features = batch.inputs.features * torch.cat([own, shown.repeat(3)])
    inputs = batch.inputs._replace(features=features, exterior=batch.inputs.exterior * shown)
    batch = batch._replace(inputs=inputs)
    objective = arm.objectives[1]
    assert isinstance(objective, Observational)

    def chance_of_help() -> float:
        """Return the mean probability, in their place, of the helps that were seen."""
        outputs, scene = outputs_of(arm, batch), live_scene(batch, arm.table)
        need = torch.sigmoid(outputs.belief.crisis) * outputs.belief.level
        need = need[:, :, None].expand(-1, -1, 2, -1, -1).detach()
        inputs, acts, worth = watch(scene, need, 0.0, game.layout, game.params)
        streams = batch.memory.streams[:, None].expand(-1, 2, -1, -1)
        logits = objective._in_their_place(scene, inputs, streams)
        actions = acts.actions[..., 2:, None]
        p = torch.softmax(logits, dim=-1).gather(-1, actions).squeeze(-1)
        return float(p[worth[..., 2:] != 0.0].mean().detach())

    before = chance_of_help()
    optimiser = torch.optim.Adam(arm.parameters(), lr=1e-2)
    for _ in range(25):
        optimiser.zero_grad()
        torch.autograd.backward(imitation(arm, batch))
        optimiser.step()
    if only == "relief":
        assert chance_of_help() > before + 0.2
    else:
        assert chance_of_help() < 0.5 * before


def test_an_act_that_goes_well_half_the_time_is_best_done_half_the_time() -> None:
    logp = torch.linspace(0.01, 0.99, 99).log()
    worth = torch.tensor([1.0, -1.0])
    loss = shaped_loss(logp[:, None], worth).sum(-1)
    assert float(logp[loss.argmin()].exp()) == pytest.approx(0.5)
    # -log 1/4 where it went well; where not, -log(1 - 1/4), half as much for half as bad.
    found = shaped_loss(torch.tensor(0.25).log(), torch.tensor([1.0, -0.5, 0.0]))
    assert found.tolist() == pytest.approx([1.386294, 0.143841, 0.0], rel=1e-4)
    assert torch.isfinite(shaped_loss(torch.tensor(0.0), torch.tensor(-1.0)))


def test_worlds_do_not_mix(played: Play, batch_of: MakeBatch) -> None:
    game = played(4, 3, seed=15)
    arm = make_arm(game, 2)
    batch = batch_of(game, arm)
    order = torch.randperm(game.actions.shape[1])
    shuffled = batch._replace(
        inputs=Inputs(*(part[:, order] for part in batch.inputs)),
        memory=Memory(*(part[order] for part in batch.memory)),
        actions=batch.actions[:, order],
    )
    assert lost(arm, batch) == pytest.approx(lost(arm, shuffled), rel=1e-5)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"objectives": ["observational"]}, "add 'introspective' to its objectives"),
        ({"network": {"shared": False}}, "takes network.shared = true"),
    ],
)
def test_what_it_cannot_do_without_is_named(
    played: Play, overrides: dict[str, Any], message: str
) -> None:
    config: AgentConfig = load_agent("observational", overrides)
    with pytest.raises(ValueError, match=message):
        Arm(config, played(3, 3).params, seed=0)
