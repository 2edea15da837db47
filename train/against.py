"""Agents of a user in the very cells of a reference, beside its arms, without training these."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from empathy_loop.train.actors import Actor, load_actor
from empathy_loop.train.cells import Cell, cell_name, cell_of
from empathy_loop.train.curves import recovery_curves
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.evidence import Evidence, adapt_all
from empathy_loop.train.files import exclusive, write_json
from empathy_loop.train.markup import format_score
from empathy_loop.train.measures import score_families, score_overall, score_shift
from empathy_loop.train.plan import CEILING, FLOOR, only_arms, plan_runs, world_of_cell
from empathy_loop.train.reference import Reference, check_anchors, check_worlds
from empathy_loop.train.report import write_report
from empathy_loop.train.results_file import RESULTS


def compare_against(
    reference: Reference, agents: Sequence[str], folder: Path, console: Console
) -> dict[str, Any]:
    """Play agents in the cells of a reference, and report them beside its arms.

    Each agent plays all seats in the worlds of each seed, with every shift and without. The
    anchors, which are scripted, are played again: levels are made of them, and as they must come
    out as they did, they show that the worlds are the same.

    Args:
        reference: What to compare with.
        agents: Folders of runs, names of scripted agents, or `package.module:Class`; at least one.
        folder: The report, the pictures and results.json are written here.
        console: Where to show how far it is.

    Returns:
        The results of the reference with the agents among its arms.

    Raises:
        ValueError: the reference is of other worlds or another layout, with both fingerprints; an
            agent is unknown, named twice, or called as an arm of the reference; or another process
            works in the folder.
        CheckpointError: the checkpoint of a run cannot be read.
        OSError: a file cannot be written.
    """
    check_worlds(reference)
    players = _players(reference, agents)
    with exclusive(folder):
        with console.status("playing") as status:
            cells: dict[str, dict[int, dict[str, Cell]]] = {name: {} for name in players}
            for name, actor in players.items():
                for seed in reference.comparison.seeds:
                    status.update(f"playing {name}, seed {seed}")
                    cells[name][seed] = _play(actor, reference, seed)
            status.update("scoring and drawing")
            results = merge_results(reference, agents, cells)
            write_json(folder / RESULTS, results)
            write_report(results, folder)
        return results


def merge_results(
    reference: Reference,
    agents: Sequence[str],
    cells: Mapping[str, Mapping[int, Mapping[str, Cell]]],
) -> dict[str, Any]:
    """Return the results of a reference with other agents among its arms.

    Args:
        reference: What to compare with.
        agents: The agents as they were typed.
        cells: Name to seed to name of a cell to Cell, of the agents and both anchors.

    Raises:
        ValueError: the anchors do not come out as they did.
    """
    names = tuple(name for name in cells if name not in (FLOOR, CEILING))
    comparison = only_arms(reference.comparison, names)
    evidence = Evidence(comparison, cells, int(reference.results["fingerprint"], 16), frozenset())
    adapted = adapt_all(evidence)
    scores = {
        arm: {shift.name: score_shift(evidence, adapted, arm, shift) for shift in comparison.shifts}
        for arm in cells
    }
    check_anchors(reference, scores)
    overall = {arm: score_overall(evidence, adapted, arm) for arm in names}
    there = reference.results
    arms = [{"name": name, "seeds": len(cells[name]), "weights": None} for name in names]
    recovery = {
        shift.name: _beside(there["recovery"][shift.name], recovery_curves(evidence, shift))
        for shift in comparison.shifts
    }
    typed = [word for agent in agents for word in ("--agent", agent)]
    return {
        **there,
        "headline": " ".join(_place(name, {**there["overall"], **overall}) for name in names),
        "arms": [*there["arms"][:-1], *arms, there["arms"][-1]],
        "scores": {**there["scores"], **{name: scores[name] for name in names}},
        "overall": {**there["overall"], **overall},
        "families": {
            **there["families"],
            **{name: score_families(evidence, adapted, name) for name in names},
        },
        "recovery": recovery,
        "episode": "",
        "limits": [*_limits(reference, names), *there["limits"]],
        "command": shlex.join(["empathy-loop", "compare", "--against", reference.name, *typed]),
        "version": version("empathy-loop"),
    }


def _players(reference: Reference, agents: Sequence[str]) -> dict[str, Actor]:
    """Return the anchors and the agents by the name of their row, random first, oracle last."""
    taken = [arm["name"] for arm in reference.results["arms"]]
    players: dict[str, Actor] = {FLOOR: load_actor(FLOOR)}
    for agent in agents:
        name = Path(agent).name if Path(agent).is_dir() else agent
        if name in taken or name in players:
            raise ValueError(
                f"agent {agent!r}: there is an arm called {name} already; name each agent once, "
                "and a run by a folder that is called otherwise"
            )
        players[name] = load_actor(agent)
    return {**players, CEILING: load_actor(CEILING)}


def _play(actor: Actor, reference: Reference, seed: int) -> dict[str, Cell]:
    """Return the cells of one agent with one seed."""
    comparison = only_arms(reference.comparison, [FLOOR])
    config, episodes = plan_runs(comparison)[0].config, comparison.episodes
    worlds = {one: world_of_cell(config.world, one) for one in (None, *comparison.shifts)}
    return {
        cell_name(shift): cell_of(run_episodes(actor, world, episodes, seed, seats=config.seats))
        for shift, world in worlds.items()
    }


def _beside(there: Mapping[str, Any], here: Mapping[str, Any]) -> dict[str, Any]:
    """Return the curves around a shift with others, laid on the offsets of the first."""
    places = {offset: i for i, offset in enumerate(here["offset"])}
    arms = dict(there["arms"])
    for arm, curve in here["arms"].items():
        arms[arm] = {
            name: values
            if values is None
            else [values[places[o]] if o in places else None for o in there["offset"]]
            for name, values in curve.items()
        }
    return {**there, "arms": arms}


def _place(name: str, overall: Mapping[str, Mapping[str, Any]]) -> str:
    """Return where an agent stands among all arms, in a sentence."""
    own = overall[name]
    if own["cas"]["mean"] is None:
        return f"{name}: not scored."
    known = {arm: one["cas"]["mean"] for arm, one in overall.items() if arm != name}
    levels = {arm: level for arm, level in known.items() if level is not None}
    below = [arm for arm in levels if levels[arm] <= own["cas"]["mean"]]
    above = [arm for arm in levels if arm not in below]
    ends = []
    if below:
        best = max(below, key=levels.__getitem__)
        ends.append(f"above {best} ({levels[best]:z.2f})")
    if above:
        worst = min(above, key=levels.__getitem__)
        ends.append(f"below {worst} ({levels[worst]:z.2f})")
    score, cost = (" ".join(format_score(own[part])).strip() for part in ("cas", "deficit"))
    return f"{name}: CAS {score}, {' and '.join(ends)}; deficit {cost}."


def _limits(reference: Reference, names: Sequence[str]) -> list[str]:
    """Return what must be said of agents that came to a reference later."""
    who = ", ".join(names)
    return [
        f"{who}: played here, in the worlds of the reference {reference.name}; all other arms are "
        "as they were published. One agent is played in the worlds of every seed, so that its "
        "interval is over worlds: what training it anew would change is not in it.",
        f"No test is made of {who}, for one agent is no sample of what its algorithm learns.",
    ]
