"""A comparison of two short learned runs and the anchors, and an engine without any process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from empathy_loop.train.pool import Event, Work, failure

UPDATES = 60
UPDATE = 4 * 8 * 3
SMALL = f"""
summary = "a small one"
arms = ["cognitive"]
contrasts = [["cognitive", "random"]]
seeds = [0, 1]
steps = {UPDATES * UPDATE}
episodes = 4
workers = 2
shifts = [{{ family = "cue_remap", severity = 1.0 }}]

[agent.network]
hidden_size = 8
belief_size = 6

[agent.ppo]
num_worlds = 4
rollout_steps = 8
epochs = 1
minibatches = 1

[world]
horizon = 16
total_hazard = 0.3
"""
"""Each learned run saves after update 50, of milliseconds, and at its end."""
RUNS = [f"{arm}-s{seed}" for arm in ("cognitive", "random", "oracle") for seed in (0, 1)]
"""Names of its runs, in their order."""
SCRIPTED = SMALL.replace('"cognitive"', '"reader"')
"""The same without anything to train: an evaluation takes milliseconds."""


def in_this_process(
    tasks: Mapping[str, Any], work: Work, workers: int, on_event: Callable[[Event], None]
) -> None:
    """Do tasks as the engines do, one after another and here."""

    def do(name: str, task: Any) -> Event:
        try:
            work(task, lambda detail: on_event(Event(name, "progress", detail)))
        except Exception as error:
            return Event(name, "failed", failure(error))
        return Event(name, "done")

    for name, task in tasks.items():
        on_event(Event(name, "started"))
        on_event(do(name, task))
