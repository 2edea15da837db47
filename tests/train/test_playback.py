"""An episode that is drawn is the episode that is scored, truth beside belief."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
from numpy.typing import NDArray

from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.world import World
from empathy_loop.train import playback
from empathy_loop.train.actors import load_actor
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.loop import train
from empathy_loop.train.playback import check_playback, record_episode, write_episode

MakeConfig = Callable[..., TrainConfig]
PARAMS = WorldParams(horizon=12, total_hazard=0.3)


@pytest.mark.parametrize("name", ["episode.gif", "there/episode.mp4"])
def test_what_can_be_drawn_passes(name: str) -> None:
    check_playback(Path(name), 0, 0, 16)
    check_playback(Path(name), 10**6, 10**6, 256)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("episode.avi", 0, 0, 64), r"out must end in .gif or .mp4, got 'episode.avi'"),
        (("episode", 0, 0, 64), r"out must end in .gif or .mp4, got 'episode'"),
        (("runs/.gif", 0, 0, 64), r"out must end in .gif or .mp4, got 'runs/.gif'"),
        (("a.gif", -1, 0, 64), r"seed must be at least 0, got -1"),
        (("a.gif", 0, -2, 64), r"world must be at least 0, got -2"),
        (("a.gif", 0, 0, 15), r"cell_pixels must be in \[16, 256\], got 15"),
        (("a.gif", 0, 0, 257), r"cell_pixels must be in \[16, 256\], got 257"),
    ],
)
def test_what_cannot_be_drawn_is_explained(arguments: Any, message: str) -> None:
    out, *numbers = arguments
    with pytest.raises(ValueError, match=message):
        check_playback(Path(out), *numbers)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[World, Any]]:
    """Return a list that receives the needs and the belief of each picture instead of a drawing."""
    seen: list[Any] = []

    def look(world: World, e: int, belief: Any = None) -> None:
        seen.append((world.state.need[e].copy(), belief))

    def blank(frame: None, cell_pixels: int) -> NDArray[np.uint8]:
        return np.zeros((cell_pixels, cell_pixels, 3), np.uint8)

    monkeypatch.setattr(playback, "frame_of", look)
    monkeypatch.setattr(playback, "draw", blank)
    return seen


@pytest.mark.parametrize("world", [0, 3])
def test_the_episode_that_is_drawn_is_the_one_that_evaluation_plays(
    tmp_path: Path, make_config: MakeConfig, drawn: list[Any], world: int
) -> None:
    train(make_config(updates=1), tmp_path)
    actor = load_actor(tmp_path)
    frames = record_episode(actor, PARAMS, 5, 20, world)
    log = run_episodes(actor, PARAMS, world + 1, seed=5)
    assert len(frames) == len(drawn) == 13
    assert log.belief is not None
    for t, (need, belief) in enumerate(drawn[:-1]):
        assert np.array_equal(need.astype(np.float32), log.need[t, world])
        assert np.allclose(belief, log.belief[t, world], atol=1e-5)
    assert drawn[-1][1].shape == (3, 2, 3)


def test_who_believes_nothing_is_drawn_without_a_belief(drawn: list[Any]) -> None:
    record_episode(load_actor("reader"), PARAMS, 5, 20)
    assert all(belief is None for _, belief in drawn)


def test_pictures_are_of_one_size_and_change(tmp_path: Path, make_config: MakeConfig) -> None:
    train(make_config(updates=1), tmp_path)
    for actor in (load_actor("oracle"), load_actor(tmp_path)):
        frames = record_episode(actor, PARAMS, 5, 24)
        assert len(frames) == 13
        assert len({frame.shape for frame in frames}) == 1
        assert all(frame.dtype == np.uint8 and frame.shape[2] == 3 for frame in frames)
        assert any(not np.array_equal(frames[0], frame) for frame in frames)


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_an_episode_is_written_whole_into_folders_that_are_made(
    tmp_path: Path, ending: str
) -> None:
    frames = [np.full((48, 64, 3), shade, np.uint8) for shade in (0, 80, 160, 240)]
    path = write_episode(frames, tmp_path / "new" / f"episode.{ending}")
    assert path == tmp_path / "new" / f"episode.{ending}"
    shades = [frame.mean() for frame in iio.imiter(path)]
    assert len(shades) == 4
    assert shades == pytest.approx([0, 80, 160, 240], abs=6)
    assert list(path.parent.iterdir()) == [path]


def test_a_picture_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [np.zeros((48, 64, 3), np.uint8)] * 2
    path = write_episode(frames, tmp_path / "episode.gif")
    before = path.read_bytes()

    def full(pictures: Any, to: Path, frames_per_second: float) -> None:
        to.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(playback, "write_video", full)
    with pytest.raises(OSError, match="No space"):
        write_episode(frames, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
