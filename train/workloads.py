"""What `empathy-loop bench` measures: worlds, learners, and beside them what bounds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from empathy_loop.agents.registry import list_agents, load_agent
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.world import World
from empathy_loop.train.ceilings import COPY_MIB, MATRIX_SIZE, Floor, matrix_product, memory_copy
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.gpu_workloads import gpu_worlds
from empathy_loop.train.learner import Learner
from empathy_loop.train.timing import Role, Workload

BATCHES = ((4096, 2), (4096, 1), (1024, 1), (64, 1), (1, 1))
"""Worlds stepped together, and threads that share them."""
GROWTH_AGENTS = (2, 4, 8, 16)
"""Numbers of agents over which the cost of a step is followed."""
GROWTH_GRID = 16
"""Side of the board there, in cells: one on which the largest number has room."""
GROWTH_WORLDS = 512
STEPS_PER_CALL = 64
"""Steps between two looks at the clock."""
FLOORED: dict[str, tuple[str, dict[str, Any]]] = {
    "ippo, 2 x 64": ("ippo", {"network": {"hidden_size": 64}}),
    "ippo_gru": ("ippo_gru", {}),
    "cognitive": ("cognitive", {}),
}
"""What is trained beside its floor: name to arm and settings. The first is no arm that ships, but
ippo with layers of 64 units, of which size others publish its speed."""
COST_OF = "ippo_gru"
"""Arm whose training time is the unit of all arms' cost: most have its graph."""
TRAIN_THREADS = (1, 2)
GPU_TRAIN_WORLDS = (32, 512, 4096)
"""Worlds of a rollout in training on a CUDA device: as published, and to fill the device."""

AGENT_STEPS = "agent steps/s"


def workloads_of(what: str) -> list[Workload]:
    """Return what is measured, in the order of a round.

    Args:
        what: env, train, all for both of them, or gpu.

    Returns:
        Workloads; no two have the same name.

    Raises:
        ValueError: gpu is asked for, and there is no CUDA device, or not all that it needs.
    """
    parts = {
        "env": (_copy, env_workloads),
        "train": (_copy, train_workloads),
        "all": (_copy, env_workloads, train_workloads),
        "gpu": (gpu_worlds, gpu_training),
    }[what]
    return [workload for part in parts for workload in part()]


def env_workloads() -> list[Workload]:
    """Return batches of worlds, growing worlds, and one PettingZoo environment.

    Actions are drawn beforehand, from all there are; observations are part of every step.
    """
    growing = [WorldParams(num_agents=number, grid_size=GROWTH_GRID) for number in GROWTH_AGENTS]
    return [
        *(_worlds("speed", WorldParams(), *batch) for batch in BATCHES),
        *(_worlds("growth", params, GROWTH_WORLDS, 1) for params in growing),
        Workload(
            name="one PettingZoo parallel environment",
            role="speed",
            unit="steps/s",
            work=_parallel_episodes(),
            worlds=1,
            agents=WorldParams().num_agents,
        ),
    ]


def train_workloads() -> list[Workload]:
    """Return, for each number of threads, the matrix product, and some arms, each after its floor.

    The rest of the learned arms follows in one thread, ippo as it ships among them.
    """
    found = []
    for threads in TRAIN_THREADS:
        size = f"{MATRIX_SIZE} x {MATRIX_SIZE}"
        product = f"matrix product, {size} float32, {_threads(threads)}"
        found.append(Workload(product, "ceiling", "GFLOP/s", matrix_product(), threads))
        for name, (arm, overrides) in FLOORED.items():
            found += _floor_and_training(name, run_of(arm, threads, overrides))
    others = [arm for arm in list_agents() if arm not in FLOORED]
    runs = [run_of(arm, 1) for arm in others if load_agent(arm).kind == "learned"]
    for run in runs:
        found += _floor_and_training(run.agent.name, run)
    return found


def gpu_training() -> list[Workload]:
    """Return the training of arms with their networks on a CUDA device, in batches of worlds."""
    found = []
    for worlds in GPU_TRAIN_WORLDS:
        for name, (arm, overrides) in FLOORED.items():
            batch = {**overrides, "ppo": {"num_worlds": worlds}}
            found.append(_training(name, run_of(arm, 1, batch, "cuda")))
    return found


def run_of(
    arm: str,
    num_threads: int,
    overrides: Mapping[str, Any] | None = None,
    device: str = "cpu",
) -> TrainConfig:
    """Return the run whose updates are timed: an arm in the default world."""
    return TrainConfig(load_agent(arm, overrides), num_threads=num_threads, device=device)


class Training:
    """Updates of a learner, with what they spend their time on.

    Args:
        config: The run.
    """

    def __init__(self, config: TrainConfig) -> None:
        self.learner = Learner(config)
        self._shares: list[dict[str, float]] = []

    def update(self) -> int:
        """Train for one update and return its agent steps."""
        before = self.learner.agent_steps
        metrics = self.learner.advance()
        shares = {
            name.removeprefix("time/"): share
            for name, share in metrics.items()
            if name.startswith("time/")
        }
        self._shares.append(shares)
        return self.learner.agent_steps - before

    def time_shares(self) -> dict[str, float]:
        """Return the share of each part in the time of an update, in [0, 1].

        They are means over all updates but the first, which is not like the others. There must
        have been two.
        """
        settled = self._shares[1:]
        return {name: sum(shares[name] for shares in settled) / len(settled) for name in settled[0]}


def _copy() -> list[Workload]:
    return [Workload(f"memory copy, {COPY_MIB} MiB, 1 thread", "ceiling", "GB/s", memory_copy())]


def _worlds(role: Role, params: WorldParams, num_worlds: int, num_threads: int) -> Workload:
    """Return the stepping of a batch of worlds."""
    world = World(params, num_worlds, seed=0, num_threads=num_threads)
    shape = (STEPS_PER_CALL, num_worlds, params.num_agents)
    actions = np.random.default_rng(0).integers(0, params.num_actions, shape).astype(np.int8)

    def steps() -> float:
        for row in actions:
            world.step(row)
        return actions.size

    grid = f"{params.grid_size} x {params.grid_size} cells"
    batch = f"{num_worlds} world{'' if num_worlds == 1 else 's'}, {params.num_agents} agents"
    name = f"{batch}, {grid}, {_threads(num_threads)}"
    return Workload(name, role, AGENT_STEPS, steps, num_threads, num_worlds, params.num_agents)


def _parallel_episodes() -> Callable[[], float]:
    """Return a function that plays one episode of the PettingZoo view and counts its steps."""
    from empathy_loop.envs import mutual_aid_v0

    env = mutual_aid_v0.parallel_env()
    params, rng = WorldParams(), np.random.default_rng(0)
    drawn = rng.integers(0, params.num_actions, (params.horizon, params.num_agents))
    actions = [dict(zip(env.possible_agents, row.tolist(), strict=True)) for row in drawn]

    def episode() -> float:
        env.reset(seed=0)
        for joint in actions:
            env.step(joint)
        return len(actions)

    return episode


def _floor_and_training(name: str, config: TrainConfig) -> list[Workload]:
    """Return the floor of a run, and its training."""
    training = _training(name, config)
    below = training.name.replace("training", "floor of", 1)
    sizes = (training.threads, training.worlds, training.agents)
    floor = Workload(below, "floor", AGENT_STEPS, Floor(config).update, *sizes)
    return [floor, replace(training, floor=below)]


def _training(name: str, config: TrainConfig) -> Workload:
    """Return the training of a run."""
    training, threads, worlds = Training(config), config.num_threads, config.agent.ppo.num_worlds
    how = _threads(threads) if config.device == "cpu" else f"{worlds} worlds, on {config.device}"
    return Workload(
        f"training {name}, {how}",
        "speed",
        AGENT_STEPS,
        training.update,
        threads,
        worlds,
        config.world.num_agents,
        time_shares=training.time_shares,
        cost_of=f"training {COST_OF}, {how}",
    )


def _threads(number: int) -> str:
    return f"{number} thread{'' if number == 1 else 's'}"
