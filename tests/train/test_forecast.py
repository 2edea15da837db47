"""How long a comparison will take follows from speeds and from what is left to do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from empathy_loop.train import forecast
from empathy_loop.train.cells import Task
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.plan import Comparison, Shift, plan_runs
from empathy_loop.train.stages import STAGES, plan_stage

COMPARISON = Comparison(
    "timed",
    arms=("reader", "ippo_gru"),
    contrasts=(),
    seeds=(0, 1, 2),
    steps=9_000,
    shifts=(Shift("cue_remap", 1.0),),
    episodes=10,
)
ALL = replace(
    COMPARISON,
    teams=("self_play", "cross_play", "heldout"),
    lesions=("memory_cleared", "shuffled"),
    continued_steps=1_500,
)
EPISODE = 128 * 3
"""Agent steps of an episode."""


def tasks(comparison: Comparison, folder: Path, *conditions: str) -> list[Task]:
    """Return all tasks, or those of some stages."""
    runs = plan_runs(comparison)
    stages = [plan_stage(plans, comparison, runs, folder) for plans in STAGES]
    every = [task for stage in stages for task in stage.values()]
    return [task for task in every if not conditions or task.condition in conditions]


def log(folder: Path, name: str, rates: list[float], begin: int = 0) -> None:
    """Write updates of 1000 agent steps each, at these rates, half of the time spent on acting."""
    path = folder / name / "metrics.jsonl"
    path.parent.mkdir(parents=True)
    lines = [
        {
            "step": begin + 1000 * (i + 1),
            "charts/steps_per_second": rate,
            "time/env": 0.2,
            "time/inference": 0.3,
        }
        for i, rate in enumerate(rates)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_episodes_are_counted_for_each_cell_and_actor(tmp_path: Path) -> None:
    def played(comparison: Comparison, condition: str) -> int:
        found = (task for task in tasks(comparison, tmp_path, condition) if task.run.is_learned)
        return forecast.played_episodes(next(found))

    # A shift and its twin.
    assert played(COMPARISON, "self_play") == 10 * 2
    # Also beside held-out partners and with the one lesion that there is.
    assert played(ALL, "self_play") == 10 * 2 * 3
    # And once more with the most probable actions.
    greedy = replace(ALL, teams=(*ALL.teams, "greedy"))
    assert played(greedy, "self_play") == 10 * 2 * 4
    # Three actors in both cells, and two with each of two partners; of two runs, two actors.
    assert played(ALL, "cross_play") == 10 * (2 * 3 + 2 * 2)
    assert played(replace(ALL, seeds=(0, 1)), "cross_play") == 10 * (2 * 2 + 2)
    # The shift under which training went on, and its twin.
    assert played(ALL, "continued") == 10 * 2


def test_what_was_logged_gives_the_speed_and_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "LAST_UPDATES", 2)
    log(tmp_path / "runs", "ippo_gru-s0", [7.0, 50.0, 150.0])
    found = forecast.forecast(tasks(COMPARISON, tmp_path), workers=2)
    # 6000 and twice 9000 steps are left, at 100 a second; 20 episodes of 128 steps of 3 agents
    # are played by each of 3 runs, in half of the time.
    assert found == pytest.approx((6000 + 2 * 9000 + 3 * 0.5 * 20 * EPISODE) / 100 / 2)


def test_later_stages_take_their_time_though_all_runs_are_trained(tmp_path: Path) -> None:
    for seed in (0, 1, 2):
        log(tmp_path / "runs", f"ippo_gru-s{seed}", [100.0] * 9)
    crossed = forecast.forecast(tasks(ALL, tmp_path, "cross_play"), workers=2)
    assert crossed == pytest.approx(3 * 0.5 * 100 * EPISODE / 100 / 2)
    # Of one copy 1000 of the 1500 steps are done.
    log(tmp_path / "continued", "ippo_gru-s1", [100.0], begin=9000)
    continued = forecast.forecast(tasks(ALL, tmp_path, "continued"), workers=2)
    assert continued == pytest.approx((500 + 2 * 1500 + 3 * 0.5 * 20 * EPISODE) / 100 / 2)
    later = tasks(ALL, tmp_path, "cross_play", "continued")
    assert forecast.forecast(later, workers=2) == pytest.approx(crossed + continued)
    # Six tasks of a stage keep no more than six workers busy.
    assert forecast.forecast(later, workers=9) == pytest.approx((crossed + continued) * 2 / 6)


def test_without_logs_each_arm_is_warmed_up_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warmed = []

    def warm_up(config: object) -> dict[str, float]:
        warmed.append(config)
        return {"charts/steps_per_second": 10.0, "time/env": 0.0, "time/inference": 0.0}

    monkeypatch.setattr(forecast, "_warm_up", warm_up)
    every = tasks(COMPARISON, tmp_path)
    assert forecast.forecast(every, workers=1) == pytest.approx(2700.0)
    assert len(warmed) == 1
    scripted = [task for task in every if not task.run.is_learned]
    assert forecast.forecast(scripted, workers=1) == 0.0


def test_the_warm_up_takes_the_usual_speed_in_as_many_threads_as_runs_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rates, threads = [1.0, 90.0, 100.0, 2.0, 110.0, 100.0], []

    class SlowAtTimes:
        def __init__(self, config: TrainConfig) -> None:
            self.left = iter(rates)

        def advance(self) -> dict[str, float]:
            threads.append(torch.get_num_threads())
            return {
                "charts/steps_per_second": next(self.left),
                "time/env": 0.1,
                "time/inference": 0.2,
            }

    monkeypatch.setattr(forecast, "Learner", SlowAtTimes)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run = next(run for run in plan_runs(COMPARISON) if run.is_learned)
        found = forecast._warm_up(run.config)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert found == {"charts/steps_per_second": 100.0, "time/env": 0.1, "time/inference": 0.2}
    assert threads == [1] * 6
