"""Scores of agents on worlds that training never met, beside random and oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from empathy_loop.envs.params import Range, WorldParams, check_ranges
from empathy_loop.envs.populations import check_seats
from empathy_loop.envs.reading import amend
from empathy_loop.envs.scenarios import load_scenario, seats_of
from empathy_loop.train.actors import Actor, load_actor
from empathy_loop.train.beliefs import belief_report
from empathy_loop.train.cells import cell_name
from empathy_loop.train.checkpoint import find_checkpoint
from empathy_loop.train.config import DEFAULT_ENV, TrainConfig, hash_of
from empathy_loop.train.evaluate import run_episodes, score_belief
from empathy_loop.train.files import write_json
from empathy_loop.train.plan import CEILING, FLOOR, Shift
from empathy_loop.train.runs import CONFIG, is_run, read_config
from empathy_loop.train.statistics import CONFIDENCE, RESAMPLES
from empathy_loop.train.world_scores import Score, scores_of, worlds_of

FOLDER = Path("results", "evaluate")
INTERVALS = (
    f"{CONFIDENCE:.0%} percentile bootstrap over worlds, {RESAMPLES} resamples, the same worlds "
    "for every agent"
)
"""How the intervals of a report are made."""
_ASKED = ("env", "world", "episodes", "seed", "greedy", "seats")
LONGEST_NAME = 120
"""Letters of a file name that agents may take; file systems allow 255 in all."""


@dataclass(frozen=True)
class Assessment:
    """Which agents to score, and where.

    Raises:
        ValueError: a number is out of its range, or no agent is named.
    """

    agents: tuple[str, ...]
    """Folders of runs, names of scripted agents, or `package.module:Class`; at least one."""
    env: str | None = None
    """Scenario; None for that of the first run, or mutual_aid_v0."""
    world: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the world that differ from the scenario's."""
    episodes: Annotated[int, Range(1, 10_000)] = 200
    """Episodes with the shift, 1 to 10000, and as many without it if there is one."""
    seed: Annotated[int, Range(0, 1e9)] = 0
    """Seed of the worlds, 0 to 1e9; 0 to 99 for reported numbers."""
    greedy: bool = False
    """Whether learned agents take their most probable actions instead of sampling."""
    seats: tuple[str, ...] | None = None
    """A seat for each agent, focal ones first; None for those of the scenario or of the run."""
    beliefs: bool = False
    """Whether to report what the agents know of others' needs, in seats of its own."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if not self.agents:
            raise ValueError(
                "name at least one agent to evaluate: the folder of a run, a scripted agent "
                "such as reader, or package.module:Class"
                + ("" if self.seats is None else "; name it before the seats")
            )


def world_of(request: Assessment) -> WorldParams:
    """Return the world in which agents are scored.

    Args:
        request: What was asked for.

    Returns:
        The scenario that is named, else the world in which the first run was trained, else
        mutual_aid_v0; with the fields of `request.world` changed.

    Raises:
        ValueError: the scenario, a field or a value is unknown or refused, with the close
            matches; or the settings of the run are damaged.
    """
    return amend(_origin(request).world, request.world, "options of the world")


def env_of(request: Assessment) -> str:
    """Return the name of the scenario that `world_of` begins with; errors are the same."""
    return _origin(request).env


def seats_in(request: Assessment, params: WorldParams) -> tuple[str, ...]:
    """Return a seat for each agent of the world that `world_of` returned.

    Args:
        request: What was asked for.
        params: The world.

    Raises:
        ValueError: the seats do not fit it.
    """
    if request.env is None and request.seats is None:
        return check_seats(_origin(request).seats, params.num_agents)
    return seats_of(params if request.env is None else request.env, request.seats, params)


def assess(request: Assessment) -> dict[str, Any]:
    """Play every agent, random and oracle on the same worlds, and score them.

    Where a shift is on, the same worlds are played without it as well. The draws of worlds and
    actions are keyed by the seed, as are those of the bootstrap: the same call gives the same
    report. Each agent plays all focal seats, beside the same partners; what is scored is the
    whole group, and of beliefs those of the focal agents.

    Args:
        request: What to score.

    Returns:
        Plain data: what was asked for, the `world` and how it is `changed` against the scenario
        (name to value, but for the shift), the `seats` of all agents, `cells` (names, the
        shifted one first), `agents` (random first, oracle last), `scores` (agent, cell, name of
        MEASURES -> `mean`, `low`, `high`; a number that cannot be known is None), `belief`
        (agent with a belief in probabilities, cell -> what `score_belief` names) and, if asked
        for, `belief_report` (each agent that was named -> what `belief_report` returns, in the
        world as it was asked for).

    Raises:
        ValueError: an agent is unknown or does not fit the world, seats do not fit it, or a
            setting is refused.
        CheckpointError: the checkpoint of a run cannot be read.
    """
    origin, params = _origin(request), world_of(request)
    seats = seats_in(request, params)
    names = (FLOOR, *(name for name in request.agents if name not in (FLOOR, CEILING)), CEILING)
    actors = {name: load_actor(name) for name in names}
    twins = {_cell(params): params, cell_name(None): replace(params, shift="none")}
    scores: dict[str, dict[str, dict[str, Score]]] = {name: {} for name in actors}
    belief: dict[str, dict[str, dict[str, float]]] = {}
    for cell, world in twins.items():
        worlds = {}
        for name, actor in actors.items():
            log = run_episodes(actor, world, request.episodes, request.seed, request.greedy, seats)
            worlds[name] = worlds_of(log)
            if quality := score_belief(log):
                belief.setdefault(name, {})[cell] = quality
        for name, found in scores_of(worlds, request.seed).items():
            scores[name][cell] = found
    return {
        "version": version("empathy-loop"),
        "requested": list(request.agents),
        "env": origin.env,
        "changed": _changes(params, origin.env),
        "world": asdict(params),
        "episodes": request.episodes,
        "seed": request.seed,
        "greedy": request.greedy,
        "seats": list(seats),
        "intervals": INTERVALS,
        "cells": list(twins),
        "agents": list(actors),
        "scores": scores,
        "belief": belief,
        "belief_report": _belief_reports(request, params, actors),
    }


def write_assessment(report: Mapping[str, Any], out: Path | None = None) -> Path:
    """Write a report as JSON.

    Args:
        report: What `assess` returned.
        out: File to write; None for results/evaluate/AGENTS-SHIFT-sSEED-REQUEST.json, which the
            same request overwrites and no other.

    Returns:
        The path.

    Raises:
        OSError: the file cannot be written.
    """
    return write_json(_default_path(report) if out is None else out, report)


def _default_path(report: Mapping[str, Any]) -> Path:
    names = [Path(name).name.replace(":", ".") for name in report["requested"]]
    agents = "+".join(names)
    if len(agents) > LONGEST_NAME:
        agents = f"{names[0][:LONGEST_NAME]}+{hash_of(report['requested'])}"
    asked = [report[part] for part in ("requested", *_ASKED)]
    request = hash_of([*asked, bool(report["belief_report"])])[:8]
    return FOLDER / f"{agents}-{report['world']['shift']}-s{report['seed']}-{request}.json"


def _changes(params: WorldParams, env: str) -> dict[str, Any]:
    """Return the fields in which a world differs from its scenario's, but for the shift."""
    plain, own = asdict(load_scenario(env).params), asdict(params)
    apart = ("shift", "shift_severity")
    return {name: own[name] for name in own if own[name] != plain[name] and name not in apart}


class _Origin(NamedTuple):
    """A scenario by name, and the world and the seats that it or a run of it has."""

    env: str
    world: WorldParams
    seats: tuple[str, ...]


def _origin(request: Assessment) -> _Origin:
    """Return the scenario, or the run, that the world comes from."""
    if request.env is None:
        for name in request.agents:
            if find_checkpoint(Path(name)) is not None and not is_run(Path(name)):
                raise ValueError(
                    f"{name} has a checkpoint, but no {CONFIG} that says in which world it was "
                    "trained; put it back, or name the world with --env"
                )
            if is_run(Path(name)):
                config: TrainConfig = read_config(Path(name))
                return _Origin(config.env, config.world, config.seats)
    scenario = load_scenario(request.env or DEFAULT_ENV)
    return _Origin(scenario.name, scenario.params, scenario.seats)


def _cell(params: WorldParams) -> str:
    """Return the name of the cell of a world."""
    shift = Shift(params.shift, params.shift_severity)
    return cell_name(None if params.shift == "none" else shift)


def _belief_reports(
    request: Assessment, params: WorldParams, actors: Mapping[str, Actor]
) -> dict[str, Any]:
    """Return what each agent that was named knows of others' needs, if that was asked for."""
    named = dict.fromkeys(request.agents) if request.beliefs else {}
    seats = check_seats(_origin(request).seats, params.num_agents)
    episodes, seed, greedy = request.episodes, request.seed, request.greedy
    return {
        name: belief_report(actors[name], params, episodes, seed, greedy, seats) for name in named
    }
