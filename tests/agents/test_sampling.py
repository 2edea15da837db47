"""Sampling by given noise: exact intervals, and never a masked action."""

from __future__ import annotations

import pytest
import torch

from empathy_loop.agents.networks import MASKED
from empathy_loop.agents.sampling import columns_of, greedy_actions, logp_of, sample_actions

ALMOST_1 = 1.0 - 2.0**-53


def test_noise_falls_into_the_interval_of_an_actions_probability() -> None:
    logits = torch.tensor([0.25, 0.5, 0.25]).log().expand(6, 3)
    noise = torch.tensor([0.0, 0.2499, 0.2501, 0.7499, 0.7501, ALMOST_1], dtype=torch.float64)
    assert sample_actions(logits, noise).tolist() == [0, 0, 1, 1, 2, 2]


def test_noise_on_a_border_belongs_to_the_action_above_it() -> None:
    noise = torch.tensor([0.0, 0.25, 0.5, 0.75], dtype=torch.float64)
    assert sample_actions(torch.zeros(4, 4), noise).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("noise", [0.0, 0.5, ALMOST_1])
def test_a_masked_action_is_never_drawn(noise: float) -> None:
    logits = torch.randn(500, 5, generator=torch.Generator().manual_seed(0))
    logits[:, [1, 4]] = MASKED
    logits[250:, 2] = MASKED
    drawn = sample_actions(logits, torch.full((500,), noise, dtype=torch.float64))
    assert not (set(drawn.tolist()) & {1, 4})
    assert 2 not in drawn[250:].tolist()


def test_frequencies_follow_the_probabilities() -> None:
    p = torch.tensor([0.1, 0.2, 0.0, 0.7])
    noise = torch.rand(20_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    drawn = sample_actions(p.log().clamp(min=MASKED).expand(20_000, 4), noise)
    share = torch.bincount(drawn, minlength=4) / 20_000
    assert torch.allclose(share, p, atol=0.01)


def test_the_choice_does_not_depend_on_torchs_generator() -> None:
    logits, noise = torch.zeros(8, 4), torch.linspace(0.0, 0.99, 8, dtype=torch.float64)
    one = sample_actions(logits, noise)
    torch.rand(5)
    assert torch.equal(one, sample_actions(logits, noise))


def test_the_log_probability_is_that_of_the_action() -> None:
    logits = torch.tensor([[0.2, 0.8], [0.6, 0.4]]).log()
    actions = torch.tensor([1, 0])
    assert torch.allclose(logp_of(logits, actions).exp(), torch.tensor([0.8, 0.6]))


def test_the_greedy_action_is_the_most_probable_one() -> None:
    assert greedy_actions(torch.tensor([[0.0, 2.0, 1.0], [3.0, MASKED, 3.0]])).tolist() == [1, 0]


def test_the_compiled_choice_is_that_of_cumulative_sums() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 2.0 * torch.randn(64, 40, 10, generator=generator)
    logits[..., 1:][torch.rand(64, 40, 9, generator=generator) < 0.4] = MASKED
    noise = torch.rand(64, 40, dtype=torch.float64, generator=generator)
    cumulative = torch.softmax(logits, -1).double().cumsum(-1)
    first = (cumulative > noise[..., None] * cumulative[..., -1:]).byte().argmax(-1)
    assert torch.equal(sample_actions(logits, noise), first)


def test_columns_are_the_logits_of_one_action_each() -> None:
    logits = torch.arange(24.0).view(2, 3, 4)
    assert columns_of(logits)[1].tolist() == [1.0, 5.0, 9.0, 13.0, 17.0, 21.0]
    assert columns_of(logits).is_contiguous()


def test_noise_of_a_column_and_logits_of_another_type_are_taken() -> None:
    logits = torch.randn(40, 1, 10, generator=torch.Generator().manual_seed(0))
    noise = torch.linspace(0.0, 0.99, 120, dtype=torch.float64).view(40, 3)[:, :1]
    drawn = sample_actions(logits, noise)
    assert torch.equal(drawn, sample_actions(logits, noise.contiguous()))
    assert torch.equal(drawn, sample_actions(logits.double(), noise))


def test_of_nobody_nothing_is_drawn() -> None:
    drawn = sample_actions(torch.zeros(0, 3, 10), torch.zeros(0, 3, dtype=torch.float64))
    assert drawn.shape == (0, 3)


def test_noise_for_others_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match=r"one number for each row of logits, \(1,\), got \(4,\)"):
        sample_actions(torch.zeros(1, 10), torch.zeros(4, dtype=torch.float64))
