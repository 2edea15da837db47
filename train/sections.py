"""The sections of the page of a comparison, each made from its results and its pictures.

A section is a function that yields HTML, and nothing where its part of the results is missing.
`SECTIONS` is the page from top to bottom: a new part of the results gets a function there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

from empathy_loop.train.beliefs import PARTNERS, QUALITIES, SOURCES
from empathy_loop.train.contrasts import scope_of
from empathy_loop.train.markup import (
    TOO_FEW,
    cell,
    format_score,
    listing,
    meanings,
    picture,
    score_table,
    table,
)
from empathy_loop.train.measures import MEASURES, OVERALL, Measure
from empathy_loop.train.plots import recovery_file
from empathy_loop.train.sweep_tables import (
    MAPS_PICTURE,
    TRUST_PICTURE,
    claim_tables,
    sweep_tables,
)
from empathy_loop.train.team_tables import Table, difference_tables, team_tables

EPISODE = "episode.gif"
ASSUMED = (
    "In words: a person's trust in an AI grows with each help that fits, and falls with each that "
    "hurts, with distress that the AI passes by and with help that it takes without thanks; below "
    "a barrier of trust help is refused; and people help an AI as far as they trust it, unless "
    "they exploit it, or keep accounts in rounds. All of this, the numbers and the equations "
    "(docs/rules.md), is an assumption about people: simulated people cannot prove a claim about "
    "people."
)
"""What must be said of simulated people."""
_OF_SWEEPS = {
    TRUST_PICTURE: "Trust of people in AI over an episode; the band is the interval over seeds.",
    MAPS_PICTURE: "How the result moves with two of the assumptions; with *, the interval over "
    "seeds leaves out 0.",
}

Results = Mapping[str, Any]
Pictures = Mapping[str, bytes]
Section = Callable[[Results, Pictures], Iterable[str]]


def overall(results: Results, pictures: Pictures) -> Iterable[str]:
    """Yield the pictures of all scores, and the table over all shifts."""
    yield "<h2>Who adapts</h2>"
    yield picture(pictures, "scores.png", "The dot is the mean over seeds, the line its interval.")
    names = [shift["name"] for shift in results["shifts"] if shift["scored"]]
    if not names:
        return
    yield f"<h2>Over all shifts <span class='small'>({escape(', '.join(names))})</span></h2>"
    families = {
        family: Measure(f"AURC, {family}", "")
        for found in results["families"].values()
        for family in found
    }
    scores = {arm: found | results["families"][arm] for arm, found in results["overall"].items()}
    main, rest = ({n: m for n, m in OVERALL.items() if m.is_normalised == i} for i in (True, False))
    yield score_table(results, scores, {**main, **families, **rest})
    yield meanings({**OVERALL, "family": Measure("AURC, family", "mean AURC on a shift family")})
    yield f"<p class='small'>{escape(_sizes(results))}</p>"


def profiles(results: Results, pictures: Pictures) -> Iterable[str]:
    """Yield the performance profiles."""
    if "profiles.png" in pictures:
        yield "<h2>Performance profiles</h2>"
        yield picture(
            pictures,
            "profiles.png",
            "The share of an arm's runs x shifts whose AURC is above tau; higher and further right "
            "is better, and where two curves cross, neither arm is better throughout. The band is "
            "the bootstrap interval at each tau by itself (Agarwal et al. 2021).",
        )


def shifts(results: Results, pictures: Pictures) -> Iterable[str]:
    """Yield two tables for each shift: levels between the anchors, and how the agents fare."""
    for shift in results["shifts"]:
        origin = "met in training" if shift["trained"] else "held out of training"
        yield f"<h2>{escape(shift['name'])} <span class='small'>({origin})</span></h2>"
        scores = {arm: found[shift["name"]] for arm, found in results["scores"].items()}
        for is_normalised in (True, False):
            measures = {n: m for n, m in MEASURES.items() if m.is_normalised == is_normalised}
            yield score_table(results, scores, measures)
    yield meanings(MEASURES)
    yield f"<p class='small'>{escape(results['intervals'])}</p>"


def contrasts(results: Results, pictures: Pictures) -> Iterable[str]:
    """Yield the tests."""
    if not results["contrasts"]:
        return
    yield "<h2>Is the difference real?</h2>"
    header = ["arms", "shift", "measure", "difference", "P(improvement)", "p", "p, Holm"]
    rows = []
    for entry in results["contrasts"]:
        note = {"note": TOO_FEW if min(entry["seeds"]) < 2 else ""}
        rows.append(
            [
                escape(f"{entry['claim']} - {entry['baseline']}"),
                escape(scope_of(entry)),
                MEASURES[entry["measure"]].title,
                cell(*format_score(entry["difference"] | note)),
                cell(*format_score(entry["p_improvement"])),
                f"{entry['p_value']:.3f}",
                f"{entry['p_holm']:.3f}",
            ]
        )
    yield table(header, rows)
    yield (
        "<p class='small'>The difference is of the first arm minus the second: of means over "
        "seeds, or for all shifts of interquartile means over seeds, each seed's mean over the "
        "shifts being one number. P(improvement) is the probability that "
        "a run of the first arm does better than one of the second: U / (n m) of Mann and "
        "Whitney. p is two-sided and exact; Holm's correction is over all rows.</p>"
    )
    yield from listing("What was not significant", results["not_significant"])
    yield from _tables(difference_tables(results), pictures)


def claims(results: Results, pictures: Pictures) -> Iterable[str]:
    """Yield the claims about sweeps and what became of them."""
    yield from _tables(claim_tables(results), pictures)
    sweeps = results.get("sweeps")
    if sweeps and sweeps["falsified_by"]:
        yield from listing("What would speak against them", [sweeps["falsified_by"]])


def people(results: Results, pictures: Pictures) -> Iterable[str]:
    """Yield what came out under other circumstances, and what was assumed about people."""
    yield from _tables(sweep_tables(results), pictures)
    for name, caption in _OF_SWEEPS.items():
        if name in pictures:
            yield picture(pictures, name, caption)
    sweeps = results.get("sweeps")
    if sweeps:
        yield from listing("What was assumed about people", [ASSUMED, *sweeps["assumed"]])
        yield from listing("What agents learned beside them", sweeps.get("learned", []))


def teams(results: Results, pictures: Pictures) -> Iterable[str]:
    """Yield what comes out in other company, with lesions and after continued training."""
    yield from _tables(team_tables(results), pictures)


def recovery(results: Results, pictures: Pictures) -> Iterable[str]:
    """Yield the curves around each shift."""
    yield "<h2>Around the shift</h2>"
    for shift in results["shifts"]:
        if recovery_file(shift["name"]) in pictures:
            yield picture(
                pictures,
                recovery_file(shift["name"]),
                "The band is the interval over seeds, for each step by itself. No window of the "
                "smoothing crosses the shift: before it, windows end at a step; after it, they "
                "begin there. What few worlds come to at the ends may lie out of the picture.",
            )


def beliefs(results: Results, pictures: Pictures) -> Iterable[str]:
    """Yield what is known of others' needs, and how far its probabilities can be trusted."""
    if not results["beliefs"]:
        return
    yield "<h2>What is known of others' needs</h2>"
    header = ["partners", "arm", "source", *(name.replace("_", " ") for name in QUALITIES)]
    rows = [
        [partners, escape(arm), source]
        + [cell(*format_score(scores.get(name), 3)) for name in QUALITIES]
        for partners in PARTNERS
        for arm, found in results["beliefs"].items()
        for source, scores in found.get(partners, {}).items()
    ]
    yield table(header, rows)
    yield meanings({n: Measure(n, what) for n, what in (PARTNERS | SOURCES | QUALITIES).items()})
    if "reliability.png" in pictures:
        yield picture(
            pictures,
            "reliability.png",
            "Reliability: of the crises that were given a probability, the share that were there. "
            "On the diagonal, probabilities are what they say. The belief of each arm, or where it "
            "has none the probe of its memory; the area of a dot is the share of entries.",
        )


def learning(results: Results, pictures: Pictures) -> Iterable[str]:
    """Yield the learning curves."""
    if "learning.png" in pictures:
        yield "<h2>Learning</h2>"
        yield picture(
            pictures, "learning.png", "Thin lines are single seeds; the band is the interval."
        )


def episode(results: Results, pictures: Pictures) -> Iterable[str]:
    """Yield the animated episode."""
    if EPISODE in pictures:
        yield "<h2>One episode</h2>"
        yield picture(pictures, EPISODE, results["episode"], kind="episode")


def failures(results: Results, pictures: Pictures) -> Iterable[str]:
    """Yield the runs that are missing, and why."""
    lines = [f"{name}: {reason}" for name, reason in results["failures"].items()]
    yield from listing("Runs that failed and are left out", lines)


def limits(results: Results, pictures: Pictures) -> Iterable[str]:
    """Yield what the numbers do not show."""
    yield from listing("Assumptions and limits", results["limits"])


def reproduction(results: Results, pictures: Pictures) -> Iterable[str]:
    """Yield how to make all this again."""
    yield "<h2>To reproduce</h2>"
    yield f"<pre>{escape(results['command'])}</pre>"
    packages = {"empathy-loop": results["version"], **results.get("made_with", {})}
    yield (
        f"<p class='small'>{escape(', '.join(map(' '.join, packages.items())))}; settings "
        f"<code>{escape(results['fingerprint'])}</code>. Every number of this page is in "
        "<code>results.json</code>.</p>"
    )


def _tables(tables: Iterable[Table], pictures: Pictures) -> Iterable[str]:
    """Yield tables that are made for the terminal too, each with its picture or its caption."""
    for one in tables:
        yield f"<h2>{escape(one.title)}</h2>"
        if one.picture in pictures:
            yield picture(pictures, one.picture, one.caption)
        rows = [
            [escape(part) if isinstance(part, str) else cell(*format_score(part)) for part in row]
            for row in one.rows
        ]
        yield table([escape(name) for name in one.header], rows)
        if one.picture not in pictures:
            yield f"<p class='small'>{escape(one.caption)}</p>"


SECTIONS: tuple[Section, ...] = (
    claims,
    overall,
    profiles,
    shifts,
    contrasts,
    people,
    teams,
    recovery,
    beliefs,
    learning,
    episode,
    failures,
    limits,
    reproduction,
)
"""The page below its headline, from top to bottom."""


def _sizes(results: Results) -> str:
    """Say with how many weights the learned arms act."""
    arms: dict[int, list[str]] = {}
    for arm in results["arms"]:
        if arm["weights"] is not None:
            arms.setdefault(arm["weights"], []).append(arm["name"])
    sizes = (f"{number} ({', '.join(names)})" for number, names in sorted(arms.items()))
    return f"Weights that a learned arm acts with: {'; '.join(sizes) or 'there is none'}."
