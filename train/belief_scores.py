"""What the arms of a comparison know of others' needs, summed up over their seeds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from empathy_loop.train.beliefs import PARTNERS, QUALITIES
from empathy_loop.train.cells import run_folder
from empathy_loop.train.evidence import Evidence
from empathy_loop.train.files import read_json
from empathy_loop.train.measures import Score, mean_score
from empathy_loop.train.plan import plan_runs
from empathy_loop.train.runs import EVALUATION

BeliefScores = dict[str, dict[str, dict[str, dict[str, Score]]]]
"""Arm to name in PARTNERS to name in SOURCES to name in QUALITIES to score."""


def score_beliefs(evidence: Evidence, folder: Path) -> BeliefScores:
    """Return the reports that learned runs made at their end, as scores of their arms.

    Args:
        evidence: What is there.
        folder: Folder of the comparison; evaluation.json of its runs is read there.

    Returns:
        Scores of each arm of which at least one run has a report.

    Raises:
        ValueError: the evaluation of a run is damaged; the message names it.
    """
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for run in plan_runs(evidence.comparison):
        path = run_folder(folder, run) / EVALUATION
        is_there = run.config.seed in evidence.cells.get(run.arm, {}) and path.is_file()
        # Runs of an earlier version have made none.
        if report := read_json(path).get("belief") if is_there else None:
            found.setdefault(run.arm, {})[run.config.seed] = report
    return {
        arm: {
            partners: {
                source: {
                    quality: mean_score(
                        evidence,
                        {seed: one[partners][source][quality] for seed, one in reports.items()},
                    )
                    for quality in QUALITIES
                }
                for source in next(iter(reports.values()))[partners]
            }
            for partners in PARTNERS
        }
        for arm, reports in found.items()
    }
