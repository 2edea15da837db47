"""The claims of a comparison about its sweeps: tested, and told in a sentence each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from empathy_loop.train.contrasts import SIGNIFICANCE
from empathy_loop.train.evidence import Evidence
from empathy_loop.train.measures import mean_of_all
from empathy_loop.train.significance import (
    holm,
    mann_whitney_p,
    paired_p,
    signed_rank_p,
    smallest_p,
    smallest_signed_rank_p,
)
from empathy_loop.train.statistics import Floats, bootstrap_interval, p_improvement
from empathy_loop.train.sweeps import Claim

Read = Mapping[str, Mapping[str, Mapping[str, Mapping[int, float | None]]]]
"""Arm to name of a point to readout to seed to value."""


def judge_claims(swept: Evidence, read: Read) -> list[dict[str, Any]]:
    """Return each claim and control with its difference, its p, and a verdict.

    Where both sides are the same runs, in the same worlds and under two circumstances, the interval
    of the difference is that of each run's own difference. p is that of the exact Mann-Whitney
    test, two-sided, on one number for each seed; it takes the sides for independent, which in such
    pairs makes it larger than it need be, where a test of signs could not reach the level with
    five. Claims that say so are tested in pairs, by the exact signed-rank test. Holm's correction
    is over all claims. Controls stand apart, are not corrected, and in
    pairs are tested by Student's t as well: it shall be easier for them to fail.

    Args:
        swept: What is there of the sweeps.
        read: Of `sweep_scores.read_all`.

    Returns:
        As `train.schema_sweeps` documents `Claim`; those that have no runs are left out.
    """
    found = (_judged(swept, read, claim) for claim in swept.comparison.claims)
    entries = [entry for entry in found if entry is not None]
    tested = [entry for entry in entries if not entry["control"]]
    corrected = holm([entry["p_value"] for entry in tested])
    reachable = holm([_smallest_p(entry) for entry in tested])
    for entry, p_value, least in zip(tested, corrected, reachable, strict=True):
        entry["p_holm"], entry["p_reachable"] = p_value, least
    for entry in entries:
        entry["verdict"] = _verdict(entry)
    return entries


def headline_of(sweeps: Mapping[str, Any] | None) -> str:
    """Return what became of the claims, failed controls first, as the beginning of a headline.

    Args:
        sweeps: As `train.schema_sweeps` documents `Sweeps`, or None.

    Returns:
        A sentence for each claim and a space; nothing without one.
    """
    claims: Sequence[Mapping[str, Any]] = sweeps["claims"] if sweeps else []
    failed = [one["verdict"] for one in claims if one["control"] and has_failed(one)]
    others = [one["verdict"] for one in claims if not (one["control"] and has_failed(one))]
    return "".join(f"{verdict} " for verdict in (*failed, *others))


def _judged(swept: Evidence, read: Read, claim: Claim) -> dict[str, Any] | None:
    """Return what is there of a claim, as yet without correction and verdict; None without runs."""
    (arm, point), (than_arm, than_point) = claim.sides
    sides = [
        _known(read.get(name, {}).get(there.name, {}).get(claim.readout, {}))
        for name, there in claim.sides
    ]
    if not all(sides):
        return None
    are_pairs = arm == than_arm and sides[0].keys() == sides[1].keys()
    in_pairs = claim.paired and are_pairs
    more, less = (np.array(list(side.values()))[:, None] for side in sides)
    return {
        "says": claim.says,
        "control": claim.control,
        "readout": claim.readout,
        "more": {"arm": arm, "point": point.name},
        "less": {"arm": than_arm, "point": than_point.name},
        "seeds": [len(more), len(less)],
        "values": [float(more.mean()), float(less.mean())],
        "p_paired": paired_p((more - less)[:, 0]) if are_pairs else None,
        "difference": _estimate(swept, mean_of_all, more - less)
        if are_pairs
        else _estimate(swept, _difference, more, less),
        "p_improvement": _estimate(swept, p_improvement, more, less),
        "p_value": signed_rank_p((more - less)[:, 0])
        if in_pairs
        else mann_whitney_p(more[:, 0], less[:, 0]),
        "paired": in_pairs,
    }


def _smallest_p(entry: Mapping[str, Any]) -> float:
    """Return the least p that the test of a claim allows with so many runs."""
    one, other = entry["seeds"]
    return smallest_signed_rank_p(one) if entry["paired"] else smallest_p(one, other)


def has_failed(control: Mapping[str, Any]) -> bool:
    """Return whether a control shows a difference, in either direction, where none should be."""
    return _control_p(control) <= SIGNIFICANCE


def _control_p(control: Mapping[str, Any]) -> float:
    """Return the p by which a control is judged, the smaller one where it has two."""
    p_paired = control["p_paired"]
    return float(control["p_value"] if p_paired is None else min(p_paired, control["p_value"]))


def _verdict(entry: Mapping[str, Any]) -> str:
    """Return a sentence that says whether a claim holds, with its numbers."""
    score, (more, less) = entry["difference"], entry["values"]
    ends = "" if score["low"] is None else f" [{score['low']:z.2f}, {score['high']:z.2f}]"
    numbers = (
        f"{entry['readout'].replace('_', ' ')} {more:z.2f} against {less:z.2f}, "
        f"difference {score['mean']:z.2f}{ends}"
    )
    if entry["control"]:
        if has_failed(entry):
            which = "they do" if score["mean"] > 0.0 else "the opposite is so"
            return (
                f"CONTROL FAILED: nothing should show of this, that {entry['says']}, but {which} "
                f"({numbers}, p = {_control_p(entry):.3f}); claims about the same circumstances "
                "cannot be read as they are meant."
            )
        return f"As it should, the control does not show that {entry['says']} ({numbers})."
    p_value = f"p = {entry['p_holm']:.3f} after Holm"
    if entry["p_holm"] <= SIGNIFICANCE:
        word = "It holds" if score["mean"] > 0.0 else "The opposite of the claim holds"
        return f"{word} that {entry['says']} ({numbers}, {p_value})."
    if entry["p_reachable"] > SIGNIFICANCE:
        p_value += f"; so few seeds cannot reach less than {entry['p_reachable']:.3f}"
    return f"It is not shown that {entry['says']} ({numbers}, {p_value})."


def _known(values: Mapping[int, float | None]) -> dict[int, float]:
    """Return the seeds whose value is known, in their order, with it."""
    return {seed: value for seed, value in sorted(values.items()) if value is not None}


def _difference(one: Floats, other: Floats) -> Floats:
    return mean_of_all(one) - mean_of_all(other)


def _estimate(swept: Evidence, statistic: Any, *samples: Floats) -> dict[str, Any]:
    """Return a statistic of both sides, or of their differences, with its interval."""
    interval = bootstrap_interval(statistic, *samples, generator=swept.generator())
    low, high = interval or (None, None)
    return {"mean": float(statistic(*samples)), "low": low, "high": high}
