"""To record episodes, play them again, and take part in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rich.console import Console
from tyro.conf import FlagCreatePairsOff, Positional

from empathy_loop.train.commands.options import Assignments, shown_default


@dataclass(frozen=True)
class Record:
    """Record episodes of an agent, one file each, to replay and to learn from.

    Interrupted and run again, it goes on where it was.
    Example: empathy-loop record runs/cognitive-mutual_aid_v0-s0 --episodes 100 --out records
    """

    agent: Positional[str]
    """Folder of a run, name of a scripted agent, or package.module:Class of your own."""
    episodes: int = 1
    """Episodes to record, 1 to 10000; each is a world of its own."""
    out: Path = Path("records")
    """Folder for the records."""
    env: Annotated[str | None, shown_default("that of the run, or mutual_aid_v0")] = None
    """Scenario, one of `empathy-loop list envs`."""
    shift: Annotated[str | None, shown_default("the scenario's")] = None
    """Unsignalled shift: none, partner_swap, cue_remap, need_dynamics or resource_move."""
    seats: Annotated[tuple[str, ...] | None, shown_default("the scenario's, or all focal")] = None
    """Seat of each agent, focal first, such as focal heldout heldout."""
    seed: int = 0
    """Seed of the worlds, at least 0; 0 to 99 are those of reported numbers."""
    world: int = 0
    """Which of the seed's worlds comes first, at least 0."""
    greedy: Annotated[bool, FlagCreatePairsOff] = False
    """Take the most probable actions instead of sampling."""
    assignments: Assignments = ()
    """Any field of the world, such as num_agents=4; may be repeated."""

    def run(self, console: Console) -> None:
        """Play and write, one episode after another."""
        from empathy_loop.train.assess import Assessment
        from empathy_loop.train.config import given, merge, parse_assignments
        from empathy_loop.train.files import check_out
        from empathy_loop.train.replay import record_episodes, setting_of

        check_out(self.out, is_folder=True)
        request = Assessment(
            agents=(self.agent,),
            env=self.env,
            world=merge(parse_assignments(self.assignments), given(shift=self.shift)),
            episodes=self.episodes,
            seed=self.seed,
            greedy=self.greedy,
            seats=self.seats,
        )
        with console.status("recording") as status:
            written = record_episodes(
                setting_of(request, self.world),
                self.episodes,
                self.out,
                lambda path: status.update(f"recorded {path.name}"),
            )
        console.print(f"Recorded in {self.out}; {written} of {self.episodes} written now")


@dataclass(frozen=True)
class Replay:
    """Play a recorded episode again, and check that every bit comes out as it was recorded.

    Example: empathy-loop replay records/reader-mutual_aid_v0-s0-w00000.npz --out episode.gif
    """

    file: Positional[Path]
    """A record, as `empathy-loop record` and `empathy-loop play` write them."""
    out: Annotated[Path | None, shown_default("draw nothing")] = None
    """File for pictures of the episode, .gif or .mp4."""
    cell_pixels: int = 64
    """Size of a cell in pixels, 16 to 256."""
    allow_code: Annotated[bool, FlagCreatePairsOff] = False
    """Import and run a class of a user's own that a seat of the record names; only if you trust
    the file and the class."""

    def run(self, console: Console) -> None:
        """Read, play, compare, and draw if asked to."""
        from empathy_loop.train.playback import check_playback, write_episode
        from empathy_loop.train.records import read_record
        from empathy_loop.train.replay import check_replay

        record = read_record(self.file)
        if self.out is not None:
            check_playback(self.out, record.header.seed, record.header.world, self.cell_pixels)
        with console.status("playing the episode again"):
            pixels = None if self.out is None else self.cell_pixels
            frames = check_replay(record, pixels, self.allow_code)
            if self.out is not None:
                write_episode(frames, self.out)
        console.print(
            f"{record.steps} steps played again; every observation, reward and hidden state is "
            "the recorded one, bit for bit"
        )
        if self.out is not None:
            console.print(f"{len(frames)} pictures written to {self.out}")


@dataclass(frozen=True)
class Play:
    """Open a page in the browser to watch agents, or to take a seat among them.

    Needs the extra `web`. Episodes that are played are recorded.
    Example: empathy-loop play runs/cognitive-mutual_aid_v0-s0
    """

    agents: Annotated[Positional[tuple[str, ...]], shown_default("a small one that ships")] = ()
    """Folders of runs, or package.module:Class of your own; scripted agents are always offered."""
    records: Path = Path("records")
    """Folder for the records, the only one that the page can read from and write to."""
    host: str = "127.0.0.1"
    """Address to listen at; another than this machine's own needs --remote."""
    port: int = 8470
    """Port to listen at, 0 to 65535; 0 for any that is free."""
    remote: Annotated[bool, FlagCreatePairsOff] = False
    """Allow an address that other machines can reach; whoever has the link can play."""
    headless: Annotated[bool, FlagCreatePairsOff] = False
    """Open no browser, only print the link."""

    def run(self, console: Console) -> None:
        """Serve until Ctrl-C."""
        from empathy_loop.train.files import check_out

        check_out(self.records, is_folder=True)
        try:
            from empathy_loop.train.play.serve import serve
        except ImportError as error:
            raise ValueError(
                f'play needs {error.name}; install it with: pip install "empathy-loop[web]"'
            ) from error
        serve(console, self.agents, self.records, self.host, self.port, self.remote, self.headless)
