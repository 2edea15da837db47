"""What a command prints can be read: numbers with intervals, and what to do next."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from empathy_loop.train.beliefs import QUALITIES, SOURCES
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.markup import describe_seeds
from empathy_loop.train.results import MEASURES, OVERALL
from empathy_loop.train.tables import (
    MAIN,
    _print_table,
    print_assessment,
    print_comparison,
    print_finished_run,
)

MakeConfig = Callable[..., TrainConfig]
UNKNOWN = {"mean": None, "low": None, "high": None}


def score(mean: float, **more: Any) -> dict[str, Any]:
    return {"mean": mean, "low": mean - 0.25, "high": mean + 0.25, **more}


def printed(print_it: Callable[..., None], *arguments: Any, terminal: int = 0) -> str:
    """Return what is printed into a file, or on a terminal of so many columns."""
    out = io.StringIO()
    size = {"force_terminal": True, "width": terminal} if terminal else {}
    print_it(Console(file=out, color_system=None, **size), *arguments)
    return out.getvalue()


def row_of(text: str, name: str) -> list[str]:
    """Return the words of the line that begins with a name."""
    (line,) = (line for line in text.splitlines() if line.split()[:1] == [name])
    return line.split()


def test_a_finished_run_says_what_came_out_and_what_to_do_next(make_config: MakeConfig) -> None:
    found = {"welfare": -6.5, "drive": 0.61, "helps": 12.04, "help_precision": 0.75}
    text = printed(print_finished_run, Path("runs/my run"), make_config(), found)
    assert "runs/my run is finished: cognitive, 720 agent steps." in text
    assert row_of(text, "welfare")[1] == "-6.50"
    assert row_of(text, "helps")[1] == "12.04"
    assert "help precision" in text
    # Commands can be pasted into a shell, whatever the folder is called.
    assert "  empathy-loop evaluate 'runs/my run' reader --shift cue_remap\n" in text
    assert "  empathy-loop render 'runs/my run' --out episode.gif\n" in text
    assert "  tensorboard --logdir 'runs/my run'\n" in text


@pytest.fixture
def assessment() -> dict[str, Any]:
    names = ("normalised", "welfare", "drive", "helps", "help_precision")
    numbers = {
        "random": (0.0, -9.5, 1.1, 5.0, 0.4),
        "runs/[bold]x": (0.5, -6.5, 0.6, 12.0, 0.75),
        "oracle": (1.0, -3.5, 0.2, 15.0, 0.98),
    }
    scores = {
        agent: {
            cell: {name: score(value) for name, value in zip(names, values, strict=True)}
            for cell in ("cue_remap 1", "none")
        }
        for agent, values in numbers.items()
    }
    scores["random"]["none"]["help_precision"] = UNKNOWN
    quality = {"crisis_loss": 0.31, "auroc": 0.87, "calibration_error": 0.02}
    return {
        "env": "mutual_aid_v0",
        "episodes": 40,
        "greedy": False,
        "changed": {},
        "seats": ["focal", "focal", "focal"],
        "intervals": "made somehow",
        "cells": ["cue_remap 1", "none"],
        "agents": list(numbers),
        "scores": scores,
        "belief": {"runs/[bold]x": {"cue_remap 1": quality, "none": quality}},
        "belief_report": {},
    }


def test_an_assessment_shows_each_number_above_its_interval(assessment: dict[str, Any]) -> None:
    text = printed(print_assessment, assessment)
    assert "mutual_aid_v0, shift cue_remap 1, 40 episodes" in text
    assert "mutual_aid_v0, without a shift, 40 episodes" in text
    lines = text.splitlines()
    (first, *_) = [at for at, line in enumerate(lines) if line.split()[:1] == ["runs/[bold]x"]]
    assert lines[first].split()[1:] == ["0.50", "-6.50", "0.60", "12.00", "0.75"]
    assert lines[first + 1].split()[:2] == ["[0.25,", "0.75]"]
    assert "0.310" in text
    assert "0.870" in text
    assert "In brackets: made somehow." in text
    assert "help precision: share of helps that were not misattuned" in text


def test_what_differs_from_the_scenario_is_said(assessment: dict[str, Any]) -> None:
    text = printed(print_assessment, assessment | {"changed": {"horizon": 48}, "episodes": 1})
    assert "mutual_aid_v0, horizon=48, without a shift, 1 episode\n" in re.sub(r" +\n", "\n", text)


def test_seats_are_said_where_partners_sit(assessment: dict[str, Any]) -> None:
    assert "seats" not in printed(print_assessment, assessment)
    text = printed(print_assessment, assessment | {"seats": ["focal", "train", "heldout"]})
    for place in ("shift cue_remap 1", "without a shift"):
        assert f"mutual_aid_v0, {place}, 40 episodes, seats focal + train + heldout" in text
    assert "Each agent plays the focal seats; scores are those of the whole group." in text


def test_what_is_not_known_is_left_empty(assessment: dict[str, Any]) -> None:
    text = printed(print_assessment, assessment)
    rows = [line.split() for line in text.splitlines() if line.split()[:1] == ["random"]]
    assert [len(row) for row in rows] == [6, 5]
    assert "None" not in text


def test_agents_without_a_belief_have_no_table_of_beliefs(assessment: dict[str, Any]) -> None:
    text = printed(print_assessment, assessment | {"belief": {}, "greedy": True})
    assert "belief" not in text
    assert "40 episodes, most probable actions" in text


def test_a_report_on_beliefs_has_a_row_for_each_source_and_kind_of_partners(
    assessment: dict[str, Any],
) -> None:
    assert "probe" not in printed(print_assessment, assessment)
    scores = {name: 0.125 * at for at, name in enumerate(QUALITIES)}
    sources = {"probe": scores, "filter": scores | {"kind_accuracy": None}}
    report = {"runs/[bold]x": {"heldout": sources}}
    text = printed(print_assessment, assessment | {"belief_report": report})
    table = text[text.index("What is known of others' needs") :]
    numbers = ["0.000", "0.125", "0.250", "0.375", "0.500", "0.625"]
    for source, expected in (("probe", numbers), ("filter", [*numbers[:3], "-", *numbers[4:]])):
        assert ["runs/[bold]x", "heldout", source, *expected] in [
            line.split() for line in table.splitlines()
        ]
    assert f"probe: {SOURCES['probe']}" in table
    assert f"detection steps: {QUALITIES['detection_steps']}" in table


@pytest.mark.parametrize("columns", [80, 100])
def test_tables_fit_into_a_terminal_and_words_stay_whole(
    assessment: dict[str, Any], columns: int
) -> None:
    text = printed(print_assessment, assessment, terminal=columns)
    tables = text[: text.index("normalised:")]
    assert max(map(len, tables.splitlines())) <= columns
    assert {"normalised", "precision", "-6.50", "0.310"} <= set(tables.split())


@pytest.fixture
def results() -> dict[str, Any]:
    shifts = [
        {"name": "cue_remap 1", "trained": False},
        {"name": "partner_swap 0.3", "trained": True},
    ]
    scores = {
        arm: {
            shift["name"]: {
                name: score(level, runs={"0": level}, note="1 of 2 seeds" if name == "aurc" else "")
                for name in MEASURES
            }
            for shift in shifts
        }
        for arm, level in (("random", 0.0), ("cognitive", 0.5), ("oracle", 1.0))
    }
    return {
        "shifts": shifts,
        "arms": [
            {"name": "random", "seeds": 2},
            {"name": "cognitive", "seeds": 1},
            {"name": "failed", "seeds": 0},
            {"name": "oracle", "seeds": 2},
        ],
        "scores": scores,
        "overall": {arm: {name: score(0.5) for name in OVERALL} for arm in scores},
        "intervals": "Intervals are made somehow.",
        "headline": "cognitive against nobody: nothing [red]new.",
        "not_significant": ["cognitive - nobody: p 0.7"],
        "failures": {"cognitive-s1": "its process was killed"},
    }


def test_a_comparison_shows_a_table_for_each_shift_the_finding_and_the_files(
    results: dict[str, Any], tmp_path: Path
) -> None:
    for name in ("report.html", "results.json", "scores.png", "learning.png", "episode.gif"):
        (tmp_path / name).touch()
    text = printed(print_comparison, results, tmp_path)
    assert "cue_remap 1 (held out of training)" in text
    assert "partner_swap 0.3 (met in training)" in text
    rows = [line.split() for line in text.splitlines() if line.split()[:1] == ["cognitive"]]
    tables = [row for row in rows if row[1] == "1"]
    assert [len(row) for row in tables] == [2 + len(MAIN), 2 + len(MAIN), 2 + len(OVERALL)]
    assert "[0.25, 0.75]" in text
    assert "1 of 2" in text
    # What so few seeds allow to say stands below their number, as on the page.
    assert describe_seeds(1)[1].startswith("too few") and "too few" in text
    assert describe_seeds(2)[1].startswith("fewer") and "fewer" in text
    for measure in (OVERALL | MAIN).values():
        assert f"{measure.title}: {measure.meaning}" in text
    assert not any(line.split()[:1] == ["failed"] for line in text.splitlines())
    assert "cognitive against nobody: nothing [red]new." in text
    assert "Not significant:\n  cognitive - nobody: p 0.7" in text
    assert "cognitive-s1: its process was killed" in text
    for name in ("report.html", "results.json", "scores.png", "learning.png", "episode.gif"):
        assert f"  {tmp_path / name}\n" in text


def test_a_comparison_without_failures_does_not_speak_of_them(
    results: dict[str, Any], tmp_path: Path
) -> None:
    text = printed(print_comparison, results | {"failures": {}, "not_significant": []}, tmp_path)
    assert "Failed" not in text
    assert "Not significant" not in text


def test_a_table_with_too_many_columns_becomes_two_and_each_names_its_rows() -> None:
    headings = ["arm", *(f"shift_{i}" for i in range(9))]
    rows = [[arm, *((f"{i}.00", f"[{i}.00, 9.00]", "") for i in range(9))] for arm in ("a", "bb")]
    text = printed(_print_table, "Levels", headings, rows, terminal=60)
    assert all(len(line) <= 60 for line in text.splitlines())
    assert "Levels, continued" in text and "…" not in text
    found = {name: re.findall(rf"^ *{name} +(.*)$", text, re.M) for name in ("arm", "a", "bb")}
    assert len(found["arm"]) >= 2
    assert len({len(parts) for parts in found.values()}) == 1
    assert " ".join(found["arm"]).split() == headings[1:]
    assert " ".join(found["a"]).split() == [f"{i}.00" for i in range(9)]
