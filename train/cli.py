"""The command line: what a user typed becomes one call of the function that does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import tyro
from rich.console import Console
from tyro.conf import subcommand

from empathy_loop.train import errors
from empathy_loop.train.commands.comparing import Compare, Report, Verify
from empathy_loop.train.commands.playing import Play, Record, Replay
from empathy_loop.train.commands.scoring import Bench, Evaluate
from empathy_loop.train.commands.showing import List, Render
from empathy_loop.train.commands.training import Train
from empathy_loop.train.signals import sigterm_as_ctrl_c

Command = (
    Annotated[Train, subcommand("train")]
    | Annotated[Evaluate, subcommand("evaluate")]
    | Annotated[Compare, subcommand("compare")]
    | Annotated[Report, subcommand("report")]
    | Annotated[Verify, subcommand("verify")]
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
        The exit code: 0, 1 where `verify` finds a difference, 2 after an error that was explained,
        130 after Ctrl-C or SIGTERM. A defect of the program itself is raised, for its traceback is
        what has to be reported.
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
        with sigterm_as_ctrl_c():
            return command.run(Console()) or 0
    except KeyboardInterrupt:
        errors.print_interruption()
        return errors.EXIT_INTERRUPTED
    except Exception as error:
        if not errors.print_explanation(error):
            raise
        return errors.EXIT_REFUSED
