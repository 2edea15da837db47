"""Several processes train what one would, and none of them waits for one that is gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from forked_command import Commands, wait_for

from empathy_loop.agents.config import PPOConfig
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.world import World
from empathy_loop.train.checkpoint import load_checkpoint
from empathy_loop.train.distributed import ALONE, Team, parts
from empathy_loop.train.logging import METRICS, read_metrics
from empathy_loop.train.runs import EVALUATION

pytestmark = pytest.mark.xdist_group("distributed")

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork processes")

STEPS_PER_UPDATE = 6 * 8 * 3
SMALL = [
    *("--device=cpu", "--seed=7", "--set=checkpoint_every=2", "--set=agent.ppo.num_worlds=6"),
    *("--set=agent.ppo.rollout_steps=8", "--set=agent.network.hidden_size=8"),
    *("--set=world.horizon=16", "--set=world.total_hazard=0.3"),
]
ONE_STEP = ["--set=agent.ppo.epochs=1", "--set=agent.ppo.minibatches=1"]
SOME_STEPS = ["--set=agent.ppo.epochs=2", "--set=agent.ppo.minibatches=2"]
"""Minibatches of three worlds, of which two processes cannot take as many each."""

OWN_WEIGHTS = '''
import torch
from empathy_loop.agents.objective import Objective


class Foresight(Objective):
    """Predicts the need of the first kind, with weights that are not the network's."""

    loss_weights = {"foresight": 1.0}

    def __init__(self, config, params, table):
        super().__init__(config, params, table)
        self.head = torch.nn.Linear(config.network.hidden_size, 1)

    def loss_terms(self, batch, outputs):
        need = batch.inputs.features[:-1, ..., self.layout.self_block["need"]][..., :1]
        return {"foresight": (self.head(outputs.hidden) - need).square().mean()}


class Doomed(Objective):
    """Has a loss that is no number from the ninth gradient step on."""

    loss_weights = {"doom": 1.0}

    def __init__(self, config, params, table):
        super().__init__(config, params, table)
        self.register_buffer("steps", torch.zeros(()))

    def loss_terms(self, batch, outputs):
        self.steps += 1
        return {"doom": outputs.values.mean() * (float("nan") if self.steps > 8 else 0.0)}
'''


class Place:
    """A folder in which one or more processes make runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "foreign.py").write_text(OWN_WEIGHTS)
        self.commands = Commands(folder)

    def run(self, name: str) -> Path:
        """Return the folder of a run."""
        return self.folder / "runs" / name

    def start(self, name: str, size: int, arguments: Sequence[str]) -> list[int]:
        """Start the processes of a run, as torchrun does."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        team = {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        command = ["train", "--name", name, *SMALL, *arguments]
        return [
            self.commands.start(
                command,
                self.folder / f"{name}-{rank}.txt",
                {} if size == 1 else {**team, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            )
            for rank in range(size)
        ]

    def train(self, name: str, size: int, updates: int, *arguments: str) -> None:
        """Train a run, or go on with it, to a number of updates."""
        arguments = (*arguments, f"--steps={updates * STEPS_PER_UPDATE}")
        codes = [self.commands.wait(process) for process in self.start(name, size, arguments)]
        assert codes == [0] * size, self.written(name)

    def written(self, name: str, rank: int = 0) -> str:
        """Return what a process of a run wrote."""
        return (self.folder / f"{name}-{rank}.txt").read_text()

    def saved(self, name: str) -> dict[str, Any]:
        """Return the checkpoint of a run."""
        saved = load_checkpoint(self.run(name))
        assert saved is not None
        return saved


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("distributed"))
    yield place
    place.commands.close()


def assert_close(place: Place, one: str, other: str) -> None:
    """Assert that two runs have the same worlds, and weights that are equal up to rounding."""
    first, second = place.saved(one), place.saved(other)
    for name, array in first["world"].items():
        assert torch.equal(array, second["world"][name]), name
    for part in ("network", "objectives"):
        for name, weight in first[part].items():
            torch.testing.assert_close(weight, second[part][name], rtol=1e-4, atol=1e-5)
    for memory, again in zip(first["memory"].values(), second["memory"].values(), strict=True):
        torch.testing.assert_close(memory, again, rtol=1e-4, atol=1e-5)
    assert first["num_updates"] == second["num_updates"]


def assert_same_metrics(place: Place, one: str, other: str) -> None:
    """Assert that two runs logged the same, once, up to rounding and what a clock said.

    Of the evaluation at the end the names alone, for its probes fit and bin what was rounded.
    """
    lines, again = read_metrics(place.run(one)), read_metrics(place.run(other))
    assert [line["step"] for line in lines] == [line["step"] for line in again]
    for line, twin in zip(lines, again, strict=True):
        assert line.keys() == twin.keys()
        for name in line if "charts/drive" in line else ():
            if not name.startswith(("time", "charts/steps_per_second")):
                assert line[name] == pytest.approx(twin[name], rel=1e-3, abs=1e-5), name


def test_the_worlds_of_a_split_are_those_of_the_whole() -> None:
    params = WorldParams(horizon=8, total_hazard=0.4)
    whole = World(params, 6, seed=3)
    split = [World(params, 3, seed=3, first_world=first) for first in (0, 3)]
    for _ in range(20):
        actions = (whole.noise() * params.num_actions).astype(np.int8)
        whole.step(actions)
        for index, part in enumerate(split):
            part.step(actions[3 * index : 3 * index + 3])
    for name, array in whole.state._asdict().items():
        both = np.concatenate([getattr(part.state, name) for part in split])
        assert np.array_equal(array, both), name


def test_shares_are_as_even_as_can_be() -> None:
    assert parts(7, 3) == [3, 2, 2]
    assert parts(6, 3) == [2, 2, 2]
    assert list(Team(1, 3).share_of(PPOConfig(num_worlds=6, minibatches=2))) == [2, 3]
    assert list(ALONE.share_of(PPOConfig(num_worlds=6))) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("num_worlds", "minibatches", "size", "message"),
    [
        (6, 2, 4, "divisible by the number of processes, got 6 worlds and 4 processes"),
        (8, 4, 4, "a minibatch must hold a world for each process, got ppo.num_worlds=8"),
    ],
)
def test_worlds_that_cannot_be_shared_are_refused(
    num_worlds: int, minibatches: int, size: int, message: str
) -> None:
    ppo = PPOConfig(num_worlds=num_worlds, minibatches=minibatches)
    with pytest.raises(ValueError, match=message):
        Team(1, size).share_of(ppo)


def test_one_process_exchanges_nothing() -> None:
    tensors = [torch.ones(3)]
    assert ALONE.whole(tensors) is tensors
    assert ALONE.told(tensors) is tensors
    assert ALONE.any(True) and not ALONE.any(False)
    assert ALONE.leads and not Team(1, 2).leads


@needs_fork
@pytest.mark.parametrize(
    ("name", "updates", "arguments"),
    [
        ("cognitive", 1, ONE_STEP),
        ("gru_dummy", 3, SOME_STEPS),
        ("affective", 3, SOME_STEPS),
        ("ippo", 3, SOME_STEPS),
        ("lase", 3, SOME_STEPS),
        ("observational", 3, SOME_STEPS),
        ("foreign:Foresight", 3, SOME_STEPS),
    ],
)
def test_two_processes_learn_what_one_does(
    place: Place, name: str, updates: int, arguments: list[str]
) -> None:
    one, two = (f"{name.partition(':')[0]}-{size}" for size in (1, 2))
    place.train(one, 1, updates, f"--agent={name}", *arguments)
    place.train(two, 2, updates, f"--agent={name}", *arguments)
    assert_close(place, one, two)
    assert_same_metrics(place, one, two)
    assert {path.name for path in place.run(one).iterdir()} == {
        path.name for path in place.run(two).iterdir()
    }
    assert place.written(two, rank=1) == "", "one process alone speaks"


@needs_fork
def test_another_number_of_processes_goes_on_with_a_run(place: Place) -> None:
    place.train("whole", 1, 4, *SOME_STEPS)
    for name, sizes in (("fewer", (2, 1)), ("more", (1, 3))):
        for size, updates in zip(sizes, (2, 4), strict=True):
            place.train(name, size, updates, *SOME_STEPS)
        assert_close(place, "whole", name)
        lines = [line["step"] for line in read_metrics(place.run(name)) if "charts/drive" in line]
        assert lines == [STEPS_PER_UPDATE * number for number in range(1, 5)]


@needs_fork
@pytest.mark.parametrize("rank", [0, 1])
def test_ctrl_c_in_one_process_ends_all_after_the_same_update(place: Place, rank: int) -> None:
    name = f"stopped-{rank}"
    processes = place.start(name, 2, [*SOME_STEPS, f"--steps={1000 * STEPS_PER_UPDATE}"])
    wait_for(place.run(name) / METRICS, processes[0])
    os.kill(processes[rank], signal.SIGINT)
    assert [place.commands.wait(process) for process in processes] == [130, 130]
    saved = place.saved(name)["num_updates"]
    assert 1 <= saved < 1000
    assert len(read_metrics(place.run(name))) == saved, "all that was learned is saved"
    assert "Traceback" not in place.written(name, 0) + place.written(name, 1)


@needs_fork
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_whose_fellow_is_killed_says_so_and_ends(place: Place, rank: int) -> None:
    name = f"left-{rank}"
    processes = place.start(name, 2, [*SOME_STEPS, f"--steps={1000 * STEPS_PER_UPDATE}"])
    wait_for(place.run(name) / METRICS, processes[0])
    os.kill(processes[rank], signal.SIGKILL)
    codes = [place.commands.wait(process) for process in processes]
    assert codes[rank] == -signal.SIGKILL
    assert codes[1 - rank] == 2, place.written(name, 1 - rank)
    written = place.written(name, 1 - rank)
    assert "another process of this run has stopped" in written
    assert "Traceback" not in written


@needs_fork
def test_an_error_of_the_process_that_leads_ends_the_others(place: Place) -> None:
    (place.run("unwritable") / METRICS).mkdir(parents=True)
    processes = place.start("unwritable", 2, [*SOME_STEPS, f"--steps={9 * STEPS_PER_UPDATE}"])
    assert [place.commands.wait(process) for process in processes] == [2, 2]
    assert "Is a directory" in place.written("unwritable", 0)
    assert "another process of this run has stopped" in place.written("unwritable", 1)


@needs_fork
def test_a_loss_that_is_not_a_number_leaves_what_all_had_learned_before(place: Place) -> None:
    # Four gradient steps an update: the third begins with the ninth.
    doomed = ["--agent=foreign:Doomed", *SOME_STEPS, "--set=checkpoint_every=50"]
    processes = place.start("doomed", 2, [*doomed, f"--steps={9 * STEPS_PER_UPDATE}"])
    codes = [place.commands.wait(process) for process in processes]
    assert codes == [2, 2], place.written("doomed") + place.written("doomed", 1)
    assert "the loss term doom is not finite" in place.written("doomed")
    assert place.saved("doomed")["num_updates"] == 2
    assert len(place.saved("doomed")["memory"]["core"]) == 6, "worlds of both"


@needs_fork
def test_too_many_processes_are_refused_and_leave_nothing(place: Place) -> None:
    processes = place.start("uneven", 4, [f"--steps={STEPS_PER_UPDATE}", *SOME_STEPS])
    assert [place.commands.wait(process) for process in processes] == [2] * 4
    assert "got 6 worlds and 4 processes" in place.written("uneven")
    assert not (place.run("uneven") / EVALUATION).exists()


def test_the_command_line_is_a_module_that_torchrun_can_start() -> None:
    command = [sys.executable, "-m", "empathy_loop.train", "list", "agents"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "ippo_gru" in done.stdout
