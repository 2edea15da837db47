"""The measurements run and say what they measured; how fast, no test asks."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.partners import SCRIPTED
from empathy_loop.train import bench


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SECONDS", 1e-6)
    monkeypatch.setattr(bench, "REPEATS", 2)
    monkeypatch.setattr(bench, "POLICY_EPISODES", 8)


def printed(what: str) -> str:
    console = Console(width=120, file=io.StringIO())
    bench.bench(what, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_speed_has_its_repeats_and_is_above_zero() -> None:
    for speed in bench.env_speeds():
        assert len(speed.rates) == 2
        assert min(speed.rates) > 0.0


def test_the_table_of_policies_has_every_scripted_policy_in_both_worlds() -> None:
    text = printed("policies")
    for name in SCRIPTED:
        assert text.count(f"\n {name} ") == 2, name
    assert text.count("every face idiosyncratic") == 1


def test_the_row_of_a_policy_that_does_nothing_is_that_of_the_world_alone() -> None:
    # Without crises, nothing is lost and nobody helps.
    table = bench.policy_table(WorldParams(total_hazard=0.0, shift="none"))
    row = [next(iter(column.cells)) for column in table.columns]
    assert row == ["stay", "0.00", "0.00", "0.00", "0.0", "-"]


def test_training_is_measured_in_agent_steps() -> None:
    speed = next(bench.train_speeds())
    assert speed.what == "ippo_gru, 1 thread"
    assert speed.unit == "agent steps"
    assert min(speed.rates) > 0.0
