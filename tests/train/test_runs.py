"""A run is trained, logged and evaluated once, whatever interrupts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from empathy_loop.train import runs
from empathy_loop.train.actors import load_actor
from empathy_loop.train.beliefs import belief_report
from empathy_loop.train.checkpoint import CHECKPOINT, PREVIOUS, CheckpointError
from empathy_loop.train.config import TrainConfig, fingerprint
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.files import read_json
from empathy_loop.train.logging import EVALUATION_NAMES, EVENTS, METRICS, declared_names
from empathy_loop.train.logging import read_metrics as metrics_of
from empathy_loop.train.loop import Progress
from empathy_loop.train.outcomes import OUTCOMES, outcomes
from empathy_loop.train.plots import reliability_picture
from empathy_loop.train.runs import (
    CONFIG,
    EVALUATION,
    MONITOR_EPISODES,
    MONITOR_SEED,
    RELIABILITY,
    default_folder,
    is_run,
    read_config,
    train_run,
)

MakeConfig = Callable[..., TrainConfig]
STEPS_PER_UPDATE = 120


class Interruption:
    """Counts updates, and presses Ctrl-C in one of them."""

    def __init__(self, at: int = 0) -> None:
        self.at, self.updates = at, 0

    def __call__(self, progress: Progress) -> None:
        self.updates += 1
        if self.updates == self.at:
            raise KeyboardInterrupt


def steps_of(folder: Path) -> dict[str, list[int]]:
    """Return every tag of a run's events, with its steps."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    found = {tag: [event.step for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    images = {tag: [event.step for event in events.Images(tag)] for tag in events.Tags()["images"]}
    return found | images


@pytest.mark.parametrize("name", ["cognitive", "ippo_gru", "ippo"])
def test_a_finished_run_has_logged_exactly_the_declared_names_into_one_file(
    tmp_path: Path, make_config: MakeConfig, name: str
) -> None:
    config = make_config(name, updates=3)
    found = train_run(config, tmp_path)
    steps = steps_of(tmp_path)
    assert steps.keys() == declared_names(config.agent)
    for tag, at in steps.items():
        assert at == ([360] if tag in EVALUATION_NAMES else [120, 240, 360]), tag
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {CONFIG, CHECKPOINT, PREVIOUS, METRICS, EVENTS, EVALUATION, RELIABILITY}
    assert found == read_json(tmp_path / EVALUATION)["outcomes"]


def test_the_evaluation_is_that_of_the_trained_agent_on_worlds_for_tuning(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    config = make_config(updates=1)
    found = train_run(config, tmp_path)
    assert found.keys() == OUTCOMES.keys()
    assert MONITOR_SEED >= 100
    log = run_episodes(load_actor(tmp_path), config.world, MONITOR_EPISODES, MONITOR_SEED)
    assert found == outcomes(log)
    assert metrics_of(tmp_path)[-1]["evaluation/welfare"] == found["welfare"]


def test_what_the_trained_agent_believes_is_reported_logged_and_drawn(
    tmp_path: Path, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "reliability_picture", reliability_picture)
    config = make_config(updates=1)
    train_run(config, tmp_path)
    report = read_json(tmp_path / EVALUATION)["belief"]
    actor = load_actor(tmp_path)
    assert report == belief_report(actor, config.world, MONITOR_EPISODES, MONITOR_SEED)
    last = metrics_of(tmp_path)[-1]
    assert last["belief_heldout/probe_auroc"] == report["heldout"]["probe"]["auroc"]
    assert last["belief_train/filter_auroc"] == report["train"]["filter"]["auroc"]
    events = EventAccumulator(str(tmp_path), size_guidance={"images": 0}).Reload()
    (image,) = events.Images("evaluation/reliability")
    picture = (tmp_path / RELIABILITY).read_bytes()
    assert image.encoded_image_string == picture == reliability_picture(report)


@pytest.mark.parametrize("at", [1, 3, 5])
def test_after_an_interruption_every_step_is_logged_once(
    tmp_path: Path, make_config: MakeConfig, at: int
) -> None:
    config, second = make_config(updates=5), Interruption()
    with pytest.raises(KeyboardInterrupt):
        train_run(config, tmp_path, Interruption(at))
    assert not (tmp_path / EVALUATION).exists()
    train_run(config, tmp_path, second)
    assert second.updates <= 5 - at + 2, "at most two updates, those since a checkpoint, again"
    every_update = [STEPS_PER_UPDATE * number for number in range(1, 6)]
    for tag, steps in steps_of(tmp_path).items():
        assert steps == ([600] if tag in EVALUATION_NAMES else every_update), tag
    trained = [line["step"] for line in metrics_of(tmp_path) if "charts/drive" in line]
    assert trained == every_update


def test_a_finished_run_is_neither_trained_nor_logged_again(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    first, again = Interruption(), Interruption()
    found = train_run(make_config(updates=2), tmp_path, first)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()}
    assert train_run(make_config(updates=2), tmp_path, again) == found
    assert (first.updates, again.updates) == (2, 0)
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()}
    assert after == before


def test_a_run_interrupted_in_its_evaluation_is_evaluated_without_training(
    tmp_path: Path, make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    again = Interruption()
    monkeypatch.setattr(runs, "record_episode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_run(make_config(updates=2), tmp_path)
    monkeypatch.undo()
    train_run(make_config(updates=2), tmp_path, again)
    assert again.updates == 0
    steps = steps_of(tmp_path)
    assert steps.keys() == declared_names(make_config().agent)
    assert all(len(set(at)) == len(at) for at in steps.values())


def test_a_run_with_more_steps_goes_on_and_is_evaluated_anew(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    train_run(make_config(updates=2), tmp_path)
    train_run(make_config(updates=3), tmp_path)
    steps = steps_of(tmp_path)
    assert steps["charts/drive"] == [120, 240, 360]
    assert steps["evaluation/drive"][-1] == 360
    assert read_json(tmp_path / EVALUATION)["agent_steps"] == 360


def test_a_folder_of_another_run_is_refused_and_left_as_it_was(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    train_run(make_config(updates=1), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(CheckpointError, match="seed is 7 there and 8 here"):
        train_run(make_config(updates=2, seed=8), tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_corrupt_checkpoint_is_refused_and_the_one_before_goes_on(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    config = make_config(updates=4)
    found = train_run(config, tmp_path / "whole")
    train_run(replace(config, steps=2 * STEPS_PER_UPDATE), tmp_path / "hurt")
    train_run(config, tmp_path / "hurt")
    checkpoint = tmp_path / "hurt" / CHECKPOINT
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    (tmp_path / "hurt" / EVALUATION).unlink()
    with pytest.raises(CheckpointError, match="is corrupt") as caught:
        train_run(config, tmp_path / "hurt")
    assert str(checkpoint) in str(caught.value)
    checkpoint.unlink()
    again = Interruption()
    assert train_run(config, tmp_path / "hurt", again) == found
    assert again.updates == 2
    assert steps_of(tmp_path / "hurt")["charts/drive"] == [120, 240, 360, 480]


def test_settings_are_written_with_the_run_and_read_back(
    tmp_path: Path, make_config: MakeConfig
) -> None:
    config = make_config("ippo_gru", updates=1)
    train_run(config, tmp_path)
    assert is_run(tmp_path)
    assert read_config(tmp_path) == config
    assert read_json(tmp_path / CONFIG)["fingerprint"] == fingerprint(config)


def test_a_folder_without_a_run_and_damaged_settings_are_explained(tmp_path: Path) -> None:
    assert not is_run(tmp_path)
    with pytest.raises(ValueError, match=r"is not the folder of a run: it holds no config.json"):
        read_config(tmp_path)
    (tmp_path / CONFIG).write_text('{"config": {"agent": "cognitive", "stps": 3}}')
    with pytest.raises(ValueError, match=r"config.json: unknown key 'stps'; did you mean steps"):
        read_config(tmp_path)
    (tmp_path / CONFIG).write_text('{"config":')
    with pytest.raises(ValueError, match=r"config.json is damaged"):
        read_config(tmp_path)


def test_a_run_without_a_name_lives_in_runs(make_config: MakeConfig) -> None:
    assert default_folder(make_config()) == Path("runs", "cognitive-mutual_aid_v0-s7")


def test_what_cannot_be_trained_leaves_no_settings(tmp_path: Path, make_config: MakeConfig) -> None:
    with pytest.raises(ValueError, match="agent 'reader' is scripted and cannot be trained"):
        train_run(make_config("reader"), tmp_path / "run")
    assert not is_run(tmp_path / "run")
