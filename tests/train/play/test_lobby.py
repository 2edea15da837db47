"""What a lobby offers: each session has agents of its own, as they are when it begins."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from empathy_loop.agents.arm import build_network
from empathy_loop.envs.beliefs import SCRIPTED
from empathy_loop.envs.scenarios import list_scenarios, load_scenario
from empathy_loop.train.actors import LearnedActor, read_learned
from empathy_loop.train.checkpoint import CHECKPOINT
from empathy_loop.train.play import lobby
from empathy_loop.train.play.lobby import Lobby
from empathy_loop.train.play.messages import Start, Step
from empathy_loop.train.play.session import Session
from empathy_loop.train.play.shipped import SHIPPED

THREE, FOUR = SHIPPED
"""The agents that ship: one among three, one among four."""


def start(where: Lobby, agent: str, seed: int = 3) -> Session:
    return where.start(Start(type="start", scenario="mutual_aid_v0", agent=agent, seed=seed))


def play(session: Session, steps: int) -> list[Any]:
    for t in range(steps):
        session.handle(Step(type="step", t=t))
    return session.scenes


def test_sessions_of_one_agent_do_not_share_its_memory(tmp_path: Path) -> None:
    own = Lobby((), tmp_path)
    alone = play(start(own, THREE), 6)
    first, second = (start(own, THREE, seed) for seed in (3, 4))
    for t in range(6):
        for session in (second, first):
            session.handle(Step(type="step", t=t))
    assert first.scenes == alone
    assert second.scenes != alone


def test_a_run_is_read_once_and_again_when_it_has_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    shutil.copytree(SHIPPED[THREE], run)
    read = []
    load = lobby.load_actor

    def note(agent: str | Path) -> Any:
        read.append(agent)
        return load(agent)

    monkeypatch.setattr(lobby, "load_actor", note)
    own = Lobby((str(run),), tmp_path / "records")
    before = play(start(own, "run"), 12)
    assert play(start(own, "run"), 12) == before
    assert len(read) == 1
    saved = torch.load(run / CHECKPOINT, weights_only=True)
    saved["network"] = {name: -weight for name, weight in saved["network"].items()}
    torch.save(saved, run / CHECKPOINT)
    os.utime(run / CHECKPOINT, (1, 1))  # however coarse the clock of the disk
    assert play(start(own, "run"), 12) != before
    assert len(read) == 2


def test_only_agents_that_fit_a_scenario_are_offered_there(tmp_path: Path) -> None:
    offered = {one["name"]: one["agents"] for one in Lobby((), tmp_path).offers()["scenarios"]}
    assert set(offered) == set(list_scenarios())
    for name, agents in offered.items():
        fitting = {3: THREE, 4: FOUR}.get(load_scenario(name).params.num_agents)
        assert agents[0] == (fitting or "filter")
        assert sorted(agents) == sorted((*SCRIPTED, *filter(None, [fitting])))
    assert {len(agents) for agents in offered.values()} == {len(SCRIPTED), len(SCRIPTED) + 1}


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"num_kinds": 4}, "trained with num_kinds=4"), ({"show_trust": True}, "in a person's seat")],
)
def test_an_agent_that_fits_no_scenario_is_refused(
    tmp_path: Path, change: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, params, _ = read_learned(SHIPPED[THREE])
    params = replace(params, **change)
    weights = build_network(config, params, seed=0).state_dict()
    actor = LearnedActor(config, params, weights)
    monkeypatch.setattr(lobby, "load_actor", lambda agent: actor)
    with pytest.raises(ValueError, match=f"'mine' fits no scenario of the page: .*{reason}"):
        Lobby(("mine",), tmp_path)
