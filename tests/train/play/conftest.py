"""What the tests of the browser game share: a server in a thread, and clients to talk to it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
from extras import require

TOKEN = "a-token-for-tests"

if find_spec("fastapi") is None:
    # They import what the extra brings; test_server.py says that it is missing.
    collect_ignore = ["test_load.py", "test_messages.py", "test_scene.py", "test_session.py"]


@pytest.fixture(scope="session", autouse=True)
def _web() -> None:
    for module in ("fastapi", "uvicorn", "websockets"):
        require(module, "web")


class Client:
    """One connection, as a page has it.

    Args:
        port: Port of the server.
        token: What it says it knows.
        origin: Where it says it comes from; None for the server's own page.
    """

    def __init__(self, port: int, token: str = TOKEN, origin: str | None = None) -> None:
        from websockets.sync.client import connect

        self._connecting = connect(
            f"ws://127.0.0.1:{port}/session?token={token}",
            origin=origin or f"http://127.0.0.1:{port}",  # type: ignore[arg-type]
            max_size=None,
        )
        self.socket = self._connecting.__enter__()
        self.hello = self.receive()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def receive(self) -> dict[str, Any]:
        """Return the next message."""
        found: dict[str, Any] = json.loads(self.socket.recv(240))
        return found

    def ask(self, **message: Any) -> dict[str, Any]:
        """Send a message and return the next one that comes."""
        self.socket.send(json.dumps(message))
        return self.receive()

    def start(self, **message: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Begin an episode; return what is told of it, and its first scenes."""
        start = {"type": "start", "scenario": "mutual_aid_v0", "agent": "reader", "seed": 3}
        return self.ask(**(start | message)), self.receive()["scenes"]


class Server:
    """A server of the game in a thread of its own.

    Args:
        folder: Its folder for records.
        is_local: Whether only pages of this machine may connect.
    """

    def __init__(self, folder: Path, is_local: bool = True) -> None:
        import uvicorn

        from empathy_loop.train.play.lobby import Lobby
        from empathy_loop.train.play.serve import configured
        from empathy_loop.train.play.server import make_app

        self.lobby = Lobby((), folder)
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._server = uvicorn.Server(configured(make_app(self.lobby, TOKEN, is_local)))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)

    def client(self, **arguments: Any) -> Client:
        """Return a new connection."""
        return Client(self.port, **arguments)

    def stop(self) -> None:
        """End the server."""
        self._server.should_exit = True
        self._thread.join(20)
        self._listener.close()

    def _run(self) -> None:
        asyncio.run(self._server.serve([self._listener]))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server that the tests of a module share."""
    one = Server(tmp_path_factory.mktemp("records"))
    yield one
    one.stop()


@pytest.fixture(scope="module")
def records(server: Server) -> Path:
    """Return the folder of the server's records."""
    return server.lobby.records


MakeServer = Callable[..., Server]


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Return a function that starts a server of a test's own."""
    started: list[Server] = []

    def make(**arguments: Any) -> Server:
        started.append(Server(tmp_path / "records", **arguments))
        return started[-1]

    yield make
    for one in started:
        one.stop()
