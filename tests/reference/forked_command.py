"""The command line in processes of its own, forked from one that has imported and compiled all.

A process takes seconds to start and milliseconds to fork, so that tests can afford many. Each is a
process like any other, at the head of a process group, which can be killed; and it can be told to
kill its group as soon as it or one of its workers has run some number of lines of the package's own
code, so that it dies at the same place on every machine. Its workers are forked too, in place of
spawned, for the same reason. As a script, this file is the process that forks.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

PACKAGE = "train"
"""Folder of the code whose lines are counted."""


class Commands:
    """Starts commands, all in one folder.

    Args:
        folder: Where they run.
    """

    def __init__(self, folder: Path) -> None:
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(
        self,
        arguments: Sequence[str],
        out: Path,
        environment: Mapping[str, str] | None = None,
        die: tuple[str, int] | None = None,
        count: Path | None = None,
    ) -> int:
        """Start a command.

        Args:
            arguments: What a user would type after `empathy-loop`.
            out: File for what it writes to stdout and stderr.
            environment: Added to the variables of the process.
            die: Name of a function of the package, and the number of lines run in it and in what
                it calls after which the process kills its group, from 1; "" counts every line.
            count: File for the number of lines that were run in all.

        Returns:
            Number of the process.
        """
        life = {
            "arguments": list(arguments),
            "out": str(out),
            "environment": dict(environment or {}),
            "die": die,
            "count": None if count is None else str(count),
        }
        return self._ask(life)

    def wait(self, process: int) -> int:
        """Return the exit code of a process when it ends; minus the signal if one killed it."""
        return self._ask({"wait": process})

    def run(self, arguments: Sequence[str], out: Path, **options: Any) -> int:
        """Start a command, wait for it, and return its exit code."""
        return self.wait(self.start(arguments, out, **options))

    def close(self) -> None:
        """End the process that forks."""
        self._server.communicate(timeout=60)

    def _ask(self, request: dict[str, Any]) -> int:
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


class Death:
    """Kills the process group after some lines of the package, as a tracing function counts them.

    Forked workers inherit it, with the count so far, and count on their own.

    Args:
        function: In which function lines count; "" for all.
        lines: How many to run; None only counts.
    """

    def __init__(self, function: str, lines: int | None) -> None:
        self.function, self.left, self.seen = function, lines, 0
        self.depth = 0 if function else 1
        self.folder = f"{os.sep}{PACKAGE}{os.sep}"

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Follow a function of the package that is being entered."""
        code = frame.f_code
        if self.folder not in code.co_filename or "empathy_loop" not in frame.f_globals["__name__"]:
            return None
        if code.co_name == self.function:
            self.depth += 1
        return self.line

    def line(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Count a line, and die if it is the last."""
        if event == "return" and frame.f_code.co_name == self.function:
            self.depth -= 1
        if event == "line" and self.depth > 0:
            if self.seen == self.left:
                os.killpg(0, signal.SIGKILL)
            self.seen += 1
        return self.line


def _live(life: dict[str, Any]) -> int:
    """Be a command, in a process that was just forked, and return its exit code."""
    from empathy_loop.train.cli import main

    os.setpgid(0, 0)
    out = os.open(life["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(out, stream)
    os.environ.update(life["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    death = Death(*(life["die"] or ("", None)))
    if life["die"] or life["count"]:
        sys.settrace(death)
    code = main(life["arguments"])
    sys.settrace(None)
    if life["count"]:
        Path(life["count"]).write_text(str(death.seen))
    return code


def _child(life: dict[str, Any]) -> None:
    """Live and end without coming back, whatever happens."""
    import traceback

    code = 1
    try:
        code = _live(life)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _warm_up() -> None:
    """Import and compile what a run needs; without a gradient, which torch lets nobody inherit.

    Runs draw small at their end, as the tests of training do.
    """
    from importlib import import_module

    for name in ("cli", "runs", "progress", "tables", "compare"):
        import_module(f"empathy_loop.train.{name}")
    multiprocessing.set_start_method("fork")
    multiprocessing.get_context = lambda method=None: multiprocessing.context._default_context
    import torch
    from small_endings import draw_small

    from empathy_loop.agents.registry import load_agent
    from empathy_loop.train.actors import LearnedActor, load_actor
    from empathy_loop.train.config import TrainConfig
    from empathy_loop.train.evaluate import run_episodes
    from empathy_loop.train.learner import Learner

    torch.set_num_threads(1)
    draw_small(setattr)
    learner = Learner(TrainConfig(load_agent("cognitive", {"ppo": {"num_worlds": 4}})))
    actor = LearnedActor(
        learner.config.agent, learner.config.world, learner.arm.network.state_dict()
    )
    for one in (actor, load_actor("random"), load_actor("oracle")):
        run_episodes(one, learner.config.world, 1, 0)


def _serve() -> None:
    """Fork one process for each request that starts one; answer each with a number."""
    _warm_up()
    for request in sys.stdin:
        asked = json.loads(request)
        if "wait" in asked:
            _, status = os.waitpid(asked["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = os.fork()
            if answer == 0:
                _child(asked)
        print(answer, flush=True)


def wait_for(path: Path, process: int, seconds: float = 60.0) -> None:
    """Wait until a file is there."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"process {process} has not written {path}"
        time.sleep(0.005)


if __name__ == "__main__":
    _serve()
