"""Who may import whom, what the command line may do, and which functions may go untyped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from checkers import (
    ROOT,
    arithmetic_in_cli,
    bare_functions,
    import_circles,
    imports,
    layer_violations,
)

Plant = Callable[[dict[str, str]], Path]
Checker = Callable[[Path], list[str]]

CROSSINGS = [
    ("envs/world.py", "import torch", "the world knows nothing of learning"),
    ("envs/world.py", "from torch import nn", "the world knows nothing of learning"),
    ("envs/a.py", "import empathy_loop.agents.ppo", "the world knows nothing of learning"),
    ("envs/a.py", "from empathy_loop import train", "the world knows nothing of learning"),
    ("envs/rules/a.py", "from empathy_loop.train.loop import x", "the world knows nothing"),
    ("envs/a.py", "def late():\n    import torch", "the world knows nothing of learning"),
    ("envs/a.py", "import_module('torch.nn')", "the world knows nothing of learning"),
    ("agents/a.py", "from empathy_loop.train import loop", "do not know what trains them"),
    ("agents/a.py", "from empathy_loop.envs.world import World", "agents see only"),
    ("agents/a.py", "from empathy_loop.envs import state", "agents see only"),
    ("agents/a.py", "import empathy_loop.envs", "agents see only"),
    ("agents/ppo.py", "from empathy_loop.agents.empathy.module import x", "registry composes"),
    ("agents/ppo/loss.py", "from empathy_loop.agents import empathy", "registry composes"),
    ("agents/empathy/module.py", "import empathy_loop.agents.ppo", "registry composes"),
    ("configs/__init__.py", "import empathy_loop.envs", "configs is data"),
    ("envs/frame.py", "import pettingzoo", "import pettingzoo"),
    ("train/cli.py", "from pettingzoo.test import parallel_api_test", "import pettingzoo"),
    ("train/loop.py", "from torch.utils.tensorboard import SummaryWriter", "train.logging"),
    ("train/report.py", "from torch.utils import tensorboard", "train.logging"),
    ("train/a.py", "import envs.world", "imports are absolute"),
    ("train/a.py", "from configs import x", "imports are absolute"),
    ("train/a.py", "from . import loop", "imports are absolute"),
    ("train/a.py", "from .loop import train", "imports are absolute"),
]

PERMITTED = {
    "envs/world.py": "import numpy\nfrom empathy_loop.envs.params import WorldParams",
    "envs/scenarios.py": "import empathy_loop.configs",
    "envs/pettingzoo_adapter.py": "from pettingzoo import ParallelEnv",
    "envs/pettingzoo_registry.py": "from pettingzoo.utils import parallel_to_aec",
    "agents/networks.py": "import torch\nfrom empathy_loop.envs.observation import Observation",
    "agents/ppo.py": "from empathy_loop.agents.networks import x",
    "agents/empathy/module.py": "from empathy_loop.agents.networks import x",
    "agents/registry.py": (
        "from empathy_loop.envs import params\nfrom empathy_loop.envs.reading import amend\n"
        "from empathy_loop.agents import ppo\nfrom empathy_loop.agents.empathy import module"
    ),
    "train/logging.py": "from torch.utils.tensorboard import SummaryWriter",
    "train/loop.py": (
        "import torch\nfrom empathy_loop.envs.world import World\n"
        "from empathy_loop.agents.registry import load_agent\n"
        "from empathy_loop.train import logging"
    ),
}


@pytest.mark.parametrize(
    "checker", [layer_violations, import_circles, arithmetic_in_cli, bare_functions]
)
def test_the_tree_keeps_the_law(checker: Checker) -> None:
    assert checker(ROOT) == []


def test_the_walk_sees_the_imports_of_every_package() -> None:
    modules = {entry.module for entry in imports(ROOT)}
    for package in ("agents", "envs", "envs.rules", "train"):
        assert any(module.startswith(f"empathy_loop.{package}.") for module in modules)


@pytest.mark.parametrize(("file", "source", "reason"), CROSSINGS)
def test_an_import_across_layers_is_seen(plant: Plant, file: str, source: str, reason: str) -> None:
    found = layer_violations(plant({file: f'"""A docstring."""\n{source}\n'}))
    assert len(found) == 1
    assert found[0].startswith(f"{file}:") and reason in found[0]


def test_a_tree_that_keeps_the_layers_passes(plant: Plant) -> None:
    root = plant(PERMITTED)
    assert layer_violations(root) == []
    assert import_circles(root) == []


@pytest.mark.parametrize(
    "files",
    [
        {"envs/a.py": "import empathy_loop.envs.b", "envs/b.py": "import empathy_loop.envs.a"},
        {
            "agents/a.py": "from empathy_loop.agents import b",
            "agents/b.py": "def late():\n    from empathy_loop.agents.c import x",
            "agents/c.py": "from empathy_loop.agents.a import y",
        },
        {
            "train/__init__.py": "from empathy_loop.train.a import x",
            "train/a.py": "from empathy_loop.train import y",
        },
    ],
)
def test_an_import_circle_is_seen(plant: Plant, files: dict[str, str]) -> None:
    (found,) = import_circles(plant(files))
    assert "empathy_loop." in found and "<-" in found


@pytest.mark.parametrize(
    "source",
    [
        "share = done / total",
        "steps = updates * 8",
        "label = 'of ' if -(a - b) else ''",
        "count += 1",
        "mean = sum(values)",
        "import numpy as np",
        "from math import ceil",
    ],
)
@pytest.mark.parametrize("file", ["train/cli.py", "train/commands/training.py"])
def test_arithmetic_in_the_command_line_is_seen(plant: Plant, source: str, file: str) -> None:
    (found,) = arithmetic_in_cli(plant({file: source}))
    assert "arithmetic" in found


def test_text_unions_and_other_files_are_not_taken_for_arithmetic(plant: Plant) -> None:
    command_line = (
        "Choice = Train | Compare\nname = 'run ' + name + f'-{seed}'\n"
        "path = folder / 'config.toml'\nline += 'more'\n"
    )
    root = plant({"train/cli.py": command_line, "train/loop.py": "steps = 1 + 2"})
    assert arithmetic_in_cli(root) == []


@pytest.mark.parametrize(
    "source",
    [
        "def f(x) -> int: ...",
        "def f(x: int): ...",
        "def f(*xs) -> None: ...",
        "def f(x: int, *, y) -> None: ...",
        "class A:\n    def f(self, x) -> None: ...",
        "@cache\ndef f(x) -> None: ...",
    ],
)
def test_a_function_without_types_is_seen(plant: Plant, source: str) -> None:
    (found,) = bare_functions(plant({"envs/a.py": source}))
    assert "f lacks type annotations" in found


def test_kernels_may_go_untyped(plant: Plant) -> None:
    kernels = (
        "@hot\ndef f(x): ...\n@numba.njit(cache=True)\ndef g(x): ...\n"
        "class A:\n    def h(self, x: int) -> None: ...\n"
    )
    assert bare_functions(plant({"envs/a.py": kernels})) == []
