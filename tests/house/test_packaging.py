"""The four folders install as one namespace, complete, and run outside the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest
from checkers import PACKAGES, ROOT, code_folders

SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]

in_one_worker = pytest.mark.xdist_group("wheel")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel, built from a source distribution of a copy of this checkout."""
    source = tmp_path_factory.mktemp("source") / "checkout"
    out = tmp_path_factory.mktemp("wheel")
    shutil.copytree(
        ROOT, source, ignore=shutil.ignore_patterns(".*", "*.egg-info", "build", "runs")
    )
    subprocess.run(
        [sys.executable, "-P", "-m", "build", "--no-isolation", "--outdir", out, source],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder outside the checkout that holds what the wheel would install."""
    folder = tmp_path_factory.mktemp("site")
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run_outside(unpacked: Path, folder: Path, code: str, *arguments: str) -> str:
    """Run Python code in an empty folder, with the unpacked wheel first on the path."""
    finished = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_every_folder_with_code_is_listed_for_the_wheel() -> None:
    listed = SETUPTOOLS["packages"]
    assert listed == sorted(set(listed))
    assert set(listed) == code_folders(ROOT)


def test_a_folder_with_code_that_is_not_listed_would_be_seen(tmp_path: Path) -> None:
    for name in ("envs/__init__.py", "envs/rules/needs.py", "configs/agents/a.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert code_folders(tmp_path) == {"empathy_loop.envs", "empathy_loop.envs.rules"}


@pytest.mark.parametrize("name", PACKAGES)
def test_each_package_is_mapped_and_typed(name: str) -> None:
    assert SETUPTOOLS["package-dir"][f"empathy_loop.{name}"] == name
    assert (ROOT / name / "py.typed").exists()


@pytest.mark.parametrize("name", PACKAGES)
def test_no_package_can_be_imported_bare(name: str) -> None:
    assert find_spec(name) is None
    assert find_spec(f"empathy_loop.{name}") is not None


@in_one_worker
def test_the_wheel_holds_the_namespace_and_nothing_else(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"empathy_loop"}
    assert "empathy_loop/__init__.py" not in names


@in_one_worker
def test_the_wheel_holds_every_module_config_and_type_marker(wheel: Path) -> None:
    files = [
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for pattern in ("*.py", "*.json", "*.toml", "py.typed", "*.html", "*.js", "*.css", "*.pt")
        for file in (ROOT / package).rglob(pattern)
    ]
    assert {Path(name).suffix for name in files} == {
        ".py",
        ".json",
        ".toml",
        ".typed",
        ".html",
        ".js",
        ".css",
        ".pt",
    }
    names = ZipFile(wheel).namelist()
    assert {f"empathy_loop/{name}" for name in files} - set(names) == set()


@in_one_worker
@pytest.mark.parametrize("name", PACKAGES)
def test_the_unpacked_wheel_is_what_runs(unpacked: Path, tmp_path: Path, name: str) -> None:
    code = f"import empathy_loop.{name} as module; print(module.__file__)"
    assert Path(run_outside(unpacked, tmp_path, code).strip()).is_relative_to(unpacked)


@in_one_worker
def test_the_command_runs_outside_the_checkout(unpacked: Path, tmp_path: Path) -> None:
    code = "from empathy_loop.train.cli import main; main()"
    assert "compare" in run_outside(unpacked, tmp_path, code, "--help")
    assert "mutual_aid" in run_outside(unpacked, tmp_path, code, "list", "envs")
    assert "empathy" in run_outside(unpacked, tmp_path, code, "list", "references")
