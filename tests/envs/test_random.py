"""Draws have their known values, look random, and belong to a world whatever the batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import reference_draws
from kernels import from_python
from numpy.typing import NDArray

from empathy_loop.envs import random
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.world import Transition, World


def fixed_actions(params: WorldParams, num_steps: int, num_worlds: int) -> NDArray[np.int8]:
    """Draw actions: int8 [T, E, A], whether legal or not, the same at each call."""
    shape = (num_steps, num_worlds, params.num_agents)
    return np.random.default_rng(0).integers(0, params.num_actions, shape).astype(np.int8)


def key_of(seed: int, world: int, episode: int, t: int) -> np.uint64:
    """Return a step key as the unsigned word that the kernels expect; Python's int is signed."""
    return np.uint64(
        from_python(random.fold)(np.uint64(from_python(random.world_key)(seed, world, episode)), t)
    )


def permutation(step_key: np.uint64, agent: int, purpose: int, base: int, count: int) -> list[int]:
    """Return a whole permutation, one place after another."""
    at = from_python(random.permuted)
    return [at(step_key, agent, purpose, base, count, position) for position in range(count)]


# Known values


@pytest.mark.parametrize(
    ("start", "output"), [(0, 0xE220A8397B1DCDAF), (1234567, 6457827717110365317)]
)
def test_mixing_gives_the_published_first_output_of_splitmix64(start: int, output: int) -> None:
    gamma = 0x9E3779B97F4A7C15
    assert int(from_python(random.mix)(np.uint64(start + gamma))) == output


@pytest.mark.parametrize(
    ("seed", "world", "episode", "key"),
    [
        (0, 0, 0, 0x238275BC38FCBE91),
        (1, 2, 3, 0x27D1DADE99DDF6A4),
        (2**63 - 1, 7, 0, 0xE17A715F550844C4),
    ],
)
def test_world_keys_have_their_known_values(seed: int, world: int, episode: int, key: int) -> None:
    assert int(from_python(random.world_key)(seed, world, episode)) == key


@pytest.mark.parametrize(
    ("agent", "purpose", "index", "value"),
    [
        (0, "PLACE", 0, 0.8938463137869896),
        (2, "CRISIS", 1, 0.5687688800731943),
        (15, "ACTION", 0, 0.0816319745825167),
        (1, "REMAP", 67, 0.01669134107839121),
    ],
)
def test_draws_have_their_known_values(agent: int, purpose: str, index: int, value: float) -> None:
    step_key = key_of(1, 2, 3, 4)
    assert from_python(random.draw)(step_key, agent, getattr(random, purpose), index) == value


@pytest.mark.parametrize(
    ("purpose", "base", "order"),
    [("STYLE", 0, [1, 4, 2, 5, 3, 0]), ("REMAP", 64, [0, 4, 3, 5, 2, 1])],
)
def test_permutations_have_their_known_values(purpose: str, base: int, order: list[int]) -> None:
    step_key = key_of(1, 2, 3, 4)
    assert permutation(step_key, 3, getattr(random, purpose), base, 6) == order


def test_purposes_keep_their_numbers() -> None:
    numbers = [getattr(random, name) for name in reference_draws.PURPOSES]
    assert numbers == list(range(len(reference_draws.PURPOSES)))


@pytest.mark.parametrize("count", [1, 3, 7])
def test_below_covers_its_range_and_never_reaches_the_count(count: int) -> None:
    largest = 1.0 - 2.0**-53
    assert from_python(random.below)(0.0, count) == 0
    assert from_python(random.below)(largest, count) == count - 1


# Statistics, with wide bounds


def test_draws_are_uniform() -> None:
    step_key = key_of(0, 0, 0, 0)
    draws = [
        from_python(random.draw)(step_key, agent, 11, k) for agent in range(100) for k in range(100)
    ]
    counts, _ = np.histogram(draws, bins=16, range=(0.0, 1.0))
    chi_square = float(((counts - 625) ** 2 / 625).sum())
    assert 2 < chi_square < 45, "15 degrees of freedom: 0.01% and 99.99% quantiles"


def test_no_two_coordinates_share_a_draw() -> None:
    keys = [
        key_of(seed, world, episode, t)
        for seed in range(3)
        for world in range(3)
        for episode in range(3)
        for t in range(3)
    ]
    draws = {
        from_python(random.draw)(key, agent, purpose, index)
        for key in keys
        for agent in range(3)
        for purpose in range(19)
        for index in (0, 1, 64)
    }
    assert len(draws) == 3**4 * 3 * 19 * 3


def test_noise_of_neighbouring_worlds_agents_and_steps_is_uncorrelated() -> None:
    params = WorldParams()
    world = World(params, num_worlds=400, seed=0)
    noise = []
    for actions in fixed_actions(params, num_steps=50, num_worlds=400):
        noise.append(world.noise())
        world.step(actions)
    stack = np.stack(noise)
    pairs = {
        "steps": (stack[1:], stack[:-1]),
        "worlds": (stack[:, 1:], stack[:, :-1]),
        "agents": (stack[..., 1:], stack[..., :-1]),
    }
    for name, (one, other) in pairs.items():
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.025, name
    assert stack.mean() == pytest.approx(0.5, abs=0.01)


def test_permutations_are_uniform() -> None:
    counts = dict[tuple[int, ...], int]()
    for t in range(3_000):
        order = tuple(permutation(key_of(5, 0, 0, t), 0, random.STYLE, 0, 3))
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    assert min(counts.values()) > 400
    assert max(counts.values()) < 600


# What the draws belong to


def test_noise_is_the_draw_of_world_step_and_agent() -> None:
    params = WorldParams()
    world = World(params, num_worlds=2, seed=9, first_world=4)
    for t, actions in enumerate(fixed_actions(params, num_steps=3, num_worlds=2)):
        for idx, row in enumerate(world.noise().tolist()):
            step_key = reference_draws.fold(reference_draws.world_key(9, 4 + idx, 0), t)
            draws = [reference_draws.draw(step_key, i, "ACTION", 0) for i in range(3)]
            assert row == draws
        assert np.array_equal(world.noise(), world.noise())
        world.step(actions)


def demand_same_row(batch: World, k: int, alone: World) -> None:
    """Compare world k of a batch with a batch of one in everything that it holds or shows."""
    for record, other in (
        (batch.state, alone.state),
        (batch.observation, alone.observation),
        (batch.transition.final_observation, alone.transition.final_observation),
    ):
        for name, value in record._asdict().items():
            assert np.array_equal(value[k], getattr(other, name)[0]), name
    for name in Transition._fields[:-1]:
        ours = getattr(batch.transition, name)[k]
        assert np.array_equal(ours, getattr(alone.transition, name)[0]), name


@pytest.mark.parametrize("k", [0, 17, 63])
def test_world_k_of_a_batch_equals_a_batch_of_one_with_the_same_key(k: int) -> None:
    params = WorldParams(horizon=30, shift="cue_remap", total_hazard=0.3)
    batch = World(params, num_worlds=64, seed=11, first_world=100)
    alone = World(params, num_worlds=1, seed=11, first_world=100 + k)
    for actions in fixed_actions(params, num_steps=70, num_worlds=64):
        demand_same_row(batch, k, alone)
        batch.step(actions)
        alone.step(actions[k : k + 1])
    demand_same_row(batch, k, alone)


@pytest.mark.parametrize("change", [{"seed": 1}, {"first_world": 1}, {"episode": 1}])
def test_another_seed_world_or_episode_is_another_world(change: dict[str, Any]) -> None:
    numbers = {"seed": 0, "first_world": 0} | change
    episode = numbers.pop("episode", 0)
    one, other = World(WorldParams(), 30, seed=0), World(WorldParams(), 30, **numbers)
    other.reset(episode)
    differs = (one.state.position != other.state.position).any(axis=(1, 2))
    assert differs.mean() > 0.8
    assert (one.state.key != other.state.key).all()
