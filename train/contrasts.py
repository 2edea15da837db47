"""What a comparison says about its claims: differences, tests, and sentences made from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from empathy_loop.train.evidence import Adapted, Evidence, rows_of, scored_shifts
from empathy_loop.train.measures import MEASURES, Score, mean_of_all
from empathy_loop.train.plan import CEILING, FLOOR, Shift
from empathy_loop.train.statistics import (
    Floats,
    bootstrap_interval,
    holm,
    interquartile_mean,
    mann_whitney_p,
    p_improvement,
    smallest_p,
)

SIGNIFICANCE = 0.05
"""Corrected p up to which a difference is called significant."""
ALL_SHIFTS = "all shifts"
"""Name that stands for all scored shifts together."""
SIGNS = {"aurc": 1.0, "deficit": -1.0}
"""Measures that are tested, and whether more (1) or less (-1) of them is better."""

Contrast = dict[str, Any]


def contrast_all(evidence: Evidence, adapted: Adapted) -> list[Contrast]:
    """Return every test of a report.

    Each pair of `comparison.contrasts` that has runs is tested on all scored shifts together, if
    there is more than one, and on each of them, on AURC and on the deficit. p is that of the
    exact Mann-Whitney test on one number for each run, its mean over the shifts; Holm's
    correction is over all tests of the report.

    Args:
        evidence: What is there.
        adapted: Of `adapt_all`.

    Returns:
        As `train.results` documents `contrasts`.
    """
    shifts = scored_shifts(evidence, adapted)
    scopes = [[shift] for shift in shifts]
    if len(shifts) > 1:
        scopes.insert(0, shifts)
    entries = [
        _contrast(evidence, adapted, pair, scope, measure)
        for pair in evidence.comparison.contrasts
        if all(arm in evidence.cells for arm in pair)
        for scope in scopes
        for measure in SIGNS
    ]
    corrected = holm([entry["p_value"] for entry in entries])
    reachable = holm([smallest_p(*entry["seeds"]) for entry in entries])
    for entry, p_value, least in zip(entries, corrected, reachable, strict=True):
        entry["p_holm"], entry["p_reachable"] = p_value, least
    return entries


def headline(
    evidence: Evidence, overall: Mapping[str, Mapping[str, Score]], contrasts: Sequence[Contrast]
) -> str:
    """Return what a comparison has found, in a few sentences made from its numbers.

    Args:
        evidence: What is there.
        overall: As `train.results` documents it.
        contrasts: Of `contrast_all`.
    """
    comparison = evidence.comparison
    if not comparison.contrasts:
        arms = [arm for arm in overall if arm not in (FLOOR, CEILING)]
        found = [f"{arm} {_score(overall[arm]['cas'])}" for arm in arms if _is_known(overall[arm])]
        return f"CAS: {', '.join(found)}." if found else "No arm could be scored."
    claim, baseline = comparison.contrasts[0]
    missing = [arm for arm in (claim, baseline, FLOOR, CEILING) if arm not in evidence.cells]
    pair = f"{claim} against {baseline}"
    if missing:
        return f"{pair}: not scored, for no run of {' or '.join(missing)} is finished."
    if not contrasts:
        return (
            f"{pair}: not scored, for the gap between {FLOOR} and {CEILING} is too small or "
            "no step follows the shift."
        )
    level, deficit = contrasts[:2]
    seeds = " and ".join(dict.fromkeys(_seeds(number) for number in level["seeds"]))
    return (
        f"{pair} ({level['shift']}, {seeds}{' each' if ' and ' not in seeds else ''}): "
        f"CAS {_score(overall[claim]['cas'])} against {_score(overall[baseline]['cas'])}, "
        f"deficit {_score(overall[claim]['deficit'])} against "
        f"{_score(overall[baseline]['deficit'])}; "
        f"probability of improvement {_score(level['p_improvement'])} in level and "
        f"{_score(deficit['p_improvement'])} in deficit. "
        f"{_verdict('level', level)} {_verdict('deficit', deficit)}"
    )


def not_significant(contrasts: Sequence[Contrast]) -> list[str]:
    """Return a sentence for each difference that was not significant, and why none could be.

    Args:
        contrasts: Of `contrast_all`.
    """
    lines = [
        f"{entry['claim']} - {entry['baseline']}, {entry['shift']}, "
        f"{MEASURES[entry['measure']].title}: {_score(entry['difference'])}, "
        f"p = {entry['p_value']:.3f}, {entry['p_holm']:.3f} after Holm."
        for entry in contrasts
        if entry["p_holm"] > SIGNIFICANCE
    ]
    out_of_reach = [entry for entry in contrasts if entry["p_reachable"] > SIGNIFICANCE]
    if out_of_reach:
        runs, others = out_of_reach[0]["seeds"]
        which = (
            f"None of the {len(contrasts)} tests could"
            if len(out_of_reach) == len(contrasts)
            else f"{len(out_of_reach)} of the {len(contrasts)} tests could not"
        )
        lines.insert(
            0,
            f"{which} have been significant at {SIGNIFICANCE:g}, whatever the runs had done: the "
            f"least p of {runs} against {others} seeds is {smallest_p(runs, others):.3f}, and "
            f"{out_of_reach[0]['p_reachable']:.3f} after Holm.",
        )
    return lines


def _contrast(
    evidence: Evidence, adapted: Adapted, pair: tuple[str, str], scope: list[Shift], measure: str
) -> Contrast:
    """Return one test, without what depends on the others."""
    claim, baseline = (rows_of(adapted, arm, measure, scope) for arm in pair)
    centre = interquartile_mean if len(scope) > 1 else mean_of_all
    sign = SIGNS[measure]

    def difference(one: Floats, other: Floats) -> Floats:
        return centre(one) - centre(other)

    def improvement(one: Floats, other: Floats) -> Floats:
        return p_improvement(sign * one, sign * other)

    def score(statistic: Callable[[Floats, Floats], Floats]) -> dict[str, float | None]:
        interval = bootstrap_interval(
            statistic, claim, baseline, generator=evidence.generator()
        ) or (None, None)
        ends = dict(zip(("low", "high"), interval, strict=True))
        return {"mean": float(statistic(claim, baseline)), **ends}

    return {
        "claim": pair[0],
        "baseline": pair[1],
        "shift": scope[0].name if len(scope) == 1 else ALL_SHIFTS,
        "measure": measure,
        "seeds": [len(claim), len(baseline)],
        "difference": score(difference),
        "p_improvement": score(improvement),
        "p_value": mann_whitney_p(claim.mean(1), baseline.mean(1)),
    }


def _verdict(name: str, entry: Contrast) -> str:
    """Return a sentence that says which arm is ahead, and whether that is significant."""
    difference = entry["difference"]["mean"] * SIGNS[entry["measure"]]
    if difference == 0.0:
        return f"No difference in {name}."
    ahead = entry["claim"] if difference > 0.0 else entry["baseline"]
    p_value = f"p = {entry['p_holm']:.3f} after Holm"
    if entry["p_holm"] <= SIGNIFICANCE:
        return f"In {name}, {ahead} is ahead, significantly ({p_value})."
    reason = ""
    if entry["p_reachable"] > SIGNIFICANCE:
        reason = f"; so few seeds cannot reach less than {entry['p_reachable']:.3f}"
    return f"In {name}, {ahead} is ahead, but not significantly ({p_value}{reason})."


def _seeds(number: int) -> str:
    return f"{number} seed{'' if number == 1 else 's'}"


def _is_known(scores: Mapping[str, Score]) -> bool:
    return scores["cas"]["mean"] is not None


def _score(score: Mapping[str, Any]) -> str:
    """Return a mean with its interval, as text."""
    if score["low"] is None:
        return f"{score['mean']:z.2f}"
    return f"{score['mean']:z.2f} [{score['low']:z.2f}, {score['high']:z.2f}]"
