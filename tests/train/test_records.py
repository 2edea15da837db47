"""What was recorded is read back, and nothing that is no record passes for one."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from played import PARAMS, played

from empathy_loop.train import files
from empathy_loop.train.records import (
    ARRAYS,
    HEADER,
    OF_PEOPLE,
    read_header,
    read_record,
    records_in,
    shapes_of,
    write_record,
)
from empathy_loop.train.replay import check_replay


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Return a copy of a record with some of its members changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    copy = path.with_name("changed.npz")
    with zipfile.ZipFile(copy, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return copy


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_record(tmp_path / "one.npz", played(("reader", "filter", "human")))


@pytest.mark.parametrize("steps", [0, 5, 12])
def test_what_was_written_is_read_back_bit_for_bit(tmp_path: Path, steps: int) -> None:
    record = played(("reader", "filter", "human"), steps)
    again = read_record(write_record(tmp_path / "new" / "one.npz", record))
    assert again.header == record.header
    assert again.steps == steps
    assert set(again.arrays) == set(ARRAYS) - set(OF_PEOPLE)
    for name in again.arrays:
        assert again.arrays[name].dtype == ARRAYS[name][0]
        assert again.arrays[name].tobytes() == record.arrays[name].tobytes(), name


def test_a_record_can_be_read_with_numpy_and_json_alone(file: Path) -> None:
    with np.load(file) as found, zipfile.ZipFile(file) as archive:
        header = json.loads(archive.read("header.json"))
        assert set(ARRAYS) - set(OF_PEOPLE) <= set(found.files)
        need = slice(*header["features"]["self.need"])
        own = found["features"][:, :, need]
        assert np.array_equal(own, found["truth/need"].astype(np.float32))
        first, last = header["features"]["other_2.thanked_me"]
        assert last == found["features"].shape[2] and first == last - 1
    assert header["policies"] == ["reader", "filter", "human"]
    assert header["steps"] == 12


def test_hidden_state_stands_under_truth_and_nowhere_else() -> None:
    hidden = {"need", "hazard", "style", "severe", "expressivity", "shift_step", "welfare"}
    hidden |= {"trust", "willingness"}
    assert {name for name in ARRAYS if name.startswith("truth/")} == {f"truth/{n}" for n in hidden}


def test_the_header_is_read_without_the_arrays(file: Path) -> None:
    copy = rewritten(file, lambda members: members.pop("features.npy") and None)
    assert read_header(copy) == (read_record(file).header, 12)


def test_every_cut_of_a_file_is_refused_with_its_name(file: Path) -> None:
    whole = file.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"one\.npz is damaged"):
            read_record(file)


def test_flipped_bytes_are_refused_or_change_nothing(file: Path) -> None:
    whole, truth = file.read_bytes(), read_record(file)
    generator = np.random.default_rng(0)
    for place in generator.integers(len(whole), size=60):
        broken = bytearray(whole)
        broken[place] ^= 0xFF
        file.write_bytes(bytes(broken))
        try:
            found = read_record(file)
        except ValueError as error:
            assert "one.npz" in str(error)
        else:
            assert found.header.params == truth.header.params
            assert all(np.array_equal(found.arrays[n], a, True) for n, a in truth.arrays.items())


def npy(array: Any, pickled: bool = False) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=pickled)
    return out.getvalue()


def header(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        members[HEADER] = json.dumps(json.loads(members[HEADER]) | changes).encode()

    return change


def member(name: str, content: bytes | None) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        members.pop(name)
        if content is not None:
            members[name] = content

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (member(HEADER, None), r"not a record of this project"),
        (member(HEADER, b"[]"), r"not a record of this project"),
        (member(HEADER, b"[" * 100_000), r"not a record of this project"),
        (member(HEADER, b"\xff"), r"not a record of this project"),
        (member(HEADER, b" " * (2 << 20)), r"not a record of this project"),
        (header(content="a picture"), r"holds 'a picture' of format 2, this version reads"),
        (header(format=3), r"of format 3, .* formats 1 and 2; use the version that wrote it"),
        (header(params={"horizon": 12, "wings": 2}), r"wings"),
        (header(params={"horizon": -1}), r"horizon must be"),
        (header(params=None), r"header is damaged"),
        (header(seats=["focal"]), r"contradict each other"),
        (header(steps=13), r"contradict each other"),
        (header(seed=-1), r"contradict each other"),
        (header(steps=11), r"array features must be float32 \(12, 3, 78\), got"),
        (member("actions.npy", None), r"array actions"),
        (
            member("actions.npy", npy(np.zeros((12, 3), np.int64))),
            r"actions must be int8 \(12, 3\)",
        ),
        (member("actions.npy", npy(np.zeros(10**6, np.int8))), r"array actions: it claims 1000128"),
        (member("actions.npy", npy(np.array([{}]), True)), r"array actions: Object arrays"),
    ],
)
def test_what_is_no_record_is_explained(
    file: Path, change: Callable[[dict[str, bytes]], None], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_record(rewritten(file, change))


def test_other_archives_are_no_records(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.npz"
    np.savez(foreign, features=np.zeros(3))
    with pytest.raises(ValueError, match="not a record of this project"):
        read_record(foreign)
    foreign.write_text("no archive at all")
    with pytest.raises(ValueError, match="damaged, or not a record"):
        read_record(foreign)


def test_a_full_disk_leaves_the_record_of_before(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.read_bytes()

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_record(file, played(("reader",) * 3))
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_records_are_found_in_folders_by_name(file: Path) -> None:
    (file.parent / "b.npz.unfinished").touch()
    (file.parent / "a.npz").touch()
    assert records_in([file.parent]) == [file.parent / "a.npz", file]
    assert records_in([file]) == [file]
    with pytest.raises(ValueError, match="there is no record in"):
        records_in([file.parent / "nowhere.npz", *[]][:0])


def test_the_shapes_are_those_of_the_world() -> None:
    shapes = shapes_of(PARAMS, 5)
    assert shapes["features"] == (6, 3, 78)
    assert shapes["belief"] == (6, 3, 2, 3)
    assert shapes["truth/shift_step"] == ()


def test_what_people_think_is_recorded_and_an_older_file_without_it_is_read(tmp_path: Path) -> None:
    seats = ("focal", "focal", "person:reserved")
    record = played(("oracle", "reader"), seats=seats, world=7)
    file = write_record(tmp_path / "one.npz", record)
    trust, willingness = (read_record(file).arrays[name] for name in OF_PEOPLE)
    assert trust.shape == (13, 3, 3) and trust[0, 2].tolist() == [0.3, 0.3, 1.0]
    assert not trust[:, :2].any() and len(np.unique(trust[:, 2, 1])) > 1
    assert willingness.shape == (13, 3) and willingness[0].tolist() == [0.0, 0.0, 0.8]
    # A file of before lacks both, and says that it is of that format.
    missing = rewritten(file, lambda members: [members.pop(f"{name}.npy") for name in OF_PEOPLE])
    with pytest.raises(ValueError, match="is damaged: array truth/trust"):
        read_record(missing)
    old = read_record(rewritten(missing.replace(file), header(format=1)))
    assert set(old.arrays) == set(ARRAYS) - set(OF_PEOPLE)
    again = read_record(write_record(tmp_path / "again.npz", old))
    assert set(again.arrays) == set(old.arrays)
    check_replay(again)
