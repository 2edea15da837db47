"""The command that measures how many episodes a server shows at once."""

from __future__ import annotations

import re
import sys

import pytest

from empathy_loop.train.play import load

pytestmark = pytest.mark.xdist_group("play")


def test_two_pages_are_served_and_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--sessions", "2", "--seconds", "1.5", "--speed", "30")
    monkeypatch.setattr(sys, "argv", ["load", *flags])
    load.main()
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("2 episodes of cognitive (shipped) in mutual_aid_v0, each at 30 steps")
    found = re.search(r"median ([\d.]+), worst ([\d.]+)$", second)
    assert found is not None
    assert 0.0 < float(found[2]) <= float(found[1])
    assert re.match(r"the server used \d+\.\d\d cores' time", third)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--scenario", "nowhere"), "there is no such scenario here"),
        (("--sessions", "0"), r"sessions must be in \[1, 64\], got 0"),
        (("--seconds", "0"), "seconds must be above 0, got 0"),
    ],
)
def test_what_cannot_be_measured_is_explained(
    monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], reason: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["load", *flags])
    with pytest.raises(SystemExit, match=reason):
        load.main()
