"""The check that nothing given to a policy tells what is hidden in others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.state import State
from empathy_loop.envs.world import World

SHOWN = {
    *("station", "position", "carried", "cue", "received", "social_act", "helped", "thanked"),
}
"""Arrays of the state that others see."""
OWN = {"need": "features", "last_action": "features", "last_helper": "action_mask"}
"""Arrays of the state of which each agent sees its own entry only, and where it sees it."""

_SAMPLED_STEPS = (3, 11, 25)


def check_no_leak(
    params: WorldParams,
    make_world: Callable[..., World] = World,
    num_worlds: int = 24,
    seats: Sequence[str] = (),
) -> str:
    """Check that nothing given to a policy depends on what is hidden in others.

    In the middle of lively episodes, each hidden array is changed while all that shows is held;
    then observations, masks, exterior views and, through PettingZoo, names, infos and the shared
    state must be what they were. An array that is declared neither in SHOWN nor in OWN counts as
    hidden. Needs may be seen where `show_needs` is set.

    Args:
        params: The rules.
        make_world: Makes a batch, with the arguments of `World`.
        num_worlds: Number of worlds, at least 2.
        seats: A seat for each agent, as `SeatedWorld` takes them. Where people sit, what one thinks
            of the AI is hidden from everybody else, and from itself unless `show_trust` is set.

    Returns:
        What was changed.

    Raises:
        AssertionError: something moved; names the hidden array and what it moved.
        ValueError: too few worlds.
    """
    if num_worlds < 2:
        raise ValueError(f"num_worlds must be at least 2, to exchange traits, got {num_worlds}")
    hidden = [name for name in State._fields if name not in SHOWN and name not in OWN]
    # Some worlds show needs to all, on purpose.
    own = {name: where for name, where in OWN.items() if name != "need" or not params.show_needs}
    for world in _moments(make_world(params, num_worlds, seed=5)):
        other, saved = make_world(params, num_worlds, seed=5), world.get_state()
        for name in hidden:
            other.set_state(saved | {f"state.{name}": _changed(name, saved[f"state.{name}"])})
            _assert_unmoved(world, other, name, range(params.num_agents))
        for name, where in own.items():
            for j in range(params.num_agents):
                array = saved[f"state.{name}"].copy()
                array[:, j] = _changed(name, saved[f"state.{name}"])[:, j]
                other.set_state(saved | {f"state.{name}": array})
                others = [i for i in range(params.num_agents) if i != j]
                _assert_unmoved(world, other, f"{name} of agent {j}", others)
                _assert_unmoved(world, other, f"{name} of agent {j}", [j], besides=where)
    plain = replace(params, show_trust=False)
    _check_pettingzoo(plain, hidden if params.show_needs else [*hidden, "need"])
    found = f"{len(hidden)} hidden arrays and {len(own)} private ones"
    num_people = _check_people(params, make_world, num_worlds, seats)
    return f"{found}, {num_people} of people" if num_people else found


def _moments(world: World) -> Iterator[World]:
    """Yield a batch in the middle of lively episodes of which each began at another step."""
    rng, params = np.random.default_rng(0), world.params
    world.reset(first_step=rng.integers(0, params.horizon, world.num_worlds))
    for step in range(_SAMPLED_STEPS[-1] + 1):
        preference = rng.random(world.observation.action_mask.shape)
        preference[..., 5:] += 0.3
        world.step(np.where(world.observation.action_mask, preference, -1.0).argmax(axis=2))
        if step in _SAMPLED_STEPS:
            yield world


def _changed(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return legal values that differ: those of another world, and other levels or symbols."""
    if name == "style":
        return np.ascontiguousarray(np.roll(array, 1, axis=2))
    if name == "episode":  # in which all worlds may be the same
        return array + 1
    other = np.roll(array, 1, axis=0)
    return 0.5 * other + 0.21 if array.dtype.kind == "f" else other


def _assert_unmoved(
    world: World, other: World, what: str, viewers: Sequence[int], besides: str = ""
) -> None:
    for name, array in world.observation._asdict().items():
        moved = array != getattr(other.observation, name)
        seen = [i for i in viewers if name != besides and moved[:, i].any()]
        if seen:
            columns = np.flatnonzero(moved[:, seen].any(axis=(0, 1))).tolist()
            raise AssertionError(
                f"{what} is hidden, but moves {name} of agent {seen[0]} in columns {columns}; "
                "observe from what is shown only, or declare the array in "
                "empathy_loop.envs.leaks.SHOWN if others are meant to see it"
            )


def _check_people(
    params: WorldParams, make_world: Callable[..., World], num_worlds: int, seats: Sequence[str]
) -> int:
    """Raise AssertionError where others are told what a person thinks; return how many arrays."""
    from empathy_loop.envs.pettingzoo_adapter import ScenarioEnv

    seated = SeatedWorld(make_world(params, num_worlds, seed=5), seats)
    if seated.people is None:
        return 0
    persons = np.flatnonzero(seated.people.is_person).tolist()
    other = SeatedWorld(make_world(params, num_worlds, seed=5), seats)
    rng = np.random.default_rng(0)
    for _ in range(params.horizon // 2):
        mask = seated.observation.action_mask
        seated.step(np.where(mask, rng.random(mask.shape), -1.0).argmax(axis=2))
    saved, env = seated.get_state(), ScenarioEnv(params, seats=seats)
    env.reset(seed=5)
    moment = env.get_state()
    for name, array in seated.people.state._asdict().items():
        changed = 1.0 - array if array.dtype.kind == "f" else (array + 1).astype(array.dtype)
        for h in persons:
            mine = array.copy()
            mine[:, h] = changed[:, h]
            other.set_state(saved | {f"people.{name}": mine})
            others = [i for i in range(params.num_agents) if i != h or not params.show_trust]
            _assert_unmoved(seated.world, other.world, f"{name} of person {h}", others)
        told = [env.set_state(moment), env.state(), env.agents]
        world = moment["world"] | {f"people.{name}": changed[:1]}
        now = [env.set_state(moment | {"world": world}), env.state(), env.agents]
        if not all(_same(one, two) for one, two in zip(told, now, strict=True)):
            raise AssertionError(
                f"{name} of people is hidden, but moves what the PettingZoo environment tells AI; "
                "build it from observations, masks and exterior views only"
            )
    return len(seated.people.state)


def _same(one: Any, other: Any) -> bool:
    """Return whether two nested values are the same but for what persons are told."""
    if isinstance(one, dict):
        ais = [key for key in one if not str(key).startswith("person")]
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in ais)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(np.array_equal(one, other))


def _check_pettingzoo(params: WorldParams, hidden: Sequence[str]) -> None:
    """Raise AssertionError where names, infos or the shared state tell what is hidden."""
    # Whoever checks worlds of their own need not have PettingZoo's views in mind.
    from empathy_loop.envs.pettingzoo_adapter import ScenarioEnv

    env, infos = _played_env(params, seed=5)
    saved, donor = env.get_state(), _played_env(params, seed=6)[0].get_state()["world"]
    shared = env.state()
    for name in hidden:
        array = f"state.{name}"
        both = np.concatenate([saved["world"][array], donor[array]])
        altered = saved["world"] | {array: _changed(name, both)[:1]}
        other = ScenarioEnv(params)
        _, given = other.set_state(saved | {"world": altered})
        for what, same in (
            ("agent names", other.agents == env.agents),
            ("state()", np.array_equal(other.state(), shared)),
            ("infos", all(_equal(infos[agent], given[agent]) for agent in env.agents)),
        ):
            if not same:
                raise AssertionError(
                    f"{name} is hidden, but moves {what} of the PettingZoo environment; build "
                    "them from names, masks and exterior views only"
                )


def _played_env(params: WorldParams, seed: int) -> tuple[Any, dict[str, Any]]:
    """Return a PettingZoo environment after some legal random actions, and its infos."""
    from empathy_loop.envs.pettingzoo_adapter import ScenarioEnv

    env, rng = ScenarioEnv(params), np.random.default_rng(0)
    _, infos = env.reset(seed=seed)
    for _ in range(min(_SAMPLED_STEPS[-1], params.horizon - 1)):
        masks = {agent: infos[agent]["action_mask"] for agent in env.agents}
        actions = {agent: int(rng.choice(np.flatnonzero(mask))) for agent, mask in masks.items()}
        *_, infos = env.step(actions)
    return env, infos


def _equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)
