"""How fast the worlds and the learners are, and how much room the world leaves for empathy."""

from __future__ import annotations

import dataclasses
import os
import platform
import statistics
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from empathy_loop.agents.registry import load_agent
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.partners import SCRIPTED
from empathy_loop.envs.world import World
from empathy_loop.train.actors import ScriptedActor
from empathy_loop.train.config import DEFAULT_ENV, TrainConfig
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.learner import Learner
from empathy_loop.train.outcomes import outcomes

REPEATS = 5
"""Measurements behind each median."""
SECONDS = 1.0
"""Least length of one measurement."""
POLICY_EPISODES = 1024
"""Worlds behind each row of the table of policies."""
POLICY_SEED = 0
TRAINED_ARMS = ("ippo_gru", "cognitive")


class Speed(NamedTuple):
    """How fast something went.

    Attributes:
        what: What was measured.
        unit: What is counted.
        rates: Counts per second of each repeat.
    """

    what: str
    unit: str
    rates: list[float]


def bench(what: str, console: Console) -> None:
    """Measure and print.

    Args:
        what: env, train or policies.
        console: Where to print.
    """
    if what == "policies":
        with console.status("playing"):
            tables = {title: policy_table(params) for title, params in _policy_worlds().items()}
        for title, table in tables.items():
            console.print(f"\n[bold]{title}[/]\n", table, highlight=False)
        return
    console.print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; Python "
        f"{platform.python_version()}, torch {torch.__version__}; medians of {REPEATS} repeats"
    )
    table = Table("measured", "per second", "from", "to", "unit", box=None)
    for column in table.columns[1:4]:
        column.justify = "right"
    with console.status("measuring"):
        for speed in {"env": env_speeds, "train": train_speeds}[what]():
            low, middle, high = min(speed.rates), statistics.median(speed.rates), max(speed.rates)
            numbers = (f"{number:,.0f}" for number in (middle, low, high))
            table.add_row(speed.what, *numbers, speed.unit)
    console.print(table)


def env_speeds() -> Iterator[Speed]:
    """Yield the speed of batches of worlds, of growing worlds, and of one PettingZoo environment.

    Actions are drawn beforehand, from all there are; observations are part of every step.
    """
    for num_worlds, num_threads in ((4096, 2), (4096, 1), (1024, 1), (64, 1), (1, 1)):
        yield _world_speed(WorldParams(), num_worlds, num_threads)
    for num_agents in (2, 4, 8, 16):
        yield _world_speed(WorldParams(num_agents=num_agents, grid_size=16), 512, 1)
    yield _measure("PettingZoo parallel environment", "steps", _parallel_episodes())


def train_speeds() -> Iterator[Speed]:
    """Yield the speed of training the learned arms, in one thread and in two."""
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for arm in TRAINED_ARMS:
                yield _measure(f"{arm}, {_threads(threads)}", "agent steps", _updates_of(arm))
    finally:
        torch.set_num_threads(before)


def policy_table(params: WorldParams) -> Table:
    """Return what every scripted policy reaches when it has all seats of a world.

    Args:
        params: The rules.

    Returns:
        Table of W, welfare of an episode with its standard error over worlds; D, mean drive; G,
        helps in one world's episode; M, share of them that were misattuned.
    """
    table = Table("policy", "W", "+-", "D", "G", "M", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for name in SCRIPTED:
        log = run_episodes(ScriptedActor(name), params, POLICY_EPISODES, POLICY_SEED)
        found = outcomes(log)
        error = float(log.welfare.sum(0).std(ddof=1)) / POLICY_EPISODES**0.5
        helps = found["helps"]
        missed = f"{1.0 - found['help_precision']:.2f}" if helps else "-"
        numbers = (found["welfare"], error, found["drive"])
        table.add_row(name, *(f"{number:.2f}" for number in numbers), f"{helps:.1f}", missed)
    return table


def _policy_worlds() -> dict[str, WorldParams]:
    default = WorldParams()
    title = f"{DEFAULT_ENV}, one {default.shift} in each of {POLICY_EPISODES} episodes"
    every_face = dataclasses.replace(default, idiosyncratic_share=1.0)
    return {title: default, f"{title}, every face idiosyncratic": every_face}


def _world_speed(params: WorldParams, num_worlds: int, num_threads: int) -> Speed:
    """Return the speed of a batch of worlds."""
    world = World(params, num_worlds, seed=0, num_threads=num_threads)
    shape = (64, num_worlds, params.num_agents)
    actions = np.random.default_rng(0).integers(0, params.num_actions, shape).astype(np.int8)

    def steps() -> int:
        for row in actions:
            world.step(row)
        return actions.size

    grid = f"{params.grid_size} x {params.grid_size}"
    what = f"{num_worlds} worlds, {params.num_agents} agents, {grid} cells, {_threads(num_threads)}"
    return _measure(what, "agent steps", steps)


def _threads(number: int) -> str:
    return f"{number} thread{'' if number == 1 else 's'}"


def _updates_of(arm: str) -> Callable[[], int]:
    """Return a function that trains an arm for one update and counts its agent steps."""
    learner = Learner(TrainConfig(load_agent(arm)))

    def update() -> int:
        before = learner.agent_steps
        learner.advance()
        return learner.agent_steps - before

    return update


def _parallel_episodes() -> Callable[[], int]:
    """Return a function that plays one episode of the PettingZoo view and counts its steps."""
    from empathy_loop.envs import mutual_aid_v0

    env = mutual_aid_v0.parallel_env()
    params, rng = WorldParams(), np.random.default_rng(0)
    drawn = rng.integers(0, params.num_actions, (params.horizon, params.num_agents))
    actions = [dict(zip(env.possible_agents, row.tolist(), strict=True)) for row in drawn]

    def episode() -> int:
        env.reset(seed=0)
        for joint in actions:
            env.step(joint)
        return len(actions)

    return episode


def _measure(what: str, unit: str, work: Callable[[], int]) -> Speed:
    """Time a function that returns how much it did; its first call, which compiles, is left out."""
    work()
    rates = []
    for _ in range(REPEATS):
        done, started, elapsed = 0, perf_counter(), 0.0
        while elapsed < SECONDS:
            done += work()
            elapsed = perf_counter() - started
        rates.append(done / elapsed)
    return Speed(what, unit, rates)
