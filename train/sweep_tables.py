"""What a report and a terminal show of sweeps: tables as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from empathy_loop.train.social import READOUTS
from empathy_loop.train.team_tables import Entry, Table

DOSES_PICTURE, TRUST_PICTURE, MAPS_PICTURE = "doses.png", "trust.png", "maps.png"


def claim_tables(results: Mapping[str, Any]) -> Iterator[Table]:
    """Yield the table of claims and controls, where there are any.

    Args:
        results: As `train.schema` documents them.
    """
    claims = (results.get("sweeps") or {}).get("claims")
    if claims:
        yield Table(
            "Claims and controls",
            ("claim", "readout", "more", "less", "difference", "P(more)", "p", "p, Holm"),
            [_claim(one) for one in claims],
            "More and less: means over seeds of the two sides. p is two-sided and exact (Mann and "
            "Whitney; where pairs are said, Wilcoxon's signed ranks); Holm's correction is over "
            "the claims. Of a control nothing should come out. "
            "A seed of an arm that does not learn is a set of worlds.",
        )


def sweep_tables(results: Mapping[str, Any]) -> Iterator[Table]:
    """Yield the tables of what came out of each sweep, and of the gains.

    Args:
        results: As `train.schema` documents them.
    """
    sweeps = results.get("sweeps")
    if not sweeps:
        return
    if sweeps["gains"]:
        yield _gains(sweeps["gains"])
    for name in dict.fromkeys(point["sweep"] for point in sweeps["points"]):
        if not any(one["sweep"] == name for one in sweeps["maps"]):
            yield _sweep(sweeps, name)


def describe(values: Mapping[str, Any]) -> str:
    """Return axes with their values as text."""
    return ", ".join(
        f"{axis} {value:g}" if isinstance(value, float) else f"{axis} {value}"
        for axis, value in values.items()
    )


def _claim(claim: Mapping[str, Any]) -> list[Entry]:
    more, less = (f"{claim[side]['arm']}; {claim[side]['point']}" for side in ("more", "less"))
    return [
        f"{'control: ' if claim['control'] else ''}{claim['says']} ({more} against {less})",
        claim["readout"].replace("_", " "),
        *({"mean": value, "low": None, "high": None, "note": ""} for value in claim["values"]),
        claim["difference"],
        claim["p_improvement"],
        f"{claim['p_value']:.3f}{' (pairs)' if claim.get('paired') else ''}",
        f"{claim['p_holm']:.3f}" if "p_holm" in claim else "",
    ]


def _gains(gains: list[Mapping[str, Any]]) -> Table:
    return Table(
        "What help brings back",
        ("arm", "given", "people per help of AI", "AI per help of people", "closed loop"),
        [
            [
                one["arm"],
                describe(one["given"]),
                one["people_to_ai"],
                one["ai_to_people"],
                one["loop"],
            ]
            for one in gains
        ],
        "By how many helps of the other side help grows for each help more, where the dose of the "
        "first is set from outside (Wald's estimator, the dose as instrument); the closed loop is "
        "the product. Above 1, help would feed on itself; at 0 there is no loop. A seed in which "
        "the dose hardly moves the help, as where nobody gives any, has no gain.",
        DOSES_PICTURE,
    )


def _sweep(sweeps: Mapping[str, Any], name: str) -> Table:
    """Return every readout of each arm at each point of a sweep; older files have fewer."""
    rows = [
        (arm, describe(point["values"]), found[point["name"]])
        for arm, found in sweeps["scores"].items()
        for point in sweeps["points"]
        if point["sweep"] == name and point["name"] in found
    ]
    readouts = {
        one.replace("_", " "): one for one in READOUTS if any(one in read for *_, read in rows)
    }
    return Table(
        f"Sweep: {name}",
        ("arm", "at", *readouts),
        [[arm, at, *(read.get(one) for one in readouts.values())] for arm, at, read in rows],
        "; ".join(f"{title}: {READOUTS[one]}" for title, one in readouts.items()) + ".",
    )
