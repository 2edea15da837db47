"""The file of results: reading it, and the check that refuses any other."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from empathy_loop.train.contrasts import ALL_SHIFTS, SIGNS
from empathy_loop.train.files import read_json
from empathy_loop.train.schema import Results
from empathy_loop.train.shapes import check_shape
from empathy_loop.train.teams import SELF_PLAY, TEAMS

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
            names what is not there, or lacks what is drawn. The message says which.
    """
    check_shape(data, Results, source)
    if not re.fullmatch("[0-9a-f]{16}", data["fingerprint"]):
        raise ValueError(
            f"{source}: fingerprint must be 16 hexadecimal digits, got {data['fingerprint']!r}"
        )
    arms = [arm["name"] for arm in data["arms"]]
    _check_team(data, data, f"{source}: ")
    for part in ("beliefs", "reliability", "cross_play", "lesions", "learning", "references"):
        _check_names(data.get(part, {}), arms, f"{source}: {part}")
    teams = data.get("teams", {})
    _check_names(teams, list(TEAMS), f"{source}: teams")
    for team, found in teams.items():
        _check_team(found, data, f"{source}: teams.{team}.")
    _check_differences(data, source)
    _check_curves(data, source)
    _check_bins(data.get("reliability", {}), f"{source}: reliability")
    _check_matrices(data.get("cross_play", {}), f"{source}: cross_play")
    for part, measures in (("speed", ()), ("continued", SIGNS)):
        for arm, found in (data.get(part) or {"arms": {}})["arms"].items():
            where = f"{source}: {part}.arms"
            _check_names([arm], arms, where)
            known = list(measures or data[part]["welfare"])
            _check_names(found, known, f"{where}.{arm}", all_of_them=True)


def _check_team(found: Mapping[str, Any], data: Mapping[str, Any], where: str) -> None:
    """Refuse scores of a team that leave out what is drawn, or are of other runs on each shift."""
    arms = [arm["name"] for arm in data["arms"]]
    shifts = [shift["name"] for shift in data["shifts"]]
    _check_names(found["scores"], arms, f"{where}scores")
    for arm, by_shift in found["scores"].items():
        _check_names(by_shift, shifts, f"{where}scores.{arm}", all_of_them=True)
        for shift, scores in by_shift.items():
            _demand(scores, ("aurc", "deficit", "welfare"), f"{where}scores.{arm}.{shift}")
            runs, first = (list(by_shift[one]["aurc"]["runs"]) for one in (shift, shifts[0]))
            if runs != first:
                raise ValueError(
                    f"{where}scores.{arm}.{shift}.aurc.runs must be of the same seeds on each "
                    f"shift, {', '.join(first)}, got {', '.join(runs)}"
                )
    for part in ("overall", "families"):
        _check_names(found[part], list(found["scores"]), f"{where}{part}", all_of_them=True)
    for arm, scores in found["overall"].items():
        _demand(scores, ("cas", "deficit"), f"{where}overall.{arm}")


def _check_differences(data: Mapping[str, Any], source: str) -> None:
    """Refuse a difference between what is not there."""
    arms = [arm["name"] for arm in data["arms"]]
    shifts = [ALL_SHIFTS, *(shift["name"] for shift in data["shifts"])]
    for part in ("contrasts", "differences"):
        for i, entry in enumerate(data.get(part, ())):
            where = f"{source}: {part}[{i}]"
            _check_names([entry["claim"], entry["baseline"]], arms, where)
            _check_names([entry["shift"]], shifts, where)
            _check_names([entry.get("team", SELF_PLAY)], list(TEAMS), where)
            _check_lengths({"seeds": entry["seeds"]}, 2, where)


def _check_curves(data: Mapping[str, Any], source: str) -> None:
    """Refuse curves of what is not there, or with more or fewer points than places."""
    arms = [arm["name"] for arm in data["arms"]]
    shifts = [shift["name"] for shift in data["shifts"]]
    _check_names(data["recovery"], shifts, f"{source}: recovery", all_of_them=True)
    groups = {f"recovery.{shift}": (one, "offset") for shift, one in data["recovery"].items()}
    if "profiles" in data:
        groups["profiles"] = (data["profiles"], "thresholds")
    for name, (curves, places) in groups.items():
        _check_names(curves["arms"], arms, f"{source}: {name}.arms")
        for arm, curve in curves["arms"].items():
            _check_lengths(curve, len(curves[places]), f"{source}: {name}.arms.{arm}")
    for arm, curve in data["learning"].items():
        lists = {name: curve[name] for name in ("mean", "low", "high")}
        lists |= {f"runs[{i}]": run for i, run in enumerate(curve["runs"])}
        _check_lengths(lists, len(curve["steps"]), f"{source}: learning.{arm}")
        _check_lengths({"runs": curve["runs"]}, len(curve["seeds"]), f"{source}: learning.{arm}")


def _check_bins(reliability: Mapping[str, Any], where: str) -> None:
    """Refuse a reliability diagram whose bins are not all told in full."""
    for arm, found in reliability.items():
        for partners, sources in found.items():
            for source, bins in sources.items():
                size = len(bins["num_entries"])
                _check_lengths(bins, size, f"{where}.{arm}.{partners}.{source}")


def _check_matrices(cross_play: Mapping[str, Any], where: str) -> None:
    """Refuse a matrix that has not an entry for each pair of seeds."""
    for arm, found in cross_play.items():
        rows = {f"level[{i}]": row for i, row in enumerate(found["level"])}
        _check_lengths({"level": found["level"]} | rows, len(found["seeds"]), f"{where}.{arm}")


def _check_names(
    found: Collection[str], known: Sequence[str], where: str, all_of_them: bool = False
) -> None:
    """Refuse names that nothing else of the file knows, or that are missing."""
    for name in found:
        if name not in known:
            raise ValueError(f"{where}.{name} is unknown; the file knows {', '.join(known)}")
    if all_of_them:
        _demand(found, known, where)


def _demand(found: Collection[str], names: Iterable[str], where: str) -> None:
    """Refuse what lacks a name."""
    for name in names:
        if name not in found:
            raise ValueError(f"{where}.{name} is missing")


def _check_lengths(curve: Mapping[str, Any], number: int, where: str) -> None:
    """Refuse a curve that has not as many points as it has places."""
    for name, values in curve.items():
        if isinstance(values, list) and len(values) != number:
            raise ValueError(f"{where}.{name} must have {number} entries, got {len(values)}")
