"""What was compiled is kept, and never used for rules that have changed since."""

from __future__ import annotations

from pathlib import Path

import numba
import numpy as np
import pytest

from empathy_loop.envs import kernel, random, step


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that stands for the source of the rules, with one file in a subfolder."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "needs.py").write_text("need_growth = 0.04")
    monkeypatch.setattr(kernel, "_HERE", tmp_path)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    return tmp_path


def test_a_change_of_any_rule_changes_where_all_of_them_are_kept(source: Path) -> None:
    before = kernel._cache_folder()
    assert kernel._cache_folder() == before
    (source / "rules" / "needs.py").write_text("need_growth = 0.05")
    assert kernel._cache_folder() != before


def test_a_read_only_installation_keeps_them_in_the_home_folder(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kernel._cache_folder().parent == source / "__pycache__"
    monkeypatch.setattr("os.access", lambda path, mode: False)
    monkeypatch.setenv("HOME", str(source / "home"))
    assert kernel._cache_folder().parent == source / "home" / ".cache" / "empathy-loop"


def test_a_folder_that_the_user_chose_is_kept_to(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(source / "chosen"))
    assert kernel._cache_folder().parent == source / "chosen"


def test_compiled_rules_lie_there_and_other_code_of_the_user_does_not() -> None:
    assert step.step_batch.stats.cache_path.startswith(kernel._FOLDER)
    assert numba.config.CACHE_DIR != kernel._FOLDER


def double(numbers):
    for i in range(numbers.shape[0]):
        numbers[i] *= 2


def test_processes_that_compile_at_the_same_time_do_not_overwrite_each_others_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "_FOLDER", str(tmp_path))

    processes = kernel.batch(double), kernel.batch(double)
    for process, dtype in zip(processes, (np.int8, np.float64), strict=True):
        # Each has looked before the other has written.
        monkeypatch.setattr(process._cache._cache_file, "_load_index", dict)
        process(np.ones(2, dtype))
    assert len(list(tmp_path.rglob("*.nbc"))) == 2


def test_what_is_kept_is_found_again_for_every_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "_FOLDER", str(tmp_path))

    for hits in (0, 1):
        process = kernel.batch(double)
        for dtype in (np.int8, np.float64):
            numbers = np.ones(2, dtype)
            process(numbers)
            assert (numbers == 2).all()
        assert sum(process.stats.cache_hits.values()) == 2 * hits


def test_a_rule_says_that_python_cannot_call_it() -> None:
    with pytest.raises(TypeError, match=r"fold is for kernels, not for Python; call numba.njit"):
        random.fold(np.uint64(1), 2)


def test_a_rule_is_compiled_once_for_all_constants_that_it_is_called_with() -> None:
    @kernel.hot
    def doubled(number):
        return 2 * number

    @numba.njit
    def called_with_constants():
        return doubled(1) + doubled(2) + doubled(3)

    assert called_with_constants() == 12
    assert len(doubled._dispatcher.signatures) == 1
