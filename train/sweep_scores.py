"""What came out of the sweeps: readouts, trust over time, gains, and maps of assumptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from empathy_loop.train.cells import Cell
from empathy_loop.train.claims import Read, judge_claims
from empathy_loop.train.curves import with_band
from empathy_loop.train.evidence import Evidence
from empathy_loop.train.measures import Score, mean_score
from empathy_loop.train.social import CHANNELS, READOUTS, read_out
from empathy_loop.train.sweep_words import assumed_of, learned_of
from empathy_loop.train.sweeps import DOSES, PERSONAL, Point, Sweep, Value, points_of

LEAST_MOVED = 0.1
"""Helps an episode by which a dose must move the help it acts on, from none to full, for a gain."""
STRIDE = 8
"""Steps between two points of a trajectory."""
_TRUST = list(CHANNELS).index("trust")
_EFFECTS = {"ai_to_people": "people_to_ai", "people_to_ai": "ai_to_people"}
"""Dose to the readout that should follow from it; a dose acts on the readout of its name."""


def score_sweeps(swept: Evidence) -> dict[str, Any] | None:
    """Return what came out of the sweeps.

    Args:
        swept: What is there of the sweeps: the cells of an arm and seed are named by their points.

    Returns:
        As `train.schema_sweeps` documents `Sweeps`; None without a sweep.
    """
    comparison = swept.comparison
    if not comparison.sweeps:
        return None
    read = read_all(swept)
    return {
        "points": [
            {"name": point.name, "sweep": point.sweep, "values": dict(point.values)}
            for sweep in comparison.sweeps
            for point in points_of(sweep)
        ],
        "scores": {
            arm: {
                point: {name: mean_score(swept, found[name]) for name in READOUTS}
                for point, found in points.items()
            }
            for arm, points in read.items()
        },
        "trust": _trust(swept),
        "gains": list(_gains(swept, read)),
        "maps": list(_maps(swept, read)),
        "claims": judge_claims(swept, read),
        "assumed": assumed_of(comparison),
        "learned": learned_of(swept, read),
        "falsified_by": comparison.falsified_by,
    }


def read_all(swept: Evidence) -> Read:
    """Return arm to point to readout to seed to value, of all cells that are there."""
    found: dict[str, dict[str, dict[str, dict[int, float | None]]]] = {}
    for arm, seed, point, cell in _cells(swept):
        values = read_out(cell.social, cell.welfare, swept.comparison.count_from)
        for name, value in values.items():
            of_point = found.setdefault(arm, {}).setdefault(point, {})
            of_point.setdefault(name, {})[seed] = value
    return found


def gain(doses: Sequence[float], causes: Sequence[float], effects: Sequence[float]) -> float | None:
    """Return by how much an effect grows for each unit of its cause, under intervention.

    It is cov(dose, effect) / cov(dose, cause), the estimator of Wald (1940) with the dose as the
    instrument: what moves both cause and effect besides the dose cancels.

    Args:
        doses: What was set.
        causes: How much of the cause came about at each.
        effects: How much of the effect did.

    Returns:
        The gain; None where the dose hardly moves the cause, by less than LEAST_MOVED: the
        estimate would be a ratio of noise.
    """
    dose, cause, effect = (np.array(one, np.float64) for one in (doses, causes, effects))
    apart = dose - dose.mean()
    moved = float((apart * cause).sum())
    if abs(moved) < LEAST_MOVED * float((apart**2).sum()):
        return None
    return float((apart * effect).sum()) / moved


def _cells(swept: Evidence) -> Iterator[tuple[str, int, str, Cell]]:
    """Yield arm, seed, name of the point and cell, in the order of arms, points and seeds."""
    names = [point.name for sweep in swept.comparison.sweeps for point in points_of(sweep)]
    for arm, runs in swept.cells.items():
        for name in names:
            for seed, cells in runs.items():
                if name in cells and cells[name].social.size:
                    yield arm, seed, name, cells[name]


def _trust(swept: Evidence) -> dict[str, Any]:
    """Return how trust goes at each point of each arm, every STRIDE steps."""
    curves: dict[str, dict[str, list[Any]]] = {}
    for arm, _, point, cell in _cells(swept):
        curves.setdefault(arm, {}).setdefault(point, []).append(cell.social[::STRIDE, _TRUST])
    size = max((len(rows[0]) for one in curves.values() for rows in one.values()), default=0)
    return {
        "steps": [STRIDE * k + 1 for k in range(size)],
        "arms": {
            arm: {
                point: with_band(swept, np.array(rows, np.float64))
                for point, rows in points.items()
            }
            for arm, points in curves.items()
        },
    }


def _gains(swept: Evidence, read: Read) -> Iterator[dict[str, Any]]:
    """Yield the gains of each arm, for each setting of the axes that are no doses."""
    for arm, points in read.items():
        found: dict[tuple[tuple[str, Value], ...], dict[str, dict[int, float | None]]] = {}
        for sweep in swept.comparison.sweeps:
            for dose in DOSES:
                if dose in sweep.axes and not _is_mapped(sweep):
                    for given, group in _grouped(sweep, dose).items():
                        seeds = _gain_of_seeds(dose, group, points)
                        if seeds:
                            found.setdefault(given, {})[_EFFECTS[dose]] = seeds
        for given, one in found.items():
            there, back = (one.get(name, {}) for name in ("people_to_ai", "ai_to_people"))
            loop = {seed: _times(there[seed], back[seed]) for seed in there if seed in back}
            yield {
                "arm": arm,
                "given": dict(given),
                "people_to_ai": mean_score(swept, there),
                "ai_to_people": mean_score(swept, back),
                "loop": mean_score(swept, loop),
            }


def _grouped(sweep: Sweep, axis: str) -> dict[tuple[tuple[str, Value], ...], list[Point]]:
    """Return the points of a sweep that differ in one axis only, by what they share."""
    groups: dict[tuple[tuple[str, Value], ...], list[Point]] = {}
    for point in points_of(sweep):
        shared = tuple(pair for pair in point.values if pair[0] != axis)
        groups.setdefault(shared, []).append(point)
    return groups


def _gain_of_seeds(
    dose: str, group: Sequence[Point], points: Mapping[str, Mapping[str, Mapping[int, Any]]]
) -> dict[int, float | None]:
    """Return seed to gain over the points of a group; nothing where a point is missing."""
    if len(group) < 2 or not all(point.name in points for point in group):
        return {}
    doses = [float(dict(point.values)[dose]) for point in group]
    reads = [points[point.name] for point in group]
    return {
        seed: gain(
            doses,
            [one[dose][seed] for one in reads],
            [one[_EFFECTS[dose]][seed] for one in reads],
        )
        for seed in reads[0][dose]
    }


def _maps(swept: Evidence, read: Read) -> Iterator[dict[str, Any]]:
    """Yield, for each sweep over two assumptions, a map of each arm and each claimed readout.

    One in which nothing moves, such as the time to a barrier that nobody begins behind, is left
    out.
    """
    claimed = dict.fromkeys(one.readout for one in swept.comparison.claims if not one.control)
    for sweep in swept.comparison.sweeps:
        if not _is_mapped(sweep):
            continue
        x, y = (axis for axis in sweep.axes if axis in PERSONAL)
        (axis,) = (axis for axis in sweep.axes if axis not in PERSONAL)
        less, more = sweep.axes[axis]
        names = {point.name for point in points_of(sweep)}
        mapped = [arm for arm, points in read.items() if names & points.keys()]
        for arm, readout in product(mapped, claimed or ("people_to_ai",)):
            points = read[arm]
            rows = [
                [
                    _difference(swept, points, sweep, readout, {x: a, y: b}, (axis, more, less))
                    for a in sweep.axes[x]
                ]
                for b in sweep.axes[y]
            ]
            if not any(score["mean"] for row in rows for score in row):
                continue
            yield {
                "arm": arm,
                "sweep": sweep.name,
                "readout": readout,
                "axes": [x, y],
                "values": [list(sweep.axes[x]), list(sweep.axes[y])],
                "difference": f"{axis} {more} - {less}",
                "scores": rows,
            }


def _is_mapped(sweep: Sweep) -> bool:
    """Return whether a sweep is over two numbers of people, and two values of something else."""
    others = [values for axis, values in sweep.axes.items() if axis not in PERSONAL]
    return len(sweep.axes) == 3 and len(others) == 1 and len(others[0]) == 2


def _difference(
    swept: Evidence,
    points: Mapping[str, Mapping[str, Mapping[int, float | None]]],
    sweep: Sweep,
    readout: str,
    given: Mapping[str, Value],
    contrast: tuple[str, Value, Value],
) -> Score:
    """Return a readout at one value of an axis minus that at another, by seed."""
    axis, more, less = contrast
    sides = []
    for value in (more, less):
        values = {**given, axis: value}
        name = Point(sweep.name, tuple((one, values[one]) for one in sweep.axes)).name
        sides.append(points.get(name, {}).get(readout, {}))
    one, other = sides
    return mean_score(swept, {seed: _minus(one[seed], other.get(seed)) for seed in one})


def _times(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one * other


def _minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
