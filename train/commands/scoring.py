"""To score agents, and to measure speed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from rich.console import Console
from tyro.conf import FlagCreatePairsOff, Positional

from empathy_loop.train.commands.options import Assignments, shown_default


@dataclass(frozen=True)
class Evaluate:
    """Score trained, scripted or your own agents on worlds that training never met.

    Example: empathy-loop evaluate runs/cognitive-mutual_aid_v0-s0 reader --shift cue_remap
    """

    agents: Positional[tuple[str, ...]]
    """Folders of runs, names of scripted agents, or package.module:Class of your own."""
    env: Annotated[str | None, shown_default("that of the first run, or mutual_aid_v0")] = None
    """Scenario, one of `empathy-loop list envs`."""
    shift: Annotated[str | None, shown_default("the scenario's")] = None
    """Unsignalled shift: none, partner_swap, cue_remap, need_dynamics or resource_move."""
    severity: Annotated[float | None, shown_default("the scenario's")] = None
    """Share of the agents, or of the stations, that the shift affects; above 0, at most 1."""
    episodes: int = 200
    """Episodes to play, 1 to 10000."""
    seed: int = 0
    """Seed of the worlds; 0 to 99 are for reported numbers, tune on 100 and up."""
    greedy: Annotated[bool, FlagCreatePairsOff] = False
    """Take the most probable actions instead of sampling."""
    seats: Annotated[tuple[str, ...] | None, shown_default("the scenario's, or all focal")] = None
    """Seat of each agent, focal first, such as focal heldout heldout; name the agents before it."""
    beliefs: Annotated[bool, FlagCreatePairsOff] = False
    """Add what agents know of others' needs: beliefs, probes of memory, the filter beside them."""
    out: Annotated[
        Path | None, shown_default("results/evaluate/AGENTS-SHIFT-sSEED-REQUEST.json")
    ] = None
    """File for the numbers, as JSON."""
    assignments: Assignments = ()
    """Any field of the world, such as num_agents=4; may be repeated."""

    def run(self, console: Console) -> None:
        """Evaluate, print the table and write the JSON."""
        from empathy_loop.train.assess import Assessment, assess, write_assessment
        from empathy_loop.train.config import given, merge, parse_assignments
        from empathy_loop.train.files import check_out
        from empathy_loop.train.tables import print_assessment

        flags = given(shift=self.shift, shift_severity=self.severity)
        request = Assessment(
            agents=self.agents,
            env=self.env,
            world=merge(parse_assignments(self.assignments), flags),
            episodes=self.episodes,
            seed=self.seed,
            greedy=self.greedy,
            seats=self.seats,
            beliefs=self.beliefs,
        )
        if self.out is not None:
            check_out(self.out, is_folder=False)
        report = assess(request)
        print_assessment(console, report)
        console.print(f"Written to {write_assessment(report, self.out)}", soft_wrap=True)


@dataclass(frozen=True)
class Bench:
    """Measure speed (env, train, all, gpu), or what the scripted policies reach (policies).

    Example: empathy-loop bench all --against results/bench/all.json
    """

    what: Positional[Literal["env", "train", "all", "gpu", "policies"]]
    """env: speed of the worlds; train: of the learners; all: both; gpu: of both on a CUDA device;
    policies: the headroom table."""
    repeats: int = 5
    """Rounds in which everything is measured once, 1 to 1000."""
    seconds: float = 1.0
    """Least length of one measurement in seconds, above 0, at most 3600."""
    out: Annotated[Path | None, shown_default("results/bench/WHAT.json")] = None
    """File for the numbers, as JSON."""
    against: Annotated[Path | None, shown_default("none")] = None
    """File of an earlier bench, whose medians are compared with these."""

    def run(self, console: Console) -> None:
        """Measure, print the tables and write the JSON."""
        from empathy_loop.train.bench import Request, bench

        request = Request(self.what, self.repeats, self.seconds, self.out, self.against)
        bench(request, console)
