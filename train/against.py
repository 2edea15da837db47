"""Agents of a user in the very cells of a reference, beside its arms, without training these."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from empathy_loop.train.actors import Actor, LearnedActor, load_actor
from empathy_loop.train.cells import Cell, cell_name, cell_of
from empathy_loop.train.config import TrainConfig, hash_of
from empathy_loop.train.contrasts import NAMES
from empathy_loop.train.curves import recovery_curves
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.evidence import Evidence, adapt_all, cells_under
from empathy_loop.train.files import exclusive, write_json
from empathy_loop.train.markup import in_words
from empathy_loop.train.plan import (
    CEILING,
    FLOOR,
    VIEW_RULES,
    only_arms,
    plan_runs,
    world_of_cell,
)
from empathy_loop.train.profiles import make_profiles
from empathy_loop.train.reference import Reference, check_anchors, check_worlds
from empathy_loop.train.report import write_report
from empathy_loop.train.results_file import RESULTS
from empathy_loop.train.team_scores import score_team
from empathy_loop.train.teams import HELDOUT, SELF_PLAY, seats_of_teams

FREE_RULES = (*VIEW_RULES, "show_needs", "show_trust", "shift", "shift_severity")
"""Rules in which the world of an agent's training may differ from that of the arms: what it saw,
and which shift it met. The report names them; all others make another world."""

Scores = Mapping[str, Mapping[str, Any]]
"""Arm to name of a measure to score."""


def compare_against(
    reference: Reference, agents: Sequence[str], folder: Path, console: Console
) -> dict[str, Any]:
    """Play agents in the cells of a reference, and report them beside its arms.

    Each agent plays all seats in the worlds of each seed, with every shift and without, and the
    focal seats of each team with partners that the reference has. The anchors, which are
    scripted, are played again: levels are made of them, and as they must come out as they did,
    they show that the worlds are the same.

    Args:
        reference: What to compare with.
        agents: Folders of runs, names of scripted agents, or `package.module:Class`; at least one.
        folder: The report, the pictures and results.json are written here.
        console: Where to show how far it is.

    Returns:
        The results of the reference with the agents among its arms.

    Raises:
        ValueError: the reference is of other worlds or another layout, with both fingerprints; an
            agent is unknown, named twice, called as an arm of the reference, or a run that was
            trained under other rules; or another process works in the folder.
        CheckpointError: the checkpoint of a run cannot be read, or is of another version.
        OSError: a file cannot be written.
    """
    check_worlds(reference)
    players = _players(reference, agents)
    remarks = [line for name in players for line in _training_of(name, players[name], reference)]
    with exclusive(folder):
        with console.status("playing") as status:
            cells: dict[str, dict[int, dict[str, Cell]]] = {name: {} for name in players}
            for name, actor in players.items():
                for seed in reference.comparison.seeds:
                    status.update(f"playing {name}, seed {seed}")
                    cells[name][seed] = _play(actor, reference, seed)
            status.update("scoring and drawing")
            results = merge_results(reference, agents, cells, remarks)
            write_json(folder / RESULTS, results)
            write_report(results, folder)
        return results


def merge_results(
    reference: Reference,
    agents: Sequence[str],
    cells: Mapping[str, Mapping[int, Mapping[str, Cell]]],
    remarks: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the results of a reference with other agents among its arms.

    Args:
        reference: What to compare with.
        agents: The agents as they were typed.
        cells: Name to seed to name of a cell to Cell, of the agents and both anchors, in
            self-play and in each team of the reference that has partners.
        remarks: Sentences on how the agents were trained, for the limits.

    Raises:
        ValueError: the anchors do not come out as they did.
    """
    names = tuple(name for name in cells if name not in (FLOOR, CEILING))
    comparison = only_arms(reference.comparison, names)
    there, seed = reference.results, int(reference.results["fingerprint"], 16)
    found = {
        team: Evidence(comparison, _of_team(cells, team), seed, frozenset())
        for team in (SELF_PLAY, *_seats_beside_partners(reference))
    }
    recovery = {
        shift.name: _beside(there["recovery"][shift.name], recovery_curves(found[SELF_PLAY], shift))
        for shift in comparison.shifts
    }
    own = _scored(reference, found.pop(SELF_PLAY))
    teams = {
        team: _scored(reference._replace(results=there["teams"][team]), evidence)
        for team, evidence in found.items()
    }
    arms = [{"name": name, "seeds": len(cells[name]), "weights": None} for name in names]
    typed = [word for agent in agents for word in ("--agent", agent)]
    results = {
        **there,
        **own,
        "teams": {**there.get("teams", {}), **teams},
        "headline": " ".join(_places(name, own["overall"], teams) for name in names),
        "arms": [*there["arms"][:-1], *arms, there["arms"][-1]],
        "recovery": recovery,
        "episode": "",
        "limits": [*_limits(reference, names), *remarks, *there["limits"]],
        "command": shlex.join(["empathy-loop", "compare", "--against", reference.name, *typed]),
        "version": version("empathy-loop"),
    }
    return results | {"profiles": make_profiles(results)}


def _of_team(
    cells: Mapping[str, Mapping[int, Mapping[str, Cell]]], team: str
) -> dict[str, dict[int, Mapping[str, Cell]]]:
    """Return the cells of one team, under the names they have in self-play."""
    return {
        name: {seed: cells_under(found, team) for seed, found in runs.items()}
        for name, runs in cells.items()
    }


def _scored(there: Reference, evidence: Evidence) -> dict[str, Any]:
    """Return the scores of a team with those of the agents among them; refuses other anchors."""
    here = score_team(evidence, adapt_all(evidence))
    check_anchors(there, here["scores"])
    names = evidence.comparison.arms
    return {
        part: {**there.results[part], **{name: here[part][name] for name in names}}
        for part in ("scores", "overall", "families")
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
    """Return the cells of one agent with one seed, in self-play and beside partners."""
    config, episodes = _config_of(reference), reference.comparison.episodes
    shifts = (None, *reference.comparison.shifts)
    worlds = {one: world_of_cell(config.world, one) for one in shifts}
    return {
        cell_name(shift, team): cell_of(run_episodes(actor, world, episodes, seed, seats=seats))
        for team, seats in {SELF_PLAY: config.seats, **_seats_beside_partners(reference)}.items()
        for shift, world in worlds.items()
    }


def _config_of(reference: Reference) -> TrainConfig:
    """Return the settings that all arms share: the world of training, and its seats."""
    return plan_runs(only_arms(reference.comparison, [FLOOR]))[0].config


def _seats_beside_partners(reference: Reference) -> dict[str, tuple[str, ...]]:
    """Return the seats of each team with partners in which the reference has scored its arms."""
    comparison, scored = reference.comparison, reference.results.get("teams", {})
    num_agents = _config_of(reference).world.num_agents
    seats = seats_of_teams(comparison.teams, num_agents, comparison.focal_seats)
    return {team: chosen for team, chosen in seats.items() if team in scored}


def _training_of(name: str, actor: Actor, reference: Reference) -> list[str]:
    """Return what must be said of the worlds in which a run was trained, if they were others.

    Raises:
        ValueError: it was trained under other rules than the arms of the reference.
    """
    if not isinstance(actor, LearnedActor):
        return []
    there = asdict(_config_of(reference).world)
    here = asdict(actor.trained_in)
    others = [rule for rule in there if here[rule] != there[rule]]
    changed = [rule for rule in others if rule not in FREE_RULES]
    told = ", ".join(f"{rule} {here[rule]!r} for {there[rule]!r}" for rule in changed or others)
    if changed:
        rules = (
            {rule: one[rule] for rule in one if rule not in FREE_RULES} for one in (here, there)
        )
        own, known = map(hash_of, rules)
        raise ValueError(
            f"agent {name!r} was trained under other rules (fingerprint {own}) than the arms of "
            f"the reference {reference.name} ({known}): {told}; numbers of both cannot be "
            "compared. Train it in that world, or see what it does there with "
            "`empathy-loop evaluate`"
        )
    return [f"{name} was trained in worlds unlike those of the arms: {told}."] if others else []


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


def _places(name: str, own: Scores, teams: Mapping[str, Mapping[str, Scores]]) -> str:
    """Return where an agent stands among all arms, in self-play and beside held-out partners."""
    sentences = [f"{name}: {_place(name, own)}."]
    if HELDOUT in teams:
        sentences.append(f"{NAMES[HELDOUT]}, {name}: {_place(name, teams[HELDOUT]['overall'])}.")
    return " ".join(sentences)


def _place(name: str, overall: Scores) -> str:
    """Return where an agent stands among all arms of a team."""
    own = overall[name]
    if own["cas"]["mean"] is None:
        return "not scored"
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
    return f"CAS {in_words(own['cas'])}, {' and '.join(ends)}; deficit {in_words(own['deficit'])}"


def _limits(reference: Reference, names: Sequence[str]) -> list[str]:
    """Return what must be said of agents that came to a reference later."""
    who = ", ".join(names)
    return [
        f"{who}: played here, in the worlds of the reference {reference.name}; all other arms are "
        "as they were published. One agent is played in the worlds of every seed, so that its "
        "interval is over worlds: what training it anew would change is not in it.",
        f"No test is made of {who}, for one agent is no sample of what its algorithm learns.",
    ]
