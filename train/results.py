"""The results of a comparison as plain data: all that its report and its pictures are made of.

results.json, in which "score" stands for {mean, low, high, runs, note}: the value over all seeds;
the ends of its interval, null with fewer than two seeds; seed to its own value, null where it is
not known; and what must be said beside it, or nothing. A mean that cannot be told is null.

name, summary  of the comparison
headline       what was found, in sentences made from the numbers below
shifts         [{name, family, severity, trained, scored, recovery_limit}]; trained: whether
               training met the family; scored: whether it enters sums over shifts and tests;
               recovery_limit: steps up to which recovery times are averaged, or null
arms           [{name, seeds, weights}], random first and oracle last; seeds: how many runs are
               finished; weights: with which one agent acts, null where nothing is learned
scores         arm -> shift -> name of MEASURES -> score; arms without a finished run are absent
overall        arm -> name of OVERALL -> score, over all scored shifts
families       arm -> shift family -> score, the mean AURC over its severities
intervals      how the intervals are made, in a sentence
tested         which differences are tested, in a sentence
contrasts      [{claim, baseline, shift, team, measure, seeds, difference, p_improvement, p_value,
               p_holm, p_reachable}]; shift may be "all shifts"; team: a name in TEAMS; measure:
               aurc or deficit; seeds: runs of each; difference (claim - baseline) and p_improvement
               (that the claim's run is the better one): {mean, low, high}; p_holm: corrected over
               all entries; p_reachable: the least p_holm that so few seeds allow
differences    the same without p_value, p_holm and p_reachable: those that are not tested
not_significant  sentences on the contrasts with p_holm above 0.05
teams          team other than self_play, which all else is about -> {scores, overall, families},
               each as above; anchors are those of the same team
cross_play     learned arm -> {seeds, level}; level[i][j]: over whole episodes without a shift, of
               seeds[i] in all seats but the last, which seeds[j] plays; null where it is not known
lesions        learned arm -> name of LESIONS -> shift, "all shifts" or "none" -> score: the deficit
               with the lesion minus the arm's own; none: what the lesion costs without a shift
continued      {steps, shift, arms}, or nothing; arms: learned arm -> aurc or deficit -> before or
               after training went on under the shift -> score; before: in context alone
beliefs        learned arm -> name of PARTNERS -> of SOURCES -> of QUALITIES -> score: what it knows
               of others' needs, in the evaluation at the end of its runs
learning       learned arm -> {steps, seeds, runs, mean, low, high}: agent steps, then episode
               welfare in training at each, one list for each seed in runs
references     arm that does not learn -> its episode welfare in the world of training
recovery       shift -> {offset, smoothing, arms}; offset: steps since the shift; arms: arm ->
               {mean, low, high, twin}, n at each offset; twin: the same without the shift
episode        what the animated episode shows, a sentence
failures       name of a run -> why it failed
limits         sentences on what the numbers do not show
command        what makes all this again
version, fingerprint  of the package, and of the settings
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from empathy_loop.agents.arm import build_network
from empathy_loop.train.belief_scores import score_beliefs
from empathy_loop.train.cells import Cell
from empathy_loop.train.contrasts import (
    contrast_all,
    describe_tests,
    headline,
    not_significant,
)
from empathy_loop.train.curves import learning_curves, recovery_curves, reference_welfare
from empathy_loop.train.evidence import (
    Adapted,
    Evidence,
    gather_all,
    recovery_limit,
    scored_shifts,
)
from empathy_loop.train.measures import MEASURES, OVERALL, Measure
from empathy_loop.train.notes import INTERVALS, command_of, describe_episode, limits_of
from empathy_loop.train.plan import Comparison, identity_of, plan_runs
from empathy_loop.train.team_scores import (
    adapt_teams,
    cross_play_matrix,
    score_continued,
    score_lesions,
    score_team,
)
from empathy_loop.train.teams import SELF_PLAY, conditions_of

__all__ = ["MEASURES", "OVERALL", "RESULTS", "Measure", "make_results"]

RESULTS = "results.json"


def make_results(
    comparison: Comparison,
    found: Mapping[str, Mapping[str, Cell]],
    failures: Mapping[str, str],
    folder: Path,
) -> dict[str, Any]:
    """Score a comparison.

    The generator of every interval is seeded with the fingerprint of the comparison: the same
    cells give the same results.

    Args:
        comparison: Its settings.
        found: Name of a run to name of a cell to Cell; runs that failed are absent.
        failures: Name of a run to why it failed.
        folder: Folder of the comparison; the logs and evaluations of its runs are read there.

    Returns:
        Plain data, as the head of this module documents it.
    """
    conditions = conditions_of(comparison.teams, comparison.lesions, comparison.seeds)
    evidences = gather_all(comparison, found, conditions)
    adapted_teams = adapt_teams(evidences)
    evidence, adapted = adapted_teams[SELF_PLAY]
    teams = {team: score_team(*scored) for team, scored in adapted_teams.items()}
    own = teams.pop(SELF_PLAY)
    overall = {SELF_PLAY: own["overall"]} | {team: one["overall"] for team, one in teams.items()}
    contrasts, differences = contrast_all(adapted_teams)
    return {
        "name": comparison.name,
        "summary": comparison.summary,
        "headline": headline(evidence, overall, contrasts),
        "shifts": _shifts(evidence, adapted),
        "arms": _arms(evidence),
        **own,
        "intervals": INTERVALS,
        "tested": describe_tests(comparison, scored_shifts(evidence, adapted)),
        "contrasts": contrasts,
        "differences": differences,
        "not_significant": not_significant(contrasts),
        "teams": teams,
        "cross_play": cross_play_matrix(evidences),
        "lesions": score_lesions(evidences),
        "continued": score_continued(evidences),
        "beliefs": score_beliefs(evidence, folder),
        "learning": learning_curves(evidence, folder),
        "references": reference_welfare(evidence),
        "recovery": {shift.name: recovery_curves(evidence, shift) for shift in comparison.shifts},
        "episode": describe_episode(evidence),
        "failures": dict(failures),
        "limits": limits_of(evidence, adapted),
        "command": command_of(comparison),
        "version": version("empathy-loop"),
        "fingerprint": identity_of(comparison),
    }


def _arms(evidence: Evidence) -> list[dict[str, Any]]:
    weights = {
        run.arm: build_network(run.config.agent, run.config.world, seed=0).acting_weights()
        for run in plan_runs(evidence.comparison)
        if run.is_learned
    }
    return [
        {"name": arm, "seeds": len(evidence.cells.get(arm, {})), "weights": weights.get(arm)}
        for arm in evidence.comparison.all_arms
    ]


def _shifts(evidence: Evidence, adapted: Adapted) -> list[dict[str, Any]]:
    scored = scored_shifts(evidence, adapted)
    return [
        {
            "name": shift.name,
            "family": shift.family,
            "severity": shift.severity,
            "trained": shift.family == evidence.comparison.train_shift,
            "scored": shift in scored,
            "recovery_limit": recovery_limit(adapted, shift),
        }
        for shift in evidence.comparison.shifts
    ]
