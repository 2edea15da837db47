"""The examples run as their first lines say, and stay short enough to be read."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from extras import require

from empathy_loop.envs.reading import load_class
from empathy_loop.train.logging import read_metrics

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


def test_a_person_of_ones_own_takes_a_seat(tmp_path: Path) -> None:
    out = tmp_path / "numbers.json"
    seats = ["focal", "focal", "person:my_person:Grudge", "person:my_person:Grudge,trust_start=0.5"]
    options = ["--env", "human_loop_v0", "--episodes", "8", "--out", str(out)]
    done = subprocess.run(
        [COMMAND, "evaluate", "reader", *options, "--seats", *seats],
        cwd=FOLDER,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text())
    assert report["seats"] == seats
    scores = {name: cells["none"]["welfare"]["mean"] for name, cells in report["scores"].items()}
    # Who hurts such a person loses it for good.
    assert scores["oracle"] > scores["reader"]


def run_example(name: str, *arguments: str) -> str:
    """Run an example as its first lines say and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", name, *arguments],
        cwd=FOLDER,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_learner_of_ones_own_is_trained_with_its_term(tmp_path: Path) -> None:
    settings = ["ppo.num_worlds=4", "ppo.epochs=1", "network.hidden_size=8"]
    options = [part for setting in settings for part in ("--set", f"agent.{setting}")]
    name = str(tmp_path / "mine")
    done = subprocess.run(
        [
            COMMAND,
            *["train", "--agent", "my_learner:MyLearner", "--steps", "768", "--name"],
            name,
            *options,
        ],
        cwd=FOLDER,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, second = read_metrics(tmp_path / "mine")[:2]
    assert 0.0 < second["losses/next_offset"] < first["losses/next_offset"]
    assert "losses/belief_crisis" in first


@pytest.mark.parametrize(
    ("example", "updates"), [("plain_pettingzoo.py", "80"), ("torch_arrays.py", "120")]
)
def test_agents_learn_to_help_each_other(example: str, updates: str) -> None:
    # Who stays scores -6.2 in this world, random play -5.2, the oracle -2.0.
    shown = re.fullmatch(
        r"welfare: (-\d\.\d+) (?:before|at first), (-\d\.\d+) (?:after|at last)\n",
        run_example(example, updates),
    )
    assert shown
    before, after = map(float, shown.groups())
    assert -6.2 < before < -4.2
    assert before + 0.3 < after < -1.5


def test_stable_baselines3_trains_on_rows_of_agents() -> None:
    require("stable_baselines3", "sb3")
    shown = re.fullmatch(
        r"welfare of an episode: (-\d+\.\d+)\n", run_example("stable_baselines3_ppo.py", "6144")
    )
    assert shown
    # Neither better than the oracle (-3.1) nor much worse than doing nothing (-11.6).
    assert -16 < float(shown[1]) < -3


def test_torchrl_trains_through_its_pettingzoo_wrapper() -> None:
    require("torchrl", "torchrl")
    shown = run_example("torchrl_ppo.py", "2048").splitlines()
    rewards = [
        float(re.fullmatch(rf"batch {n}: mean reward (.*)", line)[1])  # type: ignore[index]
        for n, line in enumerate(shown)
    ]
    assert len(rewards) == 4
    assert all(-0.2 < reward < 0.1 for reward in rewards)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.name)
def test_every_example_is_short(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 60


def test_the_current_folder_is_searched_last_and_only_while_importing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_module_here.py").write_text(
        "import sys\nPATH = list(sys.path)\n\nclass Mine:\n"
        "    def act(self, observation, state):\n        return None\n"
    )
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    module = sys.modules[load_class("a_module_here:Mine").__module__]
    try:
        assert [*before, str(tmp_path)] == module.PATH
        assert sys.path == before
    finally:
        del sys.modules["a_module_here"]
