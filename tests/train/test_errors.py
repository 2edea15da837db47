"""Users read a sentence about what they can mend, and a traceback about what they cannot."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from empathy_loop.agents.empathy.metrics import auroc
from empathy_loop.agents.registry import load_agent
from empathy_loop.envs.params import WorldParams
from empathy_loop.train.checkpoint import CheckpointError
from empathy_loop.train.errors import (
    DEBUG,
    explanation,
    print_explanation,
    print_interruption,
)
from empathy_loop.train.files import read_json, write_text


def error_of(do: Callable[[], object]) -> Exception:
    """Return what a call raises, with its traceback."""
    try:
        do()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def refuse() -> None:
    raise ValueError("raised by code that is not of the project")


def test_a_value_that_the_project_refuses_is_explained() -> None:
    assert explanation(error_of(lambda: WorldParams(horizon=2))) == (
        "horizon must be in [3, 100000], got 2"
    )
    message = explanation(error_of(lambda: load_agent("ippo_gruu")))
    assert (
        message
        == "unknown agent 'ippo_gruu'; did you mean ippo_gru or mappo_gru or ippo_gru_blind?"
    )


def test_an_error_with_another_one_as_its_cause_is_explained(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.json", "{")
    message = explanation(error_of(lambda: read_json(path)))
    assert message is not None
    assert message.startswith(f"{path} is damaged")


@pytest.mark.parametrize(
    "defect",
    [
        lambda: np.zeros(3) + np.zeros(4),
        lambda: int("three"),
        lambda: {}["key"],
        lambda: np.ones(3).missing,  # type: ignore[attr-defined]
        refuse,
    ],
)
def test_a_defect_keeps_its_traceback(defect: Callable[[], object]) -> None:
    error = error_of(defect)
    assert explanation(error) is None
    assert not print_explanation(error)


def test_a_value_error_of_numpy_inside_the_project_is_a_defect() -> None:
    # The last frame in Python is the project's own, but no raise statement stands there.
    scores, one_too_many = np.zeros(3, np.float32), np.array([True, False, True, True])
    error = error_of(lambda: auroc(scores, one_too_many))
    assert isinstance(error, ValueError)
    assert explanation(error) is None


def test_damage_and_divergence_are_explained() -> None:
    assert explanation(CheckpointError("checkpoint x is corrupt")) == "checkpoint x is corrupt"
    assert explanation(FloatingPointError("not finite")) == "not finite"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_sentence(number: int) -> None:
    message = explanation(OSError(number, os.strerror(number), "runs/a/metrics.jsonl"))
    assert message == (
        "the disk is full while writing runs/a/metrics.jsonl; what was saved before is intact: "
        "make room and run the same command again to go on"
    )
    assert str(explanation(OSError(number, os.strerror(number)))).startswith("the disk is full; ")


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "file"
    assert explanation(error_of(path.read_bytes)) == f"No such file or directory: {path}"
    assert explanation(error_of(tmp_path.read_bytes)) == f"Is a directory: {tmp_path}"


def test_an_explanation_goes_to_stderr_and_long_paths_are_not_broken(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = "/".join(["a_folder_with_a_long_name"] * 8)
    assert print_explanation(CheckpointError(f"checkpoint {path} is [corrupt]"))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"error: checkpoint {path} is [corrupt]\n"


def test_the_traceback_of_an_explained_error_can_be_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DEBUG, "1")
    try:
        WorldParams(horizon=2)
    except ValueError as error:
        assert print_explanation(error)
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "params.py" in shown
    assert "error: horizon must be in" in shown


def test_an_interruption_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    print_interruption()
    assert "run the same command to go on" in " ".join(capsys.readouterr().err.split())
