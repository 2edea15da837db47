"""Tests of one group share their fixtures, which asks for one process for all of them."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

GROUPED = """
import os
import pytest

pytestmark = pytest.mark.xdist_group("{group}")

@pytest.mark.parametrize("number", range(6))
def test_where(number):
    with open("{file}", "a") as out:
        print("{group}", os.environ["PYTEST_XDIST_WORKER"], file=out)
"""


def test_tests_of_one_group_run_in_one_worker(tmp_path: Path) -> None:
    places = tmp_path / "places.txt"
    for group in ("left", "right"):
        file = tmp_path / f"test_{group}.py"
        file.write_text(GROUPED.format(group=group, file=places.as_posix()))
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    workers = defaultdict(set)
    for line in places.read_text().splitlines():
        group, worker = line.split()
        workers[group].add(worker)
    assert {group: len(found) for group, found in workers.items()} == {"left": 1, "right": 1}
