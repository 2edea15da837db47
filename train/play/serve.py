"""To run the web server until Ctrl-C."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Sequence
from pathlib import Path

import torch
import uvicorn
from fastapi import FastAPI
from rich.console import Console

from empathy_loop.train.play.lobby import Lobby
from empathy_loop.train.play.messages import LARGEST_MESSAGE
from empathy_loop.train.play.server import LOOPBACK, make_app


def serve(
    console: Console,
    agents: Sequence[str],
    records: Path,
    host: str,
    port: int,
    remote: bool,
    headless: bool,
) -> None:
    """Serve the page, and print its link.

    Args:
        console: Where the link is printed.
        agents: What is offered as the other agents; none for the one that ships.
        records: Folder for the records.
        host: Address to listen at.
        port: Port, 0 for any that is free.
        remote: Whether an address that other machines reach is allowed.
        headless: Whether to open no browser.

    Raises:
        ValueError: the address is refused, or taken; an agent is unknown.
        CheckpointError: the checkpoint of a run cannot be read.
    """
    is_local = host in LOOPBACK
    if not is_local and not remote:
        raise ValueError(
            f"host {host!r} can be reached from other machines; add --remote if that is wanted, "
            "or leave it at 127.0.0.1"
        )
    lobby, token = Lobby(agents, records), secrets.token_urlsafe(24)
    # Sessions are many and small.
    torch.set_num_threads(1)
    listener = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    link = f"http://{shown}:{listener.getsockname()[1]}/#token={token}"
    console.print(f"Open {link}", soft_wrap=True, highlight=False)
    console.print(f"Episodes that are played are recorded in {records}. Ctrl-C stops.")
    if not is_local:
        console.print(
            "Whoever has this link can play, and see records; nothing is encrypted. Use it in a "
            "network that you trust, with an address of this machine in place of 0.0.0.0."
        )
    elif not headless:
        webbrowser.open(link)
    server = uvicorn.Server(configured(make_app(lobby, token, is_local)))
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        listener.close()


def configured(app: FastAPI) -> uvicorn.Config:
    """Return the settings of uvicorn, which bound what one connection can cost."""
    return uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_max_size=LARGEST_MESSAGE,
        ws_per_message_deflate=False,
        limit_concurrency=256,
        h11_max_incomplete_event_size=16 * 1024,
        access_log=False,  # it would write the token
        log_level="error",
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=3,
    )


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        ValueError: the address or the port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise ValueError(
            f"cannot listen at {host}, port {port} ({error}); choose another with --port"
        ) from error
    return listener
