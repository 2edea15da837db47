"""A run that is killed, at whatever moment, and resumed ends as one that was never killed.

Bit for bit: weights, optimiser, worlds, memory, counters, and every number that was logged. Only
what a clock said differs.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from forked_command import Commands, wait_for
from small_comparison import RUNS, SMALL, UPDATE
from small_comparison import UPDATES as ALL_UPDATES
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from empathy_loop.train.checkpoint import CHECKPOINT, PREVIOUS, load_checkpoint
from empathy_loop.train.errors import EXIT_INTERRUPTED
from empathy_loop.train.files import write_text
from empathy_loop.train.logging import EVENTS, METRICS
from empathy_loop.train.runs import EVALUATION

pytestmark = [
    pytest.mark.xdist_group("resume"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork processes"),
]

SETTINGS = {
    "steps": 8 * 4 * 8 * 3,
    "seed": 7,
    "checkpoint_every": 2,
    "device": "cpu",
    "agent.ppo.num_worlds": 4,
    "agent.ppo.rollout_steps": 8,
    "agent.ppo.minibatches": 2,
    "agent.ppo.epochs": 2,
    "agent.network.hidden_size": 8,
    "agent.network.belief_size": 6,
    "world.horizon": 16,
    "world.total_hazard": 0.3,
}
"""Eight updates of milliseconds."""
UPDATES = 8
BY_THE_CLOCK = ("time", "time/", "charts/steps_per_second")


def command(name: str) -> list[str]:
    settings = [f"--set={key}={value}" for key, value in SETTINGS.items()]
    return ["train", "--name", name, *settings]


class Place:
    """A folder in which runs are made, killed and resumed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commands = Commands(folder)

    def run(self, name: str) -> Path:
        """Return the folder of a run."""
        return self.folder / "runs" / name

    def live(self, name: str, **options: Any) -> int:
        """Start or resume a run, and return its exit code."""
        return self.commands.run(command(name), self.folder / f"{name}.txt", **options)

    def die(self, name: str, function: str, lines: int) -> None:
        """Start or resume a run that is killed after some lines of a function."""
        assert self.live(name, die=(function, lines)) == -signal.SIGKILL, self.written(name)

    def finish(self, name: str) -> None:
        """Resume a run until it is done."""
        assert self.live(name) == 0, self.written(name)

    def written(self, name: str) -> str:
        """Return what the processes of a run wrote."""
        return (self.folder / f"{name}.txt").read_text()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("resume"))
    yield place
    place.commands.close()


@pytest.fixture(scope="module")
def lines(place: Place) -> int:
    """Make the undisturbed run, and return how many lines it ran."""
    count = place.folder / "count.txt"
    assert place.live("whole", count=count) == 0, place.written("whole")
    return int(count.read_text())


def checkpoint_of(run: Path) -> dict[str, Any]:
    saved = load_checkpoint(run)
    assert saved is not None
    return saved


def metrics_of(run: Path) -> list[dict[str, float]]:
    """Return the lines of metrics.jsonl, each of which must be whole, without the clock's."""
    lines = (run / METRICS).read_text().splitlines()
    return [
        {key: value for key, value in json.loads(line).items() if not key.startswith(BY_THE_CLOCK)}
        for line in lines
    ]


def events_of(run: Path) -> list[tuple[int, str, str, bytes]]:
    """Return version, step, tag and value of every event, in their order in the file."""
    found = []
    for event in EventFileLoader(str(run / EVENTS)).Load():
        values = [(value.tag, value.SerializeToString()) for value in event.summary.value]
        for tag, value in values or [("", b"")]:
            if not tag.startswith(BY_THE_CLOCK):
                found.append((event.step, event.file_version, tag, value))
    return found


def assert_same(one: Any, other: Any, path: str = "") -> None:
    """Assert that two nested structures are equal to the last bit."""
    assert type(one) is type(other), path
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype and torch.equal(one, other), path
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_same(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), path
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{path}.{index}")
    else:
        assert one == other, path


def assert_as_if_undisturbed(place: Place, name: str) -> None:
    """Assert that a run has all that the undisturbed one has, and nothing else."""
    run, whole = place.run(name), place.run("whole")
    assert_same(checkpoint_of(run), checkpoint_of(whole))
    assert metrics_of(run) == metrics_of(whole)
    assert events_of(run) == events_of(whole)
    assert (run / EVALUATION).read_bytes() == (whole / EVALUATION).read_bytes()
    assert {path.name for path in run.iterdir()} == {path.name for path in whole.iterdir()}


def test_the_undisturbed_run_holds_what_a_killed_one_could_lose(place: Place, lines: int) -> None:
    saved, metrics = checkpoint_of(place.run("whole")), metrics_of(place.run("whole"))
    assert saved["num_updates"] == UPDATES
    assert {"network", "optimiser", "memory", "world", "agent_steps"} <= saved.keys()
    assert [line["step"] for line in metrics] == [*range(96, 8 * 96 + 1, 96), 8 * 96]
    tags = [tag for _, _, tag, _ in events_of(place.run("whole"))]
    assert tags.count("losses/policy") == UPDATES
    assert tags.count("evaluation/episode") == 1
    assert lines > 1000


def test_killed_at_random_lines_again_and_again(place: Place, lines: int) -> None:
    draw = random.Random(0)
    # Each life has less left to do than the one before it; one that ends is the last.
    for _ in range(4):
        if place.live("random", die=("", draw.randrange(lines // 2))) == 0:
            break
    place.finish("random")
    assert_as_if_undisturbed(place, "random")


def test_killed_from_outside_at_random_times(place: Place, lines: int) -> None:
    draw = random.Random(1)
    for _ in range(3):
        process = place.commands.start(command("timed"), place.folder / "timed.txt")
        # About as long as a whole run takes; a life that ends before is a resumed run's last.
        time.sleep(draw.uniform(0.0, 0.7))
        os.kill(process, signal.SIGKILL)
        assert place.commands.wait(process) in (0, -signal.SIGKILL)
    place.finish("timed")
    assert_as_if_undisturbed(place, "timed")


MOMENTS = {
    "in an update": [("advance", 400), ("update", 60), ("_step_through", 100)],
    "while it logs": [("report", 1), ("scalars", 5), ("_summarise", 1), ("_write", 2)],
    "while it saves": [("save_checkpoint", 6), ("save_checkpoint", 23)],
    "while logs are cut": [("scalars", 200), ("_cut_metrics", 9), ("_cut_events", 18)],
    "in the evaluation": [("animation", 9), ("write_json", 18)],
}
"""Functions, and the lines run in them in one life or another before it ends."""


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed(place: Place, lines: int, moment: str) -> None:
    name = moment.replace(" ", "-")
    for function, lines_run in MOMENTS[moment]:
        place.die(name, function, lines_run)
        if function == "scalars" and lines_run > 100:
            saved = checkpoint_of(place.run(name))["agent_steps"]
            assert metrics_of(place.run(name))[-1]["step"] > saved, "there must be lines to cut"
    if moment == "while it saves":
        files = {path.name for path in place.run(name).iterdir()}
        assert PREVIOUS in files and CHECKPOINT not in files, "it died between the two renames"
    place.finish(name)
    assert_as_if_undisturbed(place, name)


def test_sigterm_saves_as_ctrl_c_does(place: Place, lines: int) -> None:
    process = place.commands.start(command("ended"), place.folder / "ended.txt")
    wait_for(place.run("ended") / METRICS, process)
    os.kill(process, signal.SIGTERM)
    assert place.commands.wait(process) == EXIT_INTERRUPTED, place.written("ended")
    assert "run the same command to go on" in " ".join(place.written("ended").split())
    assert checkpoint_of(place.run("ended"))["num_updates"] > 0
    place.finish("ended")
    assert_as_if_undisturbed(place, "ended")


def test_the_installed_command_killed_and_resumed(place: Place, lines: int) -> None:
    script = str(Path(sys.executable).with_name("empathy-loop"))
    with subprocess.Popen([script, *command("typed")], cwd=place.folder) as process:
        wait_for(place.run("typed") / CHECKPOINT, process.pid)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    place.finish("typed")
    assert_as_if_undisturbed(place, "typed")


# A whole comparison, with its workers


CONTINUED = 8
"""Updates of continued training."""
COMPARED = ALL_UPDATES - CONTINUED
"""Updates of each learned run, so that it saves once before its end, and there are no more in all
than of a comparison without what follows."""
WITH_ALL = f"""
teams = ["self_play", "cross_play"]
lesions = ["memory_cleared"]
continued_steps = {CONTINUED * UPDATE}
""" + SMALL.replace(f"steps = {ALL_UPDATES * UPDATE}", f"steps = {COMPARED * UPDATE}")
"""The small comparison with all that is made of its runs when they are trained."""


class Comparisons:
    """Comparisons with the same settings, made in forked processes of one group each."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.file = write_text(place.folder / "small.toml", WITH_ALL)

    def folder(self, name: str) -> Path:
        return self.place.folder / name

    def command(self, name: str) -> list[str]:
        return ["compare", str(self.file), "--out", name]

    def written(self, name: str) -> str:
        return self.place.written(f"of-{name}")

    def start(self, name: str) -> int:
        return self.place.commands.start(self.command(name), self.folder(f"of-{name}.txt"))

    def live(self, name: str, **options: Any) -> int:
        """Start or resume one, and return its exit code."""
        out = self.folder(f"of-{name}.txt")
        return self.place.commands.run(self.command(name), out, **options)

    def finish(self, name: str) -> Path:
        """Resume one until it is done, and return its folder."""
        assert self.live(name) == 0, self.written(name)
        return self.folder(name)

    def updates(self, name: str) -> list[int]:
        """Return the updates that have been saved of each learned run."""
        saved = [load_checkpoint(self.folder(name) / "runs" / run) for run in RUNS[:2]]
        return [0 if one is None else int(one["num_updates"]) for one in saved]


@pytest.fixture(scope="module")
def comparisons(place: Place) -> Comparisons:
    return Comparisons(place)


@pytest.fixture(scope="module")
def undisturbed(comparisons: Comparisons) -> Path:
    """Return the folder of the comparison that nothing happened to."""
    return comparisons.finish("undisturbed")


def assert_same_comparison(one: Path, other: Path) -> None:
    """Assert that results are the same bytes, and that each update was logged once."""
    assert (one / "results.json").read_bytes() == (other / "results.json").read_bytes()
    assert (one / "report.html").read_bytes() == (other / "report.html").read_bytes()
    for run in RUNS[:2]:
        assert metrics_of(one / "runs" / run) == metrics_of(other / "runs" / run)
        assert events_of(one / "runs" / run) == events_of(other / "runs" / run)
        continued = (checkpoint_of(folder / "continued" / run) for folder in (one, other))
        assert_same(*continued)


DEATHS = [
    ("advance", 900),
    ("save_checkpoint", 20),
    ("run_episodes", 30),
    ("save_cells", 6),
    ("play_crossed", 400),
    ("continue_run", 24),
    ("continue_run", 1200),
    ("make_results", 20),
    ("write_report", 3),
]
"""In training, at a save, in a run's own evaluation or its cells, beside other seeds, before and
after the copy that is trained on has its first checkpoint, and while writing results."""


def test_a_comparison_whose_processes_are_all_killed_ends_as_one_that_was_not(
    comparisons: Comparisons, undisturbed: Path
) -> None:
    draw = random.Random(2)
    process = comparisons.start("killed")
    time.sleep(draw.uniform(0.1, 1.0))
    os.killpg(process, signal.SIGKILL)
    assert comparisons.place.commands.wait(process) == -signal.SIGKILL
    for death in DEATHS:
        code = comparisons.live("killed", die=death)
        assert code == -signal.SIGKILL, (death, comparisons.written("killed"))
    assert_same_comparison(comparisons.finish("killed"), undisturbed)


def test_sigterm_to_all_processes_of_a_comparison_saves_its_runs(
    comparisons: Comparisons, undisturbed: Path
) -> None:
    process = comparisons.start("ended")
    for run in RUNS[:2]:
        wait_for(comparisons.folder("ended") / "runs" / run / METRICS, process)
    os.killpg(process, signal.SIGTERM)
    assert comparisons.place.commands.wait(process) == EXIT_INTERRUPTED
    assert "run the same command to go on" in " ".join(comparisons.written("ended").split())
    assert "Traceback" not in comparisons.written("ended")
    assert all(0 < done <= COMPARED for done in comparisons.updates("ended"))
    assert_same_comparison(comparisons.finish("ended"), undisturbed)
