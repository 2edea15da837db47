"""How many episodes a server shows at once: the frames that reach each page, and what they cost.

python -m empathy_loop.train.play.load --sessions 20 --seconds 30
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import torch
import tyro
import uvicorn
from websockets.asyncio.client import connect

from empathy_loop.train.play.lobby import Lobby
from empathy_loop.train.play.serve import configured, listen
from empathy_loop.train.play.server import MOST_CONNECTIONS, make_app

TOKEN = "load"


@dataclass(frozen=True)
class Load:
    """Pages that watch a server of this process's own, over this machine's own address."""

    sessions: int = 20
    """Episodes that are watched at once, 1 to 64; each begins anew when it is over."""
    seconds: float = 30.0
    """Time that is measured, after all have begun, above 0."""
    speed: float = 10.0
    """Steps per second that each page asks for, 0.25 to 30."""
    scenario: str = "mutual_aid_v0"
    """Scenario of all of them."""
    agent: str = ""
    """As `empathy-loop play` takes it; none for what the page proposes in that scenario."""


@dataclass(frozen=True)
class Served:
    """What came of it."""

    agent: str
    """What acted."""
    rates: tuple[float, ...]
    """Frames per second that reached each page."""
    cores: float
    """Cores' worth of time that the server used."""


def measure(load: Load) -> Served:
    """Start a server in a process of its own, watch, and count.

    Raises:
        ValueError: a number is out of its range, or the server refuses the scenario, the speed or
            the agent; says why.
    """
    if not 1 <= load.sessions <= MOST_CONNECTIONS:
        raise ValueError(f"sessions must be in [1, {MOST_CONNECTIONS}], got {load.sessions}")
    if not load.seconds > 0:
        raise ValueError(f"seconds must be above 0, got {load.seconds:g}")
    with tempfile.TemporaryDirectory() as folder, running_server(load.agent, Path(folder)) as pipe:
        return asyncio.run(_measure(load, pipe))


@contextmanager
def running_server(agent: str, folder: Path) -> Iterator[Connection]:
    """Run a server; what is received first is its port, or why there is none."""
    context = multiprocessing.get_context("spawn")
    pipe, its_end = context.Pipe()
    process = context.Process(target=_serve, args=(its_end, agent, folder))
    process.start()
    try:
        yield pipe
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Connection, agent: str, folder: Path) -> None:
    """Serve, and answer whatever comes through the pipe with the processor time used so far."""
    torch.set_num_threads(1)
    try:
        lobby = Lobby((agent,) if agent else (), folder)
    except ValueError as error:
        pipe.send(str(error))
        return
    listener = listen("127.0.0.1", 0)
    listener.listen()  # so that who knows the port can connect
    server = uvicorn.Server(configured(make_app(lobby, TOKEN, is_local=True)))
    threading.Thread(target=server.run, args=([listener],), daemon=True).start()
    pipe.send(int(listener.getsockname()[1]))
    while True:
        pipe.recv()
        pipe.send(time.process_time())


async def _measure(load: Load, pipe: Connection) -> Served:
    port = await asyncio.to_thread(pipe.recv)
    if isinstance(port, str):
        raise ValueError(port)
    frames, agents = [0] * load.sessions, [""] * load.sessions
    pages = [
        asyncio.create_task(_watch(load, port, n, frames, agents)) for n in range(load.sessions)
    ]

    async def let_pass(seconds: float) -> None:
        done, _ = await asyncio.wait(pages, timeout=seconds, return_when="FIRST_EXCEPTION")
        for page in done:
            page.result()

    def used() -> float:
        pipe.send(None)
        return float(pipe.recv())

    try:
        while min(frames) < 2:  # what is compiled first is not measured
            await let_pass(0.1)
        first, begun, cpu = list(frames), time.monotonic(), await asyncio.to_thread(used)
        await let_pass(load.seconds)
        last, lasted = list(frames), time.monotonic() - begun
        cores = (await asyncio.to_thread(used) - cpu) / lasted
    finally:
        for page in pages:
            page.cancel()
        await asyncio.gather(*pages, return_exceptions=True)
    rates = tuple((b - a) / lasted for a, b in zip(first, last, strict=True))
    return Served(agents[0], rates, cores)


async def _watch(load: Load, port: int, n: int, frames: list[int], agents: list[str]) -> None:
    """Watch one episode after another, and count in entry n what is shown."""
    link = f"127.0.0.1:{port}"
    async with connect(
        f"ws://{link}/session?token={TOKEN}",
        origin=f"http://{link}",  # type: ignore[arg-type]  # it is a text of a type of its own
        max_size=None,
    ) as socket:
        async for text in socket:
            message = json.loads(text)
            match message["type"]:
                case "hello" | "ended":
                    if message["type"] == "hello":
                        offered = {one["name"]: one["agents"] for one in message["scenarios"]}
                        agents[n] = offered.get(load.scenario, [""])[0]
                    chosen = {"scenario": load.scenario, "agent": agents[n], "seed": n}
                    await socket.send(json.dumps({"type": "start", **chosen}))
                    pace = {"type": "pace", "running": True, "speed": load.speed}
                    await socket.send(json.dumps(pace))
                case "scenes":
                    frames[n] += len(message["scenes"])
                case "refused":
                    raise ValueError(message["reason"])


def main() -> None:
    """Measure what the command line asks for, and say it."""
    load = tyro.cli(Load)
    try:
        served = measure(load)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    print(
        f"{load.sessions} episodes of {served.agent} in {load.scenario}, each at {load.speed:g} "
        f"steps a second, for {load.seconds:g} s\n"
        f"frames a second that reached a page: median {median(served.rates):.2f}, "
        f"worst {min(served.rates):.2f}\n"
        f"the server used {served.cores:.2f} cores' time; this machine has {os.cpu_count()}"
    )


if __name__ == "__main__":
    main()
