"""Learning from a folder of recorded episodes: what is drawn, what is refused, and what repeats."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from played import PARAMS, played

from empathy_loop.agents.types import Recorded
from empathy_loop.train.checkpoint import CheckpointError
from empathy_loop.train.cli import main
from empathy_loop.train.config import TrainConfig, build_config, fingerprint
from empathy_loop.train.demonstrations import Demonstrations, hash_of_records
from empathy_loop.train.learner import Learner
from empathy_loop.train.records import Record, read_record, write_record
from empathy_loop.train.runs import read_config, train_run

pytestmark = pytest.mark.xdist_group("demonstrations")

SETTINGS: dict[str, Any] = {
    "steps": 2 * 4 * 6 * 3,
    "seed": 7,
    "device": "cpu",
    "world": {"horizon": 12, "total_hazard": 0.3, "shift": "none"},
    "agent": {
        "network": {"hidden_size": 8, "belief_size": 6},
        "ppo": {"num_worlds": 4, "rollout_steps": 6, "minibatches": 2, "epochs": 1},
    },
}
"""Two updates of milliseconds."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of records: two of scripted agents, and a short one in which one is human."""
    found = tmp_path_factory.mktemp("records")
    write_record(found / "a.npz", played(("filter",) * 3, world=0))
    write_record(found / "b.npz", played(("filter",) * 3, world=1))
    write_record(found / "c.npz", played(("reader", "human", "filter"), 5, world=2))
    return found


@pytest.fixture
def copied_folder(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copied"))


def config_of(folder: Path | str, agent: str = "observational", **changes: Any) -> TrainConfig:
    settings = SETTINGS | {"agent": SETTINGS["agent"] | {"name": agent}}
    return build_config(settings | {"demonstrations": str(folder)} | changes, "test")


def records_of(folder: Path) -> list[Record]:
    return [read_record(file) for file in sorted(folder.glob("*.npz"))]


def test_chunks_are_cut_from_the_records_and_turned_to_a_seat(folder: Path) -> None:
    records = records_of(folder)
    drawn = Demonstrations(folder, PARAMS).draw(np.random.default_rng(0), 200, 6)
    assert drawn.inputs.features.shape[:3] == (7, 200, 3)
    met: set[tuple[int, int, int]] = set()
    for e in range(200):
        steps = int(drawn.valid[:, e].sum())
        found = [
            (n, start, seat)
            for n, record in enumerate(records)
            for start in range(max(1, record.steps - 5))
            for seat in range(3)
            if all(
                np.array_equal(
                    np.roll(record.arrays[name][start : start + steps + more], -seat, axis=1),
                    part[: steps + more, e].numpy(),
                )
                for name, part, more in (
                    ("features", drawn.inputs.features, 1),
                    ("exterior", drawn.inputs.exterior, 1),
                    ("action_mask", drawn.inputs.action_mask, 1),
                    ("actions", drawn.actions, 0),
                )
            )
        ]
        assert len(found) == 1
        met |= set(found)
        n, start, _ = found[0]
        assert steps == min(6, records[n].steps - start)
        assert not drawn.inputs.features[steps + 1 :, e].any()
    # Of the long ones all starts (0 to 6), of the short one (2) no seat of a human.
    assert {(n, start) for n, start, _ in met} == {(n, s) for n in (0, 1) for s in range(7)} | {
        (2, 0)
    }
    assert {(n, seat) for n, _, seat in met} == {(n, s) for n in range(3) for s in range(3)} - {
        (2, 1)
    }


def test_people_demonstrate_and_where_there_are_none_everybody(folder: Path) -> None:
    drawn = Demonstrations(folder, PARAMS).draw(np.random.default_rng(1), 100, 6)
    short = drawn.valid.sum(0) == 5
    assert short.any() and drawn.demonstrates[~short].all()
    assert (drawn.demonstrates[short].sum(1) == 1).all()
    assert not drawn.demonstrates[short][:, 0].any(), "a person is watched from another's seat"


def test_the_same_generator_draws_the_same_whatever_the_files_are_called(
    folder: Path, copied_folder: Path
) -> None:
    (copied_folder / "a.npz").rename(copied_folder / "z.npz")
    assert hash_of_records(copied_folder) == hash_of_records(folder)

    def draw(where: Path) -> Recorded:
        return Demonstrations(where, PARAMS).draw(np.random.default_rng(2), 9, 6)

    one, other = draw(folder), draw(copied_folder)
    assert torch.equal(one.actions, other.actions)
    assert torch.equal(one.inputs.features, other.inputs.features)


@pytest.mark.parametrize("agent", ["observational", "cloned"])
def test_what_is_demonstrated_changes_what_is_learned(folder: Path, agent: str) -> None:
    learner = Learner(config_of(folder, agent))
    metrics = learner.advance()
    term = "losses/imitation" if agent == "observational" else "losses/cloning"
    assert metrics[term] > 0.0
    if agent == "observational":  # the other has nobody else to learn from
        alone = Learner(replace(learner.config, demonstrations="", demonstrations_hash=""))
        assert metrics[term] != alone.advance()[term]


def test_a_run_that_is_taken_up_again_draws_what_it_would_have_drawn(
    folder: Path, tmp_path: Path
) -> None:
    whole, first = Learner(config_of(folder)), Learner(config_of(folder))
    for _ in range(3):
        whole.advance()
    first.advance()
    torch.save(first.snapshot(), tmp_path / "saved.pt")
    second = Learner(config_of(folder))
    second.restore(torch.load(tmp_path / "saved.pt", weights_only=True), tmp_path)
    for _ in range(2):
        second.advance()
    pairs = zip(whole.arm.parameters(), second.arm.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_other_records_are_another_run(folder: Path, copied_folder: Path, tmp_path: Path) -> None:
    config, moved = config_of(folder), config_of(copied_folder)
    assert fingerprint(config) == fingerprint(moved), "where they lie does not matter"
    first = Learner(config)
    first.advance()
    Learner(moved).restore(first.snapshot(), tmp_path)
    (copied_folder / "b.npz").unlink()
    with pytest.raises(ValueError, match="are not those that the run was begun with"):
        Learner(moved)
    changed = config_of(copied_folder)
    assert fingerprint(changed) != fingerprint(config)
    with pytest.raises(CheckpointError, match="demonstrations_hash is "):
        Learner(changed).restore(first.snapshot(), tmp_path)


def test_runs_without_demonstrations_keep_their_fingerprint_and_their_checkpoints() -> None:
    # That of the default run, as it was before agents could learn from others' acts.
    assert fingerprint(build_config({}, "test")) == "0ea991069e52ac78"
    learner = Learner(build_config(SETTINGS, "test"))
    data = learner.snapshot()
    for name in ("demonstrations", "demonstrations_hash"):
        del data["config"][name]
    del data["config"]["agent"]["comparator"]["observational_decay"]
    learner.restore(data, Path("runs/old"))
    assert fingerprint(build_config({"agent": "observational"}, "test")) != fingerprint(
        build_config(
            {"agent": {"name": "observational", "comparator": {"observational_decay": 0.5}}}, "test"
        )
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f, t: config_of(t / "none"), "there is no folder .*none of demonstrations; make"),
        (lambda f, t: config_of(t), "demonstrations: there is no record in "),
        (lambda f, t: config_of(f, "ippo_gru"), "does not learn from others' acts"),
        (
            lambda f, t: config_of(f, world=SETTINGS["world"] | {"num_agents": 4}),
            "recorded in a world with num_agents=3, but this run has num_agents=4; record in",
        ),
        (
            lambda f, t: config_of(f, world=SETTINGS["world"] | {"grid_size": 6}),
            "recorded in a world with grid_size=5",
        ),
        *(
            (lambda f, t, change=change: config_of(f, world=SETTINGS["world"] | change), message)
            for change, message in (
                ({"offers": True}, "with offers=False, but this run has offers=True"),
                ({"show_cues": False}, "with show_cues=True, but"),
                ({"show_positive_cues": False}, "with show_positive_cues=True, but"),
                ({"p_scrambled_cue": 0.1}, "with p_scrambled_cue=0.0, but"),
            )
        ),
    ],
)
def test_what_does_not_fit_is_named_at_the_start(
    folder: Path, tmp_path: Path, make: Callable[[Path, Path], TrainConfig], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Learner(make(folder, tmp_path))


def test_whom_to_clone_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="all seats of 'mutual_aid_v0' are learners'; give a fold"):
        train_run(config_of("", "cloned"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_records_without_a_step_are_refused(tmp_path: Path) -> None:
    write_record(tmp_path / "none.npz", played(("filter",) * 3, steps=0))
    with pytest.raises(ValueError, match="has a step"):
        Demonstrations(tmp_path, PARAMS)


def test_one_command_trains_from_a_folder(
    folder: Path, copied_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("empathy_loop.train.runs.MONITOR_EPISODES", 2)
    settings = [f"--set=world.{key}={value}" for key, value in SETTINGS["world"].items()] + [
        f"--set=agent.{part}.{key}={value}"
        for part, values in SETTINGS["agent"].items()
        for key, value in values.items()
    ]
    start = ["train", "--agent", "cloned", "--demonstrations", str(copied_folder), "--name", "mine"]
    assert main([*start, "--steps", "72", "--device", "cpu", *settings]) == 0
    shutil.rmtree(copied_folder)  # who only looks at the run needs no demonstrations
    config = read_config(tmp_path / "runs" / "mine")
    assert config.demonstrations_hash == hash_of_records(folder)
