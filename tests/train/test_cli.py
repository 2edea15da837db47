"""The commands as a user types them: manual, way from training to a picture, and mistakes."""

from __future__ import annotations

import ast
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer.record_writer import RecordWriter

from empathy_loop.envs.params import SHIFT_FAMILIES
from empathy_loop.train import commands, runs
from empathy_loop.train.checkpoint import CHECKPOINT, load_checkpoint
from empathy_loop.train.cli import main
from empathy_loop.train.files import read_json
from empathy_loop.train.logging import EVALUATION_NAMES, METRICS, declared_names, read_metrics
from empathy_loop.train.runs import read_config

COMMAND = str(Path(sys.executable).with_name("empathy-loop"))
UPDATE = 16 * 8 * 3
SMALL = [
    "--set=world.horizon=32",
    "--set=agent.ppo.rollout_steps=16",
    "--set=agent.ppo.num_worlds=8",
    "--set=agent.ppo.epochs=1",
    "--set=agent.ppo.minibatches=2",
    "--set=agent.network.hidden_size=8",
    "--set=agent.network.belief_size=6",
]
TRAIN = ["train", "--steps", str(3 * UPDATE), "--seed", "4", *SMALL]

in_one_worker = pytest.mark.xdist_group("cli")


def typed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Return exit code, output and errors of a command."""
    capsys.readouterr()
    try:
        code = main(arguments)
    except SystemExit as leave:
        code = int(leave.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def plain(text: str) -> str:
    """Return text as one line without the frames that are drawn around it."""
    for stroke in "│╭╮╰╯─":
        text = text.replace(stroke, " ")
    return " ".join(text.split())


def documented() -> dict[str, dict[str, str]]:
    """Return command to field to the line that stands below it in the source."""
    found = {}
    files = sorted(Path(commands.__path__[0]).glob("*.py"))
    for node in (node for file in files for node in ast.parse(file.read_text()).body):
        if isinstance(node, ast.ClassDef):
            lines = {}
            for field, text in zip(node.body, node.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    assert isinstance(text, ast.Expr), f"{node.name}.{field.target.id} says nothing"
                    lines[field.target.id] = ast.literal_eval(text.value)
            found[node.name.lower()] = lines
    return found


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["list", "envs"]])
def test_where_nobody_reads_the_output_a_command_ends_quietly(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)  # what `head` does once it has seen enough
    done = subprocess.run([COMMAND, *arguments], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder in which the commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the default agent has been trained; nobody writes into the run."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(TRAIN) == 0
    return folder


RUN = "runs/cognitive-mutual_aid_v0-s4"


# The manual


def test_every_command_has_a_manual_that_the_list_of_commands_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = typed(capsys, "--help")
    assert code == 0
    assert documented().keys() == {
        *("train", "evaluate", "compare", "report", "verify", "render"),
        *("play", "record", "replay", "bench", "list"),
    }
    for name in documented():
        assert name in plain(out).split()


def test_the_list_of_commands_waits_for_no_library_that_it_does_not_need() -> None:
    code = (
        "import sys\n"
        "from empathy_loop.train.cli import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit:\n"
        "    pass\n"
        "print(*({'torch', 'numba', 'numpy', 'scipy', 'matplotlib'} & set(sys.modules)))\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *manual, imported = found.stdout.split("\n")[:-1]
    assert any("train" in line for line in manual)
    assert imported == ""


@pytest.mark.parametrize("command", documented())
def test_the_manual_explains_every_option(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, _ = typed(capsys, command, "--help")
    assert code == 0
    for field, meaning in documented()[command].items():
        assert plain(meaning).rstrip(".") in plain(out), field
    positional = {"agents", "name", "what", "source", "reference"} - {
        *(("name",) if command == "train" else ())
    }
    positional |= {"agent"} if command in ("render", "record") else set()
    positional |= {"file"} if command == "replay" else set()
    for field in documented()[command].keys() - positional:
        option = "set" if field == "assignments" else field.replace("_", "-")
        assert f"--{option}" in out


def test_every_list_of_shifts_in_the_manual_is_that_of_the_world(
    capsys: pytest.CaptureFixture[str],
) -> None:
    listing = []
    for command, lines in documented().items():
        _, out, _ = typed(capsys, command, "--help")
        for field, meaning in lines.items():
            if field == "shift" or set(SHIFT_FAMILIES[1:]) & set(re.findall(r"\w+", meaning)):
                named = meaning.partition(":")[2].strip(" .")
                assert re.split(", | or ", named) == list(SHIFT_FAMILIES), f"{command} --{field}"
                assert named in plain(out)
                listing.append(command)
    assert sorted(listing) == ["evaluate", "record", "render", "train"]


def test_what_stands_behind_a_default_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = typed(capsys, "train", "--help")
    assert "(default: cognitive)" in plain(out)
    assert "(default: 2_000_000)" in plain(out)
    assert "None" not in out


# From training to a picture


@in_one_worker
def test_training_leaves_a_run_and_says_how_to_go_on(finished: Path) -> None:
    config = read_config(finished / RUN)
    assert (config.agent.name, config.seed, config.steps) == ("cognitive", 4, 3 * UPDATE)
    assert config.world.horizon == 32
    assert config.agent.ppo.num_worlds == 8
    events = EventAccumulator(str(finished / RUN), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    tags = events.Tags()
    assert {*tags["scalars"], *tags["images"]} == declared_names(config.agent)
    assert len(list((finished / RUN).glob("*tfevents*"))) == 1
    for tag in tags["scalars"]:
        steps = [event.step for event in events.Scalars(tag)]
        once = [3 * UPDATE] if tag in EVALUATION_NAMES else [UPDATE, 2 * UPDATE, 3 * UPDATE]
        assert steps == once, tag


@in_one_worker
def test_a_finished_run_is_not_trained_again(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished)
    before = {path: path.stat().st_mtime_ns for path in (finished / RUN).iterdir()}
    code, out, _ = typed(capsys, *TRAIN)
    assert code == 0
    assert f"{RUN} is finished: cognitive, 1,152 agent steps." in out
    assert f"empathy-loop evaluate {RUN}" in out
    assert {path: path.stat().st_mtime_ns for path in (finished / RUN).iterdir()} == before


@in_one_worker
def test_a_run_is_evaluated_beside_others_into_a_table_and_a_file(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished)
    code, out, _ = typed(
        capsys, "evaluate", RUN, "reader", "--shift", "cue_remap", "--severity", "1.0",
        "--episodes", "10", "--seed", "7", "--set", "misattuned_hurt=0.1",
    )  # fmt: skip
    assert code == 0
    (path,) = Path("results", "evaluate").glob("cognitive-mutual_aid_v0-s4+reader-cue_remap-s7-*")
    assert f"Written to {path}" in out
    assert "mutual_aid_v0, horizon=32, misattuned_hurt=0.1, shift cue_remap 1, 10 episodes" in out
    report = read_json(path)
    assert report["agents"] == ["random", RUN, "reader", "oracle"]
    assert report["world"]["horizon"] == 32
    assert report["world"]["misattuned_hurt"] == 0.1
    assert report["scores"][RUN]["cue_remap 1"]["normalised"]["mean"] < 1.0


@in_one_worker
def test_a_run_is_evaluated_beside_partners(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished)
    code, out, _ = typed(
        capsys, "evaluate", RUN, "reader", "--seats", "focal", "heldout", "heldout",
        "--episodes", "5", "--out", "beside.json",
    )  # fmt: skip
    assert code == 0
    assert "5 episodes, seats focal + heldout + heldout" in out
    report = read_json(finished / "beside.json")
    assert report["seats"] == ["focal", "heldout", "heldout"]
    assert report["agents"] == ["random", RUN, "reader", "oracle"]


@in_one_worker
def test_what_a_run_knows_of_others_needs_is_told_if_asked_for(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished)
    code, out, _ = typed(
        capsys, "evaluate", RUN, "--beliefs", "--episodes", "5", "--out", "known.json"
    )
    assert code == 0
    assert "What is known of others' needs" in out
    report = read_json(finished / "known.json")["belief_report"]
    assert report[RUN].keys() == {"self_play", "train", "heldout"}
    assert report[RUN]["heldout"].keys() == {"belief", "probe", "filter"}


@in_one_worker
def test_a_run_is_drawn(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished)
    code, out, _ = typed(
        capsys, "render", RUN, "--out", "pictures/one.gif", "--cell-pixels", "24", "--greedy"
    )
    assert code == 0
    assert "33 pictures written to pictures/one.gif" in out
    assert (finished / "pictures" / "one.gif").read_bytes().startswith(b"GIF89a")


@in_one_worker
@pytest.mark.parametrize("command", ["evaluate", "render"])
def test_a_corrupt_checkpoint_is_refused_with_its_path(
    finished: Path, place: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    run = place / "run"
    shutil.copytree(finished / RUN, run)
    checkpoint = run / CHECKPOINT
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    code, _, err = typed(capsys, command, "run")
    assert code == 2
    assert f"checkpoint run/{CHECKPOINT} is corrupt" in err
    assert "delete it" in err


def test_a_settings_file_is_used_and_options_overrule_it(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "mine.toml").write_text(
        f'agent = "ippo_gru"\nsteps = {2 * UPDATE}\nseed = 8\n[world]\nhorizon = 64\n'
    )
    code, out, _ = typed(
        capsys, "train", "--config", "mine.toml", "--steps", "1", "--name", "mine", *SMALL
    )
    assert code == 0
    assert "runs/mine is finished: ippo_gru" in out
    config = read_config(place / "runs" / "mine")
    assert (config.agent.name, config.steps, config.seed) == ("ippo_gru", 1, 8)
    assert config.world.horizon == 32


def test_names_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    for what, name in (
        ("envs", "mutual_aid_v0"),
        ("agents", "cognitive"),
        ("comparisons", "quick"),
        ("references", "empathy"),
    ):
        code, out, _ = typed(capsys, "list", what)
        assert code == 0
        assert name in out


# Interruption


def test_ctrl_c_saves_and_the_same_command_ends_with_the_same_weights(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*TRAIN, "--steps", str(100 * UPDATE), "--agent", "ippo_gru"]
    run = place / "runs" / "stopped"
    with subprocess.Popen(
        [COMMAND, *command, "--name", "stopped"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs tests in the background makes its children deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        deadline = time.monotonic() + 120
        while not (run / METRICS).exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "run the same command to go on" in plain(err)
    assert "Traceback" not in err
    saved = load_checkpoint(run)
    assert saved is not None
    assert 1 <= saved["num_updates"] < 100

    for name in ("stopped", "whole"):
        assert main([*command, "--name", name]) == 0
    stopped, whole = (load_checkpoint(place / "runs" / name) for name in ("stopped", "whole"))
    assert stopped is not None
    assert whole is not None
    assert stopped["num_updates"] == whole["num_updates"] == 100
    for key, weight in whole["network"].items():
        assert torch.equal(stopped["network"][key], weight), key
    steps = [line["step"] for line in read_metrics(run) if "charts/drive" in line]
    assert steps == [UPDATE * number for number in range(1, 101)]


# Mistakes


MINE = """
import numpy as np

class Plain: ...

class Needy:
    def __init__(self, something): ...

class Only:
    def act(self, observation, state):
        return np.zeros(len(observation.features), int)
"""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train --agent cognitiv", "unknown agent 'cognitiv'; did you mean cognitive"),
        ("train --env mutual_aid", "unknown scenario 'mutual_aid'; did you mean mutual_aid_v0"),
        ("train --shift cue_remp", "shift must be one of none, partner_swap"),
        ("train --steps 0", "steps must be in [1, 1e+12], got 0"),
        ("train --seed -1", "seed must be in [0, 9999], got -1"),
        ("train --threads 0", "num_threads must be in [1, 1024], got 0"),
        ("train --set world.num_agents=99", "num_agents must be in [2, 16], got 99"),
        ("train --set agent.ppo.clp=1", "unknown key 'agent.ppo.clp'; did you mean clip"),
        ("train --set agent.ppo.clip", "is not of the form name=value"),
        ("train --set world.horizon=33", "rollout_steps must divide horizon"),
        ("train --name ../mine", "name must be that of a folder in runs, such as mine or a/b, got"),
        ("train --agent reader", "agent 'reader' is scripted and cannot be trained"),
        ("train --config nowhere.toml", "there is no file nowhere.toml"),
        ("train --config wrong.toml", "wrong.toml: unknown key 'world.horizn'; did you mean hori"),
        ("evaluate", "name at least one agent to evaluate"),
        ("evaluate reder", "'reder' is neither the folder of a run nor a scripted agent; did you"),
        ("evaluate cognitive", "agent 'cognitive' is learned: give the folder of a run"),
        ("evaluate empty", "empty holds no checkpoint; train the run to its first one"),
        ("evaluate reader --episodes 0", "episodes must be in [1, 10000], got 0"),
        ("evaluate reader --out empty", "empty is a folder, and a file is to be written there"),
        ("evaluate mine:Plain", "agent 'mine:Plain' has no method act(observation, state)"),
        ("evaluate mine:Needy", "agent 'mine:Needy' must be made without arguments, and cannot be"),
        (
            "evaluate mine:Only",
            "agent 'mine:Only': act must return (actions, state) with one whole",
        ),
        ("evaluate broken:Mine", "broken.py, line 1 is no Python"),
        ("evaluate reader --severity 1.5", "shift_severity must be in (0, 1], got 1.5"),
        ("evaluate reader --seats focal train", "one seat for each of 3 agents, got 2 (focal, tr"),
        ("evaluate --seats focal train reader", "name at least one agent to evaluate"),
        ("evaluate reader --seats focal heldot train", "unknown seat 'heldot'; did you mean held"),
        ("evaluate reader --set horizn=9", "unknown key 'horizn'; did you mean horizon"),
        ("evaluate no_such_module:Mine", "module 'no_such_module' cannot be imported"),
        ("compare quik", "unknown comparison 'quik'; did you mean quick"),
        ("compare quick --workers 0", "workers must be in [1, 1024], got 0"),
        ("compare quick --out wrong.toml", "wrong.toml is a file, and a folder is to be written"),
        ("compare quick --set stepz=9", "unknown key 'stepz'; did you mean steps"),
        ("compare quick --only cognitve-s0", "unknown run 'cognitve-s0'; did you mean cognitive-s"),
        ("compare quick --ray-address auto", "ray_address 'auto' needs --engine ray"),
        ("compare nowhere.toml", "there is no file nowhere.toml"),
        ("compare", "compare takes either the name of a comparison to make, one of"),
        ("compare --against empathy", "--against and --agent belong together"),
        ("compare --against empathi --agent stay", "'empathi' is neither the folder of a compa"),
        ("compare --against empathy --agent reader", "there is an arm called reader already"),
        ("compare --against empathy --agent stay --set steps=1", "so that steps cannot be set"),
        ("compare --against empathy --agent stay --engine ray", "so that engine cannot be set"),
        ("report empty", "there is no file empty/results.json; give the folder of a comparison"),
        ("report wrong.toml", "wrong.toml is damaged"),
        ("bench env --out empty", "empty is a folder, and a file is to be written there"),
        ("verify empathy --out wrong.toml", "wrong.toml is a file, and a folder is to be written"),
        ("verify empty", "empty is no reference: it holds no comparison.json"),
        ("verify --runs 6", "runs must be in [1, 5], the seeds there, got 6"),
        ("render reader --out a.avi", "out must end in .gif or .mp4, got 'a.avi'"),
        ("render reader --out wrong.toml/a.gif", "wrong.toml is a file, so that wrong.toml/a.gif"),
        ("record reader --out wrong.toml", "wrong.toml is a file, and a folder is to be written"),
        ("play --records wrong.toml", "wrong.toml is a file, and a folder is to be written"),
        ("render reader --cell-pixels 5", "cell_pixels must be in [16, 256], got 5"),
        ("render reader --world -1", "world must be at least 0, got -1"),
        ("render reder", "did you mean reader"),
    ],
)
def test_a_mistake_is_one_sentence_on_stderr_and_leaves_nothing(
    place: Path, capsys: pytest.CaptureFixture[str], arguments: str, message: str
) -> None:
    (place / "wrong.toml").write_text("[world]\nhorizn = 9\n")
    (place / "empty").mkdir()
    (place / "mine.py").write_text(MINE)
    (place / "broken.py").write_text("class Mine\n")
    for name in ("mine", "broken"):
        sys.modules.pop(name, None)
    code, _, err = typed(capsys, *arguments.split())
    assert code == 2
    assert message in err
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    assert not list(place.rglob("config.json"))
    assert not (place / "results").exists()


@pytest.mark.parametrize(
    "arguments",
    ["train --agnet cognitive", "train --steps many", "list planets", "bench", "trian", ""],
)
def test_what_cannot_be_parsed_is_refused_with_a_hint(
    capsys: pytest.CaptureFixture[str], arguments: str
) -> None:
    code, out, err = typed(capsys, *arguments.split())
    assert code == 2
    assert out == ""
    assert "--help" in err


@in_one_worker
@pytest.mark.parametrize("what", ["fsync", "append"])
def test_a_full_disk_is_a_sentence_and_the_run_goes_on_when_there_is_room(
    finished: Path,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    shutil.copytree(finished / RUN, place / RUN)
    longer = [*TRAIN, "--steps", str(6 * UPDATE)]
    if what == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(RecordWriter, "write", full)
    code, _, err = typed(capsys, *longer)
    assert code == 2
    assert "the disk is full" in err or "No space left on device" in err
    assert "make room and run the same command again" in err
    assert "Traceback" not in err
    saved = load_checkpoint(place / RUN)
    assert saved is not None
    assert saved["num_updates"] >= 3
    monkeypatch.undo()
    monkeypatch.chdir(place)
    assert main(longer) == 0
    steps = [line["step"] for line in read_metrics(place / RUN) if "charts/drive" in line]
    assert steps == [UPDATE * number for number in range(1, 7)]


def test_a_defect_of_the_program_keeps_its_traceback(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(*arguments: Any) -> None:
        {}["key"]

    monkeypatch.setattr(runs, "train_run", defect)
    with pytest.raises(KeyError, match="key"):
        main(TRAIN)


def test_the_installed_command_runs_and_returns_its_exit_code(place: Path) -> None:
    for arguments, code, word in (
        (("list", "envs"), 0, "mutual_aid_v0"),
        (("compare", "q"), 2, ""),
    ):
        done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        assert word in done.stdout
        assert "Traceback" not in done.stderr
