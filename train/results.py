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
from empathy_loop.train.contrasts import contrast_all, headline, not_significant
from empathy_loop.train.curves import learning_curves, recovery_curves, reference_welfare
from empathy_loop.train.evidence import (
    Adapted,
    Evidence,
    adapt_all,
    gather,
    recovery_limit,
    scored_shifts,
)
from empathy_loop.train.measures import (
    MEASURES,
    OVERALL,
    Measure,
    score_families,
    score_overall,
    score_shift,
)
from empathy_loop.train.notes import INTERVALS, command_of, describe_episode, limits_of
from empathy_loop.train.plan import Comparison, identity_of, plan_runs
from empathy_loop.train.schema import RESULTS

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
    evidence = gather(comparison, found)
    adapted = adapt_all(evidence)
    overall = {arm: score_overall(evidence, adapted, arm) for arm in evidence.cells}
    contrasts = contrast_all(evidence, adapted)
    return {
        "name": comparison.name,
        "summary": comparison.summary,
        "headline": headline(evidence, overall, contrasts),
        "shifts": _shifts(evidence, adapted),
        "arms": _arms(evidence),
        "scores": {
            arm: {
                shift.name: score_shift(evidence, adapted, arm, shift)
                for shift in comparison.shifts
            }
            for arm in evidence.cells
        },
        "overall": overall,
        "families": {arm: score_families(evidence, adapted, arm) for arm in evidence.cells},
        "intervals": INTERVALS,
        "contrasts": contrasts,
        "not_significant": not_significant(contrasts),
        "beliefs": score_beliefs(evidence, folder),
        "reliability": score_reliability(evidence, folder),
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
