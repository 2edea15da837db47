"""To train one agent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from rich.console import Console

from empathy_loop.train.commands.options import Assignments, shown_default


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
    demonstrations: Annotated[Path | None, shown_default("none")] = None
    """Folder of recorded episodes to learn from besides; for observational and cloned."""
    threads: Annotated[int | None, shown_default("1")] = None
    """Threads of torch, 1 to 1024."""
    device: Annotated[Literal["auto", "cpu", "cuda"] | None, shown_default("auto")] = None
    """Where the network computes; auto: on a CUDA device where there is one. Worlds: on the CPU."""
    name: Annotated[str | None, shown_default("AGENT-ENV-sSEED")] = None
    """Name of the run; it lives in runs/NAME, or where NAME says if that is a whole path."""
    config: Annotated[Path | None, shown_default("none")] = None
    """TOML file with settings; options given here overrule it."""
    assignments: Assignments = ()
    """Any other setting, such as agent.ppo.clip=0.1 or world.num_agents=4; may be repeated."""

    def run(self, console: Console) -> None:
        """Train, then say what came out and what to do next."""
        from empathy_loop.train.config import given, typed_config
        from empathy_loop.train.distributed import joined
        from empathy_loop.train.progress import TrainingProgress
        from empathy_loop.train.runs import default_folder, named_folder, train_run
        from empathy_loop.train.tables import print_finished_run

        options = given(
            agent=self.agent,
            env=self.env,
            steps=self.steps,
            seed=self.seed,
            demonstrations=None if self.demonstrations is None else str(self.demonstrations),
            num_threads=self.threads,
            device=self.device,
            world=given(shift=self.shift),
        )
        config = typed_config(self.config, options, self.assignments)
        folder = default_folder(config) if self.name is None else named_folder(self.name)
        with joined() as team:
            console.quiet = not team.leads
            with TrainingProgress(console, folder.name) as progress:
                found = train_run(config, folder, progress.update, team)
            print_finished_run(console, folder, config, found)
