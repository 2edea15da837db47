"""One update: repeatable, guarded, and blind to the truth where it must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from empathy_loop.agents.config import MEASURED_BESIDE
from empathy_loop.agents.registry import list_agents, load_agent
from empathy_loop.agents.types import Batch
from empathy_loop.train.buffers import empty_rollout
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.learner import Learner
from empathy_loop.train.rollout import Seconds, collect
from empathy_loop.train.update import clip, lesson_of, set_step_size, take_worlds, update

ARMS = [load_agent(name) for name in list_agents()]
UNPRIVILEGED = [a.name for a in ARMS if a.kind == "learned" and a.privilege == "none"]

MakeConfig = Callable[..., TrainConfig]


def experienced(config: TrainConfig, poison: bool = False) -> tuple[Learner, Batch]:
    """Return a learner, and its second rollout, which starts with memory, as a batch.

    Poisoned, all that the rollout tells of hidden state is not a number.
    """
    learner = Learner(config)
    rollout = empty_rollout(learner.world, config.agent.ppo.rollout_steps)
    memory = learner.memory
    for _ in range(2):
        memory, before = (
            collect(learner.world, learner.arm, memory, rollout, Seconds()),
            memory,
        )
    if poison:
        rollout.need.fill_(torch.nan)
        rollout.drive.fill_(torch.nan)
    return learner, lesson_of(rollout, before, learner.arm).batch


def updated(learner: Learner, batch: Batch, key: tuple[int, int] = (0, 0)) -> dict[str, float]:
    return update(learner.arm, learner.optimiser, batch, key)


def weights(learner: Learner) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in learner.arm.parameters()])


def test_an_update_is_decided_by_its_key_alone(make_config: MakeConfig) -> None:
    results = []
    for seed, key in ((0, (1, 2)), (1, (1, 2)), (0, (1, 3))):
        learner, batch = experienced(make_config())
        torch.manual_seed(seed)
        updated(learner, batch, key)
        results.append(weights(learner))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_the_first_gradient_step_finds_the_policy_unchanged(make_config: MakeConfig) -> None:
    one_step = {"ppo": {"num_worlds": 5, "rollout_steps": 8, "epochs": 1, "minibatches": 1}}
    learner, batch = experienced(make_config(overrides=one_step))
    losses = updated(learner, batch)
    assert losses["losses/approx_kl"] == pytest.approx(0.0, abs=1e-6)
    assert losses["losses/clip_fraction"] == 0.0
    assert losses["losses/policy"] == pytest.approx(0.0, abs=1e-4)
    assert updated(learner, batch)["losses/approx_kl"] > 1e-7


def test_minibatches_of_worlds_cover_the_batch(make_config: MakeConfig) -> None:
    _, batch = experienced(make_config())
    part = take_worlds(batch, torch.tensor([3, 1]))
    assert torch.equal(part.inputs.features, batch.inputs.features[:, [3, 1]])
    assert torch.equal(part.memory.core, batch.memory.core[[3, 1]])
    assert torch.equal(part.need, batch.need[:, [3, 1]])
    assert part.actions.shape == (8, 2, 3)


def test_the_truth_poisoned_changes_nothing_for_arms_without_privilege(
    make_config: MakeConfig,
) -> None:
    for name in UNPRIVILEGED:
        results = []
        for poison in (False, True):
            sizes = {} if name == "ippo" else {"belief_size": 6}
            config = make_config(name, overrides={"network": {"hidden_size": 8, **sizes}})
            learner, batch = experienced(config, poison)
            updated(learner, batch)
            results.append(weights(learner))
        assert torch.equal(*results)
        assert torch.isfinite(results[0]).all()


def test_the_truth_poisoned_stops_supervision_and_the_terms_are_named(
    make_config: MakeConfig,
) -> None:
    learner, batch = experienced(make_config("cognitive_supervised"))
    before = weights(learner)
    batch = batch._replace(need=torch.full_like(batch.need, torch.nan))
    with pytest.raises(
        FloatingPointError,
        match=r"loss term belief_level is not finite .*belief_level=nan",
    ):
        updated(learner, batch)
    assert torch.equal(weights(learner), before)


def test_the_truth_poisoned_stops_coupling_to_the_truth(make_config: MakeConfig) -> None:
    with pytest.raises(FloatingPointError, match=r"^the reward term true_coupling is not finite"):
        experienced(make_config("affective_true"), poison=True)


def test_what_objectives_add_to_the_reward_is_learned_from_and_not_scored(
    make_config: MakeConfig,
) -> None:
    config = make_config("affective_true")
    learner = Learner(config)
    rollout = empty_rollout(learner.world, config.agent.ppo.rollout_steps)
    collect(learner.world, learner.arm, learner.memory, rollout, Seconds())
    rewards, welfare = rollout.rewards.clone(), rollout.welfare.clone()
    with_term = lesson_of(rollout, learner.memory, learner.arm)
    fall = rollout.need.square().sum(-1) - rollout.drive.float()
    for i in range(3):
        others = [j for j in range(3) if j != i]
        expected = config.world.drive_scale * fall[:, :, others].sum(-1)
        torch.testing.assert_close(with_term.reward_terms["true_coupling"][:, :, i], expected)
    assert with_term.reward_terms["true_coupling"].abs().max() > 0.0
    rollout.rewards.add_(with_term.reward_terms["true_coupling"])
    learner.arm.config.reward_weights.clear()
    plain = lesson_of(rollout, learner.memory, learner.arm)
    torch.testing.assert_close(plain.batch.adv, with_term.batch.adv)
    torch.testing.assert_close(rollout.welfare, welfare)
    assert not torch.equal(rollout.rewards, rewards)


def test_losses_are_named_by_term(make_config: MakeConfig) -> None:
    # What stands beside the terms is what no term may be named.
    common = {"policy", "value", "entropy"} | MEASURED_BESIDE - {"explained_variance"}
    belief = {"belief_crisis", "belief_level", "next_act", "next_cue"}
    for name, terms in (("ippo_gru", common), ("cognitive", common | belief)):
        learner, batch = experienced(make_config(name))
        assert set(updated(learner, batch)) == {f"losses/{term}" for term in terms}
        logged = {metric.removeprefix("losses/") for metric in learner.advance()}
        assert logged >= MEASURED_BESIDE


def test_returns_are_values_plus_advantages_and_bootstrap_where_truncated(
    make_config: MakeConfig,
) -> None:
    config = make_config(
        overrides={"ppo": {"num_worlds": 5, "rollout_steps": 8, "gae_lambda": 0.0}}
    )
    learner = Learner(config)
    rollout = empty_rollout(learner.world, 8)
    memory = learner.memory
    collect(learner.world, learner.arm, memory, rollout, Seconds())
    rollout.values[-1] += 10.0
    batch, explained, _ = lesson_of(rollout, memory, learner.arm)
    expected = rollout.rewards + 0.97 * rollout.values[1:]
    assert rollout.truncated[-1].any()
    torch.testing.assert_close(batch.returns, expected)
    torch.testing.assert_close(batch.adv, expected - rollout.values[:-1])
    assert float(explained) <= 1.0


def test_with_separate_streams_an_update_works_too(make_config: MakeConfig) -> None:
    learner, batch = experienced(make_config(world={"view_radius": 1}))
    before = weights(learner)
    updated(learner, batch)
    assert not torch.equal(before, weights(learner))


def test_the_step_size_is_half_after_as_many_steps_as_it_says(make_config: MakeConfig) -> None:
    learner = Learner(make_config())
    (group,) = learner.optimiser.param_groups
    for halving, done, expected in (
        (0.0, 10**9, 0.0015),
        (2e5, 0, 0.0015),
        (2e5, 200_000, 0.00075),
        (2e5, 400_000, 0.0005),
    ):
        ppo = replace(learner.config.agent.ppo, halving_steps=halving)
        set_step_size(learner.optimiser, ppo, done)
        assert group["lr"] == pytest.approx(expected)


def test_a_learner_goes_by_the_steps_that_it_has_done(make_config: MakeConfig) -> None:
    ppo = {"num_worlds": 5, "rollout_steps": 8, "minibatches": 2, "halving_steps": 120.0}
    learner = Learner(make_config(overrides={"ppo": ppo}))
    sizes = []
    for _ in range(3):
        learner.advance()
        sizes.append(learner.optimiser.param_groups[0]["lr"])
    assert sizes == pytest.approx([0.0015, 0.00075, 0.0005])


@pytest.mark.parametrize("scale", [1e-7, 0.01, 1.0, 100.0])
@pytest.mark.parametrize("max_norm", [1e-6, 0.5, 10.0])
def test_clipping_is_torchs_to_the_bit(scale: float, max_norm: float) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 4), (5,), (2, 2, 2)]
    weights = [torch.zeros(shape, requires_grad=True) for shape in (*shapes, (6,))]
    for weight in weights[:-1]:
        weight.grad = scale * torch.randn(weight.shape, generator=generator)
    gradients = [weight.grad if weight.grad is None else weight.grad.clone() for weight in weights]
    norm = clip(gradients, max_norm)
    assert torch.equal(norm, torch.nn.utils.clip_grad_norm_(weights, max_norm))
    assert gradients[-1] is None
    for weight, gradient in zip(weights[:-1], gradients[:-1], strict=True):
        assert weight.grad is not None and gradient is not None
        assert torch.equal(gradient, weight.grad)


def test_clipping_keeps_a_norm_that_is_no_number() -> None:
    assert torch.isnan(clip([torch.tensor([1.0, torch.nan])], 0.5))
