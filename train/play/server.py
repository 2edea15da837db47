"""The web server: the page, and one connection for each that has it open."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.websockets import WebSocketDisconnect

from empathy_loop.train.errors import explanation
from empathy_loop.train.play.allowance import Allowance, Allowances
from empathy_loop.train.play.lobby import Lobby
from empathy_loop.train.play.messages import Message, Open, Rejoin, Start, parse
from empathy_loop.train.play.session import Reply, Session

STATIC = Path(__file__).with_name("static")
MOST_CONNECTIONS = 64
"""Connections at once; one more is refused."""
RATE, BURST = 40.0, 80.0
"""Messages per second that a connection may send in the long run, and at once."""
WORK_RATE, WORK_BURST = 8.0, 120.0
"""Work per second that an address may cause in the long run, and at once, in units of an episode
that is begun."""
COST_CONNECTION, COST_START, COST_OPEN = 0.25, 1.0, 4.0
"""Work of a connection, of an episode that is begun, and of one that is played again."""
_ENCODER = json.JSONEncoder(separators=(",", ":"))
LOOPBACK = ("127.0.0.1", "localhost", "::1")

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; connect-src 'self' ws: wss:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def make_app(lobby: Lobby, token: str, is_local: bool) -> FastAPI:
    """Return the server as an ASGI application.

    Args:
        lobby: What connections share.
        token: The secret that a connection must know.
        is_local: Whether only pages of this machine may connect.
    """
    # No pages about itself: those of FastAPI would load scripts from elsewhere.
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    connections: set[WebSocket] = set()
    allowances = Allowances(WORK_RATE, WORK_BURST)

    @app.middleware("http")
    async def harden(
        request: Request, answer: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await answer(request)
        response.headers.update(_HEADERS)
        return response

    @app.get("/")
    async def page() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    @app.websocket("/session")
    async def session(socket: WebSocket) -> None:
        is_welcome = _is_welcome(socket, token, is_local) and len(connections) < MOST_CONNECTIONS
        # By address, so that who comes back has no more; behind one address, all share it.
        work = allowances.of(socket.client.host if socket.client else "") if is_welcome else None
        if work is None or not work.take(COST_CONNECTION):
            await socket.close(1008)
            return
        connections.add(socket)
        try:
            await socket.accept()
            await _Conversation(socket, lobby, work).run()
        except (WebSocketDisconnect, RuntimeError):
            # Gone while something was being sent.
            pass
        finally:
            connections.discard(socket)

    app.mount("/static", StaticFiles(directory=STATIC))
    return app


def _is_welcome(socket: WebSocket, token: str, is_local: bool) -> bool:
    """Return whether a connection comes from the server's own page and knows the token."""
    given, host = socket.query_params.get("token", ""), socket.headers.get("host", "")
    known = secrets.compare_digest(given.encode(errors="replace"), token.encode())
    try:
        origin = urlsplit(socket.headers.get("origin", ""))
        near = not is_local or origin.hostname in LOOPBACK
    except ValueError:  # no address at all
        return False
    return known and near and origin.scheme in ("http", "https") and origin.netloc == host


class _Conversation:
    """What is said over one connection.

    Args:
        socket: The connection, accepted.
        lobby: What connections share.
        work: The allowance for work of where it comes from.
    """

    def __init__(self, socket: WebSocket, lobby: Lobby, work: Allowance) -> None:
        self._socket, self._lobby = socket, lobby
        self._session: Session | None = None
        self._messages, self._work = Allowance(RATE, BURST), work

    async def run(self) -> None:
        """Answer messages and let time pass, until the other side leaves or is sent away."""
        await self._send([self._lobby.offers()])
        receiving = asyncio.create_task(self._socket.receive())
        try:
            while True:
                wait = self._session.wait() if self._session is not None else None
                done, _ = await asyncio.wait({receiving}, timeout=wait)
                if not done:
                    await self._send(await self._tick())
                    continue
                received = receiving.result()
                if received["type"] == "websocket.disconnect":
                    return
                receiving = asyncio.create_task(self._socket.receive())
                if not self._messages.take(1.0):
                    await self._send([_refusal("too many messages; the connection is closed")])
                    await self._socket.close(1008)
                    return
                await self._send(await self._answer(received.get("text")))
        finally:
            receiving.cancel()
            self._leave()

    async def _tick(self) -> list[Reply]:
        """Let one step pass."""
        session = self._session
        assert session is not None
        async with session.lock:
            if session.owner is not self:
                self._session = None
                return [{"type": "taken", "reason": "this episode goes on in another window"}]
            return await self._stepped(session.tick)

    async def _answer(self, text: str | None) -> list[Reply]:
        """Return what there is to say to a message."""
        try:
            if text is None:
                raise ValueError("messages are texts")
            return await self._do(parse(text))
        except Exception as error:
            reason = explanation(error)
            if reason is None:
                # A defect of the server ends neither this connection nor any other.
                logging.getLogger("uvicorn.error").exception("a message could not be answered")
                reason = "the server could not do that; its terminal says why"
            return [_refusal(reason)]

    async def _do(self, message: Message) -> list[Reply]:
        """Do what a message asks for, or raise ValueError."""
        if isinstance(message, Start | Open):
            if not self._work.take(COST_START if isinstance(message, Start) else COST_OPEN):
                raise ValueError("too many episodes are begun from where you are; wait a little")
            if isinstance(message, Start):
                session = await asyncio.to_thread(self._lobby.start, message)
            else:
                session = await asyncio.to_thread(self._lobby.open, message.record)
            if self._session is not None and self._session.owner is self:
                self._lobby.drop(self._session)
            self._take(session)
            return session.since(0)
        if isinstance(message, Rejoin):
            session = self._lobby.find(message.session)
            async with session.lock:
                if self._session is not session:
                    self._leave()
                session.leave()
                self._take(session)
                return [{"type": "rejoined"}, *session.since(message.have)]
        if self._session is None:
            raise ValueError("begin an episode first")
        async with self._session.lock:
            if self._session.owner is not self:
                raise ValueError("this episode goes on in another window")
            return await self._stepped(self._session.handle, message)

    async def _stepped(self, do: Callable[..., list[Reply]], *arguments: Any) -> list[Reply]:
        """Return what a session does in the one thread that steps them all.

        Steps are short; more threads would only wait for each other.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._lobby.stepper, do, *arguments)

    def _take(self, session: Session) -> None:
        self._session, session.owner = session, self

    def _leave(self) -> None:
        if self._session is not None and self._session.owner is self:
            self._session.leave()

    async def _send(self, replies: list[Reply]) -> None:
        for reply in replies:
            await self._socket.send_text(_ENCODER.encode(reply))


def _refusal(reason: str) -> Reply:
    return {"type": "refused", "reason": reason}
