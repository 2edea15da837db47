"""The command line: what a user typed becomes one call of the function that does it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction, arg, subcommand

from empathy_loop.train.commands.playing import Play, Record, Replay
from empathy_loop.train.errors import (
    EXIT_INTERRUPTED,
    EXIT_REFUSED,
    print_explanation,
    print_interruption,
)

Assignments = Annotated[
    UseAppendAction[tuple[str, ...]], arg(name="set", metavar="NAME=VALUE", help_behavior_hint="")
]


def shown_default(text: str) -> object:
    """Return how `--help` words a default that depends on other options."""
    return arg(help_behavior_hint=f"(default: {text})")


@dataclass(frozen=True)
class Train:
    """Train one agent into a folder of runs; run the same command again to go on.

    Example: empathy-loop train --agent cognitive --env mutual_aid_v0 --steps 2_000_000 --seed 0
    By two processes: torchrun --nproc-per-node 2 -m empathy_loop.train train --agent cognitive
    """

    agent: Annotated[str | None, shown_default("cognitive")] = None
    """Arm to train, one of `empathy-loop list agents` that is learned."""
    env: Annotated[str | None, shown_default("mutual_aid_v0")] = None
    """Scenario, one of `empathy-loop list envs`."""
    steps: Annotated[int | None, shown_default("2_000_000")] = None
    """Agent steps (one agent acting once) to train for, at least 1."""
    seed: Annotated[int | None, shown_default("0")] = None
    """Seed of weights, worlds and minibatches, 0 to 9999; tune on 100 and up."""
    shift: Annotated[str | None, shown_default("the scenario's")] = None
    """Shift in training: none, partner_swap, cue_remap, need_dynamics or resource_move."""
    threads: Annotated[int | None, shown_default("1")] = None
    """Threads of torch, 1 to 1024."""
    device: Annotated[Literal["auto", "cpu", "cuda"] | None, shown_default("auto")] = None
    """Where the network computes; auto: on a CUDA device where there is one. Worlds: on the CPU."""
    name: Annotated[str | None, shown_default("AGENT-ENV-sSEED")] = None
    """Name of the run; it lives in runs/NAME."""
    config: Annotated[Path | None, shown_default("none")] = None
    """TOML file with settings; options given here overrule it."""
    assignments: Assignments = ()
    """Any other setting, such as agent.ppo.clip=0.1 or world.num_agents=4; may be repeated."""

    def run(self, console: Console) -> None:
        """Train, then say what came out and what to do next."""
        from empathy_loop.train.config import given, typed_config
        from empathy_loop.train.distributed import joined
        from empathy_loop.train.progress import TrainingProgress
        from empathy_loop.train.runs import default_folder, train_run
        from empathy_loop.train.tables import print_finished_run

        options = given(
            agent=self.agent,
            env=self.env,
            steps=self.steps,
            seed=self.seed,
            num_threads=self.threads,
            device=self.device,
            world=given(shift=self.shift),
        )
        config = typed_config(self.config, options, self.assignments)
        folder = default_folder(config) if self.name is None else Path("runs", self.name)
        with joined() as team:
            console.quiet = not team.leads
            with TrainingProgress(console, folder.name) as progress:
                found = train_run(config, folder, progress.update, team)
            print_finished_run(console, folder, config, found)


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
    out: Annotated[Path | None, shown_default("results/evaluate/AGENTS-SHIFT-sSEED.json")] = None
    """File for the numbers, as JSON."""
    assignments: Assignments = ()
    """Any field of the world, such as num_agents=4; may be repeated."""

    def run(self, console: Console) -> None:
        """Evaluate, print the table and write the JSON."""
        from empathy_loop.train.assess import Assessment, assess, write_assessment
        from empathy_loop.train.config import given, merge, parse_assignments
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
        report = assess(request)
        print_assessment(console, report)
        console.print(f"Written to {write_assessment(report, self.out)}")


@dataclass(frozen=True)
class Compare:
    """Train several arms over several seeds, shift their worlds, and report who adapts.

    Interrupted and run again, it goes on where it was. Example: empathy-loop compare quick
    """

    name: Positional[str]
    """Comparison, one of `empathy-loop list comparisons`, or a TOML file of your own."""
    out: Annotated[Path | None, shown_default("results/NAME")] = None
    """Folder for the runs, the report, the pictures and results.json."""
    workers: Annotated[int | None, shown_default("the comparison's")] = None
    """Runs trained at the same time, each in its own process with one thread, 1 to 1024."""
    assignments: Assignments = ()
    """Any other setting of the comparison, such as steps=100_000; may be repeated."""

    def run(self, console: Console) -> None:
        """Compare, then print the table and where the report is."""
        from empathy_loop.train.compare import compare
        from empathy_loop.train.config import given, merge, parse_assignments
        from empathy_loop.train.plan import load_comparison
        from empathy_loop.train.tables import print_comparison

        changes = merge(given(workers=self.workers), parse_assignments(self.assignments))
        config = load_comparison(self.name, changes)
        folder = Path("results", config.name) if self.out is None else self.out
        results = compare(config, folder, console)
        print_comparison(console, results, folder)


@dataclass(frozen=True)
class Render:
    """Draw one episode: the grid, who needs what, and beside it what the agent believes.

    Example: empathy-loop render runs/cognitive-mutual_aid_v0-s0 --out episode.gif
    """

    agent: Positional[str]
    """Folder of a run, name of a scripted agent, or package.module:Class of your own."""
    out: Path = Path("episode.gif")
    """File to write, .gif or .mp4."""
    env: Annotated[str | None, shown_default("that of the run, or mutual_aid_v0")] = None
    """Scenario, one of `empathy-loop list envs`."""
    shift: Annotated[str | None, shown_default("the scenario's")] = None
    """Unsignalled shift: none, partner_swap, cue_remap, need_dynamics or resource_move."""
    seed: int = 0
    """Seed of the worlds, at least 0."""
    world: int = 0
    """Which of the seed's worlds, at least 0."""
    cell_pixels: int = 64
    """Size of a cell in pixels, 16 to 256."""
    greedy: Annotated[bool, FlagCreatePairsOff] = False
    """Take the most probable actions instead of sampling."""

    def run(self, console: Console) -> None:
        """Play, draw and write."""
        from empathy_loop.train.actors import load_actor
        from empathy_loop.train.assess import Assessment, world_of
        from empathy_loop.train.config import given
        from empathy_loop.train.playback import check_playback, record_episode, write_episode

        check_playback(self.out, self.seed, self.world, self.cell_pixels)
        params = world_of(Assessment((self.agent,), self.env, given(shift=self.shift)))
        actor = load_actor(self.agent)
        with console.status("playing one episode"):
            frames = record_episode(
                actor, params, self.seed, self.cell_pixels, self.world, self.greedy
            )
            write_episode(frames, self.out)
        console.print(f"{len(frames)} pictures written to {self.out}")


@dataclass(frozen=True)
class Bench:
    """Measure speed (env, train, all), or what the scripted policies reach (policies).

    Example: empathy-loop bench all --against results/bench/all.json
    """

    what: Positional[Literal["env", "train", "all", "policies"]]
    """env: speed of the worlds; train: of the learners; all: both; policies: the headroom table."""
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


@dataclass(frozen=True)
class List:
    """List what can be named on the command line, one line each."""

    what: Positional[Literal["envs", "agents", "comparisons"]]
    """envs: scenarios; agents: arms and scripted agents; comparisons: what compare takes."""

    def run(self, console: Console) -> None:
        """Print the table."""
        from empathy_loop.train.tables import print_list

        print_list(console, self.what)


Command = (
    Annotated[Train, subcommand("train")]
    | Annotated[Evaluate, subcommand("evaluate")]
    | Annotated[Compare, subcommand("compare")]
    | Annotated[Render, subcommand("render")]
    | Annotated[Play, subcommand("play")]
    | Annotated[Record, subcommand("record")]
    | Annotated[Replay, subcommand("replay")]
    | Annotated[Bench, subcommand("bench")]
    | Annotated[List, subcommand("list")]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What was typed after `empathy-loop`; None reads it from the process.

    Returns:
        The exit code: 0, 2 after an error that was explained, 130 after Ctrl-C. A defect of the
        program itself is raised, for its traceback is what has to be reported.
    """
    command = tyro.cli(
        Command,
        prog="empathy-loop",
        description="Train agents that model each other's hidden needs, and measure whether that "
        "helps a group to adapt.",
        args=arguments,
        config=(tyro.conf.DisallowNone,),
    )
    try:
        command.run(Console())
    except KeyboardInterrupt:
        print_interruption()
        return EXIT_INTERRUPTED
    except Exception as error:
        if not print_explanation(error):
            raise
        return EXIT_REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
