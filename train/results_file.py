"""The file of results: reading it, and the check that refuses any other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from empathy_loop.train.files import read_json
from empathy_loop.train.schema import Results
from empathy_loop.train.shapes import check_shape

RESULTS = "results.json"


def read_results(path: Path) -> dict[str, Any]:
    """Return the results of a comparison from their file, or from the folder that holds it.

    Raises:
        ValueError: there is none, it is not JSON, or it holds something else; the message names
            the file, and the key that is wrong.
    """
    file = path / RESULTS if path.is_dir() else path
    if not file.is_file():
        raise ValueError(
            f"there is no file {file}; give the folder of a comparison, or its {RESULTS}"
        )
    data = read_json(file)
    check_results(data, str(file))
    found: dict[str, Any] = data
    return found


def check_results(data: Any, source: str) -> None:
    """Refuse data that are not the results of a comparison.

    Args:
        data: As JSON gives them.
        source: What to name in errors, such as the file.

    Raises:
        ValueError: a key is missing, unknown, or of another type than `Results` says; or a part
            names an arm or a shift that is not there. The message says which.
    """
    check_shape(data, Results, source)
    if not re.fullmatch("[0-9a-f]{16}", data["fingerprint"]):
        raise ValueError(
            f"{source}: fingerprint must be 16 hexadecimal digits, got {data['fingerprint']!r}"
        )
    arms = [arm["name"] for arm in data["arms"]]
    shifts = [shift["name"] for shift in data["shifts"]]
    for part in ("scores", "overall", "families", "beliefs", "learning", "references"):
        _check_names(data[part], arms, f"{source}: {part}")
    for arm, found in data["scores"].items():
        _check_names(found, shifts, f"{source}: scores.{arm}", all_of_them=True)
    for part in ("overall", "families"):
        _check_names(data[part], list(data["scores"]), f"{source}: {part}", all_of_them=True)
    _check_names(data["recovery"], shifts, f"{source}: recovery", all_of_them=True)
    for shift, curves in data["recovery"].items():
        _check_names(curves["arms"], arms, f"{source}: recovery.{shift}.arms")
        for arm, curve in curves["arms"].items():
            where = f"{source}: recovery.{shift}.arms.{arm}"
            _check_lengths(curve, len(curves["offset"]), where)
    for arm, curve in data["learning"].items():
        lists = {name: curve[name] for name in ("mean", "low", "high")}
        lists |= {f"runs[{i}]": run for i, run in enumerate(curve["runs"])}
        _check_lengths(lists, len(curve["steps"]), f"{source}: learning.{arm}")


def _check_names(
    found: Mapping[str, Any], known: list[str], where: str, all_of_them: bool = False
) -> None:
    """Refuse names that nothing else of the file knows, or that are missing."""
    for name in found:
        if name not in known:
            raise ValueError(f"{where}.{name} is unknown; the file knows {', '.join(known)}")
    for name in known if all_of_them else ():
        if name not in found:
            raise ValueError(f"{where}.{name} is missing")


def _check_lengths(curve: Mapping[str, Any], number: int, where: str) -> None:
    """Refuse a curve that has not as many points as it has places."""
    for name, values in curve.items():
        if isinstance(values, list) and len(values) != number:
            raise ValueError(f"{where}.{name} must have {number} entries, got {len(values)}")
