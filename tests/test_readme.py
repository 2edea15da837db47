"""Everything that the README tells a reader to type works, on a smaller scale."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from empathy_loop.train.cli import main

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")

SMALLER = {
    "list": [],
    "train": [
        *("--steps", "500", "--set", "agent.ppo.num_worlds=4", "--set", "world.horizon=32"),
    ],
    "evaluate": ["--episodes", "4"],
    "record": ["--episodes", "2"],
    "render": ["--cell-pixels", "16"],
    "report": [],
    "compare": [
        *("--set", "steps=500", "--set", "seeds=[0]", "--set", "episodes=4"),
        *("--set", "agent.ppo.num_worlds=4", "--set", "world.horizon=32"),
    ],
}
"""What is added to each command so that it takes seconds; later options overrule earlier ones."""


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def commands() -> list[list[str]]:
    """Return every line of every shell block, split as a shell does."""
    return [shlex.split(line) for block in blocks("bash") for line in block.splitlines()]


def test_it_begins_with_a_sentence_a_picture_and_the_two_commands() -> None:
    head = TEXT.split("## ", 1)[0]
    question, picture, both = head.find("?"), head.find("!["), head.find("make demo")
    assert 0 < question < picture < both < head.find("make test")
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"demo", "test"} <= set(targets)


def test_every_file_that_it_points_to_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT)
    assert "docs/episode.gif" in links
    for link in links:
        assert (ROOT / link).exists(), link


def of_runs(code: str) -> bool:
    """Return whether a block needs a run that the commands have made."""
    return "load(" in code


def execute(code: str) -> None:
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})


@pytest.mark.parametrize("code", [code for code in blocks("python") if not of_runs(code)])
def test_every_block_of_python_runs(code: str) -> None:
    execute(code)


def test_every_command_runs_in_the_order_in_which_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (wanderer,) = (code for code in blocks("python") if "class Wanderer" in code)
    (tmp_path / "wanderer.py").write_text(wanderer, encoding="utf-8")
    shutil.copy(ROOT / "examples" / "my_learner.py", tmp_path)
    seen = set()
    for program, *arguments in commands():
        seen.add(f"{program} {arguments[0]}")
        if program == "empathy-loop" and arguments[0] in SMALLER:
            # What is published has its own settings.
            added = [] if "--against" in arguments else SMALLER[arguments[0]]
            if "apprentice_v0" in arguments:  # where agents begin to act in step 42
                added = [one.replace("world.horizon=32", "world.horizon=64") for one in added]
            assert main([*arguments, *added]) == 0, arguments
    for code in filter(of_runs, blocks("python")):
        execute(code)
    assert {"empathy-loop train", "empathy-loop evaluate", "empathy-loop compare"} <= seen
    assert (tmp_path / "episode.gif").exists()
    assert (tmp_path / "results/quick/report.html").exists()
    assert (tmp_path / "results/against-empathy/report.html").exists()
    assert (tmp_path / "runs").is_dir(), "which tensorboard --logdir is pointed to"
