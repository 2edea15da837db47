"""Checkpoints are whole or absent, and mistakes with them are explained."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from empathy_loop.train.checkpoint import (
    CHECKPOINT,
    FORMAT,
    PREVIOUS,
    CheckpointError,
    find_checkpoint,
    load_checkpoint,
    save_checkpoint,
)


class Malice:
    """Runs code when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.mark,)


def save(folder: Path, number: int) -> Path:
    return save_checkpoint(folder, {"number": number, "weights": torch.full((3,), float(number))})


def number_in(folder: Path) -> int:
    data = load_checkpoint(folder)
    assert data is not None
    return int(data["number"])


def test_what_was_saved_is_loaded_and_the_one_before_is_kept(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path) is None
    for number in (1, 2, 3):
        assert save(tmp_path, number) == tmp_path / CHECKPOINT
    data = load_checkpoint(tmp_path)
    assert data is not None
    assert data["number"] == 3
    assert data["weights"].tolist() == [3.0, 3.0, 3.0]
    assert sorted(path.name for path in tmp_path.iterdir()) == [CHECKPOINT, PREVIOUS]
    (tmp_path / CHECKPOINT).unlink()
    assert number_in(tmp_path) == 2


def test_every_kind_of_array_of_a_world_survives(tmp_path: Path) -> None:
    dtypes = (torch.uint64, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
    arrays = {str(kind): torch.tensor([1, 2], dtype=kind) for kind in (*dtypes, torch.bool)}
    save_checkpoint(tmp_path, arrays)
    data = load_checkpoint(tmp_path)
    assert data is not None
    for name, array in arrays.items():
        assert data[name].dtype == array.dtype
        assert torch.equal(data[name], array)


@pytest.mark.parametrize("length", [0, 10, 400, -1])
def test_a_damaged_checkpoint_is_refused_with_its_path_and_the_way_out(
    tmp_path: Path, length: int
) -> None:
    save(tmp_path, 1)
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(
        CheckpointError, match=r"is corrupt or not a checkpoint .*train anew"
    ) as one:
        load_checkpoint(tmp_path)
    assert str(path) in str(one.value)


def test_the_previous_one_stays_usable_beside_a_damaged_one(tmp_path: Path) -> None:
    save(tmp_path, 1)
    save(tmp_path, 2)
    (tmp_path / CHECKPOINT).write_bytes(b"half a file")
    with pytest.raises(CheckpointError, match=rf"delete it: .*{PREVIOUS} is used then"):
        load_checkpoint(tmp_path)
    (tmp_path / CHECKPOINT).unlink()
    assert number_in(tmp_path) == 1


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    torch.save({"format": 1, "malice": Malice(mark)}, tmp_path / CHECKPOINT)
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path)
    assert not mark.exists()


def test_another_format_is_refused(tmp_path: Path) -> None:
    torch.save({"format": 99}, tmp_path / CHECKPOINT)
    with pytest.raises(CheckpointError, match=f"has format 99, this version reads {FORMAT}"):
        load_checkpoint(tmp_path)


def test_a_full_disk_is_a_sentence_and_leaves_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 1)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match=r"cannot write .*No space left on device.*make room"):
        save(tmp_path, 2)
    assert number_in(tmp_path) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [CHECKPOINT]


@pytest.mark.parametrize("calls_before_death", [0, 1])
def test_a_process_killed_while_saving_leaves_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls_before_death: int
) -> None:
    save(tmp_path, 1)
    replace, calls = os.replace, []

    def killed(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) > calls_before_death:
            raise SystemExit
        replace(source, target)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(SystemExit):
        save(tmp_path, 2)
    monkeypatch.undo()
    assert find_checkpoint(tmp_path) is not None
    assert number_in(tmp_path) == 1
    save(tmp_path, 3)
    assert number_in(tmp_path) == 3
