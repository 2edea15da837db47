"""Checks to run on a world: is it repeatable, does it leak, is there something to learn.

    from empathy_loop.envs.testing import check_no_leak
    check_no_leak(WorldParams(num_agents=5, shift="cue_remap"))

Each check raises AssertionError with what broke and what to do about it, and returns in a few words
what it found. `python -m empathy_loop.envs.testing` prints them for every scenario that ships.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.leaks import check_no_leak
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.partners import ScriptedPolicy
from empathy_loop.envs.populations import check_seats, count_focal
from empathy_loop.envs.scenarios import Scenario, list_scenarios, load_scenario
from empathy_loop.envs.seats import SeatedWorld, seat_partners
from empathy_loop.envs.world import World

__all__ = ["check_determinism", "check_headroom", "check_no_leak", "conformance"]

Record = dict[str, NDArray[Any]]
"""Name to array; steps on the first axis, worlds on the second."""

NUM_THREADS = (2, 5)
"""Numbers of threads that a batch is tried with, besides one."""
PARTNER_BLIND = ("stay", "egoist", "timetable")
"""Scripted policies that look at nobody's face."""
BLIND_GAIN = 0.5
"""Welfare by which the timetable must exceed random play."""
KNOWING_GAIN = 2.5
"""Welfare by which the oracle must exceed every policy that looks at nobody's face."""


def check_determinism(
    params: WorldParams,
    make_world: Callable[..., World] = World,
    num_worlds: int = 24,
    seats: Sequence[str] = (),
) -> str:
    """Check that worlds are the same in every run, in batches of any size, in any threads.

    Plays whole episodes, and the beginning of the next ones, with drawn actions.

    Args:
        params: The rules.
        make_world: Makes a batch, with the arguments of `World`.
        num_worlds: Number of worlds, at least 4.
        seats: A seat for each agent, as `SeatedWorld` takes them; none for all focal.

    Returns:
        What was compared.

    Raises:
        AssertionError: two plays differ; names the array, the step and the world.
        ValueError: too few worlds.
    """
    if num_worlds < 4:
        raise ValueError(f"num_worlds must be at least 4, to be split unevenly, got {num_worlds}")
    seats = check_seats(seats, params.num_agents)
    shape = (params.horizon + 3, num_worlds, count_focal(seats))
    actions = np.random.default_rng(0).integers(0, params.num_actions, shape)

    def make(num_worlds: int, **options: int) -> World | SeatedWorld:
        return seat_partners(make_world(params, num_worlds, seed=3, **options), seats)

    whole = _played(make(num_worlds), actions)
    _assert_same(whole, _played(make(num_worlds), actions), "a second run")
    for first, last in ((0, 1), (1, num_worlds // 2), (num_worlds // 2, num_worlds)):
        part = make(last - first, first_world=first)
        expected = {name: array[:, first:last] for name, array in whole.items()}
        found = _played(part, actions[:, first:last])
        _assert_same(expected, found, f"worlds {first} to {last - 1} in a batch of their own")
    for threads in NUM_THREADS:
        again = _played(make(num_worlds, num_threads=threads), actions)
        _assert_same(whole, again, f"a run in {threads} threads")
    return f"{shape[0]} steps, batches of {num_worlds} and less, up to {max(NUM_THREADS)} threads"


def check_headroom(
    params: WorldParams,
    make_world: Callable[..., World] = World,
    num_worlds: int = 128,
    blind_gain: float = BLIND_GAIN,
    knowing_gain: float = KNOWING_GAIN,
) -> str:
    """Check that helping pays, and that knowing who needs what pays much more.

    The score is welfare of an episode, mean over worlds, with one policy in all seats:
    timetable - random >= blind_gain, and oracle - best >= knowing_gain with `best` the best of
    PARTNER_BLIND. Scripted policies weigh help by its value to the one who is helped: what share of
    the reward is an agent's own (`coordination`) changes nothing here.

    Args:
        params: The rules.
        make_world: Makes a batch, with the arguments of `World`.
        num_worlds: Number of worlds, at least 2; the standard error falls with its root.
        blind_gain: Least welfare by which the timetable exceeds random.
        knowing_gain: Least welfare by which the oracle exceeds policies that read no faces.

    Returns:
        The welfare of random, timetable and oracle.

    Raises:
        AssertionError: a margin is not kept; names the policies, their welfare and what to change.
        ValueError: too few worlds.
    """
    if num_worlds < 2:
        raise ValueError(f"num_worlds must be at least 2, to have a mean over, got {num_worlds}")
    names = ("random", *PARTNER_BLIND, "oracle")
    welfare = {name: _welfare(name, make_world(params, num_worlds, seed=7)) for name in names}
    best = max(PARTNER_BLIND, key=welfare.__getitem__)
    gained = welfare["timetable"] - welfare["random"]
    if not gained >= blind_gain:
        raise AssertionError(
            f"helping by base rates must pay: timetable has to exceed random by {blind_gain:g}, "
            f"got {_listed(welfare)}; lower help_cost or misattuned_hurt, or raise grid_size"
        )
    if not welfare["oracle"] - welfare[best] >= knowing_gain:
        raise AssertionError(
            f"knowing needs must pay: oracle has to exceed {best}, which looks at no face, by "
            f"{knowing_gain:g}, got {_listed(welfare)}; lower self_relief or raise misattuned_hurt "
            "until guessing is dear"
        )
    return _listed({name: welfare[name] for name in ("random", "timetable", "oracle")})


CHECKS: dict[str, Callable[[Scenario], str]] = {
    "determinism": lambda scenario: check_determinism(scenario.params, seats=scenario.seats),
    "no leak": lambda scenario: check_no_leak(scenario.params, seats=scenario.seats),
    "headroom": lambda scenario: check_headroom(scenario.params),
}
"""Every check under its name in the conformance table; headroom is that of the rules alone."""


def conformance(names: Sequence[str] = ()) -> tuple[str, list[str]]:
    """Run every check on scenarios.

    Args:
        names: Names of scenarios; none for all that ship.

    Returns:
        A Markdown table, scenario by check, of what was found; and the message of each failure.

    Raises:
        ValueError: an unknown scenario.
    """
    rows = [f"| scenario | {' | '.join(CHECKS)} |", "|---" * (1 + len(CHECKS)) + "|"]
    failures = []
    for name in names or list_scenarios():
        cells = []
        for check, run in CHECKS.items():
            try:
                cells.append(f"passes: {run(load_scenario(name))}")
            except AssertionError as error:
                cells.append("FAILS")
                failures.append(f"{name}, {check}: {error}")
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows), failures


def _played(world: World | SeatedWorld, actions: NDArray[np.int64]) -> Record:
    """Return all that a batch gives while it takes actions [T, E, A]: arrays [T, E, ...]."""
    steps: dict[str, list[NDArray[Any]]] = {}
    for row in actions:
        transition = world.step(row)._asdict()
        final = transition.pop("final_observation")
        for name, array in transition.items():
            steps.setdefault(name, []).append(array.copy())
        for name, array in world.observation._asdict().items():
            steps.setdefault(f"observation.{name}", []).append(array.copy())
        for name, array in final._asdict().items():
            # Rows of worlds whose episode goes on hold what they held before.
            kept = np.where(world.transition.truncated[:, None, None], array, 0)
            steps.setdefault(f"final_observation.{name}", []).append(kept)
        whole = world.world if isinstance(world, SeatedWorld) else world
        steps.setdefault("noise", []).append(whole.noise())
        for name, array in _people_of(world).items():
            steps.setdefault(f"people.{name}", []).append(array.copy())
    return {name: np.stack(rows) for name, rows in steps.items()}


def _people_of(world: World | SeatedWorld) -> Record:
    """Return by name what people carry, nothing where there are none."""
    people = world.people if isinstance(world, SeatedWorld) else None
    return {} if people is None else people.state._asdict()


def _assert_same(expected: Record, found: Record, what: str) -> None:
    for name, array in expected.items():
        if not np.array_equal(array, found[name]):
            step, e = np.argwhere(array != found[name])[0][:2]
            raise AssertionError(
                f"{what} must be bit for bit the same: {name} differs first at step {step}, world "
                f"{e}; key every draw by seed, world, episode and step, read no row but a world's "
                "own, and write every array before it is read"
            )


def _welfare(policy: str, world: World) -> float:
    """Return mean episode welfare of a scripted policy in all seats."""
    actor = ScriptedPolicy(policy, world.params, world.num_worlds)
    steps = range(world.params.horizon)
    return float(sum(world.step(actor.act(world)).welfare.mean() for _ in steps))


def _listed(welfare: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.1f}" for name, value in welfare.items())


if __name__ == "__main__":
    table, broken = conformance(sys.argv[1:])
    print(table, *broken, sep="\n")
    sys.exit(bool(broken))
