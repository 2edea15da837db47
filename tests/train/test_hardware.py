"""The machine is described by what the system says of it, in the units that are promised."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from empathy_loop.train import hardware as module
from empathy_loop.train.hardware import hardware, peak_memory_mib, versions


def test_the_model_of_the_processor_is_read_where_the_system_lists_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(
        "processor\t: 0\nmodel\t\t: 17\nmodel name\t: Some CPU: fast\n\nprocessor\t: 1\n"
    )
    monkeypatch.setattr(module, "_PROCESSOR_FILE", file)
    assert hardware()["processor"] == "Some CPU: fast"


@pytest.mark.parametrize("text", [None, "processor\t: 0\nmodel name\t:\n"])
def test_without_a_model_the_family_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    file = tmp_path / "cpuinfo"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(module, "_PROCESSOR_FILE", file)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "some_family")
    assert hardware()["processor"] == "some_family"


def test_cores_and_memory_are_counted() -> None:
    found = hardware()
    assert found["cores"] >= 1
    listed = Path("/proc/meminfo")
    if listed.exists():
        total = next(
            line for line in listed.read_text().splitlines() if line.startswith("MemTotal")
        )
        assert found["memory_mib"] == pytest.approx(int(total.split()[1]) / 1024, rel=1e-3)


def test_versions_are_those_that_run() -> None:
    found = versions()
    assert found.keys() == {"python", "numpy", "numba", "torch", "empathy-loop"}
    assert found["python"] == platform.python_version()
    assert found["numpy"] == np.__version__
    assert found["torch"] == torch.__version__


def test_peak_memory_is_in_mib() -> None:
    held = np.ones(300 * 2**20, np.uint8)
    peak = peak_memory_mib()
    assert peak is not None
    # Python with torch and an array of 300 MiB takes more than these and less than 20 GiB.
    assert held.nbytes / 2**20 < peak < 20_000.0


def test_where_the_system_does_not_say_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_memory_mib() is None
