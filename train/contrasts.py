"""What a comparison says about its claims: differences, tests, and sentences made from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from empathy_loop.train.evidence import Adapted, Evidence, rows_of, scored_shifts
from empathy_loop.train.markup import in_words
from empathy_loop.train.measures import MEASURES, Score, mean_of_all
from empathy_loop.train.plan import CEILING, FLOOR, Comparison, Shift
from empathy_loop.train.significance import holm, mann_whitney_p, smallest_p
from empathy_loop.train.statistics import (
    Floats,
    bootstrap_interval,
    mean_of_typical_runs,
    p_improvement,
)
from empathy_loop.train.teams import HELDOUT, SELF_PLAY, TESTED_TEAMS

SIGNIFICANCE = 0.05
"""Corrected p up to which a difference is called significant."""
ALL_SHIFTS = "all shifts"
"""Name that stands for all scored shifts together."""
SIGNS = {"aurc": 1.0, "deficit": -1.0}
"""Measures that are tested, and whether more (1) or less (-1) of them is better."""

NAMES = {HELDOUT: "Beside held-out partners"}
"""How the headline begins what it says of a team other than self-play."""

Contrast = dict[str, Any]
Overall = Mapping[str, Mapping[str, Score]]
Scored = tuple[Evidence, Adapted]
"""What is there of one team, and what each shift did there."""


def contrast_all(found: Mapping[str, Scored]) -> tuple[list[Contrast], list[Contrast]]:
    """Return every difference of a report: those that are tested, and those that are not.

    For each team, each pair of `comparison.contrasts` that has runs is compared on all scored
    shifts together, if there is more than one, and on each of them, on AURC and on the deficit.
    In TESTED_TEAMS these are tested; with `tests = "overall"`, only all shifts together are. p is
    that of the exact Mann-Whitney test on one number for each run, its mean over the shifts;
    Holm's correction is over all tests of the report. So few tests that five seeds can pass them
    are worth more than many that none can.

    Args:
        found: Team to its evidence and what shifts did there, self-play first.

    Returns:
        As `train.schema` documents `contrasts` and `differences`.
    """
    tested: list[Contrast] = []
    others: list[Contrast] = []
    for team, (evidence, adapted) in found.items():
        for pair in evidence.comparison.contrasts:
            if not all(arm in evidence.cells for arm in pair):
                continue
            for place, scope in enumerate(_scopes(evidence, adapted)):
                main = place == 0 or evidence.comparison.tests == "each"
                for measure in SIGNS:
                    entry, p_value = _contrast(evidence, adapted, pair, scope, measure)
                    entry["team"] = team
                    if team in TESTED_TEAMS and main:
                        tested.append(entry | {"p_value": p_value})
                    else:
                        others.append(entry)
    corrected = holm([entry["p_value"] for entry in tested])
    reachable = holm([smallest_p(*entry["seeds"]) for entry in tested])
    for entry, p_value, least in zip(tested, corrected, reachable, strict=True):
        entry["p_holm"], entry["p_reachable"] = p_value, least
    return tested, others


def describe_tests(comparison: Comparison, scored: Sequence[Shift]) -> str:
    """Return what is tested, in a sentence; nothing where there is no contrast or no shift.

    Args:
        comparison: Its settings.
        scored: The shifts that enter tests.
    """
    if not comparison.contrasts or not scored:
        return ""
    pairs = ", ".join(f"{claim} - {baseline}" for claim, baseline in comparison.contrasts)
    shifts = ", ".join(
        shift.name + (" (met in training)" if shift.family == comparison.train_shift else "")
        for shift in scored
    )
    together = "all shifts together" if len(scored) > 1 else "the shift"
    each = " and on each by itself" if comparison.tests == "each" and len(scored) > 1 else ""
    teams = " and ".join(team for team in comparison.teams if team in TESTED_TEAMS)
    return (
        f"Tested: {pairs}, on level (AURC) and deficit, on {together}{each}, in {teams}. The "
        f"shifts: {shifts}. All other differences are given as intervals, without a p."
    )


def headline(
    evidence: Evidence,
    overall: Mapping[str, Overall],
    contrasts: Sequence[Contrast],
) -> str:
    """Return what a comparison has found, in a few sentences made from its numbers.

    Self-play comes first, and what is beside held-out partners follows it, so that what copies of
    one learner agree on among themselves does not stand alone.

    Args:
        evidence: What is there, of self-play.
        overall: Team to what `train.schema` documents as `overall`, self-play first.
        contrasts: The tested ones of `contrast_all`.
    """
    sentences = [_headline(evidence, overall[SELF_PLAY], _of_team(contrasts, SELF_PLAY))]
    if _of_team(contrasts, SELF_PLAY) or not evidence.comparison.contrasts:
        for team in TESTED_TEAMS[1:]:
            if overall.get(team):
                found = _headline(evidence, overall[team], _of_team(contrasts, team))
                sentences.append(f"{NAMES[team]}, {found}")
    return " ".join(sentences)


def _of_team(contrasts: Sequence[Contrast], team: str) -> list[Contrast]:
    return [entry for entry in contrasts if entry["team"] == team]


def _headline(evidence: Evidence, overall: Overall, contrasts: Sequence[Contrast]) -> str:
    """Return what was found in one team."""
    comparison = evidence.comparison
    if not comparison.contrasts:
        arms = [arm for arm in overall if arm not in (FLOOR, CEILING)]
        found = [
            f"{arm} {in_words(overall[arm]['cas'])}" for arm in arms if _is_known(overall[arm])
        ]
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
        f"CAS {in_words(overall[claim]['cas'])} against {in_words(overall[baseline]['cas'])}, "
        f"deficit {in_words(overall[claim]['deficit'])} against "
        f"{in_words(overall[baseline]['deficit'])}; "
        f"probability of improvement {in_words(level['p_improvement'])} in level and "
        f"{in_words(deficit['p_improvement'])} in deficit. "
        f"{_verdict('level', level)} {_verdict('deficit', deficit)}"
    )


def not_significant(contrasts: Sequence[Contrast]) -> list[str]:
    """Return a sentence for each difference that was not significant, and why none could be.

    Args:
        contrasts: Of `contrast_all`.
    """
    lines = [
        f"{entry['claim']} - {entry['baseline']}, {scope_of(entry)}, "
        f"{MEASURES[entry['measure']].title}: {in_words(entry['difference'])}, "
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


def scope_of(entry: Contrast) -> str:
    """Return where a difference was found: the shift and, if it is not self-play, the team."""
    team = entry.get("team", SELF_PLAY)
    return str(entry["shift"]) + ("" if team == SELF_PLAY else f", {team}")


def _scopes(evidence: Evidence, adapted: Adapted) -> list[list[Shift]]:
    """Return the shifts that are taken together: all, if there are several, then each."""
    shifts = scored_shifts(evidence, adapted)
    return [*([shifts] if len(shifts) > 1 else []), *([shift] for shift in shifts)]


def _contrast(
    evidence: Evidence, adapted: Adapted, pair: tuple[str, str], scope: list[Shift], measure: str
) -> tuple[Contrast, float]:
    """Return one difference, and the p that it has where it is tested."""
    claim, baseline = (rows_of(adapted, arm, measure, scope) for arm in pair)
    centre = mean_of_typical_runs if len(scope) > 1 else mean_of_all
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

    entry = {
        "claim": pair[0],
        "baseline": pair[1],
        "shift": scope[0].name if len(scope) == 1 else ALL_SHIFTS,
        "measure": measure,
        "seeds": [len(claim), len(baseline)],
        "difference": score(difference),
        "p_improvement": score(improvement),
    }
    return entry, mann_whitney_p(claim.mean(1), baseline.mean(1))


def _verdict(name: str, entry: Contrast) -> str:
    """Return a sentence that says which arm is ahead, if the difference is significant."""
    difference = entry["difference"]["mean"] * SIGNS[entry["measure"]]
    if difference == 0.0:
        return f"No difference in {name}."
    p_value = f"p = {entry['p_holm']:.3f} after Holm"
    if entry["p_holm"] <= SIGNIFICANCE:
        ahead = entry["claim"] if difference > 0.0 else entry["baseline"]
        return f"In {name}, {ahead} is ahead, significantly ({p_value})."
    reason = ""
    if entry["p_reachable"] > SIGNIFICANCE:
        reason = f"; so few seeds cannot reach less than {entry['p_reachable']:.3f}"
    return f"In {name}, no difference was shown ({p_value}{reason})."


def _seeds(number: int) -> str:
    return f"{number} seed{'' if number == 1 else 's'}"


def _is_known(scores: Mapping[str, Score]) -> bool:
    return scores["cas"]["mean"] is not None
