"""What is measured stands beside what bounds it, and counts what it says it counts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from empathy_loop.agents.registry import list_agents, load_agent
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.world import World
from empathy_loop.train import ceilings, workloads
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.workloads import Training, run_of, workloads_of

MakeConfig = Callable[..., TrainConfig]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, make_config: MakeConfig) -> None:
    """Make everything small, and nothing of a size for which the rules must be compiled anew."""
    monkeypatch.setattr(workloads, "BATCHES", ((4, 2), (4, 1), (1, 1)))
    monkeypatch.setattr(workloads, "GROWTH_AGENTS", (3,))
    monkeypatch.setattr(workloads, "GROWTH_WORLDS", 2)
    monkeypatch.setattr(workloads, "STEPS_PER_CALL", 5)
    monkeypatch.setattr(ceilings, "MATRIX_SIZE", 8)
    monkeypatch.setattr(ceilings, "COPY_MIB", 1)
    monkeypatch.setattr(
        workloads,
        "run_of",
        lambda arm, threads, overrides=None: make_config(arm, num_threads=threads),
    )


@pytest.mark.parametrize("what", ["env", "train", "all"])
def test_no_two_things_that_are_measured_have_the_same_name(what: str) -> None:
    names = [workload.name for workload in workloads_of(what)]
    assert len(set(names)) == len(names)
    assert any("memory copy" in name for name in names)


def test_all_is_the_worlds_and_the_learners() -> None:
    env, train, everything = (
        {workload.name for workload in workloads_of(what)} for what in ("env", "train", "all")
    )
    assert everything == env | train
    assert env - train
    assert train - env


def test_each_arm_follows_its_floor_which_has_its_sizes() -> None:
    found = workloads_of("train")
    pairs = [(one, other) for one, other in pairwise(found) if other.floor]
    assert [other for _, other in pairs] == [w for w in found if w.name.startswith("training")]
    assert [other.name for _, other in pairs if other.threads == 2] == [
        f"training {arm}, 2 threads" for arm in ("ippo, 2 x 64", "ippo_gru", "cognitive")
    ]
    for floor, training in pairs:
        assert (floor.name, floor.role) == (training.floor, "floor")
        for size in ("unit", "threads", "worlds", "agents"):
            assert getattr(floor, size) == getattr(training, size)
        assert (training.worlds, training.agents) == (5, 3)


def test_every_learned_arm_is_trained_in_one_thread_beside_the_unit_of_cost() -> None:
    found = [workload for workload in workloads_of("train") if workload.cost_of]
    alone = [workload for workload in found if workload.threads == 1]
    learned = {name for name in list_agents() if load_agent(name).kind == "learned"}
    assert {workload.name for workload in alone} == {
        f"training {name}, 1 thread" for name in (*learned, "ippo, 2 x 64")
    }
    names = {workload.name for workload in found}
    for workload in found:
        assert workload.cost_of in names
        assert workload.cost_of.endswith(workload.name.rpartition(", ")[2])


def test_what_is_trained_is_the_arm_that_ships_or_says_its_size(
    monkeypatch: pytest.MonkeyPatch, make_config: MakeConfig
) -> None:
    asked = []

    def noted(arm: str, threads: int, overrides: dict[str, Any] | None = None) -> TrainConfig:
        asked.append((load_agent(arm, overrides), threads))
        return make_config(arm, num_threads=threads)

    monkeypatch.setattr(workloads, "run_of", noted)
    trained = [workload for workload in workloads_of("train") if workload.name[:5] == "train"]
    for workload, (agent, threads) in zip(trained, asked, strict=True):
        assert workload.threads == threads
        size = ", 2 x 64" if agent.network != load_agent(agent.name).network else ""
        assert workload.name.startswith(f"training {agent.name}{size}, {threads} thread")


def test_each_number_of_threads_of_training_has_its_matrix_product() -> None:
    products = [w.threads for w in workloads_of("train") if "matrix product" in w.name]
    assert products == [1, 2]


def test_work_is_counted_in_the_unit_that_is_named() -> None:
    counts = {workload.name: workload.work() for workload in workloads_of("all")}
    # 5 steps of 4 worlds of 3 agents; of one world; of two.
    assert counts["4 worlds, 3 agents, 5 x 5 cells, 2 threads"] == 60
    assert counts["1 world, 3 agents, 5 x 5 cells, 1 thread"] == 15
    assert counts["2 worlds, 3 agents, 16 x 16 cells, 1 thread"] == 30
    # An episode of 128 steps, and an update of 8 steps of 5 worlds of 3 agents.
    assert counts["one PettingZoo parallel environment"] == 128
    assert counts["training ippo_gru, 1 thread"] == counts["floor of ippo_gru, 1 thread"] == 120


def test_every_update_counts_its_own_steps(make_config: MakeConfig) -> None:
    training = Training(make_config())
    assert [training.update() for _ in range(3)] == [120, 120, 120]


def test_the_sizes_of_a_batch_are_those_of_its_worlds(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Noted(World):
        def __init__(self, params: WorldParams, num_worlds: int, seed: int, **more: Any) -> None:
            super().__init__(params, num_worlds, seed, **more)
            made.append((self.num_threads, self.num_worlds, self.params.num_agents))

    monkeypatch.setattr(workloads, "World", Noted)
    found = {workload.name: workload for workload in workloads_of("env")}
    batch = found["4 worlds, 3 agents, 5 x 5 cells, 2 threads"]
    assert (batch.role, batch.unit) == ("speed", "agent steps/s")
    assert (batch.threads, batch.worlds, batch.agents) == (2, 4, 3)
    assert found["2 worlds, 3 agents, 16 x 16 cells, 1 thread"].role == "growth"
    stepped = [workload for workload in found.values() if workload.unit == "agent steps/s"]
    assert [(w.threads, w.worlds, w.agents) for w in stepped] == made


def test_shares_of_the_time_are_means_without_the_first_update(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = Training(make_config())
    shares = iter([(0.9, 0.1), (0.2, 0.8), (0.4, 0.6)])

    def advance() -> dict[str, float]:
        env, learning = next(shares)
        return {"time/env": env, "time/learning": learning, "charts/return": 7.0}

    monkeypatch.setattr(training.learner, "advance", advance)
    for _ in range(3):
        training.update()
    # (0.2 + 0.4) / 2 and (0.8 + 0.6) / 2.
    assert training.time_shares() == pytest.approx({"env": 0.3, "learning": 0.7})


def test_the_parts_of_an_update_are_env_inference_and_learning(make_config: MakeConfig) -> None:
    training = Training(make_config())
    training.update()
    training.update()
    shares = training.time_shares()
    assert shares.keys() == {"env", "inference", "learning"}
    assert sum(shares.values()) == pytest.approx(1.0)


def test_the_run_that_is_timed_is_the_default_one() -> None:
    config = run_of("ippo_gru", 2)
    assert (config.agent.name, config.num_threads) == ("ippo_gru", 2)
    assert config == TrainConfig(config.agent, num_threads=2, device="cpu")
