"""A comparison ends with a report, whatever interrupts it, and trains nothing twice."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from small_comparison import in_this_process
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from empathy_loop.agents.registry import load_agent
from empathy_loop.train import verify
from empathy_loop.train.checkpoint import CHECKPOINT, load_checkpoint
from empathy_loop.train.cli import main
from empathy_loop.train.compare import SETTINGS, compare
from empathy_loop.train.comparisons import load_comparison
from empathy_loop.train.logging import METRICS, declared_names, read_metrics
from empathy_loop.train.results_file import read_results

COMMAND = str(Path(sys.executable).with_name("empathy-loop"))
UPDATE = 8 * 16 * 3
UPDATES = 16
SETTINGS_FILE = f"""
summary = "a small one"
arms = ["reader", "ippo_gru", "cognitive"]
contrasts = [["cognitive", "ippo_gru"]]
seeds = [0, 1]
steps = {UPDATES * UPDATE}
episodes = 12
workers = 2
teams = ["self_play", "cross_play", "heldout"]
lesions = ["memory_cleared", "shuffled"]
continued_steps = {UPDATE}
shifts = [{{ family = "cue_remap", severity = 1.0 }}, {{ family = "partner_swap", severity = 0.3 }}]

[agent.network]
hidden_size = 8
belief_size = 6

[agent.ppo]
num_worlds = 8
rollout_steps = 16
epochs = 1
minibatches = 1

[world]
horizon = 48
total_hazard = 0.1
"""
LEARNED = [f"{arm}-s{seed}" for arm in ("ippo_gru", "cognitive") for seed in (0, 1)]
SECONDS_TO_WAIT = 900.0

pytestmark = pytest.mark.xdist_group("comparison")


class Story:
    """What happened to one comparison: interrupted, then hurt, then finished.

    Attributes:
        folder: Folder of the comparison.
        interrupted: Exit code, output and errors of the first command, which gets a Ctrl-C.
        done_before: Updates of each learned run that the first command has saved.
        hurt: The same of the second command, one of whose workers is killed.
        failures: What the results said had failed then.
        times_before: Of every finished checkpoint, when it was written, before the third time.
        last: What the third time, in this process, has printed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder.parent / "small.toml"
        self.file.write_text(SETTINGS_FILE)
        self.interrupted = self.command(self.interrupt)
        assert self.interrupted[0] == 130, self.interrupted
        self.done_before = {name: self.updates(name) for name in LEARNED}
        self.hurt = self.command(self.kill_a_worker)
        self.failures = self.results()["failures"]
        self.times_before = self.times()

    def results(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = json.loads((self.folder / "results.json").read_text())
        return found

    def updates(self, name: str) -> int:
        saved = load_checkpoint(self.folder / "runs" / name)
        return 0 if saved is None else int(saved["num_updates"])

    def times(self) -> dict[Path, int]:
        """Return when the files of finished runs were written."""
        runs = [path.stem for path in (self.folder / "cells").glob("*.npz")]
        files = [*(self.folder / "cells").rglob("*.npz")]
        files += [path for name in runs for path in (self.folder / "runs" / name).glob("*.*")]
        return {path: path.stat().st_mtime_ns for path in files}

    def command(self, trouble: Callable[[subprocess.Popen[str]], None]) -> tuple[int, str, str]:
        """Run the comparison as a user does, and make trouble while it runs."""
        with subprocess.Popen(
            [COMMAND, "compare", str(self.file), "--out", str(self.folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell that runs tests in the background makes its children deaf to Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process:
            trouble(process)
            out, err = process.communicate(timeout=SECONDS_TO_WAIT)
        return process.returncode, out, err

    def interrupt(self, process: subprocess.Popen[str]) -> None:
        """Press Ctrl-C when two runs have begun."""

        def two_have_begun() -> bool:
            assert process.poll() is None, "it ended before it could be interrupted"
            return len(list(self.folder.glob(f"runs/*/{METRICS}"))) >= 2

        wait_until(two_have_begun)
        process.send_signal(signal.SIGINT)

    def kill_a_worker(self, process: subprocess.Popen[str]) -> None:
        """Kill a worker as soon as a run goes on beyond what was saved of it."""

        def one_goes_on() -> bool:
            assert process.poll() is None, "it ended before anything could be killed"
            return any(self.logged(name) > done for name, done in self.done_before.items())

        wait_until(one_goes_on)
        os.kill(workers_of(process.pid)[0], signal.SIGKILL)

    def logged(self, name: str) -> int:
        """Return the updates that a run has logged."""
        lines = read_metrics(self.folder / "runs" / name)
        return sum("charts/drive" in line for line in lines)


def workers_of(parent: int) -> list[int]:
    """Return the processes that a process has spawned to work."""
    command = ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    return [int(pid) for pid, ppid, args in rows if int(ppid) == parent and "spawn_main" in args]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while not is_so():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return Story(tmp_path_factory.mktemp("comparison") / "small")


@pytest.fixture(scope="module")
def finished(story: Story) -> Path:
    """Return the folder of the comparison after it was made once more, here."""
    out = io.StringIO()
    comparison = load_comparison(str(story.file))
    compare(comparison, story.folder, Console(file=out, width=1000), engine=in_this_process)
    story.last = out.getvalue()
    return story.folder


def test_ctrl_c_saves_the_runs_in_flight_and_says_how_to_go_on(story: Story) -> None:
    code, _, err = story.interrupted
    assert code == 130
    assert "run the same command to go on" in " ".join(err.split())
    assert "Traceback" not in err
    assert re.search(r"On this machine that takes about \d", story.interrupted[1])
    in_flight = [name for name, updates in story.done_before.items() if updates]
    assert len(in_flight) == 2
    assert all(0 < story.done_before[name] <= UPDATES for name in in_flight)


def test_a_killed_worker_is_reported_and_leaves_the_others(story: Story) -> None:
    code, out, err = story.hurt
    assert code == 0, err
    assert list(story.failures.values()) == [
        "its process was killed (SIGKILL), perhaps for want of memory"
    ]
    (failed,) = story.failures
    assert f"{failed}: its process was killed" in out
    assert f"{failed}: failed: its process was killed" in out
    cells = {path.stem for path in (story.folder / "cells").glob("*.npz")}
    scripted = [f"{arm}-s{seed}" for arm in ("random", "reader", "oracle") for seed in (0, 1)]
    assert cells == {*LEARNED, *scripted} - {failed}
    # The arm of the run that failed has one seed left, which has nobody to play with.
    crossed = {path.stem for path in (story.folder / "cells" / "cross_play").glob("*.npz")}
    assert crossed == {name for name in LEARNED if name[:3] != failed[:3]}


def test_the_last_time_makes_only_what_failed(story: Story, finished: Path) -> None:
    after = story.times()
    assert {path: after[path] for path in story.times_before} == story.times_before
    (failed,) = story.failures
    made = {path.relative_to(story.folder / "cells") for path in after if path.suffix == ".npz"}
    assert {path.stem for path in made if len(path.parts) == 1} == {
        *(path.stem for path in story.times_before if path.suffix == ".npz"),
        failed,
    }
    for stage in ("cross_play", "continued"):
        assert {path.stem for path in made if path.parts[0] == stage} == set(LEARNED)
    # The two of the arm that had nobody to play with, and the one that was not there to go on.
    assert "1 runs of" in story.last
    assert "1 to evaluate, 2 for cross_play, 1 for continued, 9 finished before" in story.last
    assert "On this machine that takes about" in story.last
    assert story.results()["failures"] == {}


def test_every_run_has_logged_each_step_once_under_the_declared_names(finished: Path) -> None:
    every_update = [UPDATE * number for number in range(1, UPDATES + 1)]
    for name in LEARNED:
        run = finished / "runs" / name
        steps = [line["step"] for line in read_metrics(run) if "charts/drive" in line]
        assert steps == every_update
        events = EventAccumulator(str(run), size_guidance={"scalars": 0, "images": 0})
        events.Reload()
        tags = events.Tags()
        arm = load_agent(name.partition("-")[0])
        assert {*tags["scalars"], *tags["images"]} == declared_names(arm)
        assert [event.step for event in events.Scalars("charts/drive")] == every_update
        assert len(list(run.glob("*tfevents*"))) == 1


def test_the_results_put_arms_between_random_and_oracle(finished: Path) -> None:
    results = json.loads((finished / "results.json").read_text())
    assert [arm["name"] for arm in results["arms"]] == [
        "random",
        "reader",
        "ippo_gru",
        "cognitive",
        "oracle",
    ]
    assert all(arm["seeds"] == 2 for arm in results["arms"])
    for shift in ("cue_remap 1", "partner_swap 0.3"):
        assert results["scores"]["random"][shift]["aurc"]["mean"] == pytest.approx(0.0)
        assert results["scores"]["oracle"][shift]["aurc"]["mean"] == pytest.approx(1.0)
        assert results["scores"]["cognitive"][shift]["auroc"]["mean"] is not None
    # A rule for faces serves among strangers, and no longer when every face means another thing.
    strangers, remapped = (
        results["scores"]["reader"][shift]["aurc"]["mean"]
        for shift in ("partner_swap 0.3", "cue_remap 1")
    )
    assert 0.3 < strangers < 1.0
    assert remapped < 0.3
    assert results["contrasts"]
    assert " Beside held-out partners, cognitive against ippo_gru" in results["headline"]
    for team in ("cross_play", "heldout"):
        overall = results["teams"][team]["overall"]
        assert overall["oracle"]["cas"]["mean"] == pytest.approx(1.0)
        assert len(overall["cognitive"]["cas"]["runs"]) == 2
    assert np.isfinite(results["cross_play"]["cognitive"]["level"]).all()
    lesions = results["lesions"]
    assert list(lesions["cognitive"]) == ["memory_cleared", "shuffled"]
    assert lesions["ippo_gru"]["memory_cleared"]["cue_remap 1"]["mean"] is not None
    after = results["continued"]["arms"]["cognitive"]["aurc"]["after"]
    assert None not in after["runs"].values()


def test_the_page_shows_everything_and_needs_nothing_else(finished: Path) -> None:
    page = (finished / "report.html").read_text()
    words = ("ippo_gru", "cognitive", "cue_remap 1", "partner_swap 0.3", "In teams", "To reproduce")
    for word in words:
        assert word in page
    pictures = re.findall(r"src='data:image/(png|gif);base64,", page)
    assert len(pictures) >= 4
    assert "gif" in pictures, "one rendered episode"
    assert not re.search(r"(src|href)=['\"]?(http|//|\./)", page)
    for name in ("scores.png", "learning.png", "recovery_cue_remap_1.png"):
        assert (finished / name).read_bytes().startswith(b"\x89PNG")


def test_a_finished_comparison_is_reported_again_at_once(finished: Path, story: Story) -> None:
    before, page = story.times(), (finished / "report.html").read_text()
    out = io.StringIO()
    results = compare(load_comparison(str(story.file)), finished, Console(file=out))
    assert story.times() == before
    assert (finished / "report.html").read_text() == page
    assert results == story.results()


def test_a_folder_of_another_comparison_is_refused_and_left_as_it_was(
    finished: Path, story: Story
) -> None:
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    other = load_comparison(str(story.file), {"steps": 5})
    with pytest.raises(ValueError, match=r"holds a comparison with other settings .*--out") as one:
        compare(other, finished, Console(file=io.StringIO()))
    assert str(one.value).startswith(str(finished))
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == before


def test_a_folder_in_which_another_process_compares_is_refused(
    finished: Path, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    from empathy_loop.train import files

    with files.exclusive(finished):
        monkeypatch.setattr("time.monotonic", iter(range(0, 10**6, 100)).__next__)
        with pytest.raises(ValueError, match="another process works in"):
            compare(load_comparison(str(story.file)), finished, Console(file=io.StringIO()))


def test_the_settings_are_kept_beside_the_results(finished: Path, story: Story) -> None:
    kept = json.loads((finished / SETTINGS).read_text())
    assert kept["comparison"]["steps"] == UPDATES * UPDATE
    assert kept["fingerprint"] == json.loads((finished / "results.json").read_text())["fingerprint"]
    assert all((finished / "runs" / name / CHECKPOINT).is_file() for name in LEARNED)


def test_the_report_is_drawn_again_by_its_command(finished: Path) -> None:
    page, summary = finished / "report.html", finished / "report.png"
    before = page.read_bytes(), summary.read_bytes()
    page.unlink()
    assert main(["report", str(finished)]) == 0
    assert (page.read_bytes(), summary.read_bytes()) == before


def test_agents_are_put_beside_the_arms_without_training(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "idle.py").write_text(
        "import numpy as np\n\n\nclass Idle:\n    def act(self, observation, state):\n"
        "        return np.zeros(len(observation.features), int), state\n"
    )
    monkeypatch.chdir(tmp_path)
    run = finished / "runs" / "cognitive-s0"
    agents = ["--agent", "idle:Idle", "--agent", str(run)]
    assert main(["compare", "--against", str(finished), *agents, "--out", "beside"]) == 0
    found = read_results(tmp_path / "beside")
    assert [arm["name"] for arm in found["arms"]] == [
        *("random", "reader", "ippo_gru", "cognitive", "idle:Idle", "cognitive-s0", "oracle")
    ]
    # In the very worlds of the comparison a run comes to what it came to as an arm.
    for shift, scores in found["scores"]["cognitive-s0"].items():
        for measure in ("aurc", "deficit", "welfare", "auroc"):
            there = found["scores"]["cognitive"][shift][measure]["runs"]["0"]
            assert scores[measure]["runs"]["0"] == pytest.approx(there)
    assert found["scores"]["idle:Idle"]["cue_remap 1"]["helps"]["mean"] == 0.0
    assert "idle:Idle" in (tmp_path / "beside" / "report.html").read_text()
    assert not (tmp_path / "beside" / "runs").exists()


def test_runs_are_made_again_and_held_against_the_reference(
    finished: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verify, "compare", partial(compare, engine=in_this_process))
    out = tmp_path / "again"
    assert main(["verify", str(finished), "--out", str(out)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "4 of 4 inside, 4 the same to the last digit" in text
    assert {path.name for path in (out / "runs").iterdir()} == {"cognitive-s0", "ippo_gru-s0"}
    # A reference that says otherwise: two equal seeds leave an interval of no width.
    other = tmp_path / "other"
    other.mkdir()
    results = read_results(finished)
    results["overall"]["cognitive"]["cas"]["runs"] = {"0": 9.0, "1": 9.0}
    (other / "results.json").write_text(json.dumps(results))
    (other / SETTINGS).write_bytes((finished / SETTINGS).read_bytes())
    before = {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("*.*")}
    assert main(["verify", str(other), "--out", str(out)]) == 1
    assert "OUTSIDE" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in before} == before
