"""A missing extra skips a test at home, and fails it where extras must be there."""

from __future__ import annotations

import tomllib

import pytest
from checkers import ROOT
from extras import require


def test_a_missing_extra_skips_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMPATHY_LOOP_EXTRAS", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r'needs no_such; .* -e "\.\[some\]"'):
        require("no_such", "some")


def test_a_missing_extra_fails_in_make_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPATHY_LOOP_EXTRAS", "required")
    with pytest.raises(pytest.fail.Exception, match=r'needs no_such; .* -e "\.\[some\]"'):
        require("no_such", "some")
    assert require("json", "some").loads("1") == 1


def test_make_test_installs_every_extra_and_demands_them() -> None:
    recipe = (ROOT / "Makefile").read_text().split("\ntest:")[1].split("\n\n")[0]
    assert "EMPATHY_LOOP_EXTRAS=required" in recipe
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    # The cross-check holds pandas back for all, and not everybody has a CUDA device.
    names = set(extras["optional-dependencies"]) - {"dev", "crosscheck", "cuda"}
    (own,) = (line for line in extras["optional-dependencies"]["dev"] if "empathy-loop[" in line)
    assert set(own.removeprefix("empathy-loop[").rstrip("]").split(",")) == names
