"""The settings of a training run: what they are, how files and flags state them, and their hash."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from empathy_loop.agents.config import AgentConfig
from empathy_loop.agents.registry import load_agent, refuse_unknown_terms
from empathy_loop.agents.usage import refuse_unused
from empathy_loop.envs.params import Range, WorldParams, check_ranges
from empathy_loop.envs.populations import FOCAL, check_seats, seats_learned_person
from empathy_loop.envs.reading import amend
from empathy_loop.train.device import DEVICES

DEFAULT_AGENT = "cognitive"
DEFAULT_ENV = "mutual_aid_v0"

LATER_RULES = ("p_scrambled_cue", "show_trust")
"""Fields of WorldParams that came later, with defaults that keep what was before."""
WITHOUT_EFFECT = ("num_threads", "checkpoint_every", "device", "demonstrations")
"""Settings that change how a run is made, and not what comes out."""
LATER_CONSTANTS = {"observational_decay": "observational"}
"""Constants of methods that no run had before, and the objective that uses each."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training run.

    Raises:
        ValueError: a field is out of its range.
    """

    agent: AgentConfig
    """The arm."""
    env: str = DEFAULT_ENV
    """Name of the scenario that `world` came from."""
    world: WorldParams = field(default_factory=WorldParams)
    """The rules of the world."""
    seats: tuple[str, ...] = ()
    """A seat for each agent, focal ones first, which the arm plays and learns from; or a variant's
    name. Empty if all are focal. Populations, scripted policies and people act by themselves; but
    person:learned is a person that the arm plays, with `world.show_trust`, which is then set."""
    steps: Annotated[int, Range(1, 1e12)] = 2_000_000
    """Agent steps to train for, at least 1; rounded up to whole rollouts."""
    demonstrations: str = ""
    """Folder of recorded episodes to learn from besides, as `empathy-loop record` and `play` write
    them; "" for none. For agents that learn from others' acts: observational and cloned."""
    demonstrations_hash: str = ""
    """Hash of what the folder holds, written when a run is begun and never set by hand."""
    seed: Annotated[int, Range(0, 9_999)] = 0
    """Seed of the weights, the worlds and the minibatches, 0 to 9999."""
    num_threads: Annotated[int, Range(1, 1024)] = 1
    """Threads of torch, at least 1; results repeat bit for bit for one number of threads."""
    checkpoint_every: Annotated[int, Range(1, 1e9)] = 50
    """Updates between two checkpoints, at least 1."""
    device: str = "auto"
    """Where the network computes: cpu, cuda, or auto, which is cuda where there is such a device.
    A run may go on on another, but repeats bit for bit on one only."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.seats and set(check_seats(self.seats, self.world.num_agents)) == {FOCAL}:
            object.__setattr__(self, "seats", ())
        if seats_learned_person(self.seats):
            object.__setattr__(self, "world", replace(self.world, show_trust=True))
        elif self.world.show_trust:
            raise ValueError(
                "world.show_trust shows learned people their own trust, but none of the seats is "
                "person:learned; leave it off, for it is set where such a seat is"
            )
        if self.device not in DEVICES:
            raise ValueError(f"device must be one of {', '.join(DEVICES)}, got {self.device!r}")


def build_config(
    settings: Mapping[str, Any], source: str, may_be_unused: bool = False
) -> TrainConfig:
    """Return the run that nested settings describe.

    Keys are the fields of TrainConfig, nested as they are: `agent.ppo.clip`, `world.horizon`.
    `agent` is a name or a table with a `name`; `env` names the scenario that `world` amends, and
    whose seats are taken unless there are others.

    Args:
        settings: Field name to value, or to another such mapping.
        source: What to name in errors, such as the file that was read.
        may_be_unused: Whether a setting that the arm does not use is let be: where it was not
            said of this arm by itself, or when the run was begun.

    Returns:
        TrainConfig, validated.

    Raises:
        ValueError: an unknown name or key, with the close matches, or a value that is refused.
            The message names the source.
    """
    from empathy_loop.envs.scenarios import load_scenario, seats_of

    settings = merge({"agent": DEFAULT_AGENT, "env": DEFAULT_ENV}, settings)
    arm = settings.pop("agent")
    name, env = arm.pop("name"), settings["env"]
    for key, value in (("agent.name", name), ("env", env)):
        if not isinstance(value, str):
            raise ValueError(f"{source}: {key} must be a text, got {value!r}")
    try:
        objectives = {key: arm.pop(key) for key in ("objectives",) if key in arm}
        scenario = load_scenario(env)
        start = TrainConfig(load_agent(name, objectives), env, scenario.params, scenario.seats)
        if isinstance(settings.get("seats"), str):
            settings["seats"] = seats_of(env, settings["seats"], scenario.params)
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error
    refuse_unknown_terms(start.agent, arm, source)
    config = amend(start, {**settings, "agent": arm}, source)
    if not may_be_unused:
        refuse_unused(config.agent, arm, source)
    return _with_hash(config, source)


def _with_hash(config: TrainConfig, source: str) -> TrainConfig:
    """Return a run with the hash of its demonstrations; one that was begun has it already."""
    if not config.demonstrations or config.demonstrations_hash:
        return config
    from empathy_loop.train.demonstrations import hash_of_records

    try:
        found = hash_of_records(Path(config.demonstrations))
    except (ValueError, OSError) as error:
        raise ValueError(f"{source}: demonstrations: {error}") from error
    return replace(config, demonstrations_hash=found)


def as_seen_by(agent: AgentConfig, world: WorldParams) -> WorldParams:
    """Return a world as an arm's view shows it; what happens in it is the same."""
    if agent.view == "needs":
        return replace(world, show_needs=True)
    return replace(world, show_cues=False) if agent.view == "faceless" else world


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings in which each layer overrules the ones before it.

    Args:
        layers: Settings; an `agent` that is a text stands for a table with that name.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            if key == "agent" and not isinstance(value, Mapping):
                value = {"name": value}
            before = merged.get(key)
            if isinstance(value, Mapping):
                value = merge(before if isinstance(before, Mapping) else {}, value)
            merged[key] = value
    return merged


def given(**settings: Any) -> dict[str, Any]:
    """Return the settings that are not None, which stands for an option that was not typed."""
    return {name: value for name, value in settings.items() if value is not None}


def read_settings(path: Path) -> dict[str, Any]:
    """Return what a TOML file says.

    Raises:
        ValueError: the file is missing or not TOML; the message names file, line and column.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"there is no file {path}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a TOML file: {error}") from error


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """Return nested settings from texts such as `agent.ppo.clip=0.1`.

    Args:
        assignments: `dotted.name=value`, the value as in TOML; a bare word is a text.

    Raises:
        ValueError: a text without `=` or without a name.
    """
    settings: dict[str, Any] = {}
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        keys = path.strip().split(".")
        if not equals or not all(keys):
            raise ValueError(
                f"--set {assignment!r} is not of the form name=value, "
                "such as agent.ppo.clip=0.1 or world.num_agents=4"
            )
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
        for key in reversed(keys):
            value = {key: value}
        settings = merge(settings, value)
    return settings


def to_data(config: TrainConfig) -> dict[str, Any]:
    """Return every setting as plain data, as `build_config` reads it."""
    return asdict(config)


def typed_config(
    file: Path | None, options: Mapping[str, Any], assignments: Iterable[str]
) -> TrainConfig:
    """Return the run that a user has typed: a file, options over it, and assignments over both.

    Args:
        file: TOML file with settings, if there is one.
        options: Settings that have options of their own.
        assignments: Texts such as `agent.ppo.clip=0.1`.

    Raises:
        ValueError: as `build_config` does; what the file says wrongly is named as the file's.
    """
    typed = merge(options, parse_assignments(assignments))
    if file is None:
        return build_config(typed, "the command line")
    settings = read_settings(file)
    # What the file says is checked as of the agent that was typed, if one was.
    arm = typed.get("agent", {})
    chosen = {key: arm[key] for key in ("name", "objectives") if key in arm}
    build_config(merge(settings, {"agent": chosen}) if chosen else settings, str(file))
    return build_config(merge(settings, typed), "the command line")


def fingerprint(config: TrainConfig) -> str:
    """Return a hash of every setting that matters for what a run learns.

    Returns:
        16 hexadecimal digits, the same on every machine and in every process.
    """
    data = {key: value for key, value in to_data(config).items() if key not in WITHOUT_EFFECT}
    data["agent"].pop("summary")
    data["world"] = world_data(config.world)
    # What came later is left out where it is not used: runs of before keep their fingerprint.
    for name in ("seats", "demonstrations_hash"):
        if not data[name]:
            del data[name]
    for name, objective in LATER_CONSTANTS.items():
        if objective not in config.agent.objectives:
            del data["agent"]["comparator"][name]
    return hash_of(data)


def world_data(world: WorldParams) -> dict[str, Any]:
    """Return the rules as plain data for a hash: what came later only where it is used."""
    plain = WorldParams()
    return {
        name: value
        for name, value in asdict(world).items()
        if name not in LATER_RULES or value != getattr(plain, name)
    }


def hash_of(data: Any) -> str:
    """Return 16 hexadecimal digits that identify plain data, whatever the order of its keys."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
