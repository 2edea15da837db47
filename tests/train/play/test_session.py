"""An episode that a page watches or plays in: what it may do when, and what is kept of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from played import PARAMS, episode_of, played

from empathy_loop.train.play.messages import Act, Pace, Review, Step
from empathy_loop.train.play.scene import seat_scene
from empathy_loop.train.play.session import Session, opened
from empathy_loop.train.records import Record, read_record, write_record
from empathy_loop.train.replay import check_replay

SEAT = 1


def act(t: int, action: int) -> Act:
    return Act(type="act", t=t, action=action)


def step(t: int) -> Step:
    return Step(type="step", t=t)


def watching() -> Session:
    return Session(episode_of(("filter",) * 3))


def playing(folder: Path) -> Session:
    def keep(record: Record) -> Path:
        return write_record(folder / "kept.npz", record)

    return Session(episode_of(("reader", "human", "reader")), SEAT, keep)


def play_on(session: Session, generator: np.random.Generator) -> list[dict[str, Any]]:
    """Play to the end by random legal actions; return all that the page was sent."""
    sent: list[dict[str, Any]] = []
    while not any(reply["type"] == "ended" for reply in sent):
        scene = session.scenes[-1]
        action = int(generator.choice(np.flatnonzero(scene["mask"])))
        sent += session.handle(act(scene["t"], action))
    return sent


def test_a_watcher_steps_and_sees_the_truth() -> None:
    session = watching()
    (reply,) = session.handle(step(0))
    assert reply["type"] == "scenes" and reply["scenes"][0]["t"] == 1
    assert reply["scenes"][0]["agents"][0]["need"] is not None
    assert [scene["t"] for scene in session.since(0)[1]["scenes"]] == [0, 1]
    assert session.since(2)[0]["scenes"] == []


def test_a_played_episode_is_recorded_as_it_was_shown(tmp_path: Path) -> None:
    session = playing(tmp_path)
    sent = play_on(session, np.random.default_rng(0))
    record = read_record(tmp_path / "kept.npz")
    check_replay(record)
    assert record.header.policies == ("reader", "human", "reader")
    assert record.steps == 12
    assert sent[-1]["record"] == "kept.npz"
    assert sent[-1]["welfare"] == round(float(record.arrays["truth/welfare"].sum()), 3)
    features, mask = record.arrays["features"][:, SEAT], record.arrays["action_mask"][:, SEAT]
    world = episode_of(("reader", "human", "reader")).world
    # Made of that seat's observation alone, every scene that was sent is what it is.
    assert session.scenes == [
        seat_scene(world.layout, 5, SEAT, t, features[t], mask[t]) for t in range(13)
    ]
    shown = [scene for reply in sent if reply["type"] == "scenes" for scene in reply["scenes"]]
    assert shown == session.scenes[1:]


def test_while_it_is_played_nothing_but_scenes_is_sent(tmp_path: Path) -> None:
    sent = play_on(playing(tmp_path), np.random.default_rng(1))
    assert {reply["type"] for reply in sent[:-1]} == {"scenes"}
    assert all(reply.keys() == {"type", "scenes"} for reply in sent[:-1])


def test_what_was_hidden_is_shown_after_the_end_only(tmp_path: Path) -> None:
    session = playing(tmp_path)
    review = Review(type="review")
    with pytest.raises(ValueError, match="after an episode"):
        session.handle(review)
    play_on(session, np.random.default_rng(0))
    (reply,) = session.handle(review)
    assert reply["type"] == "truth" and len(reply["scenes"]) == 13
    assert all(one["need"] is not None for one in reply["scenes"][-1]["agents"])


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (act(1, 0), "was meant for step 1, it is step 0"),
        (act(0, 10), "action must be at most 9"),
        (act(0, 5), "cannot be done now"),
        (step(0), "who plays acts instead"),
        (Review(type="review"), "after an episode"),
    ],
)
def test_what_a_player_cannot_do_is_refused_and_changes_nothing(
    tmp_path: Path, message: Any, reason: str
) -> None:
    session = playing(tmp_path)
    with pytest.raises(ValueError, match=reason):
        session.handle(message)
    assert len(session.scenes) == 1


def test_a_message_that_comes_twice_acts_once(tmp_path: Path) -> None:
    session = playing(tmp_path)
    session.handle(act(0, 0))
    with pytest.raises(ValueError, match="meant for step 0, it is step 1"):
        session.handle(act(0, 0))


def test_a_watcher_cannot_act() -> None:
    with pytest.raises(ValueError, match="who watches cannot act"):
        watching().handle(act(0, 0))


def test_time_passes_only_when_it_runs_and_stops_at_the_end(tmp_path: Path) -> None:
    session = playing(tmp_path)
    assert session.wait() is None
    pace = Pace(type="pace", running=True, speed=30.0)
    assert session.handle(pace) == [{"type": "pace", "running": True, "speed": 30.0}]
    assert session.wait() is not None
    replies = [reply for _ in range(12) for reply in session.tick()]
    assert replies[-1]["type"] == "ended"
    assert session.wait() is None
    assert not read_record(tmp_path / "kept.npz").arrays["actions"][:, SEAT].any()
    for message in (pace, act(12, 0)):
        with pytest.raises(ValueError, match="the episode is over"):
            session.handle(message)


def test_who_leaves_stops_the_clock() -> None:
    session = watching()
    session.handle(Pace(type="pace", running=True, speed=30.0))
    session.leave()
    assert session.wait() is None


def test_a_full_disk_is_told_and_does_not_end_the_session() -> None:
    def full(record: Record) -> Path:
        raise OSError(28, "No space left on device")

    session = Session(episode_of(("reader", "human", "reader")), SEAT, full)
    sent = play_on(session, np.random.default_rng(0))
    assert sent[-1]["record"] is None
    assert sent[-1]["problem"] == "the record could not be written: No space left on device"
    assert session.handle(Review(type="review"))


def test_a_record_of_people_is_shown_with_their_trust() -> None:
    seats = ("focal", "focal", "person:reserved", "person:reserved")
    params = replace(PARAMS, num_agents=4)
    episode = episode_of(("oracle", "reader"), seats=seats, params=params, world=3)
    session = Session(episode)
    while not episode.is_over:
        session.handle(step(episode.step_number))
    record = episode.record()
    assert record.header.agents == ("ai_0", "ai_1", "person_0", "person_1")
    shown = [scene["trust"] for scene in opened(record).since(0)[1]["scenes"]]
    assert shown == [scene["trust"] for scene in session.scenes]
    assert shown[-1] != shown[0] == {h: {"0": 0.3, "1": 0.3} for h in ("2", "3")}


def test_a_record_is_shown_with_the_beliefs_of_then() -> None:
    record = played(("filter", "human", "filter"))
    scenes = opened(record).since(0)[1]["scenes"]
    assert len(scenes) == 13
    belief = record.arrays["belief"][7, 0, 1]
    assert scenes[7]["agents"][0]["belief"]["2"] == [round(float(b), 3) for b in belief]
    assert scenes[7]["agents"][1]["belief"] is None
    with pytest.raises(ValueError, match="the episode is over"):
        opened(record).handle(step(12))


def test_a_record_that_names_a_class_is_not_opened() -> None:
    seats = ("focal", "focal", "person:reserved")
    record = played(("reader",) * 2, seats=seats)
    header = replace(record.header, seats=(*seats[:2], "person:stranger:Mind"))
    with pytest.raises(ValueError, match="would run the code of that class"):
        opened(replace(record, header=header))
