"""What a user is told when something cannot be done, and with which exit code."""

from __future__ import annotations

import dis
import errno
import os
from pathlib import Path

from rich.console import Console
from rich.text import Text

EXIT_DIFFERENT = 1
"""Exit code where what was to be verified has not come out again."""
EXIT_REFUSED = 2
"""Exit code after an error that was explained."""
EXIT_INTERRUPTED = 130
"""Exit code after Ctrl-C or SIGTERM."""
DEBUG = "EMPATHY_LOOP_DEBUG"
"""Environment variable; when set, explained errors show their traceback as well."""

_RAISE = dis.opmap["RAISE_VARARGS"]
_PACKAGES = tuple(
    f"{Path(__file__).parents[1] / name}{os.sep}" for name in ("agents", "envs", "train")
)


def explanation(error: Exception) -> str | None:
    """Return what to tell the user about an error, or None if it is a defect of the program.

    Args:
        error: What was raised.

    Returns:
        One message for errors that say what the user can do: damaged checkpoints, values that
        this project refuses, files that cannot be read or written. None for everything else,
        whose traceback somebody has to read.
    """
    # torch takes a second to import, for which `--help` should not wait.
    from empathy_loop.train.checkpoint import CheckpointError
    from empathy_loop.train.distributed import TeamError

    if isinstance(error, CheckpointError | TeamError | FloatingPointError):
        return str(error)
    if isinstance(error, OSError):
        return _about_files(error)
    if isinstance(error, ValueError) and _is_refusal(error):
        return str(error)
    return None


def print_explanation(error: Exception) -> bool:
    """Write what there is to tell about an error to stderr.

    Returns:
        Whether there was anything; if not, the error should be raised.
    """
    message = explanation(error)
    if message is None:
        return False
    console = Console(stderr=True)
    if os.environ.get(DEBUG):
        console.print_exception()
    console.print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)
    return True


def print_interruption() -> None:
    """Write to stderr that Ctrl-C or SIGTERM was heard, and how to go on."""
    console = Console(stderr=True)
    console.print("interrupted; what was finished is saved: run the same command to go on")


def _about_files(error: OSError) -> str | None:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        place = f" while writing {error.filename}" if error.filename else ""
        return (
            f"the disk is full{place}; what was saved before is intact: make room and run the "
            "same command again to go on"
        )
    return f"{error.strerror}: {error.filename}" if error.filename else None


def _is_refusal(error: ValueError) -> bool:
    """Return whether a raise statement of this project made the error, rather than a library.

    A wrong shape inside numpy is a ValueError too, but that is our defect and not the user's.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    code = trace.tb_frame.f_code
    return code.co_filename.startswith(_PACKAGES) and code.co_code[trace.tb_lasti] == _RAISE
