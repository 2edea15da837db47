"""Each task of the SLURM array makes its run, and docs/clusters.md says what can be typed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_comparison import RUNS, SMALL

from empathy_loop.train.cli import main
from empathy_loop.train.files import write_text

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "slurm_array.sh"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


def task(folder: Path, number: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Do what a task of the array does, with a srun that only runs its command."""
    stub = write_text(folder / "bin" / "srun", '#!/bin/bash\n"$@"\n')
    stub.chmod(0o755)
    path = os.pathsep.join((str(stub.parent), str(Path(sys.executable).parent), os.environ["PATH"]))
    return subprocess.run(
        ["bash", str(SCRIPT), *arguments],
        cwd=folder,
        env=os.environ | {"PATH": path, "SLURM_ARRAY_TASK_ID": str(number)},
        capture_output=True,
        text=True,
    )


def test_bash_reads_the_script() -> None:
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)


def test_a_task_makes_the_run_of_its_number_and_fails_where_there_is_none(tmp_path: Path) -> None:
    write_text(tmp_path / "small.toml", SMALL)
    done = task(tmp_path, 3, "small.toml", "--out", "shared")
    assert done.returncode == 0, done.stderr
    assert [path.stem for path in (tmp_path / "shared" / "cells").iterdir()] == [RUNS[3]]
    assert (tmp_path / "shared" / "report.html").is_file()
    assert task(tmp_path, len(RUNS), "small.toml", "--out", "shared").returncode != 0
    assert task(tmp_path, 0, "smal.toml").returncode != 0


def test_every_compare_of_the_guide_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    guide = (ROOT / "docs" / "clusters.md").read_text()
    commands = set(re.findall(r"empathy-loop (compare [^\n`|&\"']+)", guide))
    assert len(commands) >= 4
    for command in sorted(commands):
        # What would train or join a cluster is parsed, and lists its runs.
        assert main([*shlex.split(command.rstrip(")")), "--list-runs"]) == 0, command
        assert "cognitive-s0" in capsys.readouterr().out
    assert SCRIPT.relative_to(ROOT).as_posix() in guide
