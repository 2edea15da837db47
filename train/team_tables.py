"""What a report and a terminal show of teams, lesions and continued training: tables as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from empathy_loop.train.contrasts import ALL_SHIFTS
from empathy_loop.train.measures import MEASURES, OVERALL
from empathy_loop.train.team_scores import pair_means
from empathy_loop.train.teams import LESIONS, SELF_PLAY, TEAMS

CROSS_PLAY_PICTURE = "cross_play.png"
HEADLINE = ("cas", "deficit")
"""Measures of OVERALL that are shown for all teams side by side, in a table each."""

Entry = str | Mapping[str, Any] | None
"""A text, or a score as `train.schema` documents it."""


class Table(NamedTuple):
    """A table.

    Attributes:
        title: What it shows.
        header: Heading of each column.
        rows: An entry for each column.
        caption: What must be said beside it.
        picture: File name of the picture that belongs to it, or nothing.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Entry]]
    caption: str
    picture: str = ""


def team_tables(results: Mapping[str, Any]) -> Iterator[Table]:
    """Yield the tables of what results say beside self-play; those of earlier versions say nothing.

    Args:
        results: As `train.schema` documents them.
    """
    if results.get("teams"):
        yield from _teams(results)
        yield from _each_team(results)
    if results.get("cross_play"):
        yield _cross_play(results)
    if results.get("lesions"):
        yield from _lesions(results)
    if results.get("continued"):
        yield _continued(results["continued"])
    if results.get("speed"):
        yield _speed(results["speed"])


def difference_tables(results: Mapping[str, Any]) -> Iterator[Table]:
    """Yield what is tested, with a table of the differences that are not.

    Args:
        results: As `train.schema` documents them.
    """
    rows = [
        [
            f"{entry['claim']} - {entry['baseline']}",
            entry.get("team", SELF_PLAY),
            entry["shift"],
            MEASURES[entry["measure"]].title,
            entry["difference"],
            entry["p_improvement"],
        ]
        for entry in results.get("differences", ())
    ]
    if rows:
        header = ("arms", "team", "shift", "measure", "difference", "P(improvement)")
        yield Table("Differences that are not tested", header, rows, results["tested"])


def _teams(results: Mapping[str, Any]) -> Iterator[Table]:
    """Yield CAS, and the deficit, of each arm in each team."""
    overall = {SELF_PLAY: results["overall"]}
    overall |= {team: found["overall"] for team, found in results["teams"].items()}
    for name in HEADLINE:
        yield Table(
            f"In teams: {OVERALL[name].title}",
            ("arm", *overall),
            [
                [arm, *(overall[team].get(arm, {}).get(name) for team in overall)]
                for arm in _arms(results)
            ],
            "; ".join(f"{team}: {TEAMS[team]}" for team in overall)
            + ". Random and oracle, 0 and 1, sit in the arm's seats of the same team.",
        )


def _each_team(results: Mapping[str, Any]) -> Iterator[Table]:
    """Yield what stands beside CAS and the deficit: each family, the worst, and how all fare."""
    for team, found in results["teams"].items():
        families = list(dict.fromkeys(name for one in found["families"].values() for name in one))
        measures = [name for name in OVERALL if name not in HEADLINE]
        headings = (*(f"AURC, {name}" for name in families), *(OVERALL[n].title for n in measures))
        rows: list[list[Entry]] = [
            [
                arm,
                *(found["families"][arm].get(name) for name in families),
                *(found["overall"][arm].get(name) for name in measures),
            ]
            for arm in _arms(results)
            if arm in found["overall"]
        ]
        yield Table(f"Over all shifts, {team}", ("arm", *headings), rows, f"{team}: {TEAMS[team]}.")


def _cross_play(results: Mapping[str, Any]) -> Table:
    """Return the level among copies and with one partner of another seed, and what lies between."""
    columns = ("with_copies", "with_another", "gap")
    rows: list[list[Entry]] = []
    for arm, found in results["cross_play"].items():
        means = found if "gap" in found else pair_means(found["level"])
        rows.append([arm, *(_plain(means[name]) for name in columns)])
    return Table(
        "Cross-play between seeds",
        ("arm", "with copies", "with another seed", "gap"),
        rows,
        "Level over whole episodes without a shift, means over pairs of seeds. In the picture, the "
        "seed of the row plays all seats but one, that of the column the last.",
        CROSS_PLAY_PICTURE,
    )


def _lesions(results: Mapping[str, Any]) -> Iterator[Table]:
    """Yield what of the level after a shift each arm owes to what a lesion takes."""
    shifts = [shift["name"] for shift in results["shifts"]]
    columns = [*([ALL_SHIFTS] if len(shifts) > 1 else []), *shifts, "none"]
    for lesion, meaning in LESIONS.items():
        rows = [
            [arm, *(scores[lesion].get(name) for name in columns)]
            for arm, scores in results["lesions"].items()
            if lesion in scores
        ]
        if rows:
            yield Table(
                f"What a lesion costs: {lesion}",
                ("arm", *columns[:-1], "without a shift"),
                rows,
                f"{lesion}: {meaning}. The deficit with the lesion minus the arm's own, both from "
                "the twin of the intact arm, in self-play: what of the level after the shift is "
                "owed to what was taken. Without a shift: what the lesion costs from the same step "
                "on where nothing has changed.",
            )


def _continued(found: Mapping[str, Any]) -> Table:
    """Return level and deficit before and after training went on."""
    columns = [(measure, when) for measure in ("aurc", "deficit") for when in ("before", "after")]
    return Table(
        f"Continued training: {found['steps']:,} agent steps more under {found['shift']}",
        ("arm", *(f"{MEASURES[measure].title} {when}" for measure, when in columns)),
        [
            [arm, *(scores[measure][when] for measure, when in columns)]
            for arm, scores in found["arms"].items()
        ],
        f"On {found['shift']}, in self-play. Before: weights are fixed, and all adaptation is "
        "within the episode. After: weights were trained on under the shift, which it no longer "
        "holds out.",
    )


def _speed(found: Mapping[str, Any]) -> Table:
    """Return the steps that each arm took to each level."""
    levels = found["welfare"]
    return Table(
        "Steps to a level, in thousands",
        ("arm", *(f"level {level} (welfare {welfare:.2f})" for level, welfare in levels.items())),
        [[arm, *(scores[level] for level in levels)] for arm, scores in found["arms"].items()],
        "Agent steps of training until the learning curve of a seed first reaches a level between "
        f"random (0) and oracle (1); restricted mean up to {found['limit']:.0f} thousand steps.",
    )


def _arms(results: Mapping[str, Any]) -> list[str]:
    """Return the arms that have scores, in the order of the comparison."""
    return [arm["name"] for arm in results["arms"] if arm["name"] in results["overall"]]


def _plain(value: float | None) -> Entry:
    """Return a number as a score without an interval."""
    return {"mean": value, "low": None, "high": None, "note": ""}
