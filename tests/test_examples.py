"""The examples run as their first lines say, and stay short enough to be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from empathy_loop.agents.registry import load_user_class

FOLDER = Path(__file__).parents[1] / "examples"
COMMAND = str(Path(sys.executable).with_name("empathy-loop"))


def test_an_agent_of_ones_own_is_evaluated_and_helps(tmp_path: Path) -> None:
    # The scripted reader has the same rule for faces: -6.5, where random has -9.4.
    out = tmp_path / "numbers.json"
    arguments = ["my_agent:MyAgent", "reader", "--episodes", "60", "--out", str(out)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [COMMAND, "evaluate", *arguments],
        cwd=FOLDER,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "my_agent:MyAgent" in done.stdout
    report = json.loads(out.read_text())
    own, reader = (
        report["scores"][name]["partner_swap 0.3"] for name in ("my_agent:MyAgent", "reader")
    )
    assert own["normalised"]["low"] > 0.1
    assert own["welfare"]["mean"] == pytest.approx(reader["welfare"]["mean"], abs=1.5)
    assert own["help_precision"]["mean"] > 0.35


def test_the_example_is_short() -> None:
    assert len((FOLDER / "my_agent.py").read_text().splitlines()) < 60


def test_the_current_folder_is_searched_last_and_only_while_importing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_module_here.py").write_text(
        "import sys\nPATH = list(sys.path)\n\nclass Mine:\n"
        "    def act(self, observation, state):\n        return None\n"
    )
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    module = sys.modules[load_user_class("a_module_here:Mine").__module__]
    try:
        assert [*before, str(tmp_path)] == module.PATH
        assert sys.path == before
    finally:
        del sys.modules["a_module_here"]
