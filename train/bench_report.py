"""What a bench found, as plain data that a later one can be compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from empathy_loop.train.files import read_json
from empathy_loop.train.hardware import hardware, peak_memory_mib, versions
from empathy_loop.train.timing import Measurement, Spread, ratios

FORMAT = "empathy-loop bench 1"
"""First entry of every file; the number changes when a reader of the old one would go wrong."""

Report = Mapping[str, Any]


class Change(NamedTuple):
    """One measurement then and now.

    Attributes:
        name: What was measured.
        unit: Unit of the two rates.
        then: Median rate of the earlier report.
        now: Median rate of the later one.
        ratio: now / then: above 1 is faster.
    """

    name: str
    unit: str
    then: float
    now: float
    ratio: float


class Changes(NamedTuple):
    """Two reports side by side.

    Attributes:
        both: What both have, in the order of the later one.
        only_now: Names that only the later report has.
        only_then: Names that only the earlier report has.
    """

    both: list[Change]
    only_now: list[str]
    only_then: list[str]


def report_of(
    what: str, measurements: Sequence[Measurement], repeats: int, seconds: float
) -> dict[str, Any]:
    """Return what was measured, where and when.

    Args:
        what: env, train, all or gpu.
        measurements: All of one run.
        repeats: Rounds that were measured.
        seconds: Least length of a measurement.

    Returns:
        Plain data: `format`, `what`, `date` (UTC), `repeats`, `seconds`, `hardware`, `versions`
        (see `train.hardware`), `peak_memory_mib` (of this process until now; None if unknown),
        `measurements` and `growth`. A measurement has `name`, `role`, `unit`, `threads`,
        `worlds`, `agents`, `rates` (one a repeat), their `median`, `lowest` and `highest`;
        `time_shares` (part to share; None without parts), `share_of_floor` (`floor`, its name,
        and `median`, `lowest`, `highest` over repeats of rate / rate of the floor; None without)
        and `cost` (`of`, the name of another, and the same three of the time of this / of that;
        None without). An entry of growth has `agents`, `linear`, their ratio to the fewest, and
        `cost` (`median`, `lowest`, `highest` over repeats of the time of an agent step / that
        with the fewest).
    """
    return {
        "format": FORMAT,
        "what": what,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "repeats": repeats,
        "seconds": seconds,
        "hardware": hardware(),
        "versions": versions(),
        "peak_memory_mib": peak_memory_mib(),
        "measurements": _entries(measurements),
        "growth": _growth(measurements),
    }


def read_report(path: Path) -> Report:
    """Return a report that was written before.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged, or not a report; the message names the file and what is wrong.
    """
    data = read_json(path)
    wrong = _what_is_wrong(data)
    if wrong:
        raise ValueError(
            f"{path} is not a file of empathy-loop bench: {wrong}; give one that "
            "`empathy-loop bench env`, `train`, `all` or `gpu` has written"
        )
    report: Report = data
    return report


def changes(earlier: Report, later: Report) -> Changes:
    """Return how the medians of two reports compare, by name.

    Args:
        earlier: What the later one is compared with.
        later: The other.
    """
    then, now = (
        {entry["name"]: entry for entry in report["measurements"]} for report in (earlier, later)
    )
    return Changes(
        both=[
            Change(
                name,
                entry["unit"],
                then[name]["median"],
                entry["median"],
                entry["median"] / then[name]["median"],
            )
            for name, entry in now.items()
            if name in then
        ],
        only_now=[name for name in now if name not in then],
        only_then=[name for name in then if name not in now],
    )


def _entries(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """Return every measurement as plain data."""
    rates = {found.workload.name: found.rates for found in measurements}
    entries = []
    for workload, own, time_shares in measurements:
        share = cost = None
        if workload.floor is not None:
            share = {"floor": workload.floor, **ratios(own, rates[workload.floor])._asdict()}
        if workload.cost_of is not None:
            cost = {"of": workload.cost_of, **ratios(rates[workload.cost_of], own)._asdict()}
        entries.append(
            {
                "name": workload.name,
                "role": workload.role,
                "unit": workload.unit,
                "threads": workload.threads,
                "worlds": workload.worlds,
                "agents": workload.agents,
                "rates": own,
                **Spread.of(own)._asdict(),
                "time_shares": time_shares,
                "share_of_floor": share,
                "cost": cost,
            }
        )
    return entries


def _growth(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """Return what an agent step costs among more agents, as a ratio to that among the fewest."""
    rates = {
        found.workload.agents: found.rates
        for found in measurements
        if found.workload.role == "growth" and found.workload.agents is not None
    }
    return [
        {
            "agents": agents,
            "linear": agents / min(rates),
            "cost": ratios(rates[min(rates)], own)._asdict(),
        }
        for agents, own in rates.items()
    ]


def _what_is_wrong(data: Any) -> str | None:
    """Return why plain data is not a report that can be compared, or None if it is one."""
    if not isinstance(data, dict):
        return f"it holds a {type(data).__name__} where a table of names is expected"
    if data.get("format") != FORMAT:
        return f"its format is {data.get('format')!r}, not {FORMAT!r}"
    entries = data.get("measurements")
    if not isinstance(entries, list):
        return f"its measurements are {entries!r}, not a list"
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            return f"its measurement {number} has no name"
        if not isinstance(entry.get("unit"), str):
            return f"its measurement {entry['name']!r} has no unit"
        median = entry.get("median")
        if not isinstance(median, int | float) or not math.isfinite(median) or median <= 0.0:
            return f"the median of its measurement {entry['name']!r} is {median!r}, not above 0"
    return None
