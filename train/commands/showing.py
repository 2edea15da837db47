"""To watch an agent, and to see what can be named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from rich.console import Console
from tyro.conf import FlagCreatePairsOff, Positional

from empathy_loop.train.commands.options import shown_default


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
class List:
    """List what can be named on the command line, one line each."""

    what: Positional[
        Literal["envs", "agents", "comparisons", "references", "settings", "compare_settings"]
    ]
    """envs: scenarios; agents: arms and scripted agents; comparisons: what compare takes;
    references: finished ones that ship, for --against and verify; settings: what train --set takes,
    with the values of cognitive (evaluate takes those of the world without world.);
    compare_settings: what compare --set takes, with the values of quick."""

    def run(self, console: Console) -> None:
        """Print the table."""
        from empathy_loop.train.lists import print_list

        print_list(console, self.what)
