"""The loss terms of PPO against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from empathy_loop.agents import ppo, ppo_kernels
from empathy_loop.agents.networks import MASKED
from empathy_loop.agents.ppo import explained_variance, normalise, ppo_terms
from empathy_loop.agents.sampling import sample_actions
from empathy_loop.agents.types import Batch, Inputs, Memory

NOTHING = torch.zeros(0)


def batch_of(actions: list[int], p_then: list[float], adv: list[float], returns: float) -> Batch:
    """Return a batch of one step of one world with some agents."""
    return Batch(
        Inputs(NOTHING, NOTHING, NOTHING),
        Memory(NOTHING, NOTHING),
        actions=torch.tensor([[actions]]),
        logp=torch.tensor([[p_then]]).log(),
        adv=torch.tensor([[adv]]),
        returns=torch.full((1, 1, len(actions)), returns),
        need=NOTHING,
        rewards=NOTHING,
    )


def logits_of(*p: list[float]) -> torch.Tensor:
    return torch.tensor([[list(p)]]).log()


def test_the_policy_term_stops_rewarding_a_ratio_outside_the_clip() -> None:
    # Two agents with advantages +1 and -1, already of mean 0; std (n - 1) is sqrt 2, so that they
    # are normalised to +-.7071. Ratios .75 / .5 = 1.5 and .25 / .5 = .5, both past the clip of
    # .2 in the direction in which the advantage pulls: terms 1.2 * .7071 and .8 * -.7071.
    logits = logits_of([0.75, 0.25], [0.75, 0.25])
    batch = batch_of([0, 1], [0.5, 0.5], [1.0, -1.0], 0.0)
    terms, diagnostics = ppo_terms(logits, torch.zeros(1, 1, 2), batch, clip=0.2)
    assert float(terms["policy"]) == pytest.approx(-(1.2 - 0.8) * math.sqrt(0.5) / 2, rel=1e-5)
    assert float(diagnostics["clip_fraction"]) == 1.0
    # k3: mean of (1.5 - 1 - ln 1.5) and (.5 - 1 - ln .5)
    kl = (0.5 - math.log(1.5) - 0.5 - math.log(0.5)) / 2
    assert float(diagnostics["approx_kl"]) == pytest.approx(kl, rel=1e-5)


def test_a_ratio_outside_the_clip_on_the_wrong_side_still_counts() -> None:
    # Ratios .5 for advantage +.7071 and 1.5 for -.7071: the minimum is the unclipped one.
    logits = logits_of([0.25, 0.75], [0.25, 0.75])
    batch = batch_of([0, 1], [0.5, 0.5], [1.0, -1.0], 0.0)
    terms, _ = ppo_terms(logits, torch.zeros(1, 1, 2), batch, clip=0.2)
    assert float(terms["policy"]) == pytest.approx(-(0.5 - 1.5) * math.sqrt(0.5) / 2, rel=1e-5)


def test_the_value_term_is_half_the_mean_squared_error() -> None:
    batch = batch_of([0, 0], [0.5, 0.5], [1.0, -1.0], returns=3.0)
    terms, _ = ppo_terms(
        logits_of([0.5, 0.5], [0.5, 0.5]), torch.tensor([[[1.0, 7.0]]]), batch, 0.2
    )
    assert float(terms["value"]) == pytest.approx((4.0 + 16.0) / 2 / 2)


def test_the_entropy_term_is_negative_entropy_and_ignores_masked_actions() -> None:
    logits = torch.tensor([[[[0.0, 0.0, MASKED], [0.0, MASKED, MASKED]]]], requires_grad=True)
    batch = batch_of([0, 0], [0.5, 0.5], [1.0, -1.0], 0.0)
    terms, _ = ppo_terms(logits, torch.zeros(1, 1, 2), batch, 0.2)
    assert float(terms["entropy"].detach()) == pytest.approx(-math.log(2.0) / 2)
    torch.autograd.backward(terms["entropy"])
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_normalised_advantages_have_mean_0_and_deviation_1() -> None:
    adv = normalise(torch.tensor([[[1.0, 2.0], [3.0, 10.0]]]))
    assert float(adv.mean()) == pytest.approx(0.0, abs=1e-6)
    assert float(adv.std()) == pytest.approx(1.0, abs=1e-6)


def test_explained_variance_is_1_for_perfect_values_and_0_for_constant_ones() -> None:
    returns = torch.tensor([[[1.0, 2.0, 4.0]]])
    assert float(explained_variance(returns, returns)) == 1.0
    assert float(explained_variance(torch.ones(1, 1, 3), returns)) == pytest.approx(0.0)
    # Errors 0, 0, 2 have a quarter of ... 4/3 against the returns' 7/3.
    assert float(explained_variance(torch.tensor([[[1.0, 2.0, 2.0]]]), returns)) == pytest.approx(
        1.0 - (4.0 / 3.0) / (7.0 / 3.0)
    )
    assert float(explained_variance(torch.zeros(1, 1, 3), torch.ones(1, 1, 3))) == 0.0


def random_batch(
    shape: tuple[int, int, int], num_actions: int, seed: int, masked: float = MASKED
) -> tuple[torch.Tensor, torch.Tensor, Batch]:
    """Return logits [T, E, F, N], a third of them masked, values, and a batch with a partner."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*axes: int) -> torch.Tensor:
        return torch.randn(axes, generator=generator)

    logits = 3.0 * normal(*shape, num_actions)
    logits[..., 1:][torch.rand(logits[..., 1:].shape, generator=generator) < 0.3] = masked
    p = torch.softmax(logits, -1).flatten(0, 2)
    drawn = torch.multinomial(p, 1, generator=generator).view(shape)
    then = torch.log_softmax(logits, -1).gather(-1, drawn[..., None])[..., 0]
    batch = Batch(
        Inputs(NOTHING, NOTHING, NOTHING),
        Memory(NOTHING, NOTHING),
        actions=torch.cat([drawn, torch.zeros_like(drawn)], -1),
        logp=then + 0.2 * normal(*shape),
        adv=normal(*shape),
        returns=normal(*shape),
        need=NOTHING,
        rewards=NOTHING,
    )
    return logits, normal(*shape), batch


def terms_and_gradients(
    logits: torch.Tensor, values: torch.Tensor, batch: Batch
) -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
    """Return terms and diagnostics, and the gradients of a weighted sum by logits and values."""
    logits, values = logits.clone().requires_grad_(), values.clone().requires_grad_()
    terms, diagnostics = ppo_terms(logits, values, batch, 0.2)
    total = terms["policy"] + 0.5 * terms["value"] + 0.01 * terms["entropy"]
    total.backward()
    assert logits.grad is not None and values.grad is not None
    assert not any(diagnostic.requires_grad for diagnostic in diagnostics.values())
    return terms | diagnostics, [logits.grad, values.grad]


@pytest.mark.parametrize("shape", [(32, 8, 3), (5, 3, 1), (1, 1, 2), (7, 5, 2)])
@pytest.mark.parametrize("num_actions", [9, 10, 23])
@pytest.mark.parametrize("masked", [MASKED, torch.finfo(torch.float32).min])
def test_the_compiled_terms_are_the_plain_ones_with_the_same_gradients(
    shape: tuple[int, int, int], num_actions: int, masked: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = random_batch(shape, num_actions, seed=num_actions, masked=masked)
    terms, gradients = terms_and_gradients(*given)
    monkeypatch.setattr(ppo._Compiled, "apply", ppo._plain)
    plain_terms, plain_gradients = terms_and_gradients(*given)
    for name, term in plain_terms.items():
        assert float(terms[name].detach()) == pytest.approx(float(term.detach()), abs=1e-6), name
    for gradient, plain in zip(gradients, plain_gradients, strict=True):
        assert torch.allclose(gradient, plain, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("name", ["adv", "returns", "logp", "values", "logits"])
def test_what_is_no_number_comes_through_the_compiled_terms(name: str) -> None:
    logits, values, batch = random_batch((4, 3, 2), 10, 0)
    part = {**batch._asdict(), "values": values, "logits": logits}[name]
    part[3, 2, 1] = math.nan
    terms, gradients = terms_and_gradients(logits, values, batch)
    assert not math.isfinite(sum(float(term.detach()) for term in terms.values()))
    assert not all(gradient.isfinite().all() for gradient in gradients)


def test_a_value_for_a_whole_world_is_refused() -> None:
    logits, values, batch = random_batch((4, 3, 2), 10, 0)
    with pytest.raises(ValueError, match=r"values .* \(4, 3, 2\), got \(4, 3, 1\)"):
        ppo_terms(logits, values[..., :1], batch, 0.2)


def test_each_kernel_is_compiled_for_one_kind_of_arrays() -> None:
    logits, values, batch = random_batch((5, 3, 2), 10, 0)
    terms_and_gradients(logits, values, batch)
    sample_actions(logits, torch.rand(5, 3, 2, dtype=torch.float64))
    # Of one of several agents, actions and what was drawn for it lie apart in memory.
    logits, values, batch = random_batch((5, 3, 1), 10, 0)
    apart = torch.stack([batch.adv, batch.returns, batch.logp, values], -1).unbind(-1)
    adv, returns, logp, values = apart
    terms_and_gradients(logits, values, batch._replace(adv=adv, returns=returns, logp=logp))
    sample_actions(logits, torch.rand(5, 3, 4, dtype=torch.float64)[..., :1])
    for name in ("pick", "normalise_rows", "write_exponents", "measure_means", "write_gradients"):
        assert len(getattr(ppo_kernels, name).signatures) == 1, name
