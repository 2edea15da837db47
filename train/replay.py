"""Recorded episodes made, played again, and checked bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.populations import count_focal, seat_of
from empathy_loop.envs.render import draw
from empathy_loop.train.actors import load_actor
from empathy_loop.train.assess import Assessment, env_of, seats_in, world_of
from empathy_loop.train.episode import Episode, Setting, shown_belief
from empathy_loop.train.files import exclusive
from empathy_loop.train.records import (
    ENDING,
    HUMAN,
    Record,
    current_versions,
    read_header,
    write_record,
)


def record_episodes(
    setting: Setting,
    episodes: int,
    folder: Path,
    on_episode: Callable[[Path], None] | None = None,
) -> int:
    """Play and record one episode in each of a number of worlds; what is there already stays.

    Each file is written when its episode is over: a process that is killed loses the episode in
    progress, and the same call goes on behind the last one.

    Args:
        setting: What is played in the first of the worlds; its policies are what `load_actor`
            takes.
        episodes: Number of worlds, at least 1.
        folder: Where the records go; missing folders are made.
        on_episode: Called with the file of each episode when it is written, or was there.

    Returns:
        How many were written.

    Raises:
        ValueError: a number is out of its range, the actor does not fit the world, another process
            works in the folder, or a file that is there holds another episode.
        CheckpointError: the checkpoint of a run cannot be read.
        OSError: a file cannot be written; those before are intact.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}")
    actors = {name: load_actor(name) for name in set(setting.policies)}
    agents, written = "+".join(_in_file_names(name) for name in sorted(actors)), 0
    with exclusive(folder):
        for world in range(setting.world, setting.world + episodes):
            one = replace(setting, world=world)
            path = folder / f"{agents}-{one.scenario}-s{one.seed}-w{world:05d}{ENDING}"
            episode = Episode(one, actors)
            if path.exists():
                _check_same(path, episode)
            else:
                while not episode.is_over:
                    episode.step()
                write_record(path, episode.record())
                written += 1
            if on_episode is not None:
                on_episode(path)
    return written


def play_again(
    record: Record,
    on_moment: Callable[[Episode], None] | None = None,
    allow_code: bool = False,
) -> Record:
    """Play a recorded episode again: the same seed, the recorded actions.

    Partners that the world moves itself act again by themselves.

    Args:
        record: What was recorded.
        on_moment: Called in every moment, the first and the last included.
        allow_code: Whether a seat of the record may name a class, which is imported and run.

    Returns:
        Record of what happened now; without beliefs, for no policy is asked.

    Raises:
        ValueError: an action of the record is none of that world's, or a seat names a class and
            may not.
    """
    header = record.header
    if not allow_code:
        _refuse_code(header.seats)
    num_focal = count_focal(header.seats)
    setting = Setting(
        header.scenario,
        header.params,
        header.seed,
        header.world,
        header.seats,
        (HUMAN,) * num_focal,
    )
    episode = Episode(setting, {})
    if on_moment is not None:
        on_moment(episode)
    for actions in record.arrays["actions"]:
        episode.step({i: int(actions[i]) for i in range(num_focal)})
        if on_moment is not None:
            on_moment(episode)
    return episode.record()


def first_difference(recorded: Record, again: Record) -> str | None:
    """Return where two episodes first differ in any bit, in words, or None if nowhere.

    Beliefs are not compared: the policies that held them are not asked again.
    """
    found: list[tuple[int, str]] = []
    for name, one in recorded.arrays.items():
        other = again.arrays[name]
        if name == "belief" or one.tobytes() == other.tobytes():
            continue
        if one.ndim == 0:
            found.append((0, name))
            continue
        rows = zip(one, other, strict=True)
        first = next(t for t, (a, b) in enumerate(rows) if a.tobytes() != b.tobytes())
        # What a step brings is seen in the moment after it.
        found.append((first + (name in ("reward", "reward_terms", "truth/welfare")), name))
    if not found:
        return None
    step, name = min(found)
    return f"{name} at step {step}"


def check_replay_into(
    record: Record, on_moment: Callable[[Episode], None], allow_code: bool = False
) -> None:
    """Play a recorded episode again, and refuse any difference.

    Args:
        record: What was recorded.
        on_moment: Called in every moment, the first and the last included.
        allow_code: As of `play_again`.

    Raises:
        ValueError: something differs; the message says what, where and between which versions. Or
            as `play_again` says.
    """
    difference = first_difference(record, play_again(record, on_moment, allow_code))
    if difference is not None:
        raise ValueError(
            f"the replay differs from the record, first in {difference}; recorded with "
            f"{_in_words(record.header.versions)}, replayed with {_in_words(current_versions())}: "
            "the rules have changed since, or the file was"
        )


def check_replay(
    record: Record, cell_pixels: int | None = None, allow_code: bool = False
) -> list[NDArray[np.uint8]]:
    """Play a recorded episode again, refuse any difference, and draw it if asked to.

    Args:
        record: What was recorded.
        cell_pixels: Size of a cell in pixels; None to draw nothing.
        allow_code: As of `play_again`.

    Returns:
        A picture of every moment with the belief that was recorded, uint8 [H, W, 3]; none if
        not asked for.

    Raises:
        ValueError: something differs, or as `play_again` says.
    """
    frames: list[NDArray[np.uint8]] = []

    def look(episode: Episode) -> None:
        if cell_pixels is not None:
            belief = shown_belief(record.arrays["belief"][episode.step_number])
            frames.append(draw(episode.frame()._replace(belief=belief), cell_pixels))

    check_replay_into(record, look, allow_code)
    return frames


def setting_of(request: Assessment, world: int) -> Setting:
    """Return the first episode of a recording: the first agent of a request in all focal seats.

    Args:
        request: One agent, and where it acts.
        world: Which of the seed's worlds comes first, at least 0.

    Raises:
        ValueError: a setting is unknown or refused.
    """
    params = world_of(request)
    seats = seats_in(request, params)
    policies = (request.agents[0],) * count_focal(seats)
    return Setting(
        env_of(request), params, request.seed, world, seats, policies, greedy=request.greedy
    )


def _refuse_code(seats: tuple[str, ...]) -> None:
    """Raise ValueError if a seat names a class: to seat it would import its module, and run it."""
    for seat in seats:
        person = seat_of(seat).person
        if person is not None and ":" in person.model:
            raise ValueError(
                f"a seat of the record is {seat!r}: to replay it would run the code of that class, "
                "found in the current folder too; if you trust both the file and the class, use "
                "`empathy-loop replay FILE --allow-code`"
            )


def _check_same(path: Path, episode: Episode) -> None:
    """Raise ValueError if a file holds another episode than the one that would be written."""
    found, steps = read_header(path)
    wanted = episode.record().header
    same = replace(found, versions=wanted.versions) == wanted and steps == episode.params.horizon
    if not same:
        raise ValueError(
            f"{path} holds another episode under the same name; give another folder with --out"
        )


def _in_file_names(agent: str) -> str:
    return Path(agent).name.replace(":", ".")


def _in_words(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {text}" for name, text in versions.items())
