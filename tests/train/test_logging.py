"""One events file, declared names only, and no step twice."""

from __future__ import annotations

import json
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from empathy_loop.agents.empathy.targets import Introspective
from empathy_loop.agents.registry import load_agent
from empathy_loop.train.beliefs import PARTNERS
from empathy_loop.train.logging import (
    BELIEF_SCALARS,
    EVALUATION_SCALARS,
    EVENTS,
    IMAGES,
    METRICS,
    REPORT_SCALARS,
    SCALARS,
    Logger,
    declared_names,
    read_metrics,
)

FRAMES = [np.full((6, 8, 3), shade, np.uint8) for shade in (0, 120, 240)]
NAMES = declared_names(load_agent("cognitive"))
KEEP_ALL = {"scalars": 0, "images": 0}


def events_of(folder: Path) -> EventAccumulator:
    """Return what TensorBoard reads in a folder."""
    accumulator = EventAccumulator(str(folder), size_guidance=KEEP_ALL)
    accumulator.Reload()
    return accumulator


def logged(folder: Path, name: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events_of(folder).Scalars(name)]


def log(folder: Path, steps: list[int], done: int = 0) -> None:
    """Log the number of each step as its drive."""
    with Logger(folder, NAMES, done) as logger:
        for step in steps:
            logger.scalars(step, {"charts/drive": float(step)})


def test_every_name_is_declared_once_in_a_group_that_tensorboard_folds() -> None:
    tables = (SCALARS, BELIEF_SCALARS, EVALUATION_SCALARS, REPORT_SCALARS, IMAGES)
    names = [name for table in tables for name in table]
    assert len(set(names)) == len(names)
    reports = {f"belief_{partners}" for partners in PARTNERS}
    for name in names:
        group, _, rest = name.partition("/")
        assert group in {"charts", "losses", "belief", "reward", "time", "evaluation"} | reports
        assert rest.isidentifier()
    for meaning in (meaning for table in tables for meaning in table.values()):
        assert meaning.endswith(".") and meaning[0].isupper()


def test_an_arm_without_a_trained_belief_declares_no_belief() -> None:
    baseline, empathic = (declared_names(load_agent(name)) for name in ("ippo_gru", "cognitive"))
    losses = {f"losses/{term}" for term in Introspective.loss_weights}
    reported = {name for name in REPORT_SCALARS if "/belief_" in name}
    assert empathic - baseline == BELIEF_SCALARS.keys() | losses | reported
    assert baseline - empathic == set()
    assert IMAGES.keys() <= baseline
    assert "belief_heldout/probe_auroc" in baseline


def test_an_arm_without_memory_declares_no_probe_of_it() -> None:
    flat, recurrent = (declared_names(load_agent(name)) for name in ("ippo", "ippo_gru"))
    assert recurrent - flat == {name for name in REPORT_SCALARS if "/probe_" in name}


def test_tensorboard_and_the_lines_say_the_same(tmp_path: Path) -> None:
    with Logger(tmp_path, NAMES) as logger:
        logger.scalars(10, {"charts/drive": 0.5, "losses/policy": -1.0})
        logger.scalars(20, {"charts/drive": 0.25, "losses/policy": -2.0})
    assert logged(tmp_path, "charts/drive") == [(10, 0.5), (20, 0.25)]
    assert logged(tmp_path, "losses/policy") == [(10, -1.0), (20, -2.0)]
    lines = read_metrics(tmp_path)
    assert [line["step"] for line in lines] == [10, 20]
    assert [line["charts/drive"] for line in lines] == [0.5, 0.25]
    assert lines[0]["time"] <= lines[1]["time"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [EVENTS, METRICS]


def test_what_was_logged_can_be_watched_at_once(tmp_path: Path) -> None:
    with Logger(tmp_path, NAMES) as logger:
        logger.scalars(10, {"charts/drive": 0.5})
        assert logged(tmp_path, "charts/drive") == [(10, 0.5)]
        assert len(read_metrics(tmp_path)) == 1


def test_an_animation_is_an_image_that_tensorboard_shows(tmp_path: Path) -> None:
    with Logger(tmp_path, NAMES) as logger:
        logger.animation(30, "evaluation/episode", FRAMES, 4.0)
    (image,) = events_of(tmp_path).Images("evaluation/episode")
    assert (image.step, image.width, image.height) == (30, 8, 6)
    assert image.encoded_image_string.startswith(b"GIF89a")


def test_a_picture_is_shown_as_it_was_drawn(tmp_path: Path) -> None:
    content = iio.imwrite("<bytes>", FRAMES[1], extension=".png")
    with Logger(tmp_path, NAMES) as logger:
        logger.image(30, "evaluation/reliability", content)
    (image,) = events_of(tmp_path).Images("evaluation/reliability")
    assert (image.step, image.width, image.height) == (30, 8, 6)
    assert image.encoded_image_string == content


def test_undeclared_names_are_refused_and_leave_nothing_behind(tmp_path: Path) -> None:
    with Logger(tmp_path, NAMES) as logger:
        with pytest.raises(ValueError, match=r"charts/mood must be declared in train/logging.py"):
            logger.scalars(10, {"charts/drive": 0.5, "charts/mood": 1.0})
        with pytest.raises(ValueError, match="evaluation/film must be declared"):
            logger.animation(10, "evaluation/film", FRAMES, 4.0)
        with pytest.raises(ValueError, match="evaluation/still must be declared"):
            logger.image(10, "evaluation/still", b"")
    assert read_metrics(tmp_path) == []
    assert events_of(tmp_path).Tags()["scalars"] == []


def test_a_resumed_run_appends_to_the_same_file(tmp_path: Path) -> None:
    log(tmp_path, [10, 20])
    log(tmp_path, [30], done=20)
    assert [step for step, _ in logged(tmp_path, "charts/drive")] == [10, 20, 30]
    assert [line["step"] for line in read_metrics(tmp_path)] == [10, 20, 30]
    assert sorted(path.name for path in tmp_path.iterdir()) == [EVENTS, METRICS]


def test_what_lies_beyond_the_checkpoint_is_logged_again_and_not_twice(tmp_path: Path) -> None:
    log(tmp_path, [10, 20, 30, 40])
    log(tmp_path, [30, 40], done=20)
    assert [step for step, _ in logged(tmp_path, "charts/drive")] == [10, 20, 30, 40]
    assert [line["step"] for line in read_metrics(tmp_path)] == [10, 20, 30, 40]


def test_an_evaluation_at_the_checkpoint_is_made_again_and_not_logged_twice(
    tmp_path: Path,
) -> None:
    for _ in range(2):
        with Logger(tmp_path, NAMES, 0 if not (tmp_path / EVENTS).exists() else 20) as logger:
            if not read_metrics(tmp_path):
                logger.scalars(20, {"charts/drive": 0.5})
            logger.scalars(20, {"evaluation/drive": 0.25})
            logger.animation(20, "evaluation/episode", FRAMES, 4.0)
    assert logged(tmp_path, "charts/drive") == [(20, 0.5)]
    assert logged(tmp_path, "evaluation/drive") == [(20, 0.25)]
    assert len(events_of(tmp_path).Images("evaluation/episode")) == 1


@pytest.mark.parametrize("lost", [1, 5, 13])
def test_what_a_killed_process_left_half_written_is_dropped(tmp_path: Path, lost: int) -> None:
    log(tmp_path, [10, 20, 30])
    for name in (EVENTS, METRICS):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:-lost])
    assert [line["step"] for line in read_metrics(tmp_path)] == [10, 20]
    log(tmp_path, [30], done=20)
    assert logged(tmp_path, "charts/drive") == [(10, 10.0), (20, 20.0), (30, 30.0)]
    assert [line["step"] for line in read_metrics(tmp_path)] == [10, 20, 30]


def test_lines_are_json_that_any_tool_reads(tmp_path: Path) -> None:
    log(tmp_path, [10])
    line = json.loads((tmp_path / METRICS).read_text())
    assert line.keys() == {"step", "time", "charts/drive"}


def test_a_folder_without_metrics_has_none(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == []
