"""A run between two updates: everything that training changes, and how it is saved."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.config import ComparatorConfig
from empathy_loop.agents.empathy.metrics import belief_quality
from empathy_loop.agents.registry import learns_from
from empathy_loop.agents.types import Memory
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.populations import FOCAL, LEARNED_PERSON, seat_of
from empathy_loop.envs.rules.reward import REWARD_TERMS
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.world import World
from empathy_loop.train.adam import Adam
from empathy_loop.train.buffers import Rollout, empty_rollout
from empathy_loop.train.charts import episode_metrics
from empathy_loop.train.checkpoint import CheckpointError
from empathy_loop.train.config import LATER_RULES, TrainConfig, as_seen_by
from empathy_loop.train.demonstrations import Demonstrations, hash_of_records
from empathy_loop.train.device import CPU, choose_device, copied, map_tensors, pinned
from empathy_loop.train.distributed import ALONE, Team
from empathy_loop.train.graphs import steps_of
from empathy_loop.train.rollout import Seconds, collect
from empathy_loop.train.update import Lesson, lesson_of, set_step_size, update

SEAT_NAMES = "seats.names"
"""Where the state of a SeatedWorld has its seats."""
FREE_TO_CHANGE = ("steps", "num_threads", "checkpoint_every", "device", "demonstrations")
"""Settings that a resumed run may have different from those it was started with."""


class Learner:
    """Worlds, network, optimiser and memory of one run.

    The worlds start at different steps of their episodes, in multiples of a rollout: every
    update then sees all phases of an episode, and resets fall between rollouts. Partners act
    inside the worlds, if the config seats any.

    Args:
        config: The run.
        team: The processes that train it; this one steps its share of the worlds.

    Raises:
        ValueError: the agent does not learn, the rollout does not divide the horizon, there is no
            such device, the worlds cannot be shared by so many processes, or demonstrations are of
            no use, or not those that they were.

    Attributes:
        device: Where the network is, and the memory; the worlds and the rollout are on the CPU.
        num_updates: Updates done.
        is_whole: False while an update is under way, when the state must not be saved. One that
            fails ends where it began.
    """

    def __init__(self, config: TrainConfig, team: Team = ALONE) -> None:
        self.config, self.team = config, team
        agent, world = config.agent, as_seen_by(config.agent, config.world)
        num_steps = agent.ppo.rollout_steps
        if agent.kind != "learned":
            what, advice = agent.kind, ""
            if agent.kind == "user":
                what, advice = "a class that only acts", "; derive it from Objective to train it"
            raise ValueError(f"agent {agent.name!r} is {what} and cannot be trained{advice}")
        if {FOCAL, LEARNED_PERSON} <= {seat_of(seat).name for seat in config.seats}:
            raise ValueError(
                f"seats {', '.join(config.seats)} have learners among AI and among people, which "
                "are trained one after the other; let a population or a scripted policy play the "
                "AI, or a simulated person the person"
            )
        if world.show_needs and agent.privilege != "always":
            raise ValueError(
                f"agent {agent.name!r} names no privilege in acting, but world.show_needs shows it "
                "others' true needs; train oracle_ppo, or set agent.privilege to 'always'"
            )
        taken = agent.reward_weights.keys() & set(REWARD_TERMS)
        if taken:
            raise ValueError(
                f"agent {agent.name!r}: reward terms {', '.join(sorted(taken))} are the world's "
                "own; an objective must name its terms otherwise"
            )
        if world.horizon % num_steps:
            raise ValueError(
                "ppo.rollout_steps must divide horizon, so that episodes end between rollouts; "
                f"got rollout_steps={num_steps} and horizon={world.horizon}"
            )
        self.share = team.share_of(agent.ppo)
        self.device = choose_device(config.device, team.local_rank)
        _warn_of_discount(agent.ppo.discount, world)
        whole = World(world, len(self.share), config.seed, self.share.start)
        self.world = SeatedWorld(whole, config.seats) if config.seats else whole
        self.world.reset(first_step=np.array(self.share) * num_steps % world.horizon)
        num_focal = self.world.observation.features.shape[1]
        self.arm = Arm(agent, world, config.seed, self.device, num_focal)
        self.arm.run = team.sharing(self.arm)
        self._steps = steps_of(self.arm, team)
        self.demonstrations = _demonstrations_of(config, world)
        self.optimiser = Adam(self.arm.weights, agent.ppo.learning_rate)
        memory = self.arm.network.first_memory(len(self.share), self.arm.table)
        self.memory = copied(memory, self.device)
        self.num_updates, self.is_whole = 0, True
        rollout = empty_rollout(self.world, num_steps)
        self._rollout = pinned(rollout) if self.device.type == "cuda" else rollout

    @property
    def agent_steps(self) -> int:
        """Steps of focal agents done so far."""
        return self.num_updates * self._rollout.agent_steps * self.team.size

    def advance(self) -> dict[str, float]:
        """Collect one rollout, learn from it, and return the metrics of this update.

        Raises:
            NotFiniteError: a term of the reward or of the loss is not a number, or a gradient.
                After this error, as after any other, all is as it was before the update.
        """
        weights, worlds = map_tensors(self._weights(), torch.clone), self.world.get_state()
        self.is_whole = False
        try:
            metrics = self._advance()
        except Exception:
            self._load_weights(weights)
            self.world.set_state(worlds)
            self.is_whole = True
            raise
        self.is_whole = True
        return metrics

    def _advance(self) -> dict[str, float]:
        """Do an update; the memory and the number of updates change when nothing can fail."""
        seconds = Seconds()
        memory = collect(self.world, self.arm, self.memory, self._rollout, seconds, self._steps.act)
        started = perf_counter()
        rollout, before = self.team.whole(self._rollout), self.team.whole(self.memory)
        lesson = lesson_of(copied(rollout, self.device), before, self.arm)
        key = (self.config.seed, self.num_updates)
        set_step_size(self.optimiser, self.config.agent.ppo, self.agent_steps)
        losses = update(
            self.arm, self.optimiser, lesson.batch, key, self._steps.gradients, self.demonstrations
        )
        seconds.learning += perf_counter() - started
        metrics = {
            **self._charts(rollout, lesson),
            "charts/steps_per_second": rollout.agent_steps / seconds.total,
            **losses,
            "losses/explained_variance": float(lesson.explained_variance),
            **self._belief_metrics(rollout),
            **{f"time/{name}": share for name, share in seconds.shares().items()},
        }
        self.memory, self.num_updates = memory, self.num_updates + 1
        return metrics

    def snapshot(self) -> dict[str, Any]:
        """Return everything from which `restore` goes on identically, as plain data on the CPU.

        The worlds of all processes are in it, in their order, so that other numbers of processes
        can go on from it. All must call it; what the one that leads returns is to be saved.
        """
        arrays = self.world.get_state()
        arrays.pop(SEAT_NAMES, None)  # texts are no tensors, and the config has them
        world = {name: torch.from_numpy(array) for name, array in arrays.items()}
        data = {
            "config": asdict(self.config),
            "num_updates": self.num_updates,
            "agent_steps": self.agent_steps,
            **self._weights(),
            "memory": self.team.whole(self.memory)._asdict(),
            "world": self.team.whole(world, axis=0),
        }
        return copied(data, CPU)

    def restore(self, data: dict[str, Any], folder: Path) -> None:
        """Go on from a snapshot.

        Args:
            data: What `snapshot` returned.
            folder: Where it was read, for errors.

        Raises:
            CheckpointError: it was taken of a run with other settings.
        """
        here, saved = (_compared(each) for each in (asdict(self.config), data["config"]))
        for name in here:
            if name not in FREE_TO_CHANGE and here[name] != saved.get(name):
                raise CheckpointError(
                    f"{folder} holds a run with other settings: "
                    f"{_difference(saved.get(name), here[name], name)}; "
                    "train with the same settings, or in another folder"
                )
        self._load_weights(data)
        mine = slice(self.share.start, self.share.stop)
        memory = Memory(**{name: part[mine] for name, part in data["memory"].items()})
        self.memory = copied(memory, self.device)
        world = {name: part.numpy() for name, part in data["world"].items()}
        world = {name: part[mine] if part.ndim else part for name, part in world.items()}
        world["first_world"] = np.array(self.share.start)
        if self.config.seats:
            world[SEAT_NAMES] = np.array(self.config.seats)
        self.world.set_state(world)
        self.num_updates = data["num_updates"]

    def _weights(self) -> dict[str, Any]:
        """Return what learning changes in place: the tensors themselves, not copies."""
        return {
            "network": self.arm.network.state_dict(),
            "objectives": self.arm.objectives.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def _load_weights(self, data: dict[str, Any]) -> None:
        """Take over the values of `_weights`; what else stands in the data is not read."""
        self.arm.network.load_state_dict(data["network"])
        self.arm.objectives.load_state_dict(data["objectives"])
        self.optimiser.load_state_dict(data["optimiser"])

    def _charts(self, rollout: Rollout, lesson: Lesson) -> dict[str, float]:
        """Return `episode_metrics`, with what objectives added to the reward in it."""
        horizon = self.config.world.horizon
        charts = episode_metrics(rollout, horizon)
        for name, term in lesson.reward_terms.items():
            charts[f"reward/{name}"] = float(term.mean()) * horizon
            charts["charts/return"] += charts[f"reward/{name}"]
        return charts

    def _belief_metrics(self, rollout: Rollout) -> dict[str, float]:
        """Return belief/<name>, scored on others against the truth; nothing without a belief."""
        if not self.config.agent.trains_belief:
            return {}
        quality = belief_quality(rollout.p_crisis.numpy(), rollout.need.numpy())
        return {f"belief/{name}": value for name, value in quality.items()}


def _compared(config: dict[str, Any]) -> dict[str, Any]:
    """Return settings without the summary of the arm, which changes nothing.

    Checkpoints have no more than there was when they were written: what came later was not used,
    and rules that came later were as their defaults are.
    """
    world = {name: getattr(WorldParams(), name) for name in LATER_RULES} | config["world"]
    agent = {**config["agent"], "summary": ""}
    agent["comparator"] = {**asdict(ComparatorConfig()), **agent["comparator"]}
    return {"seats": (), "demonstrations_hash": "", **config, "agent": agent, "world": world}


def _difference(saved: Any, mine: Any, path: str) -> str:
    """Say how two settings under a dotted name differ, going down to the first that does."""
    if isinstance(saved, dict) and isinstance(mine, dict):
        for key in mine:
            if mine[key] != saved.get(key):
                return _difference(saved.get(key), mine[key], f"{path}.{key}")
    return f"{path} is {saved!r} there and {mine!r} here"


def demand_demonstrators(config: TrainConfig) -> None:
    """Raise ValueError if an agent learns from demonstrators alone, and there are none."""
    if config.seats or config.demonstrations or "demonstrators" not in learns_from(config.agent):
        return
    raise ValueError(
        f"agent {config.agent.name!r} learns from demonstrators, but all seats of {config.env!r} "
        "are learners'; give a folder of records as demonstrations, or seats with partners such as "
        "person:reserved"
    )


def _demonstrations_of(config: TrainConfig, world: WorldParams) -> Demonstrations | None:
    """Return the records that a run learns from besides, or raise ValueError as Learner says."""
    folder = config.demonstrations
    if not folder:
        return None
    if learns_from(config.agent) <= {"itself"}:
        raise ValueError(
            f"agent {config.agent.name!r} does not learn from others' acts, so that demonstrations="
            f"{folder!r} would have no effect; leave them out, or train observational or cloned"
        )
    if hash_of_records(Path(folder)) != config.demonstrations_hash:
        raise ValueError(
            f"demonstrations: the records in {folder} are not those that the run was begun with "
            f"(hash {config.demonstrations_hash}); put them back, or train into another folder"
        )
    return Demonstrations(Path(folder), world)


def _warn_of_discount(discount: float, world: WorldParams) -> None:
    """Warn where the reward is not welfare shaped by a potential, so that the goals differ."""
    if abs(discount - world.matching_discount) > 1e-9:
        warnings.warn(
            f"ppo.discount is {discount:g}, but only with {world.matching_discount:g} is the best "
            f"policy for the reward the best for welfare, the score, as drive_weight is "
            f"{world.drive_weight:g} and drive_scale {world.drive_scale:g}",
            stacklevel=3,
        )
