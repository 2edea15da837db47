"""The repository speaks of itself alone, of finished work, and claims no feelings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from checkers import ROOT, forbidden_words, text_files

Plant = Callable[[dict[str, str]], Path]

# In parts, so that this file passes its own test.
PLANTED = [
    "pip install --index-url https://" + "py" + "pi.org/simple torch",
    "https://files.python" + "hosted.org/packages/x.whl",
    "see registry.npm" + "js.org",
    "https://download.py" + "torch.org/whl/cpu",
    "cd /wo" + "rk/main",
    "python = '/ro" + "ot/.venv/bin/python'",
    "# TO" + "DO: the rest",
    "# FIX" + "ME",
    "here the agent" + " feels the pain of others",
    "learners" + "\ncan feel",
]


def test_no_forbidden_word_stands_in_the_repository() -> None:
    assert forbidden_words(ROOT) == []


def test_the_walk_sees_code_configs_and_documents() -> None:
    seen = {file.relative_to(ROOT).as_posix() for file, _ in text_files(ROOT)}
    assert {".ci/run", "Makefile", "README.md", "pyproject.toml", "envs/params.py"} <= seen
    assert "tests/house/test_words.py" in seen
    assert not any(name.startswith((".venv/", "build/", ".git/")) for name in seen)


@pytest.mark.parametrize("text", PLANTED)
@pytest.mark.parametrize("file", ["train/a.py", "docs/a.md", ".ci/run", "configs/a.toml"])
def test_a_forbidden_word_is_seen(plant: Plant, file: str, text: str) -> None:
    (found,) = forbidden_words(plant({file: f"first line\n{text}\n"}))
    assert found.startswith(f"{file}:2: ")


def test_innocent_words_pass(plant: Plant) -> None:
    text = (
        "a network/home/path, what others feel, how an agent's feel for timing is measured, "
        "todo lists, agents that help; https://example.org/work/of/others"
    )
    assert forbidden_words(plant({"README.md": text})) == []


def test_what_tools_write_is_not_read(plant: Plant) -> None:
    word = "TO" + "DO"
    root = plant({"build/a.txt": word, "runs/x/log.txt": word, ".venv/lib/a.py": word})
    (root / "picture.png").write_bytes(b"\x89PNG\xff")
    assert forbidden_words(root) == []
