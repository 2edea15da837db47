"""What a server offers, the sessions it holds, and the folder that its records go to."""

from __future__ import annotations

import copy
import errno
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from empathy_loop.envs.canvas import KIND_COLOURS
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.partners import SCRIPTED
from empathy_loop.envs.person import LEARNED, PERSON
from empathy_loop.envs.populations import agent_names, check_seats, count_focal, seat_of
from empathy_loop.envs.scenarios import Scenario, list_scenarios, load_scenario
from empathy_loop.train.actors import Actor, load_actor
from empathy_loop.train.checkpoint import find_checkpoint
from empathy_loop.train.episode import Episode, Setting
from empathy_loop.train.play.messages import Start
from empathy_loop.train.play.session import Session, opened
from empathy_loop.train.play.shipped import SHIPPED
from empathy_loop.train.records import ENDING, HUMAN, Header, Record, read_record, write_record

MOST_SESSIONS = 64
"""Sessions that are held at once, with a page or without."""
PATIENCE_SECONDS = 600.0
"""How long a session that nobody has come back to is held."""
MOST_RECORDS = 10_000
"""Records in the folder, from which on no more are written."""
FIRST = "mutual_aid_v0"
"""Scenario that is proposed."""
DEFAULT = "filter"
"""Scripted agent that is proposed where none that was named fits."""
MOST_LISTED = 50
"""Records that are offered, the latest."""


class Lobby:
    """All that connections share.

    Args:
        agents: Run folders, scripted policies or classes that are offered before the scripted
            ones; none for those that ship with the package.
        records: Folder for the records; the only one that is read or written.

    Attributes:
        records: Folder for the records.
        stepper: The one thread in which episodes are stepped.

    Raises:
        ValueError: an agent is unknown.
        CheckpointError: the checkpoint of a run cannot be read.
    """

    def __init__(self, agents: Sequence[str], records: Path) -> None:
        named = _labels(agents) if agents else dict[str, str | Path](SHIPPED)
        self._agents = named | {name: name for name in SCRIPTED if name not in named}
        self._loaded: dict[str, tuple[float, Actor]] = {}
        self._scenarios = {name: load_scenario(name) for name in list_scenarios()}
        self._fitting: dict[str, list[str]] = {name: [] for name in self._scenarios}
        for label in named:
            self._note_where_it_fits(label)
        self.records = records
        self.stepper = ThreadPoolExecutor(1)
        self._sessions: dict[str, Session] = {}
        self._compiled: set[tuple[str, str]] = set()

    def offers(self) -> dict[str, Any]:
        """Return what a page can choose from."""
        return {
            "type": "hello",
            "scenarios": [
                {
                    "name": name,
                    "summary": one.summary,
                    "seats": _offered_seats(one),
                    # The first is proposed; scripted agents fit everywhere.
                    "agents": list(dict.fromkeys((*self._fitting[name], DEFAULT, *SCRIPTED))),
                }
                for name, one in self._scenarios.items()
            ],
            "first": FIRST,
            "records": self._names(),
            "colours": list(KIND_COLOURS),
        }

    def start(self, message: Start) -> Session:
        """Begin an episode.

        Raises:
            ValueError: a choice is none of those that are offered, or they do not fit together.
            CheckpointError: a run cannot be read any more.
        """
        if message.scenario not in self._scenarios:
            raise ValueError("there is no such scenario here")
        if message.agent not in self._agents:
            raise ValueError("there is no such agent here")
        scenario = self._scenarios[message.scenario]
        seats = check_seats(scenario.seats, scenario.params.num_agents)
        if message.seat is not None:
            last = len(_offered_seats(scenario)) - 1
            if message.seat > last:
                raise ValueError(f"seat must be in [0, {last}]")
            seats = _taken(seats, message.seat)
        policies = [message.agent] * count_focal(seats)
        if message.seat is not None:
            policies[message.seat] = HUMAN
        setting = Setting(
            message.scenario,
            scenario.params,
            message.seed,
            message.world,
            seats,
            tuple(policies),
        )
        actors = {message.agent: self._actor(message.agent)}
        if (message.scenario, message.agent) not in self._compiled:
            # A first step compiles for seconds, for which other sessions should not wait.
            Episode(setting, actors).step()
            self._compiled.add((message.scenario, message.agent))
        episode = Episode(setting, actors)
        session = Session(episode, message.seat, self._keep)
        return self._hold(session, setting, episode.params, message.seat)

    def _note_where_it_fits(self, label: str) -> None:
        """Note the scenarios in which a named agent can act; raise ValueError if it is none."""
        actor = self._actor(label)
        problems = {name: _misfit(actor, one) for name, one in self._scenarios.items()}
        if all(problems.values()):
            raise ValueError(f"{label!r} fits no scenario of the page: {problems[FIRST]}")
        for name, problem in problems.items():
            if problem is None:
                self._fitting[name].append(label)

    def _actor(self, label: str) -> Actor:
        """Return what acts under a label: a copy of its own, for actors remember.

        To copy takes a fifth of the time of loading, which all who watch would wait for.
        """
        agent = self._agents[label]
        checkpoint = find_checkpoint(Path(agent))
        written = checkpoint.stat().st_mtime if checkpoint else 0.0
        if label not in self._loaded or self._loaded[label][0] != written:
            self._loaded[label] = written, load_actor(agent)
        return copy.deepcopy(self._loaded[label][1])

    def open(self, name: str) -> Session:
        """Show a record.

        Raises:
            ValueError: there is none of that name, or it is damaged or differs when replayed.
            OSError: it cannot be read.
        """
        if name not in self._names():
            raise ValueError("there is no such record here")
        record = read_record(self.records / name)
        header = record.header
        return self._hold(opened(record), header, header.params, None)

    def find(self, session_id: str) -> Session:
        """Return a session that is held.

        Raises:
            ValueError: there is none with that secret, or it has expired.
        """
        self._forget()
        if session_id not in self._sessions:
            raise ValueError("that session has expired; begin a new one")
        return self._sessions[session_id]

    def drop(self, session: Session) -> None:
        """Hold a session no longer."""
        self._sessions.pop(session.id, None)

    def _hold(
        self, session: Session, how: Setting | Header, params: WorldParams, seat: int | None
    ) -> Session:
        """Hold a session, and say in it what its page must know of the episode."""
        self._forget()
        if len(self._sessions) >= MOST_SESSIONS:
            raise ValueError(f"the server is full, with {MOST_SESSIONS} sessions; try later")
        self._sessions[session.id] = session
        session.begun = {
            "type": "begun",
            "session": session.id,
            "scenario": how.scenario,
            "seed": how.seed,
            "world": how.world,
            "policies": list(how.policies),
            "seat": seat,
            "grid": params.grid_size,
            "kinds": params.num_kinds,
            "names": list(agent_names(how.seats)),
            "horizon": params.horizon,
            "offers": params.offers,
        }
        return session

    def _forget(self) -> None:
        """Hold no longer what nobody has come back to."""
        latest = time.monotonic() - PATIENCE_SECONDS
        for session in list(self._sessions.values()):
            if session.owner is None and session.left_at < latest:
                self.drop(session)

    def _keep(self, record: Record) -> Path:
        """Write the record of an episode that was played, under a name of its own.

        Raises:
            OSError: it cannot be written, or there are as many as may be.
        """
        if sum(1 for _ in self.records.glob(f"*{ENDING}")) >= MOST_RECORDS:
            reason = f"the folder holds {MOST_RECORDS} records, the most it may; empty it"
            raise OSError(errno.ENOSPC, reason)
        header = record.header
        seat = header.policies.index(HUMAN)
        when = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        name = f"play-{when}-{header.scenario}-s{header.seed}-seat{seat}-{secrets.token_hex(3)}"
        return write_record(self.records / f"{name}{ENDING}", record)

    def _names(self) -> list[str]:
        """Return the names of the latest records."""
        files = [path for path in self.records.glob(f"*{ENDING}") if not path.is_symlink()]
        files.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        return [path.name for path in files[:MOST_LISTED]]


def _misfit(actor: Actor, scenario: Scenario) -> str | None:
    """Return why an actor cannot act in a scenario, or None if it can."""
    shown = actor.view(scenario.params)
    if shown.show_trust:
        return "it was trained in a person's seat, and the page seats agents as AI"
    try:
        actor.begin(shown, 1)
    except ValueError as error:
        return str(error)
    return None


def _offered_seats(scenario: Scenario) -> list[str]:
    """Return what the agents are called whose seats can be taken: all AI, and the first person.

    Seats that are acted for from outside come first in a world, so the others cannot be.
    """
    seats = check_seats(scenario.seats, scenario.params.num_agents)
    num_focal = count_focal(seats)
    has_person = num_focal < len(seats) and seat_of(seats[num_focal]).person is not None
    return list(agent_names(seats)[: num_focal + has_person])


def _taken(seats: tuple[str, ...], i: int) -> tuple[str, ...]:
    """Return seats in which a real person may act in seat i, at the same times."""
    if seat_of(seats[i]).is_focal:
        return seats
    _, *settings = seats[i].split(",")
    return (*seats[:i], ",".join((PERSON + LEARNED, *settings)), *seats[i + 1 :])


def _labels(agents: Sequence[str]) -> dict[str, str | Path]:
    """Return agents by what they are called, which is the name of a run's folder where unique."""
    short = [Path(name).name for name in agents]
    return {
        one if short.count(one) == 1 else name: name
        for one, name in zip(short, agents, strict=True)
    }
