"""What the arms of a comparison know of others' needs, summed up over their seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from empathy_loop.train.beliefs import PARTNERS, QUALITIES
from empathy_loop.train.cells import run_folder
from empathy_loop.train.evidence import Evidence
from empathy_loop.train.files import read_json
from empathy_loop.train.measures import Score, mean_score
from empathy_loop.train.plan import plan_runs
from empathy_loop.train.runs import EVALUATION

BeliefScores = dict[str, dict[str, dict[str, dict[str, Score]]]]
"""Arm to name in PARTNERS to name in SOURCES to name in QUALITIES to score."""
Reliability = dict[str, dict[str, dict[str, Mapping[str, Any]]]]
"""Arm to name in PARTNERS to name in SOURCES to mean_p, share_true and num_entries of each bin."""


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
    found = _reports_of(evidence, folder)
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


def score_reliability(evidence: Evidence, folder: Path) -> Reliability:
    """Return the reliability diagrams of the same reports, the bins of all seeds together.

    A bin's mean probability and share of true crises are means over its entries in all seeds.

    Args:
        evidence: What is there.
        folder: Folder of the comparison.

    Returns:
        Diagrams of each arm of which every report has one; earlier versions wrote none.

    Raises:
        ValueError: the evaluation of a run is damaged; the message names it.
    """
    return {
        arm: {
            partners: {
                source: _pooled([one[partners][source]["reliability"] for one in reports.values()])
                for source in next(iter(reports.values()))[partners]
            }
            for partners in PARTNERS
        }
        for arm, reports in _reports_of(evidence, folder).items()
        if all("reliability" in one for one in _scores_of(reports.values()))
    }


def _reports_of(evidence: Evidence, folder: Path) -> dict[str, dict[int, Mapping[str, Any]]]:
    """Return arm to seed to the report that its run made; runs of an earlier version made none."""
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for run in plan_runs(evidence.comparison):
        path = run_folder(folder, run) / EVALUATION
        is_there = run.config.seed in evidence.cells.get(run.arm, {}) and path.is_file()
        if report := read_json(path).get("belief") if is_there else None:
            found.setdefault(run.arm, {})[run.config.seed] = report
    return found


def _scores_of(reports: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the scores of every kind of partners and every source."""
    for report in reports:
        for sources in report.values():
            yield from sources.values()


def _pooled(diagrams: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the diagram of several together, bin by bin; an empty bin has no means."""
    numbers = np.array([one["num_entries"] for one in diagrams], np.int64)
    total = numbers.sum(0)
    pooled: dict[str, Any] = {}
    for name in ("mean_p", "share_true"):
        # NaN stands for None in empty bins, which weigh nothing.
        values = np.nan_to_num(np.array([one[name] for one in diagrams], np.float64))
        sums = (numbers * values).sum(0)
        pooled[name] = [float(s / n) if n else None for s, n in zip(sums, total, strict=True)]
    return {**pooled, "num_entries": total.tolist()}
