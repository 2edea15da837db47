"""Checks of a class of your own: whether it can act, or be trained, as the built-in arms are.

    from empathy_loop.train.testing import check_agent, check_objective

    check_agent("my_agent:MyAgent")
    check_objective("my_learner:MyLearner")

Each returns quietly, or raises AssertionError with what was wrong, what is asked for, and in which
world it happened.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from numpy.typing import NDArray

from empathy_loop.agents.config import PPOConfig
from empathy_loop.agents.registry import load_agent, load_objective
from empathy_loop.envs.observation import Observation
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.reading import load_class
from empathy_loop.envs.world import World
from empathy_loop.train.buffers import Rollout, empty_rollout
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.learner import Learner
from empathy_loop.train.rollout import Seconds, collect
from empathy_loop.train.update import lesson_of, update
from empathy_loop.train.user_agents import checked_answer, new_agent

WORLDS = {
    "the default world": WorldParams(),
    "a world with a view of one cell": WorldParams(view_radius=1),
}
"""Where a class is tried."""
NUM_WORLDS = 6
NUM_STEPS = 40
ROLLOUT_STEPS = 16


def check_agent(agent: str | type[Any], params: WorldParams | None = None) -> None:
    """Check that a class acts as `empathy-loop evaluate` asks of it.

    Its `act(observation, state)` gets the observations of a number of agents, a row each, and must
    return one whole number in [0, N) for each row, and a state that it will be given again. It may
    not write into what it is given, and an episode that begins anew, with state None and another
    number of rows, must find it ready.

    Args:
        agent: The class, or `package.module:Class`.
        params: The world; the default one if there is none.

    Raises:
        AssertionError: it does not; the message says in what.
        ValueError: there is no such class, or it cannot be made without arguments.
    """
    params = params or WorldParams()
    found = load_class(agent) if isinstance(agent, str) else agent
    name = agent if isinstance(agent, str) else agent.__qualname__
    made = new_agent(found, name)
    for num_worlds in (NUM_WORLDS, 1):
        world = World(params, num_worlds, seed=0)
        state: Any = None
        for step in range(NUM_STEPS):
            rows = _rows_of(world)
            try:
                answer = made.act(rows, state)
            except Exception as error:
                raise AssertionError(
                    f"{name}.act raised {type(error).__name__}: {error}; in step {step} it was "
                    f"given {_described(rows)}, and must return (actions, state)"
                ) from error
            try:
                actions, state = checked_answer(answer, name, *rows.action_mask.shape)
            except ValueError as error:
                raise AssertionError(f"{error}; it was given {_described(rows)}") from error
            world.step(actions.reshape(num_worlds, -1))


def check_objective(name: str) -> None:
    """Check that a class derived from Objective can be trained with.

    It is trained for an update on what random weights experience, in the default world and with
    a limited view. Its terms must be exactly those that it declares, finite and of the right
    shape, its loss must reach some weight, and unless it declares privilege "training", nothing
    may change where the true needs and drives of the batch are not numbers. What it reads of
    others' own features, rewards and actions, which are privileged too, is not checked.

    Args:
        name: `package.module:Class`.

    Raises:
        AssertionError: it does not; the message says in what and where.
        ValueError: there is no such class, or it is not derived from Objective.
    """
    for where, params in WORLDS.items():
        learner, rollout = _experienced(name, params)
        _check_terms(name, where, learner, rollout)
        weights = [_updated(name, params, poison) for poison in (False, True)]
        if learner.config.agent.privilege == "none":
            assert torch.equal(*weights), (
                f"{name} declares no privilege, but what it learns changes with others' hidden "
                f"needs, in {where}; do not read need or drive, or set privilege = 'training'"
            )


def _rows_of(world: World) -> Observation:
    rows: list[NDArray[Any]] = []
    for part in world.observation:
        row = part.reshape(-1, part.shape[-1]).copy()
        row.flags.writeable = False
        rows.append(row)
    return Observation(*rows)


def _described(rows: Observation) -> str:
    return ", ".join(
        f"{name} {part.dtype} {list(part.shape)}" for name, part in rows._asdict().items()
    )


def _learner_of(name: str, params: WorldParams) -> Learner:
    ppo = PPOConfig(num_worlds=NUM_WORLDS, rollout_steps=ROLLOUT_STEPS)
    return Learner(TrainConfig(replace(load_agent(name), ppo=ppo), world=params))


def _experienced(name: str, params: WorldParams) -> tuple[Learner, Rollout]:
    """Return a new learner and its first rollout."""
    learner = _learner_of(name, params)
    rollout = empty_rollout(learner.world, ROLLOUT_STEPS)
    collect(learner.world, learner.arm, learner.memory, rollout, Seconds())
    return learner, rollout


def _updated(name: str, params: WorldParams, poison: bool) -> torch.Tensor:
    """Return all weights after an update; poisoned, with hidden state that is not a number."""
    learner, rollout = _experienced(name, params)
    if poison:
        rollout.need.fill_(torch.nan)
        rollout.drive.fill_(torch.nan)
    try:
        batch = lesson_of(rollout, learner.memory, learner.arm).batch
        update(learner.arm, learner.optimiser, batch, (0, 0))
    except FloatingPointError:
        assert poison, "an update without poison must be finite"
    return torch.cat([weight.detach().flatten() for weight in learner.arm.parameters()])


def _check_terms(name: str, where: str, learner: Learner, rollout: Rollout) -> None:
    """Check names, shapes and numbers of all terms, and that each loss reaches some weight."""
    arm, config, found = learner.arm, learner.config.agent, load_objective(name)
    lesson = lesson_of(rollout, learner.memory, arm)
    rewards, losses = lesson.reward_terms, arm.loss(lesson.batch).terms
    assert rewards.keys() == config.reward_weights.keys(), (
        f"{name}.reward_terms must return {sorted(found.reward_weights)}, in {where}; all reward "
        f"terms of the arm are {sorted(rewards)}"
    )
    assert losses.keys() == config.loss_weights.keys(), (
        f"{name}.loss_terms must return {sorted(found.loss_weights)}, in {where}; all loss terms "
        f"of the arm are {sorted(losses)}"
    )
    for term, value in rewards.items():
        assert value.shape == rollout.rewards.shape and torch.isfinite(value).all(), (
            f"reward term {term!r} of {name} must be finite numbers of shape "
            f"{list(rollout.rewards.shape)}, got {list(value.shape)}, in {where}"
        )
    for term in found.loss_weights:
        value = losses[term]
        assert value.shape == () and torch.isfinite(value), (
            f"loss term {term!r} of {name} must be one finite number, got {value}, in {where}"
        )
        grads = torch.autograd.grad(
            value, list(arm.parameters()), retain_graph=True, allow_unused=True
        )
        assert any(grad is not None and grad.any() for grad in grads), (
            f"loss term {term!r} of {name} has a gradient in no weight, in {where}"
        )
