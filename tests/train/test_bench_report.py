"""Reports hold what they promise, ratios are right, and what is no report is refused by name."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from empathy_loop.train.bench_report import FORMAT, changes, read_report, report_of
from empathy_loop.train.files import write_json
from empathy_loop.train.timing import Measurement, Workload


def measured(name: str, rates: list[float], **more: Any) -> Measurement:
    shares = more.pop("shares", None)
    options = {"role": "speed", "unit": "agent steps/s", **more}
    return Measurement(Workload(name, work=lambda: 1.0, **options), rates, shares)


def made(medians: dict[str, float]) -> dict[str, Any]:
    """Return a report with these medians."""
    return report_of("env", [measured(name, [rate]) for name, rate in medians.items()], 1, 1.0)


def test_a_report_says_what_was_measured_where_and_when() -> None:
    found = report_of("train", [measured("a", [1.0, 3.0])], repeats=2, seconds=0.5)
    assert list(found) == [
        *("format", "what", "date", "repeats", "seconds", "hardware", "versions"),
        *("peak_memory_mib", "measurements", "growth"),
    ]
    assert (found["format"], found["what"]) == (FORMAT, "train")
    assert (found["repeats"], found["seconds"]) == (2, 0.5)
    assert found["hardware"].keys() == {"processor", "cores", "memory_mib", "system"}
    assert found["versions"].keys() == {"python", "numpy", "numba", "torch", "empathy-loop"}
    assert found["peak_memory_mib"] > 0.0
    age = datetime.now(UTC) - datetime.fromisoformat(found["date"])
    assert 0.0 <= age.total_seconds() < 60.0


def test_a_measurement_has_all_its_repeats_and_its_sizes() -> None:
    arm = measured(
        "arm",
        [6.0, 2.0, 3.0],
        **{"threads": 2, "worlds": 64, "agents": 3, "floor": "floor", "cost_of": "floor"},
        shares={"env": 0.25},
    )
    floor = measured("floor", [8.0, 4.0, 4.0], role="floor")
    entry, bare = report_of("train", [arm, floor], 3, 1.0)["measurements"]
    assert entry == {
        **{"name": "arm", "role": "speed", "unit": "agent steps/s"},
        **{"threads": 2, "worlds": 64, "agents": 3},
        **{"rates": [6.0, 2.0, 3.0], "median": 3.0, "lowest": 2.0, "highest": 6.0},
        "time_shares": {"env": 0.25},
        # 6/8, 2/4 and 3/4: of the same repeat each.
        "share_of_floor": {"floor": "floor", "median": 0.75, "lowest": 0.5, "highest": 0.75},
        # 8/6, 4/2 and 4/3 in time.
        "cost": {"of": "floor", "median": 4 / 3, "lowest": 4 / 3, "highest": 2.0},
    }
    assert bare["cost"] is None
    assert bare["worlds"] is bare["agents"] is bare["time_shares"] is bare["share_of_floor"] is None


def test_growth_is_the_time_of_a_step_over_that_among_the_fewest() -> None:
    found = report_of(
        "env",
        [
            measured("few", [8.0, 6.0, 9.0], role="growth", agents=2),
            measured("many", [4.0, 6.0, 3.0], role="growth", agents=8),
            measured("other", [1.0, 1.0, 1.0], agents=4),
        ],
        *(3, 1.0),
    )
    assert found["growth"] == [
        {"agents": 2, "linear": 1.0, "cost": {"median": 1.0, "lowest": 1.0, "highest": 1.0}},
        # Half as fast is twice the time: 8/4, 6/6 and 9/3.
        {"agents": 8, "linear": 4.0, "cost": {"median": 2.0, "lowest": 1.0, "highest": 3.0}},
    ]


def test_without_growing_worlds_there_is_no_growth() -> None:
    assert report_of("train", [measured("a", [1.0])], 1, 1.0)["growth"] == []


def test_what_is_written_is_read_as_it_was(tmp_path: Path) -> None:
    report = made({"a": 2.0})
    assert read_report(write_json(tmp_path / "env.json", report)) == report


def test_changes_are_ratios_of_medians_by_name() -> None:
    found = changes(
        earlier=made({"slower": 4.0, "gone": 1.0, "faster": 2.0}),
        later=made({"faster": 5.0, "new": 7.0, "slower": 3.0}),
    )
    assert [change._asdict() for change in found.both] == [
        {"name": "faster", "unit": "agent steps/s", "then": 2.0, "now": 5.0, "ratio": 2.5},
        {"name": "slower", "unit": "agent steps/s", "then": 4.0, "now": 3.0, "ratio": 0.75},
    ]
    assert found.only_now == ["new"]
    assert found.only_then == ["gone"]


def with_entry(**changed: Any) -> dict[str, Any]:
    entry = {"name": "a", "unit": "steps/s", "median": 1.0}
    return {"format": FORMAT, "measurements": [entry | changed]}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ([1, 2], "it holds a list where a table of names is expected"),
        ({"scores": {}}, f"its format is None, not {FORMAT!r}"),
        ({"format": "empathy-loop bench 0"}, "its format is 'empathy-loop bench 0', not"),
        ({"format": FORMAT}, "its measurements are None, not a list"),
        (with_entry(name=None), "its measurement 0 has no name"),
        (with_entry(unit=3), "its measurement 'a' has no unit"),
        (with_entry(median=0.0), "the median of its measurement 'a' is 0.0, not above 0"),
        (with_entry(median=None), "the median of its measurement 'a' is None, not above 0"),
    ],
)
def test_what_is_no_report_is_refused_with_file_and_reason(
    tmp_path: Path, data: Any, reason: str
) -> None:
    path = write_json(tmp_path / "other.json", data)
    with pytest.raises(ValueError, match="is not a file of empathy-loop bench") as caught:
        read_report(path)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)
    assert "give one that `empathy-loop bench env`, `train`, `all` or `gpu` has written" in str(
        caught.value
    )
