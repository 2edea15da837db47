"""Files are whole or absent, and a folder has one process at a time."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from empathy_loop.train.files import (
    check_out,
    exclusive,
    read_json,
    write_bytes,
    write_json,
    write_text,
)


def test_what_was_written_is_read_back_and_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "numbers.json"
    assert write_json(path, {"x": [1, 2.5, None, "\u00e9"]}) == path
    assert read_json(path) == {"x": [1, 2.5, None, "\u00e9"]}
    assert path.read_text().endswith("}\n")
    assert write_text(path, "two\nlines").read_bytes() == b"two\nlines"
    assert sorted(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_to_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, folder = write_text(tmp_path / "there" / "file", "x"), tmp_path / "there"
    for path, is_folder in ((folder, True), (file, False), (folder / "new" / "deep", True)):
        check_out(path, is_folder)
    for path, is_folder, message in (
        (folder, False, "is a folder, and a file is to be written"),
        (file, True, "is a file, and a folder is to be written"),
        (file / "x", True, "is a file, so that"),
        (file / "x", False, "is a file, so that"),
    ):
        with pytest.raises(ValueError, match=message):
            check_out(path, is_folder)
    # All but that folder is closed: it can be written into, and nothing beside it.
    monkeypatch.setattr(os, "access", lambda place, mode: place == folder)
    check_out(folder, True)
    check_out(folder / "new", True)
    check_out(file, False)
    with pytest.raises(ValueError, match="may not be written to"):
        check_out(tmp_path / "beside", True)


def test_a_full_disk_leaves_what_stood_there_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_bytes(tmp_path / "file", b"before")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_killed_while_writing_leaves_what_stood_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_bytes(tmp_path / "file", b"before")

    def killed(*arguments: object) -> None:
        raise SystemExit

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(SystemExit):
        write_bytes(path, b"after")
    assert path.read_bytes() == b"before"
    monkeypatch.undo()
    write_bytes(path, b"after")
    assert path.read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [path]


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["[1, 2]", "[\n 1,\n null ]", "null"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(data=PLAIN)
def test_json_is_read_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    path = write_json(tmp_path_factory.getbasetemp() / "any.json", data)
    assert read_json(path) == data


def test_a_list_of_numbers_has_one_line(tmp_path: Path) -> None:
    curve = {"mean": [0.5, -1e-09, None, 3], "of": [[1, 2], []], "names": ["a", "b"]}
    text = write_json(tmp_path / "curve.json", curve).read_text()
    assert '"mean": [0.5, -1e-09, null, 3],' in text
    assert "    [1, 2],\n" in text
    assert '    "a",\n' in text


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_do_not_reach_a_file(tmp_path: Path, number: float) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "file.json", {"x": number})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b'{"x": ', b"", b"\xff\xfe\x00"])
def test_damaged_json_is_refused_with_its_path(tmp_path: Path, content: bytes) -> None:
    path = write_bytes(tmp_path / "file.json", content)
    with pytest.raises(
        ValueError, match=r"file\.json is damaged, no whole JSON .*move it away and"
    ) as caught:
        read_json(path)
    assert str(path) in str(caught.value)


def test_a_folder_in_use_is_refused_and_free_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "here"
    for _ in range(2):
        with (
            exclusive(folder),
            pytest.raises(ValueError, match=r"another process works in .*here"),
            exclusive(folder, patience_seconds=0.0),
        ):
            pass


def test_a_folder_is_free_when_its_process_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from empathy_loop.train.files import exclusive\n"
        "with exclusive(Path(sys.argv[1])):\n    print('in', flush=True)\n    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "in\n"
        with pytest.raises(ValueError, match="another process"), exclusive(tmp_path, 0.0):
            pass
        holder.kill()
        holder.wait()
    with exclusive(tmp_path, 0.0):
        pass
