"""What a report says about itself: intervals, limits, the episode it shows, how to repeat it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from empathy_loop.envs.populations import POPULATIONS
from empathy_loop.train.adaptability import MIN_GAP, MIN_WORLDS
from empathy_loop.train.comparisons import list_comparisons, load_comparison
from empathy_loop.train.evidence import Adapted, Evidence, scored_shifts
from empathy_loop.train.plan import (
    CEILING,
    FLOOR,
    Comparison,
    Run,
    plan_runs,
)
from empathy_loop.train.statistics import CONFIDENCE, RESAMPLES
from empathy_loop.train.teams import CROSS_PLAY

INTERVALS = (
    f"Intervals are {CONFIDENCE:.0%} percentile bootstrap intervals over seeds, {RESAMPLES} "
    "resamples; what one seed scores on several shifts is drawn together, and the two arms of a "
    "contrast apart. The levels of random and oracle are 0 and 1 by definition, without one."
)
"""How the intervals of a report are made."""
GOAL_SEEDS, LEAST_SEEDS = 10, 5
"""Seeds of an arm that are aimed at, and below which nothing should be claimed."""
WITHOUT_EFFECT = ("name", "summary", "workers")
"""Fields of a comparison on which no number depends."""


def limits_of(evidence: Evidence, adapted: Adapted) -> list[str]:
    """Return sentences on what the numbers do not show.

    Args:
        evidence: What is there.
        adapted: Of `adapt_all`.
    """
    comparison = evidence.comparison
    numbers = {arm: len(evidence.cells.get(arm, {})) for arm in comparison.all_arms}
    least = min(numbers.values())
    lines = [
        "The worlds, their agents and their shifts are simulated; nothing here is about people.",
        f"{FLOOR} (0) draws uniformly from the legal actions; {CEILING} (1) is a scripted planner "
        "that is shown everybody's true needs and is not the best possible policy: levels below "
        "0 and above 1 can occur.",
        f"The arm with the fewest finished runs has {least} of {len(comparison.seeds)} seeds. "
        f"{GOAL_SEEDS} are the goal and {LEAST_SEEDS} the least for a claim"
        + ("; with fewer, these are leads and no results." if least < LEAST_SEEDS else "."),
        "A seed has its own first weights and its own evaluation worlds, so that intervals over "
        "seeds hold both; with few seeds, percentile intervals tend to be too narrow.",
        f"Learned arms were trained for {comparison.steps:,} agent steps; what would come out "
        "after more is not known.",
        "In self-play all agents of a world follow the same policy: what copies of one learner "
        "agree on among themselves counts as much as reading a stranger. Actions are sampled.",
        "Every step after the shift of every world counts once. Curves and recovery times end "
        f"where fewer than {MIN_WORLDS:.0%} of the worlds have steps left, and a window is not "
        f"scored where oracle and random differ by less than {MIN_GAP:.0%} of what they differ by "
        "before the shift.",
    ]
    return [*lines, *_of_teams(comparison), *_gaps(evidence, adapted)]


def shown_run(comparison: Comparison, finished: Container[str]) -> Run | None:
    """Return the run whose episode a report shows.

    Args:
        comparison: The settings.
        finished: Names of the runs to choose from.

    Returns:
        Of the first arm that has a run, the one with the first seed; arms come in the order:
        those that the contrasts make a claim about, those that learn, all others. None if nothing
        is finished.
    """
    runs = {(run.arm, run.config.seed): run for run in plan_runs(comparison)}
    learned = [run.arm for run in runs.values() if run.is_learned]
    claims = [claim for claim, _ in comparison.contrasts]
    for arm in (*claims, *learned, *comparison.all_arms[::-1]):
        for seed in comparison.seeds:
            if runs[arm, seed].name in finished:
                return runs[arm, seed]
    return None


def describe_episode(evidence: Evidence) -> str:
    """Return what the animated episode of a report shows, or nothing if there is no run."""
    comparison = evidence.comparison
    runs = plan_runs(comparison)
    finished = [run.name for run in runs if run.config.seed in evidence.cells.get(run.arm, {})]
    run = shown_run(comparison, finished)
    if run is None:
        return ""
    shift = comparison.shifts[0]
    cell = evidence.cells[run.arm][run.config.seed][shift.name]
    beside = " and beside it what the agents believe" if cell.belief.size else ""
    return (
        f"One evaluation episode of {run.arm}, seed {run.config.seed}: the truth{beside}. The "
        f"unsignalled shift {shift.name} comes in step {int(cell.shift_step[0])}."
    )


def command_of(comparison: Comparison) -> str:
    """Return the command that makes a comparison again.

    A comparison that ships with the package is named, with `--set` for what differs from it; any
    other is taken from the TOML file of its name.
    """
    words = ["empathy-loop", "compare"]
    if comparison.name not in list_comparisons():
        return shlex.join([*words, f"{comparison.name}.toml"])
    shipped = load_comparison(comparison.name)
    words.append(comparison.name)
    for field in fields(comparison):
        value = getattr(comparison, field.name)
        if value != getattr(shipped, field.name) and field.name not in WITHOUT_EFFECT:
            for name, one in _leaves(field.name, _as_typed(field.name, value)):
                words += ["--set", f"{name}={_toml(one)}"]
    return shlex.join(words)


def _of_teams(comparison: Comparison) -> Iterator[str]:
    """Yield what must be said of teams and lesions."""
    if any(team in POPULATIONS for team in comparison.teams):
        yield (
            f"Beside partners an arm plays {comparison.focal_seats} of the seats; welfare is that "
            "of the whole group, partners included, and a shift may change them as well. Learned "
            "arms were trained in self-play and have met neither population."
        )
    if CROSS_PLAY in comparison.teams:
        yield (
            "In cross-play every run is its neighbours' partner: runs are drawn for intervals by "
            "the seed of the first seat, as if partners were given. Arms that do not learn are in "
            "cross-play what they are in self-play."
        )
    if comparison.lesions:
        yield "Lesions are done to trained arms that have never met them, in self-play."


def _gaps(evidence: Evidence, adapted: Adapted) -> Iterator[str]:
    """Yield what is missing from this very comparison."""
    scored = scored_shifts(evidence, adapted)
    left_out = [shift.name for shift in evidence.comparison.shifts if shift not in scored]
    if left_out:
        yield (
            f"Left out of CAS and of the tests, because not every run could be scored there: "
            f"{', '.join(left_out)}."
        )
    seeds = {seed for runs in evidence.cells.values() for seed in runs}
    for anchor in (FLOOR, CEILING):
        found = evidence.cells.get(anchor, {})
        missing = sorted(seeds - set(found))
        if found and missing:
            yield (
                f"The run of {anchor} is missing for the seeds "
                f"{', '.join(map(str, missing))}; its other seeds, in other worlds, stand in."
            )


def _as_typed(name: str, value: Any) -> Any:
    """Return a field of a comparison as a file states it."""
    if name == "sweeps":
        return {
            sweep.name: {**sweep.axes, **({"arms": sweep.arms} if sweep.arms else {})}
            for sweep in value
        }
    return [asdict(claim) for claim in value] if name == "claims" else value


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield dotted name and value of everything in nested tables."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _leaves(f"{name}.{key}", one)
    else:
        yield name, value


def _toml(value: Any) -> str:
    """Return a value as TOML, on one line."""
    value = value._asdict() if hasattr(value, "_asdict") else value
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_toml(one)}' for key, one in value.items())} }}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value)
