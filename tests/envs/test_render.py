"""Pictures and texts show everything that a frame holds, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from empathy_loop.envs.canvas import BAD, GOOD, Canvas
from empathy_loop.envs.frame import EXPRESSIONS, Frame, Gift, frame_of
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.render import ansi, draw, write_video
from empathy_loop.envs.world import World

NOTHING = -1
BELIEF = np.linspace(0.1, 0.9, 18).reshape(3, 2, 3).astype(np.float32)

FRAME = Frame(
    grid_size=5,
    step=7,
    horizon=128,
    shift=None,
    station=np.array([[0, 0], [2, 2], [4, 4]], np.int16),
    position=np.array([[1, 1], [1, 3], [2, 2]], np.int16),
    carried=np.array([0, NOTHING, 2], np.int8),
    cue=np.array([5, 1, 0], np.int8),
    need=np.array([[0.4, 0, 0], [0, 0.8, 0], [0, 0, 0.6]]),
    drive=np.array([0.16, 0.64, 0.36]),
    gifts=(Gift(0, 1, 0, False),),
    thanks=((1, 2),),
    belief=BELIEF,
)


def changed(array: NDArray[Any], index: int | tuple[int, ...], value: float) -> NDArray[Any]:
    """Return a copy of an array in which one entry is another."""
    copy = array.copy()
    copy[index] = value
    return copy


CHANGES: list[dict[str, Any]] = [
    {"step": 8},
    {"horizon": 100},
    {"shift": "partner_swap"},
    {"shift": "cue_remap"},
    {"station": changed(FRAME.station, (0, 1), 1)},
    {"station": changed(FRAME.station, (1, 1), 1)},
    {"position": changed(FRAME.position, (0, 0), 0)},
    *({"carried": changed(FRAME.carried, 0, value)} for value in (NOTHING, 1, 2)),
    *({"cue": changed(FRAME.cue, 2, value)} for value in (1, 2, 3, 4, 5, 6, 7)),
    {"need": changed(FRAME.need, (0, 0), 0.48)},
    {"need": changed(FRAME.need, (2, 1), 0.4)},
    {"drive": changed(FRAME.drive, 1, 0.65)},
    {"gifts": ()},
    {"gifts": (Gift(1, 0, 0, False),)},
    {"gifts": (Gift(0, 2, 0, False),)},
    {"gifts": (Gift(0, 1, 1, False),)},
    {"gifts": (Gift(0, 1, NOTHING, False),)},
    {"gifts": (Gift(0, 1, 0, True),)},
    {"thanks": ()},
    {"thanks": ((2, 1),)},
    {"belief": None},
    {"names": ("ai_0", "ai_2", "ai_1")},
    *({"belief": changed(BELIEF, (i, d, 1), 0.0)} for i in range(3) for d in range(2)),
]


def name_of(change: dict[str, Any]) -> str:
    return next(iter(change))


@pytest.mark.parametrize("change", CHANGES, ids=name_of)
def test_each_thing_shown_changes_the_picture(change: dict[str, Any]) -> None:
    picture, other = draw(FRAME, 48), draw(FRAME._replace(**change), 48)
    if "belief" not in change or change["belief"] is not None:
        assert picture.shape == other.shape
    assert not np.array_equal(picture, other)


@pytest.mark.parametrize("change", CHANGES, ids=name_of)
def test_each_thing_shown_changes_the_text(change: dict[str, Any]) -> None:
    assert ansi(FRAME._replace(**change)) != ansi(FRAME)


def test_all_changes_look_different_from_each_other() -> None:
    pictures = {draw(FRAME._replace(**change), 48).tobytes() for change in CHANGES}
    assert len(pictures) == len(CHANGES)


def test_faces_differ_even_without_the_signs_beside_them() -> None:
    faces = set()
    for name in EXPRESSIONS:
        canvas = Canvas(32, 32)
        canvas.face((16, 16), 14, name)
        faces.add(canvas.picture().tobytes())
    assert len(faces) == len(EXPRESSIONS)


def test_kinds_differ_in_shape_and_not_in_colour_alone() -> None:
    outlines = set()
    for kind in range(6):
        canvas = Canvas(64, 64)
        canvas.marker((32, 32), 24, kind)
        outlines.add((canvas.picture() != canvas.picture()[0, 0]).any(2).tobytes())
    assert len(outlines) == 6


def test_wrong_help_differs_from_right_help_by_colour_and_by_gaps_in_its_line() -> None:
    def pixels_of(colour: str, misattuned: bool) -> int:
        # Agents 0 and 2, far apart on a board of large cells; the legend's arrows cancel out.
        position = np.array([[0, 1], [4, 4], [0, 4]], np.int16)
        gift = (Gift(0, 2, NOTHING, misattuned),)
        frame = FRAME._replace(position=position, gifts=gift, thanks=())
        shades = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
        counts = [
            int((draw(shown, 96) == shades).all(2).sum())
            for shown in (frame, frame._replace(gifts=()))
        ]
        return counts[0] - counts[1]

    whole, broken = pixels_of(GOOD, False), pixels_of(BAD, True)
    assert pixels_of(BAD, False) == pixels_of(GOOD, True) == 0
    assert whole > 500
    # Dashes and gaps are of one length; the head stays whole.
    assert 0.4 * whole < broken < 0.8 * whole


def test_every_field_of_a_frame_is_changed_somewhere_above() -> None:
    sized_by = {"grid_size"}
    assert {name_of(change) for change in CHANGES} == set(Frame._fields) - sized_by


def test_equal_frames_give_equal_pictures() -> None:
    copies = (part.copy() if isinstance(part, np.ndarray) else part for part in FRAME)
    assert np.array_equal(draw(FRAME, 48), draw(Frame(*copies), 48))


def test_a_picture_does_not_depend_on_what_no_frame_holds() -> None:
    world, other = World(WorldParams(), 1, seed=0), World(WorldParams(), 1, seed=0)
    other.state.hazard[:] = 0.7
    other.state.style[:] = [2, 0, 1]
    other.state.expressivity[:] = 0.1
    other.state.shift_step[:] = 50
    assert np.array_equal(draw(frame_of(world, 0), 32), draw(frame_of(other, 0), 32))
    assert ansi(frame_of(world, 0)) == ansi(frame_of(other, 0))


@pytest.mark.parametrize(
    ("sizes", "cell_pixels"),
    [
        ({"grid_size": 3, "num_agents": 2, "num_kinds": 1}, 16),
        ({"grid_size": 16, "num_agents": 8}, 48),
        ({"grid_size": 6, "num_agents": 16, "num_kinds": 6}, 48),
        ({}, 256),
    ],
)
def test_worlds_of_all_sizes_keep_one_size_of_picture_through_an_episode(
    sizes: dict[str, int], cell_pixels: int
) -> None:
    params = WorldParams(total_hazard=0.5, horizon=12, **sizes)  # type: ignore[arg-type]
    world, rng = World(params, 1, seed=0, autoreset=False), np.random.default_rng(0)
    shapes = {draw(frame_of(world, 0), cell_pixels).shape}
    for _ in range(params.horizon):
        world.step(rng.integers(0, params.num_actions, (1, params.num_agents)))
    picture = draw(frame_of(world, 0), cell_pixels)
    assert picture.dtype == np.uint8
    assert {picture.shape} == shapes
    height, width, channels = picture.shape
    assert channels == 3
    assert min(height, width) > params.grid_size * cell_pixels


def test_a_larger_cell_makes_a_larger_board() -> None:
    small, large = draw(FRAME, 48).shape, draw(FRAME, 64).shape
    assert large[0] > small[0] and large[1] - small[1] >= 5 * 16


def test_cells_too_small_to_see_are_refused() -> None:
    with pytest.raises(ValueError, match="cell_pixels must be at least 16, got 15"):
        draw(FRAME, 15)


def test_the_text_says_what_happens() -> None:
    text = ansi(FRAME._replace(shift="cue_remap", gifts=(Gift(0, 1, 0, True),)))
    # Letters: a, b and c are stations, numbers agents, capitals what they carry.
    assert text.splitlines() == [
        "step 7 of 128; the shift has come: cue remap",
        "a   .   .   .   .",
        ".   .0A .   .1  .",
        ".   .   b2C .   .",
        ".   .   .   .   .",
        ".   .   .   .   c",
        "ai_0 gave A to ai_1: misattuned",
        "ai_1 thanked ai_2",
        "ai_0 shows distress A, carries A, drive 0.16",
        "  true needs    A 0.40  B 0.00  C 0.00",
        "  ai_1 believes A 0.52  B 0.57  C 0.62",
        "  ai_2 believes A 0.66  B 0.71  C 0.76",
        "ai_1 shows relief, carries nothing, drive 0.64",
        "  true needs    A 0.00  B 0.80  C 0.00",
        "  ai_0 believes A 0.10  B 0.15  C 0.19",
        "  ai_2 believes A 0.81  B 0.85  C 0.90",
        "ai_2 shows nothing, carries C, drive 0.36",
        "  true needs    A 0.00  B 0.00  C 0.60",
        "  ai_0 believes A 0.24  B 0.29  C 0.34",
        "  ai_1 believes A 0.38  B 0.43  C 0.48",
    ]


@pytest.fixture(scope="module")
def pictures() -> list[NDArray[np.uint8]]:
    """Return twelve pictures of one episode."""
    return [draw(FRAME._replace(step=step), 20) for step in range(12)]


def test_a_gif_shows_every_picture_and_repeats(
    pictures: list[NDArray[np.uint8]], tmp_path: Path
) -> None:
    write_video(pictures, tmp_path / "a.gif", 4.0)
    with Image.open(tmp_path / "a.gif") as film:
        assert getattr(film, "n_frames", 1) == 12
        assert film.info["loop"] == 0
        for n, picture in enumerate(pictures):
            film.seek(n)
            assert film.info["duration"] == 250  # milliseconds: four pictures a second
            shown = np.asarray(film.convert("RGB"), np.int16)
            assert np.abs(shown - picture).mean() < 4.0


def test_a_gif_keeps_the_rare_colour_of_wrong_help(tmp_path: Path) -> None:
    picture = draw(FRAME._replace(gifts=(Gift(0, 1, 0, True),)), 48)
    write_video([draw(FRAME, 48)] * 20 + [picture], tmp_path / "a.gif", 4.0)
    with Image.open(tmp_path / "a.gif") as film:
        film.seek(getattr(film, "n_frames", 1) - 1)
        shown = np.asarray(film.convert("RGB"), np.int16)
    red = (np.abs(picture.astype(np.int16) - [0xC8, 0x32, 0x1F]) <= 1).all(2)
    assert red.sum() > 50
    assert np.abs(shown[red] - [0xC8, 0x32, 0x1F]).max() <= 8


@pytest.mark.parametrize("shape", [(31, 48, 3), (30, 47, 3), (32, 48, 3)])
def test_an_mp4_shows_every_picture_whatever_its_size(
    shape: tuple[int, int, int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import imageio.v2 as imageio

    frames = [np.full(shape, 20 * n, np.uint8) for n in range(12)]
    write_video(frames, tmp_path / "a.mp4", 4.0)
    with imageio.get_reader(tmp_path / "a.mp4") as film:
        shown = [np.asarray(picture) for picture in film]
        assert film.get_meta_data()["fps"] == 4.0
    assert len(shown) == 12
    assert not caplog.records  # where imageio says that it stretched the pictures
    for picture, frame in zip(shown, frames, strict=True):
        assert picture.shape[0] - shape[0] in (0, 1) and picture.shape[1] - shape[1] in (0, 1)
        assert abs(float(picture.mean()) - float(frame.mean())) < 6.0


@pytest.mark.parametrize(
    ("frames", "name", "speed", "message"),
    [
        ([], "a.gif", 4.0, "frames must be at least one and of one size"),
        ([np.zeros((4, 4, 3)), np.zeros((4, 6, 3))], "a.gif", 4.0, r"of one size, got .*6"),
        ([np.zeros((4, 4, 3))], "a.webm", 4.0, r"path must end in .gif or .mp4, got .*a.webm"),
        ([np.zeros((4, 4, 3))], "a.gif", 0.0, "frames_per_second must be above 0, got 0"),
    ],
)
def test_what_is_no_video_is_refused(
    frames: list[NDArray[Any]], name: str, speed: float, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        write_video([frame.astype(np.uint8) for frame in frames], tmp_path / name, speed)
    assert not list(tmp_path.iterdir())
