"""The measurements run and say what they measured; how fast, no test asks."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.partners import SCRIPTED
from empathy_loop.train import bench, ceilings, workloads
from empathy_loop.train.bench_report import read_report
from empathy_loop.train.cli import main
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.files import read_json, write_json
from empathy_loop.train.timing import Workload

MakeConfig = Callable[..., TrainConfig]
HASTY = ["--repeats", "2", "--seconds", "1e-6"]


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_config: MakeConfig) -> None:
    """Make everything small, and nothing of a size for which the rules must be compiled anew."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench, "POLICY_EPISODES", 8)
    monkeypatch.setattr(workloads, "BATCHES", ((4, 2), (1, 1)))
    monkeypatch.setattr(workloads, "GROWTH_AGENTS", (3,))
    monkeypatch.setattr(workloads, "GROWTH_WORLDS", 2)
    monkeypatch.setattr(workloads, "STEPS_PER_CALL", 2)
    # Two threads of torch wait for each other for seconds where other tests take their cores.
    monkeypatch.setattr(workloads, "TRAIN_THREADS", (1,))
    monkeypatch.setattr(ceilings, "MATRIX_SIZE", 8)
    monkeypatch.setattr(ceilings, "COPY_MIB", 1)
    monkeypatch.setattr(
        workloads,
        "run_of",
        lambda arm, threads, overrides=None: make_config(arm, num_threads=threads),
    )


def rows_of(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let nothing be measured but made workloads of these names."""
    made = [Workload(name, "speed", "steps/s", lambda: 1.0) for name in names]
    monkeypatch.setattr(bench, "workloads_of", lambda what: made)


@pytest.mark.parametrize("what", ["env", "train", "all"])
def test_speeds_are_printed_and_written(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", what, *HASTY]) == 0
    printed = capsys.readouterr().out
    path = Path("results", "bench", f"{what}.json")
    assert f"Written to {path}" in printed
    report = read_report(path)
    assert (report["what"], report["repeats"], report["seconds"]) == (what, 2, 1e-6)
    assert report["measurements"]
    for entry in report["measurements"]:
        assert entry["name"] in printed
        assert len(entry["rates"]) == 2
        assert 0.0 < entry["lowest"] <= entry["median"] <= entry["highest"]
    trained = [entry for entry in report["measurements"] if entry["time_shares"] is not None]
    assert bool(trained) == (what != "env")
    for entry in trained:
        assert entry["share_of_floor"]["floor"] == entry["name"].replace("training", "floor of", 1)
        assert entry["cost"]["median"] > 0.0
        assert sum(entry["time_shares"].values()) == pytest.approx(1.0)
    assert len(report["growth"]) == (0 if what == "train" else 1)
    assert ("share of the floor" in printed) == (what != "env")
    assert ("as a ratio to that with 3 agents" in printed) == (what != "train")


def test_the_tables_say_what_the_report_holds() -> None:
    entry = {
        **{"name": "some arm", "role": "speed", "unit": "agent steps/s"},
        **{"median": 23456.7, "lowest": 987.6, "highest": 1.2345},
        "time_shares": {"env": 0.1, "inference": 0.2, "learning": 0.7},
        "share_of_floor": {"floor": "x", "median": 0.8, "lowest": 0.75, "highest": 0.9},
        "cost": {"of": "y", "median": 1.25, "lowest": 1.125, "highest": 1.5},
    }
    growth = {"agents": 8, "linear": 4.0, "cost": {"median": 2.5, "lowest": 2.25, "highest": 3.0}}
    report = {
        "date": "2026-01-02T03:04:05+00:00",
        **{"repeats": 3, "seconds": 0.5, "peak_memory_mib": 1234.5},
        "hardware": {"processor": "Some CPU", "cores": 2, "memory_mib": 4096.0, "system": "Linux"},
        "versions": {"python": "3.12.1", "torch": "2.9"},
        "measurements": [entry],
        "growth": [growth],
    }
    console = Console(width=120, file=io.StringIO())
    bench.print_report(console, report)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "Some CPU, 2 cores, 4,096 MiB, Linux; 2026-01-02T03:04:05+00:00\n" in text
    assert "python 3.12.1, torch 2.9\n3 repeats of at least 0.5 s each\n" in text
    assert "held: 1,234 MiB" in text
    assert ["some", "arm", "23,457", "988", "1.23", "agent", "steps/s"] in rows_of(text)
    assert [
        "some",
        "arm",
        "1.250",
        "0.800",
        "0.750",
        "0.900",
        "0.100",
        "0.200",
        "0.700",
    ] in rows_of(text)
    assert ["8", "2.50", "2.25", "3.00", "4.00"] in rows_of(text)


def test_a_bench_is_compared_with_an_earlier_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(monkeypatch, "old", "both")
    assert main(["bench", "env", *HASTY, "--out", "mine/then.json"]) == 0
    earlier = read_json(Path("mine", "then.json"))
    entry = next(entry for entry in earlier["measurements"] if entry["name"] == "both")
    entry["median"] = 1e-3
    write_json(Path("mine", "then.json"), earlier)
    only(monkeypatch, "both", "new")
    capsys.readouterr()
    # The earlier file is read before the new one takes its place.
    both = ["--against", "mine/then.json", "--out", "mine/then.json"]
    assert main(["bench", "env", *HASTY, *both]) == 0
    printed = capsys.readouterr().out
    later = read_json(Path("mine", "then.json"))
    now = next(entry for entry in later["measurements"] if entry["name"] == "both")["median"]
    assert f"Against mine/then.json, {earlier['date']} (ratio of medians" in printed
    assert ["both", "0.001", f"{now:,.0f}", f"{now / 1e-3:.3f}", "steps/s"] in rows_of(printed)
    assert "only now: new\n" in printed
    assert "only then: old\n" in printed


def refuse(*arguments: Any) -> None:
    raise AssertionError("nothing may be measured")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("env --repeats 0", "repeats must be in [1, 1000], got 0"),
        ("train --seconds 0", "seconds must be in (0, 3600], got 0.0"),
        ("all --against nowhere.json", "No such file or directory: nowhere.json"),
        ("all --against damaged.json", "damaged.json is damaged"),
        ("all --against other.json", "other.json is not a file of empathy-loop bench: its format"),
        ("gpu", 'need numba-cuda; install it with: pip install "empathy-loop[cuda]"'),
        ("policies --out a.json", "measures no speed and knows no out, got 'a.json'; leave it"),
        ("policies --against a.json", "measures no speed and knows no against, got 'a.json'"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    message: str,
) -> None:
    monkeypatch.setattr(bench, "measure", refuse)
    monkeypatch.setattr(bench, "policy_table", refuse)
    monkeypatch.setitem(sys.modules, "numba_cuda", None)
    Path("damaged.json").write_text("{")
    Path("other.json").write_text('{"scores": 1}')
    assert main(["bench", *arguments.split()]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not Path("results").exists()


def test_a_request_names_what_there_is() -> None:
    with pytest.raises(
        ValueError, match="what must be one of env, train, gpu, policies, all, got 'x'"
    ):
        bench.Request("x")


def test_the_table_of_policies_has_every_scripted_policy_in_both_worlds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "policies"]) == 0
    text = capsys.readouterr().out
    for name in SCRIPTED:
        assert text.count(f"\n {name} ") == 2, name
    assert text.count("every face idiosyncratic") == 1
    assert not Path("results").exists()


def test_the_row_of_a_policy_that_does_nothing_is_that_of_the_world_alone() -> None:
    # Without crises, nothing is lost and nobody helps.
    table = bench.policy_table(WorldParams(total_hazard=0.0, shift="none"))
    row = [next(iter(column.cells)) for column in table.columns]
    assert row == ["stay", "0.00", "0.00", "0.00", "0.0", "-"]
