"""The results of a comparison as plain data: all that its report and its pictures are made of.

What results.json holds stands in `train.schema`, key by key.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from empathy_loop.agents.arm import build_network
from empathy_loop.train.belief_scores import score_beliefs, score_reliability
from empathy_loop.train.cells import Cell
from empathy_loop.train.claims import headline_of
from empathy_loop.train.config import as_seen_by
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
from empathy_loop.train.hardware import versions
from empathy_loop.train.learning_speed import learning_speed
from empathy_loop.train.measures import MEASURES, OVERALL, Measure
from empathy_loop.train.notes import INTERVALS, command_of, describe_episode, limits_of
from empathy_loop.train.plan import Comparison, identity_of, plan_runs
from empathy_loop.train.profiles import make_profiles
from empathy_loop.train.results_file import RESULTS
from empathy_loop.train.sweep_scores import score_sweeps
from empathy_loop.train.team_scores import (
    adapt_teams,
    cross_play_matrix,
    score_continued,
    score_lesions,
    score_team,
)
from empathy_loop.train.teams import SELF_PLAY, SWEPT, conditions_of

__all__ = ["MEASURES", "OVERALL", "RESULTS", "Measure", "make_results"]


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
        Plain data, as `train.schema` documents `Results`.
    """
    conditions = conditions_of(comparison.teams, comparison.lesions, comparison.seeds)
    evidences = gather_all(comparison, found, conditions)
    adapted_teams = adapt_teams(evidences)
    evidence, adapted = adapted_teams[SELF_PLAY]
    learning, references = learning_curves(evidence, folder), reference_welfare(evidence)
    teams = {team: score_team(*scored) for team, scored in adapted_teams.items()}
    own = teams.pop(SELF_PLAY)
    overall = {SELF_PLAY: own["overall"]} | {team: one["overall"] for team, one in teams.items()}
    contrasts, differences = contrast_all(adapted_teams)
    sweeps = score_sweeps(evidences[SWEPT])
    results = {
        "name": comparison.name,
        "summary": comparison.summary,
        "headline": headline_of(sweeps) + headline(evidence, overall, contrasts),
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
        "sweeps": sweeps,
        "beliefs": score_beliefs(evidence, folder),
        "reliability": score_reliability(evidence, folder),
        "learning": learning,
        "references": references,
        "speed": learning_speed(evidence, learning, references),
        "recovery": {shift.name: recovery_curves(evidence, shift) for shift in comparison.shifts},
        "episode": describe_episode(evidence),
        "failures": dict(failures),
        "limits": limits_of(evidence, adapted),
        **_origin(comparison),
    }
    return results | {"profiles": make_profiles(results)}


def _origin(comparison: Comparison) -> dict[str, Any]:
    """Return by what the numbers were made, and from which settings."""
    return {
        "command": command_of(comparison),
        "version": version("empathy-loop"),
        "made_with": versions(),
        "fingerprint": identity_of(comparison),
    }


def _arms(evidence: Evidence) -> list[dict[str, Any]]:
    weights = {
        run.arm: build_network(
            run.config.agent, as_seen_by(run.config.agent, run.config.world), seed=0
        ).acting_weights()
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
