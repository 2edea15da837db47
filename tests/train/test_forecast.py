"""How long a comparison will take follows from speeds and from what is left to do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from empathy_loop.train import forecast
from empathy_loop.train.cells import run_folder
from empathy_loop.train.plan import Comparison, Shift, plan_runs

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
    continued_steps=500,
)


def log(folder: Path, name: str, rates: list[float]) -> None:
    """Write updates of 1000 agent steps each, at these rates, half of the time spent on acting."""
    (run,) = (run for run in plan_runs(COMPARISON) if run.name == name)
    path = run_folder(folder, run) / "metrics.jsonl"
    path.parent.mkdir(parents=True)
    lines = [
        {
            "step": 1000 * (i + 1),
            "charts/steps_per_second": rate,
            "time/env": 0.2,
            "time/inference": 0.3,
        }
        for i, rate in enumerate(rates)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_episodes_are_counted_for_each_cell_and_actor() -> None:
    run = next(run for run in plan_runs(COMPARISON) if run.is_learned)
    # A shift and its twin.
    assert forecast.played_episodes(COMPARISON, run) == 10 * 2
    # Also beside held-out partners and with the one lesion that there is; in cross-play three
    # actors in both cells, and two with each of two partners.
    assert forecast.played_episodes(ALL, run) == 10 * (2 * 3 + 2 * 3 + 2 * 2)


def test_what_was_logged_gives_the_speed_and_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forecast, "LAST_UPDATES", 2)
    log(tmp_path, "ippo_gru-s0", [7.0, 50.0, 150.0])
    found = forecast.forecast(COMPARISON, plan_runs(COMPARISON), tmp_path, workers=2)
    # 6000 and twice 9000 steps are left, at 100 a second; 20 episodes of 128 steps of 3 agents
    # are played by each of 3 runs, in half of the time.
    assert found == pytest.approx((6000 + 2 * 9000 + 3 * 0.5 * 20 * 128 * 3) / 100 / 2)
    more = forecast.forecast(
        replace(COMPARISON, continued_steps=500), plan_runs(COMPARISON), tmp_path, workers=2
    )
    assert more == pytest.approx(found + 3 * 500 / 100 / 2)


def test_without_logs_each_arm_is_warmed_up_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warmed = []

    def warm_up(config: object) -> dict[str, float]:
        warmed.append(config)
        return {"charts/steps_per_second": 10.0, "time/env": 0.0, "time/inference": 0.0}

    monkeypatch.setattr(forecast, "_warm_up", warm_up)
    runs = plan_runs(COMPARISON)
    assert forecast.forecast(COMPARISON, runs, tmp_path, workers=1) == pytest.approx(2700.0)
    assert len(warmed) == 1
    scripted = [run for run in runs if not run.is_learned]
    assert forecast.forecast(COMPARISON, scripted, tmp_path, workers=1) == 0.0
