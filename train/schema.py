"""What results.json holds, key by key, and the check that refuses any other file.

The records below are the schema: `check_results` compares data with them. A number that cannot be
known is null. `Results` is the whole file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict

from empathy_loop.train.files import read_json
from empathy_loop.train.shapes import check_shape

RESULTS = "results.json"

Partners = Literal["self_play", "train", "heldout"]
Source = Literal["belief", "probe", "filter"]


class Estimate(TypedDict):
    """A number and the ends of its interval."""

    mean: float | None
    """The value over all seeds."""
    low: float | None
    """Low end; null with fewer than two seeds."""
    high: float | None
    """High end; null with fewer than two seeds."""


class Score(Estimate):
    """A measure of an arm."""

    runs: dict[str, float | None]
    """Seed to its own value."""
    note: str
    """What must be said beside it, or nothing."""


class Shift(TypedDict):
    """One shift of the evaluation."""

    name: str
    """Family and severity."""
    family: str
    """Its family."""
    severity: float
    """Share of the agents or stations that it affects."""
    trained: bool
    """Whether training met the family."""
    scored: bool
    """Whether it enters sums over shifts and tests."""
    recovery_limit: int | None
    """Steps up to which recovery times are averaged."""


class Arm(TypedDict):
    """One arm, random first and oracle last."""

    name: str
    """Its name."""
    seeds: int
    """How many of its runs are finished."""
    weights: int | None
    """With how many weights one agent acts; null where nothing is learned."""


class Contrast(TypedDict):
    """One test of a claim."""

    claim: str
    """Arm that should be better."""
    baseline: str
    """Arm that it is compared with."""
    shift: str
    """Name of a shift, or "all shifts"."""
    measure: Literal["aurc", "deficit"]
    """What is compared."""
    seeds: list[int]
    """Runs of each of the two."""
    difference: Estimate
    """Claim minus baseline."""
    p_improvement: Estimate
    """Probability that a run of the claim is the better one."""
    p_value: float
    """Of the exact Mann-Whitney test, two-sided."""
    p_holm: float
    """The same, corrected over all tests of the file."""
    p_reachable: float
    """The least p_holm that so few seeds allow."""


class Learning(TypedDict):
    """Welfare of an arm in training."""

    steps: list[float]
    """Agent steps of each point."""
    seeds: list[str]
    """Seed of each list in runs."""
    runs: list[list[float]]
    """Episode welfare at each point, one list for each seed."""
    mean: list[float | None]
    """Their mean."""
    low: list[float | None] | None
    """Low ends; null with fewer than two seeds."""
    high: list[float | None] | None
    """High ends."""


class Recovery(TypedDict):
    """Normalised level of an arm around a shift."""

    mean: list[float | None]
    """At each offset."""
    low: list[float | None] | None
    """Low ends; null with fewer than two seeds."""
    high: list[float | None] | None
    """High ends."""
    twin: list[float | None]
    """The mean without the shift."""


class Recoveries(TypedDict):
    """What happens around one shift."""

    offset: list[int]
    """Steps since the shift."""
    smoothing: int
    """Steps over which levels are smoothed."""
    arms: dict[str, Recovery]
    """Arm to its curve; anchors are 0 and 1 throughout."""


class Bins(TypedDict):
    """How often what was believed was true, all seeds together."""

    mean_p: list[float | None]
    """Mean probability of a crisis in each bin; null in an empty one."""
    share_true: list[float | None]
    """Share that was one."""
    num_entries: list[int]
    """Entries in each bin."""


class Optional(TypedDict, total=False):
    """What not every file has."""

    reliability: dict[str, dict[Partners, dict[Source, Bins]]]
    """The reliability diagrams that belong to `beliefs`; files of version 0.1.0 have none."""


class Results(Optional):
    """The file. Shifts, arms, measures and families are named by their names."""

    name: str
    """Name of the comparison."""
    summary: str
    """What it asks, in a line."""
    headline: str
    """What was found, in sentences made from the numbers below."""
    shifts: list[Shift]
    """Shifts of the evaluation."""
    arms: list[Arm]
    """All arms, those without a finished run included."""
    scores: dict[str, dict[str, dict[str, Score]]]
    """Arm to shift to name of MEASURES; arms without a finished run are absent."""
    overall: dict[str, dict[str, Score]]
    """Arm to name of OVERALL, over all scored shifts."""
    families: dict[str, dict[str, Score]]
    """Arm to shift family: the mean AURC over its severities."""
    intervals: str
    """How the intervals are made, in a sentence."""
    contrasts: list[Contrast]
    """The tests."""
    not_significant: list[str]
    """Sentences on the contrasts with p_holm above 0.05."""
    beliefs: dict[str, dict[Partners, dict[Source, dict[str, Score]]]]
    """Learned arm to partners to source to name of QUALITIES: what it knows of others' needs, in
    the evaluation at the end of its runs."""
    learning: dict[str, Learning]
    """Learned arm to its curve."""
    references: dict[str, float]
    """Arm that does not learn to its episode welfare in the world of training."""
    recovery: dict[str, Recoveries]
    """Shift to the curves around it."""
    episode: str
    """What the animated episode shows."""
    failures: dict[str, str]
    """Name of a run to why it failed."""
    limits: list[str]
    """Sentences on what the numbers do not show."""
    command: str
    """What makes all this again."""
    version: str
    """Version of the package."""
    fingerprint: str
    """Hash of the settings."""


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
