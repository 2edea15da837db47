"""Who may connect, what it can break (nothing but its own connection), and how it comes back."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from played import played

from empathy_loop.train.cli import main
from empathy_loop.train.records import read_record, write_record
from empathy_loop.train.replay import check_replay

TOKEN = "a-token-for-tests"
pytestmark = pytest.mark.xdist_group("play")


def refused(connect: Callable[[], Any]) -> bool:
    from websockets.exceptions import InvalidStatus

    try:
        connect().socket.close()
    except InvalidStatus as error:
        return bool(error.response.status_code == 403)
    return False


def get(server: Any, path: str) -> Any:
    return urlopen(Request(f"http://127.0.0.1:{server.port}{path}"))


def goes_on(client: Any) -> None:
    """Check that a watching client is served as before."""
    t = client.ask(type="pace", running=False, speed=4.0)
    assert t == {"type": "pace", "running": False, "speed": 4.0}


# Who may connect


def test_the_page_and_its_parts_come_from_the_package_and_load_nothing_else(server: Any) -> None:
    page = get(server, "/")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'; connect-src 'self' ws: wss:; frame-ancestors")
    text = page.read().decode()
    assert "http" not in text.replace('http-equiv="', "")
    for name in ("page.js", "board.js", "style.css"):
        assert get(server, f"/static/{name}").status == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/docs", "/openapi.json", "/static/../server.py", "/static/%2e%2e/server.py"),
        *("/static/..%2f..%2fcli.py", "/static//etc/passwd", "/records", "/static/"),
    ],
)
def test_nothing_else_can_be_fetched(server: Any, path: str) -> None:
    with pytest.raises(HTTPError) as error:
        get(server, path)
    assert error.value.code == 404


@pytest.mark.parametrize(
    "arguments",
    [
        {"token": ""},
        {"token": "a-token-for-test"},
        {"token": "%ff%00"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://[::1"},
        {"origin": "file://127.0.0.1"},
    ],
)
def test_a_stranger_is_refused(server: Any, arguments: dict[str, str]) -> None:
    assert refused(lambda: server.client(**arguments))


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("127.0.0.1", None),
        # As DNS rebinding does: both agree, but neither is a name of this machine.
        ("evil.example", "http://evil.example:{port}"),
    ],
)
def test_a_page_of_elsewhere_is_refused_and_one_that_does_not_say_where(
    server: Any, name: str, origin: str | None
) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    with (
        socket.create_connection(("127.0.0.1", server.port)) as line,
        pytest.raises(InvalidStatus, match="403"),
        connect(
            f"ws://{name}:{server.port}/session?token={TOKEN}",
            origin=origin and origin.format(port=server.port),  # type: ignore[arg-type]
            sock=line,
        ),
    ):
        pass


def test_there_is_an_end_to_connections(make_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from empathy_loop.train.play import server as module

    monkeypatch.setattr(module, "MOST_CONNECTIONS", 2)
    server = make_server()
    with server.client(), server.client():
        assert refused(server.client)
    deadline = time.monotonic() + 20
    while refused(server.client):
        assert time.monotonic() < deadline


def test_there_is_an_end_to_sessions(make_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from empathy_loop.train.play import lobby as module

    monkeypatch.setattr(module, "MOST_SESSIONS", 2)
    server = make_server()
    with server.client() as one, server.client() as two, server.client() as three:
        one.start()
        two.start()
        # A new episode takes the place of the one before it only once there is room.
        found = three.ask(type="start", scenario="mutual_aid_v0", agent="reader", seed=0)
        assert found["type"] == "refused" and "the server is full" in found["reason"]
        monkeypatch.setattr(module, "PATIENCE_SECONDS", -1.0)
        two.socket.close()
        deadline = time.monotonic() + 20
        while three.ask(type="start", scenario="mutual_aid_v0", agent="reader", seed=0)["type"] == (
            "refused"
        ):
            assert time.monotonic() < deadline
        goes_on(one)


# What it can break


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scenario": "../../secret"}, "no such scenario"),
        ({"agent": "some.module:Class"}, "no such agent"),
        ({"agent": "/"}, "no such agent"),
        ({"seat": 3}, "seat must be in"),
        ({"scenario": "crowd_v0", "agent": "cognitive (shipped)"}, "was trained with num_agents=3"),
    ],
)
def test_what_is_not_offered_is_refused(server: Any, changes: dict[str, Any], reason: str) -> None:
    with server.client() as client:
        found = client.ask(
            **{"type": "start", "scenario": "mutual_aid_v0", "agent": "reader", "seed": 0} | changes
        )
        assert found["type"] == "refused" and reason in found["reason"]
        assert client.start()[0]["type"] == "begun"


@pytest.mark.parametrize("kind", ["act", "step", "pace", "review"])
def test_what_comes_before_an_episode_is_refused(server: Any, kind: str) -> None:
    fields = {
        "act": {"t": 0, "action": 0},
        "step": {"t": 0},
        "pace": {"running": True, "speed": 1.0},
        "review": {},
    }
    with server.client() as client:
        assert client.ask(type=kind, **fields[kind])["reason"] == "begin an episode first"


def test_noise_is_refused_and_disturbs_nobody(server: Any) -> None:
    generator = np.random.default_rng(0)
    with server.client() as watcher, server.client() as client:
        watcher.start()
        client.start(seat=0)
        texts = ["", "{", "[]", '{"type":"act"}', '{"type":"act","t":0,"action":255}', "\x00"]
        texts += [json.dumps({"type": "act", "t": t, "action": 0}) for t in (5, 999)]
        for n in range(60):
            time.sleep(0.02)
            if n % 3:
                client.socket.send(texts[n % len(texts)])
            else:
                client.socket.send(generator.bytes(int(generator.integers(0, 200))))
            assert client.receive()["type"] == "refused"
        goes_on(watcher)
        assert client.ask(type="act", t=0, action=0)["scenes"][0]["t"] == 1


def test_bytes_that_are_no_protocol_disturb_nobody(server: Any) -> None:
    generator = np.random.default_rng(0)
    upgrade = (
        f"GET /session?token={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        f"Origin: http://127.0.0.1:{server.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    with server.client() as watcher:
        watcher.start()
        for start in (b"", b"GET / HTTP/1.1\r\n", b"GET /" + b"x" * 40_000, upgrade):
            with socket.create_connection(("127.0.0.1", server.port), 30) as line:
                line.sendall(start + generator.bytes(500))
                line.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionResetError):
                    while line.recv(4096):
                        pass
        goes_on(watcher)


@pytest.mark.parametrize("binary", [False, True])
def test_too_large_a_message_ends_its_own_connection_only(server: Any, binary: bool) -> None:
    from websockets.exceptions import ConnectionClosed

    with server.client() as watcher, server.client() as client:
        watcher.start()
        client.socket.send(b"x" * 10_000 if binary else "x" * 10_000)
        with pytest.raises(ConnectionClosed) as closed:
            client.receive()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009
        goes_on(watcher)


def test_a_flood_ends_its_own_connection_only(server: Any) -> None:
    from websockets.exceptions import ConnectionClosed

    with server.client() as watcher, server.client() as client:
        watcher.start()
        found: list[Any] = []
        with pytest.raises(ConnectionClosed) as closed:
            for _ in range(2000):
                client.socket.send("{}")
            while True:
                found.append(client.receive())
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1008
        goes_on(watcher)


@pytest.mark.parametrize(("kind", "most"), [("start", 29), ("open", 7)])
def test_who_begins_episode_after_episode_is_slowed_down_and_others_go_on(
    make_server: Any, monkeypatch: pytest.MonkeyPatch, kind: str, most: int
) -> None:
    from empathy_loop.train.play import server as module

    # Two connections at 0.25 and the watcher's episode at 1 leave 29.5; to open costs 4.
    monkeypatch.setattr(module, "WORK_RATE", 1e-9)
    monkeypatch.setattr(module, "WORK_BURST", 31.0)
    server = make_server()
    write_record(server.lobby.records / "one.npz", played(("reader",) * 3))
    ask = {
        "start": {"type": "start", "scenario": "mutual_aid_v0", "agent": "reader", "seed": 0},
        "open": {"type": "open", "record": "one.npz"},
    }[kind]
    shown: list[int] = []

    def watch(client: Any) -> None:
        while not shown or shown[-1] < 128:
            shown.extend(scene["t"] for scene in client.receive().get("scenes", []))

    with server.client() as watcher, server.client() as client:
        watcher.start()
        watcher.socket.send(json.dumps({"type": "pace", "running": True, "speed": 30.0}))
        watching = threading.Thread(target=watch, args=(watcher,))
        watching.start()
        answers = []
        while len(shown) < 30 or len(answers) < most + 5:  # frames come while it asks
            assert watching.is_alive() or len(shown) == 128
            found = client.ask(**ask)
            answers.append(found["type"])
            if found["type"] == "begun":
                client.receive()
            time.sleep(0.03)
        assert answers == ["begun"] * most + ["refused"] * (len(answers) - most)
        assert "too many episodes" in found["reason"]
        client.socket.close()
        with server.client() as again:
            assert again.ask(**ask)["type"] == "refused"  # who comes back has no more
        watching.join()
    assert shown == list(range(1, 129))


def test_there_is_an_end_to_records(make_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from empathy_loop.train.play import lobby as module

    monkeypatch.setattr(module, "MOST_RECORDS", 1)
    server = make_server()
    write_record(server.lobby.records / "one.npz", played(("reader",) * 3))
    with server.client() as client:
        client.start(seat=0)
        client.ask(type="pace", running=True, speed=30.0)
        while (found := client.receive())["type"] != "ended":
            pass
    assert found["record"] is None
    assert "the folder holds 1 records, the most it may; empty it" in found["problem"]
    assert len(list(server.lobby.records.iterdir())) == 1


def test_a_defect_of_the_server_ends_no_connection(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(message: Any) -> None:
        raise ZeroDivisionError

    with server.client() as client:
        monkeypatch.setattr(server.lobby, "start", broken)
        found = client.ask(type="start", scenario="mutual_aid_v0", agent="reader", seed=0)
        assert "its terminal says why" in found["reason"]
        monkeypatch.undo()
        assert client.start()[0]["type"] == "begun"


# Records


@pytest.mark.parametrize(
    "name", ["../outside.npz", "/etc/passwd", "link.npz", "", ".", "one.npz/../one.npz", "no.npz"]
)
def test_no_file_outside_of_the_records_is_read(
    server: Any, records: Path, tmp_path: Path, name: str
) -> None:
    records.mkdir(exist_ok=True)
    outside = write_record(records.parent / "outside.npz", played(("reader",) * 3))
    if not (records / "link.npz").is_symlink():
        (records / "link.npz").symlink_to(outside)
    with server.client() as client:
        found = client.ask(type="open", record=name)
        assert found == {"type": "refused", "reason": "there is no such record here"}


def test_a_record_is_offered_and_shown(server: Any, records: Path) -> None:
    write_record(records / "shown.npz", played(("filter",) * 3))
    with server.client() as client:
        assert "shown.npz" in client.hello["records"]
        begun = client.ask(type="open", record="shown.npz")
        assert (begun["type"], begun["seat"], begun["horizon"]) == ("begun", None, 12)
        assert len(client.receive()["scenes"]) == 13


def test_a_damaged_record_is_refused(server: Any, records: Path) -> None:
    records.mkdir(exist_ok=True)
    (records / "damaged.npz").write_bytes(b"PK\x03\x04")
    with server.client() as client:
        found = client.ask(type="open", record="damaged.npz")
        assert "is damaged, or not a record" in found["reason"]


def test_an_episode_is_played_to_its_end_and_recorded(server: Any, records: Path) -> None:
    with server.client() as client:
        begun, scenes = client.start(scenario="mutual_aid_v0", seat=2, world=7)
        assert begun["policies"] == ["reader", "reader", "human"]
        assert scenes[0]["agents"][0]["need"] is None
        client.ask(type="pace", running=True, speed=30.0)
        found = client.receive()
        while found["type"] != "ended":
            assert found["type"] == "scenes" and found["scenes"][0]["welfare"] is None
            found = client.receive()
    record = read_record(records / found["record"])
    check_replay(record)
    assert (record.header.seed, record.header.world) == (3, 7)
    assert record.header.policies == ("reader", "reader", "human")
    assert "seat2" in found["record"]


# Coming back


def test_who_was_cut_off_comes_back_to_the_same_episode(server: Any) -> None:
    with server.client() as client:
        begun, _ = client.start(seat=0)
        for t in range(3):
            client.ask(type="act", t=t, action=0)
    with server.client() as again:
        assert again.ask(type="rejoin", session=begun["session"], have=2)["type"] == "rejoined"
        assert [scene["t"] for scene in again.receive()["scenes"]] == [2, 3]
        assert again.ask(type="act", t=3, action=0)["scenes"][0]["t"] == 4


def test_a_second_window_takes_an_episode_over(server: Any) -> None:
    with server.client() as first, server.client() as second:
        begun, _ = first.start(seat=0)
        second.ask(type="rejoin", session=begun["session"], have=0)
        assert second.receive() == begun
        second.receive()
        found = first.ask(type="act", t=0, action=0)
        assert found["reason"] == "this episode goes on in another window"
        assert second.ask(type="act", t=0, action=0)["scenes"][0]["t"] == 1


@pytest.mark.parametrize("session", ["", "x", "../", "é" * 100])
def test_no_session_can_be_guessed(server: Any, session: str) -> None:
    with server.client() as client:
        found = client.ask(type="rejoin", session=session, have=0)
        assert found["reason"].startswith("that session has expired")


# The command


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "host '0.0.0.0' can be reached from other machines; add --remote"),
        (["--port", "99999"], "cannot listen at 127.0.0.1, port 99999"),
        (["no_such_agent"], "'no_such_agent' is neither the folder of a run nor a scripted agent"),
    ],
)
def test_what_cannot_be_served_is_explained(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["play", "--headless", *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_taken_port_is_explained(server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", "--headless", "--port", str(server.port)]) == 2
    assert "choose another with --port" in " ".join(capsys.readouterr().err.split())


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "empathy_loop.train.play.serve", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["play", "--headless"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert 'play needs uvicorn; install it with: pip install "empathy-loop[web]"' in told
