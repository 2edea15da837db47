"""The decoded belief and the part of it that a policy reads."""

from __future__ import annotations

import pytest
import torch

from empathy_loop.agents.empathy.module import (
    BeliefDecoder,
    BeliefEncoder,
    believed_need,
    policy_view,
    uncertainty,
)
from empathy_loop.agents.types import Belief

NOTHING = torch.zeros(0)


def belief_of(p_crisis: list[float], level: list[float]) -> Belief:
    return Belief(torch.tensor(p_crisis).logit(), torch.tensor(level), NOTHING, NOTHING)


def test_the_believed_need_is_probability_times_level() -> None:
    need = believed_need(belief_of([0.5, 1.0], [0.6, 0.8]))
    assert need.tolist() == pytest.approx([0.3, 0.8])


def test_uncertainty_is_1_at_even_odds_and_0_at_certainty() -> None:
    assert float(uncertainty(belief_of([0.5, 0.5], [0.1, 0.1]))) == pytest.approx(1.0)
    certain = Belief(torch.tensor([-40.0, 40.0]), NOTHING, NOTHING, NOTHING)
    assert float(uncertainty(certain)) == pytest.approx(0.0, abs=1e-6)
    # H(.9) = .3251 nats = .469 bits; the mean with certainty is half of it.
    mixed = Belief(torch.tensor([0.9, 1e-9]).logit(), NOTHING, NOTHING, NOTHING)
    assert float(uncertainty(mixed)) == pytest.approx(0.2345, abs=1e-4)


def test_the_policy_reads_probabilities_levels_and_uncertainty_without_gradient() -> None:
    encoded = torch.randn(4, 8, requires_grad=True)
    belief = BeliefDecoder(8, 3)(encoded)
    view = policy_view(belief)
    assert view.shape == (4, 7)
    assert not view.requires_grad
    assert belief.crisis.requires_grad
    assert torch.equal(view[:, :3], torch.sigmoid(belief.crisis.detach()))
    assert torch.equal(view[:, 3:6], believed_need(belief).detach())
    assert ((view >= 0.0) & (view <= 1.0)).all()


def test_the_heads_have_one_output_for_each_kind_act_and_cue() -> None:
    belief = BeliefDecoder(8, 3)(torch.randn(2, 5, 8))
    assert [part.shape[-1] for part in belief] == [3, 3, 4, 8]
    assert ((belief.level > 0.0) & (belief.level < 1.0)).all()


def test_the_encoder_goes_on_from_its_state() -> None:
    encoder, views = BeliefEncoder(5, 4), torch.randn(6, 2, 3, 5)
    whole, last = encoder(views, torch.zeros(2, 3, 4))
    first, between = encoder(views[:2], torch.zeros(2, 3, 4))
    second, end = encoder(views[2:], between)
    torch.testing.assert_close(whole, torch.cat([first, second]))
    torch.testing.assert_close(last, end)
    assert torch.equal(whole[-1], last)
