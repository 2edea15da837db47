"""Short recorded episodes that several tests share."""

from __future__ import annotations

from typing import Any

from empathy_loop.envs.params import WorldParams
from empathy_loop.train.actors import load_actor
from empathy_loop.train.episode import Episode, Setting
from empathy_loop.train.records import Record

PARAMS = WorldParams(horizon=12, total_hazard=0.3)


def episode_of(policies: tuple[str, ...], **changes: Any) -> Episode:
    """Return an episode that begins."""
    settings = {"seed": 3, "world": 2, "seats": ("focal",) * 3, "params": PARAMS} | changes
    setting = Setting("own_world", policies=policies, **settings)
    return Episode(setting, {name: load_actor(name) for name in policies if name != "human"})


def played(policies: tuple[str, ...], steps: int = 12, **changes: Any) -> Record:
    """Return an episode of that many steps, in which people stay where they are."""
    episode = episode_of(policies, **changes)
    for _ in range(steps):
        episode.step()
    return episode.record()
