"""A recorded episode is the one that evaluation plays, and comes out again bit for bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from played import PARAMS, played

from empathy_loop.envs.params import WorldParams
from empathy_loop.train.actors import load_actor
from empathy_loop.train.assess import Assessment
from empathy_loop.train.cli import main
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.demonstrations import Demonstrations
from empathy_loop.train.episode import Episode, Setting
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.loop import train
from empathy_loop.train.records import Record, read_record, write_record
from empathy_loop.train.replay import (
    check_replay,
    first_difference,
    play_again,
    record_episodes,
    setting_of,
)

MakeConfig = Callable[..., TrainConfig]
HELD_OUT = ("focal", "heldout", "heldout")


def setting(agent: str, seats: tuple[str, ...] = ("focal",) * 3, world: int = 0) -> Setting:
    return Setting("own_world", PARAMS, 5, world, seats, (agent,) * seats.count("focal"))


@pytest.mark.parametrize("seats", [("focal",) * 3, HELD_OUT])
def test_the_recorded_episode_is_the_one_that_evaluation_plays(
    tmp_path: Path, make_config: MakeConfig, seats: tuple[str, ...]
) -> None:
    train(make_config(updates=1), tmp_path / "run")
    run = str(tmp_path / "run")
    assert record_episodes(setting(run, seats), 3, tmp_path / "records") == 3
    log = run_episodes(load_actor(run), PARAMS, 3, 5, seats=seats)
    for world, path in enumerate(sorted((tmp_path / "records").glob("*.npz"))):
        record = read_record(path)
        assert record.header.world == world
        assert np.array_equal(record.arrays["truth/welfare"], log.welfare[:, world])
        need = record.arrays["truth/need"][:-1].astype(np.float32)
        assert np.array_equal(need, log.need[:, world])
        assert log.belief is not None
        focal = seats.count("focal")
        belief = record.arrays["belief"]
        assert np.allclose(belief[:-1, :focal], log.belief[:, world], atol=1e-5)
        assert np.isnan(belief[:, focal:]).all()


@pytest.mark.parametrize(
    "record",
    [
        played(("oracle", "random", "reader")),
        played(("filter",), seats=HELD_OUT),
        played(("reader", "human", "reader"), steps=7),
    ],
)
def test_a_replay_is_equal_in_every_bit(record: Record) -> None:
    again = play_again(record)
    assert first_difference(record, again) is None
    for name in ("features", "exterior", "action_mask", "reward", "truth/need", "actions"):
        assert again.arrays[name].tobytes() == record.arrays[name].tobytes()


def test_partners_are_named_in_the_record() -> None:
    header = played(("filter",), seats=HELD_OUT).header
    assert header.policies[0] == "filter"
    assert all(name.startswith("heldout/") for name in header.policies[1:])


@pytest.mark.parametrize(
    ("name", "place", "found"),
    [
        ("reward", (4, 1), "reward at step 5"),
        ("features", (12, 2, 0), "features at step 12"),
        ("truth/shift_step", (), "truth/shift_step at step 0"),
    ],
)
def test_one_changed_bit_is_found_and_placed(name: str, place: tuple[int, ...], found: str) -> None:
    record = played(("reader",) * 3)
    array = record.arrays[name].copy()
    array[place] = np.nextafter(array[place], 9) if array.dtype.kind == "f" else array[place] + 1
    changed = replace(record, arrays=record.arrays | {name: array})
    with pytest.raises(ValueError, match=f"first in {found}; recorded with empathy-loop"):
        check_replay(changed)


@pytest.mark.parametrize("name", ["truth/trust", "truth/willingness"])
def test_one_changed_bit_of_what_a_person_thinks_is_found(name: str) -> None:
    record = played(("reader",) * 2, seats=("focal", "focal", "person:reserved"))
    check_replay(record)
    array = record.arrays[name].copy()
    array[7, 2] = np.nextafter(array[7, 2], 0)
    changed = replace(record, arrays=record.arrays | {name: array})
    with pytest.raises(ValueError, match=f"first in {name} at step 7"):
        check_replay(changed)


def test_another_seed_or_rule_is_another_episode() -> None:
    record = played(("reader",) * 3)
    for changes in ({"seed": 4}, {"params": replace(PARAMS, p_show_reaction=0.0, expressivity=0)}):
        changed = replace(record, header=replace(record.header, **changes))
        with pytest.raises(ValueError, match="the replay differs from the record"):
            check_replay(changed)


def test_a_replay_is_drawn_in_every_moment() -> None:
    frames = check_replay(played(("filter", "human", "reader"), steps=4), 20)
    assert len(frames) == 5
    assert len({frame.shape for frame in frames}) == 1


def test_recording_goes_on_where_it_was_and_refuses_another_episode(tmp_path: Path) -> None:
    seen: list[Path] = []
    assert record_episodes(setting("reader"), 2, tmp_path) == 2
    before = [path.read_bytes() for path in sorted(tmp_path.glob("*.npz"))]
    assert record_episodes(setting("reader"), 3, tmp_path, seen.append) == 1
    assert [path.read_bytes() for path in sorted(tmp_path.glob("*.npz"))][:2] == before
    assert [path.name for path in seen] == [f"reader-own_world-s5-w0000{n}.npz" for n in range(3)]
    other = replace(setting("reader"), params=WorldParams(horizon=13))
    with pytest.raises(ValueError, match="another episode under the same name"):
        record_episodes(other, 1, tmp_path)


def test_a_killed_process_leaves_whole_records_only(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from empathy_loop.train import files, replay\n"
        "from empathy_loop.train.assess import Assessment\n"
        "request = Assessment(('reader',), world={'horizon': 12})\n"
        "real, calls = os.fsync, []\n"
        "def fsync(fd):\n"
        "    calls.append(fd)\n"
        "    if len(calls) == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    real(fd)\n"
        "files.os.fsync = fsync\n"
        "replay.record_episodes(replay.setting_of(request, 0), 5, Path(sys.argv[1]))\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code, str(tmp_path)], env=os.environ)
    assert done.returncode == -signal.SIGKILL
    found = sorted(tmp_path.glob("*.npz"))
    assert len(found) == 2
    for path in found:
        check_replay(read_record(path))
    request = Assessment(("reader",), world={"horizon": 12})
    assert record_episodes(setting_of(request, 0), 5, tmp_path) == 3
    assert not list(tmp_path.glob("*.unfinished"))


def test_the_setting_is_that_of_the_run(tmp_path: Path, make_config: MakeConfig) -> None:
    config = make_config(updates=1)
    train(config, tmp_path)
    (tmp_path / "config.json").write_text(
        json.dumps({"config": {"agent": {"name": "cognitive"}, "env": "hard_faces_v0"}})
    )
    found = setting_of(Assessment((str(tmp_path),), seed=4), 7)
    assert (found.scenario, found.seed, found.world) == ("hard_faces_v0", 4, 7)
    assert found.params.idiosyncratic_share == 1.0
    assert found.policies == (str(tmp_path),) * 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"world": -2}, "world must be at least 0, got -2"),
        (
            {"policies": ("reader",)},
            "policies must name one for each of 3 focal agents, got reader",
        ),
    ],
)
def test_a_setting_that_cannot_be_played_is_explained(
    changes: dict[str, object], message: str
) -> None:
    refused = replace(setting("reader"), **changes)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        Episode(refused, {"reader": load_actor("reader")})


def test_no_step_follows_the_last_one() -> None:
    episode = Episode(setting("reader"), {"reader": load_actor("reader")})
    for _ in range(12):
        episode.step()
    with pytest.raises(ValueError, match="the episode is over after 12 steps"):
        episode.step()
    with pytest.raises(ValueError, match="episodes must be at least 1, got 0"):
        record_episodes(setting("reader"), 0, Path("nowhere"))


# A file from a stranger


@pytest.fixture
def forged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a record in whose seat a class sits, beside a module that would write a file."""
    monkeypatch.chdir(tmp_path)
    Path("stranger.py").write_text(
        "from pathlib import Path\nPath('was_run').touch()\n"
        "class Mind:\n"
        "    def __init__(self, params): pass\n"
        "    def accept(self, trust): return trust\n"
        "    def weigh(self, trust, willingness): return trust\n"
        "    def learn(self, events, trust, willingness): return trust, willingness\n"
    )
    record = played(("reader",) * 2, seats=("focal", "focal", "person:reserved"))
    seats = ("focal", "focal", "person:stranger:Mind,trust_start=0.5")
    header = replace(record.header, seats=seats)
    yield write_record(tmp_path / "forged" / "one.npz", replace(record, header=header))
    sys.modules.pop("stranger", None)


def test_a_class_that_a_record_names_is_not_run_unless_allowed(
    forged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = read_record(forged)
    for look in (check_replay, play_again):
        with pytest.raises(ValueError, match=r"'person:stranger:Mind.*run the code.*--allow-code"):
            look(record)
    Demonstrations(forged.parent, PARAMS)
    assert main(["replay", str(forged)]) == 2
    assert "--allow-code" in capsys.readouterr().err
    assert not Path("was_run").exists()
    # With another in the seat than played, the episode is another one.
    assert main(["replay", str(forged), "--allow-code"]) == 2
    assert "the replay differs from the record" in " ".join(capsys.readouterr().err.split())
    assert Path("was_run").exists()
