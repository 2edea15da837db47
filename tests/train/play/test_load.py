"""The command that measures how many episodes a server shows at once."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.xdist_group("play")
RUN = (sys.executable, "-P", "-m", "empathy_loop.train.play.load")


def test_two_pages_are_served_and_counted() -> None:
    flags = ("--sessions", "2", "--seconds", "1.5", "--speed", "30")
    done = subprocess.run([*RUN, *flags], capture_output=True, text=True, check=True)
    first, second, third = done.stdout.splitlines()
    assert first.startswith("2 episodes of cognitive (shipped) in mutual_aid_v0, each at 30 steps")
    found = re.search(r"median ([\d.]+), worst ([\d.]+)$", second)
    assert found is not None
    assert 0.0 < float(found[2]) <= float(found[1])
    assert re.match(r"the server used \d+\.\d\d cores' time", third)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--scenario", "nowhere"), "there is no such scenario here"),
        (("--sessions", "0"), "sessions must be in [1, 64], got 0"),
    ],
)
def test_what_cannot_be_measured_is_explained(flags: tuple[str, ...], reason: str) -> None:
    done = subprocess.run([*RUN, *flags], capture_output=True, text=True)
    assert done.returncode != 0
    assert reason in done.stderr and "Traceback" not in done.stderr
