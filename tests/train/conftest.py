"""What the tests of training share: runs so small that an update takes milliseconds."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from small_comparison import SMALL, in_this_process
from small_endings import draw_small

from empathy_loop.agents.registry import load_agent
from empathy_loop.envs.params import WorldParams
from empathy_loop.train.compare import compare
from empathy_loop.train.comparisons import load_comparison
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.files import exclusive, write_text
from empathy_loop.train.results import RESULTS

TINY = {"network": {"hidden_size": 8, "belief_size": 6}}
TINY_PPO = {"num_worlds": 5, "rollout_steps": 8, "minibatches": 2, "epochs": 2}
STEPS_PER_UPDATE = 5 * 8 * 3

MakeConfig = Callable[..., TrainConfig]


@pytest.fixture(scope="session", autouse=True)
def small_endings() -> Iterator[None]:
    """Draw the ends of runs small, wherever a test does not take that back."""
    with pytest.MonkeyPatch.context() as patch:
        draw_small(patch.setattr)
        yield


@pytest.fixture(scope="session")
def small_finished(small_endings: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the small comparison, finished in one process, which nobody may change.

    It is made once for all processes of the tests, by the first that needs it.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = shared / "small_finished"
    with exclusive(folder, 600.0, name="fixture"):
        if not (folder / RESULTS).exists():
            comparison = load_comparison(str(write_text(folder / "small.toml", SMALL)))
            compare(comparison, folder, Console(file=io.StringIO()), engine=in_this_process)
    return folder


@pytest.fixture
def make_config() -> MakeConfig:
    """Return a function that makes a tiny run: name of the arm, updates, and more overrides."""
    return tiny_config


def tiny_config(
    name: str = "cognitive",
    updates: int = 6,
    overrides: dict[str, Any] | None = None,
    world: dict[str, Any] | None = None,
    **options: Any,
) -> TrainConfig:
    merged = TINY | {"ppo": TINY_PPO} | (overrides or {})
    return TrainConfig(
        agent=load_agent(name, merged),
        world=WorldParams(**({"horizon": 16, "total_hazard": 0.3} | (world or {}))),
        **(
            {"steps": updates * STEPS_PER_UPDATE, "seed": 7, "checkpoint_every": 2, "device": "cpu"}
            | options
        ),
    )
