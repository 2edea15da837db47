"""The command line: what a user typed becomes one call of the function that does it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


EXIT_UNREAD = 141
"""Exit code where whoever read the output, such as `head`, has left: as after SIGPIPE."""


class Output(Console):
    """What commands print to."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError where nobody reads it, as `print` does; rich would exit with 1."""
        raise BrokenPipeError


@contextmanager
def _quiet_if_unread() -> Iterator[None]:
    """Leave with EXIT_UNREAD, and without a traceback, where nobody reads stdout any more."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # of stdout: those of workers are seen to in train/pool.py
        # Python would try once more to write what is left, and complain, when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(EXIT_UNREAD) from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What was typed after `empathy-loop`; None reads it from the process.

    Returns:
        The exit code: 0, 1 where `verify` finds a difference, 2 after an error that was explained,
        130 after Ctrl-C or SIGTERM. A defect of the program itself is raised, for its traceback is
        what has to be reported.

    Raises:
        SystemExit: with 0 after `--help`, 2 where the arguments are none, 141 where nobody reads
            the output any more.
    """
    with _quiet_if_unread():
        command = tyro.cli(
            Command,
            prog="empathy-loop",
            description="Train agents that model each other's hidden needs, and measure whether "
            "that helps a group to adapt.",
            args=arguments,
            config=(tyro.conf.DisallowNone,),
        )
        return _run(command)


def _run(command: Command) -> int:
    """Run one command; return its exit code."""
    try:
        with sigterm_as_ctrl_c():
            return command.run(Output()) or 0
    except KeyboardInterrupt:
        errors.print_interruption()
        return errors.EXIT_INTERRUPTED
    except Exception as error:
        if not errors.print_explanation(error):
            raise
        return errors.EXIT_REFUSED
