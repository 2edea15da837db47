"""The folder of a run: its settings, its logs, its checkpoint and its evaluation.

runs/<name>/
config.json       every setting, with the fingerprint
checkpoint.pt     from which the run goes on
metrics.jsonl     one line for each update
events.out.*      the same for TensorBoard, with an animated episode at the end
evaluation.json   what the trained agent came to on worlds that training never met
reliability.png   how often what it believed there was true
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from empathy_loop.train.actors import load_actor
from empathy_loop.train.beliefs import belief_report, scalars_of
from empathy_loop.train.checkpoint import load_checkpoint
from empathy_loop.train.config import TrainConfig, build_config, fingerprint, to_data
from empathy_loop.train.distributed import ALONE, Team
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.files import read_json, write_bytes, write_json
from empathy_loop.train.learner import demand_demonstrators
from empathy_loop.train.logging import Logger, declared_names
from empathy_loop.train.loop import Progress, train
from empathy_loop.train.outcomes import outcomes
from empathy_loop.train.playback import FRAMES_PER_SECOND, record_episode
from empathy_loop.train.plots import reliability_picture

CONFIG = "config.json"
EVALUATION = "evaluation.json"
RELIABILITY = "reliability.png"

MONITOR_EPISODES = 100
"""Episodes of the evaluation at the end of a run."""
MONITOR_SEED = 100
"""Its seed: outside of 0 to 99, which are kept for reported numbers."""
MONITOR_CELL_PIXELS = 48
"""Size of a cell, in pixels, of the episode that TensorBoard shows."""


def default_folder(config: TrainConfig) -> Path:
    """Return where a run without a name lives."""
    return Path("runs") / f"{config.agent.name}-{config.env}-s{config.seed}"


def named_folder(name: str) -> Path:
    """Return where a run lives that has a name; a whole path is taken as it is.

    Raises:
        ValueError: the name is empty, or leads out of the folder of runs by "..".
    """
    parts = Path(name).parts
    if not parts or ".." in parts:
        raise ValueError(
            f"name must be that of a folder in runs, such as mine or a/b, got {name!r}"
        )
    return Path("runs", name)


def train_run(
    config: TrainConfig,
    folder: Path,
    on_update: Callable[[Progress], None] | None = None,
    team: Team = ALONE,
) -> dict[str, float]:
    """Train an agent into a folder, or go on where it was left, then evaluate it.

    Args:
        config: The run.
        folder: Folder of the run; made by the first update.
        on_update: Called after each update, when it has been logged.
        team: The processes that train it together; the one that leads logs, saves and evaluates,
            and on_update is called there only.

    Returns:
        The numbers of the evaluation, as `train.outcomes` names them.

    Raises:
        ValueError: the agent does not learn, it has nobody to learn from, or settings do not fit
            together.
        CheckpointError: a checkpoint cannot be read or written, or is of another run.
        OSError: a log cannot be written.
        TeamError: another process has stopped.
        KeyboardInterrupt: Ctrl-C; what was learned is saved.
    """
    demand_demonstrators(config)
    saved = load_checkpoint(folder)
    done = saved["agent_steps"] if saved else 0
    with ExitStack() as stack:
        loggers: list[Logger] = []

        def logger() -> Logger:
            # Only now is it certain that the folder is not one of another run.
            if not loggers:
                write_config(folder, config)
                loggers.append(
                    stack.enter_context(Logger(folder, declared_names(config.agent), done))
                )
            return loggers[0]

        def report(progress: Progress) -> None:
            logger().scalars(progress.agent_steps, progress.metrics)
            if on_update is not None:
                on_update(progress)

        train(config, folder, report if team.leads else None, team)
        if team.leads:
            _mend_config(folder, config)
        return team.told(_evaluated(config, folder, logger) if team.leads else {})


def write_config(folder: Path, config: TrainConfig) -> None:
    """Write the settings of a run."""
    head = {"fingerprint": fingerprint(config), "version": version("empathy-loop")}
    write_json(folder / CONFIG, {**head, "config": to_data(config)})


def read_config(folder: Path) -> TrainConfig:
    """Return the settings of a run.

    Raises:
        ValueError: the folder holds no run, or its settings are damaged; the message says which.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise ValueError(f"{folder} is not the folder of a run: it holds no {CONFIG}")
    return build_config(read_json(path)["config"], str(path), may_be_unused=True)


def _mend_config(folder: Path, config: TrainConfig) -> None:
    """Write the settings of a run that has lost them: nobody could read it."""
    try:
        read_config(folder)
    except ValueError:
        write_config(folder, config)


def is_run(folder: Path) -> bool:
    """Return whether a folder holds a run."""
    return (folder / CONFIG).is_file()


def _evaluated(config: TrainConfig, folder: Path, logger: Callable[[], Logger]) -> dict[str, float]:
    """Return the evaluation of a trained run, made and logged once."""
    path = folder / EVALUATION
    before: dict[str, Any] = {}
    with suppress(ValueError):  # a damaged one is made anew
        before = read_json(path) if path.exists() else {}
    if before.get("fingerprint") == fingerprint(config):
        return dict(before["outcomes"])
    actor = load_actor(folder)
    world, seats = config.world, config.seats
    log = run_episodes(actor, world, MONITOR_EPISODES, MONITOR_SEED, seats=seats)
    found = outcomes(log)
    belief = belief_report(actor, world, MONITOR_EPISODES, MONITOR_SEED, seats=seats)
    reliability = reliability_picture(belief)
    frames = record_episode(actor, world, MONITOR_SEED, MONITOR_CELL_PIXELS, seats=seats)
    saved = load_checkpoint(folder)
    assert saved is not None, "training has just saved it"
    step = saved["agent_steps"]
    scalars = {f"evaluation/{name}": value for name, value in found.items()}
    logger().scalars(step, scalars | scalars_of(belief))
    logger().image(step, "evaluation/reliability", reliability)
    logger().animation(step, "evaluation/episode", frames, FRAMES_PER_SECOND)
    write_bytes(folder / RELIABILITY, reliability)
    report = {"fingerprint": fingerprint(config), "agent_steps": step, "outcomes": found}
    write_json(path, report | {"belief": belief})
    return found
