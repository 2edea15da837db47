"""What a comparison consists of: its settings, its cells and its runs."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from empathy_loop.envs.params import SHIFT_FAMILIES, Range, WorldParams, check_ranges
from empathy_loop.envs.reading import amend, close_matches
from empathy_loop.train.config import (
    DEFAULT_ENV,
    TrainConfig,
    build_config,
    fingerprint,
    hash_of,
    merge,
    read_settings,
)
from empathy_loop.train.teams import (
    SELF_PLAY,
    check_conditions,
    check_known,
    lesions_of,
    seats_of_teams,
)

FLOOR, CEILING = "random", "oracle"
"""Arms that are the 0 and the 1 of every normalised score; every comparison has them."""
TESTS = ("each", "overall")
"""Which differences are tested: also those on each shift, or only those over all shifts."""
ADDED = ("teams", "focal_seats", "lesions", "tests", "continued_steps", "continued_shift")
"""Fields that came later, and are in the identity of a comparison only where they are used."""


class Shift(NamedTuple):
    """One unsignalled shift that the arms meet when they are evaluated.

    Attributes:
        family: One of SHIFT_FAMILIES, but not none.
        severity: Share of the agents that it affects, above 0, at most 1.
    """

    family: str
    severity: float

    @property
    def name(self) -> str:
        """Name of the shift's column in tables."""
        return f"{self.family} {self.severity:g}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The settings of a comparison.

    Raises:
        ValueError: a field is out of its range, or names something unknown.
    """

    name: str
    """Name of the comparison."""
    summary: str = ""
    """One line that says what it asks."""
    env: str = DEFAULT_ENV
    """Scenario in which arms are trained and evaluated."""
    arms: tuple[str, ...] = ("ippo_gru", "cognitive")
    """Arms beside random and oracle, which are always there."""
    contrasts: tuple[tuple[str, str], ...] = (("cognitive", "ippo_gru"),)
    """Pairs of arms to test against each other, the one with the claim first."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of training, each also the seed of its evaluation worlds, 0 to 99."""
    steps: Annotated[int, Range(1, 1e12)] = 600_000
    """Agent steps for which each learned arm is trained, at least 1."""
    train_shift: str = "partner_swap"
    """Shift family in the worlds of training; the others are held out."""
    shifts: tuple[Shift, ...] = (Shift("partner_swap", 0.3), Shift("cue_remap", 1.0))
    """Shifts of evaluation, each a family and a severity."""
    episodes: Annotated[int, Range(2, 100_000)] = 100
    """Episodes behind each cell, 2 to 100000."""
    teams: tuple[str, ...] = (SELF_PLAY,)
    """Teams in which arms are scored: self_play, always, and of cross_play, train and heldout."""
    focal_seats: Annotated[int, Range(1, 1024)] = 1
    """Seats that an arm plays where it has partners (train, heldout); must leave them one."""
    lesions: tuple[str, ...] = ()
    """What is taken from arms when the shift comes: memory_cleared, shuffled; in self-play."""
    tests: str = "each"
    """Which differences get a p: overall, those over all shifts, or each, also on each shift."""
    continued_steps: Annotated[int, Range(0, 1e12)] = 0
    """Agent steps for which a copy of each learned run is trained on under continued_shift."""
    continued_shift: str = "cue_remap"
    """Shift family of continued training, one of `shifts` that training has not met."""
    workers: Annotated[int, Range(1, 1024)] = 2
    """Runs at the same time, each in one process with one thread, 1 to 1024."""
    agent: dict[str, Any] = field(default_factory=dict)
    """Settings of all learned arms that differ from their defaults, as `ppo.num_worlds`."""
    world: dict[str, Any] = field(default_factory=dict)
    """Rules of the world that differ from the scenario's, as `num_agents`."""

    def __post_init__(self) -> None:
        check_ranges(self)
        for seed in self.seeds:
            if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= 99:
                raise ValueError(f"seeds must be whole numbers in [0, 99], got {seed!r}")
        check_conditions(self.teams, self.lesions)
        check_known("tests", (self.tests,), TESTS)
        for label, values in (("arms", self.arms), ("seeds", self.seeds), ("shifts", self.shifts)):
            if not values or len(set(values)) < len(values):
                raise ValueError(f"{label} must name at least one, and none twice, got {values!r}")
        for shift in self.shifts:
            _check_shift(shift)
        held_out = [one.family for one in self.shifts if one.family != self.train_shift]
        if self.continued_steps and self.continued_shift not in held_out:
            raise ValueError(
                "continued_shift must be the family of one of `shifts`, and not that of training, "
                f"got {self.continued_shift!r}; {close_matches(self.continued_shift, held_out)}"
            )
        for pair in self.contrasts:
            for arm in pair:
                if arm not in self.all_arms:
                    raise ValueError(
                        f"contrasts name {arm!r}, which is not an arm of this comparison; "
                        f"{close_matches(arm, self.all_arms)}"
                    )

    @property
    def all_arms(self) -> tuple[str, ...]:
        """Names of the arms with the anchors: the floor first and the ceiling last."""
        between = [arm for arm in self.arms if arm not in (FLOOR, CEILING)]
        return (FLOOR, *between, CEILING)


class Run(NamedTuple):
    """One arm with one seed.

    Attributes:
        config: Its settings; of an arm that does not learn, only agent, world and seed matter.
        is_learned: Whether it has to be trained.
        fingerprint: Hash of everything that its cells depend on.
    """

    config: TrainConfig
    is_learned: bool
    fingerprint: str

    @property
    def arm(self) -> str:
        """Name of its arm."""
        return self.config.agent.name

    @property
    def name(self) -> str:
        """Name of its folder and its row."""
        return f"{self.arm.replace(':', '.')}-s{self.config.seed}"


def plan_runs(comparison: Comparison) -> list[Run]:
    """Return every arm with every seed, those that take longest first.

    Raises:
        ValueError: an arm, the scenario or a setting is unknown or refused.
    """
    runs = []
    for arm in comparison.all_arms:
        settings = merge(
            {"agent": arm, "env": comparison.env, "steps": comparison.steps},
            {"agent": comparison.agent, "world": comparison.world},
            {"world": {"shift": comparison.train_shift}},
        )
        config = build_config(settings, f"comparison {comparison.name!r}, arm {arm!r}")
        world = config.world
        cells = [asdict(world_of_cell(world, shift)) for shift in comparison.shifts]
        seats = seats_of_teams(comparison.teams, world.num_agents, comparison.focal_seats)
        lesions = lesions_of(config.agent, comparison.lesions, world.num_agents)
        beyond = [list(one) for one in (seats.values(), lesions) if one]
        for seed in comparison.seeds:
            seeded = dataclasses.replace(config, seed=seed)
            identity = hash_of([fingerprint(seeded), cells, comparison.episodes, *beyond])
            runs.append(Run(seeded, config.agent.kind == "learned", identity))
    return sorted(runs, key=lambda run: not run.is_learned)


def world_of_cell(params: WorldParams, shift: Shift | None) -> WorldParams:
    """Return the world of a cell: with a shift, or for its twin without one."""
    if shift is None:
        return dataclasses.replace(params, shift="none")
    return dataclasses.replace(params, shift=shift.family, shift_severity=shift.severity)


def identity_of(comparison: Comparison) -> str:
    """Return a hash of all that the numbers of a comparison depend on."""
    runs, plain = plan_runs(comparison), Comparison("plain")
    added = {name: getattr(comparison, name) for name in ADDED}
    used = {name: one for name, one in added.items() if one != getattr(plain, name)}
    fingerprints = [run.fingerprint for run in runs]
    return hash_of([*fingerprints, comparison.contrasts, *([used] if used else [])])


def list_comparisons() -> dict[str, str]:
    """Return name and summary of the comparisons that ship with the package, sorted."""
    return {name: load_comparison(name).summary for name in _shipped()}


def load_comparison(name: str, changes: Mapping[str, Any] | None = None) -> Comparison:
    """Return the settings of a comparison.

    Args:
        name: One of `list_comparisons`, or the path of a TOML file.
        changes: Field name to value, applied last.

    Returns:
        Comparison, validated.

    Raises:
        ValueError: an unknown name or key, with the close matches, or a value that is refused.
            The message names the file.
    """
    if name.endswith(".toml"):
        comparison = _amended(Comparison(Path(name).stem), read_settings(Path(name)), name)
    elif name in _shipped():
        source = f"configs/compare/{name}.toml"
        text = _folder().joinpath(f"{name}.toml").read_text(encoding="utf-8")
        comparison = _amended(Comparison(name), tomllib.loads(text), source)
    else:
        raise ValueError(
            f"unknown comparison {name!r}; {close_matches(name, _shipped())} "
            "A file of your own ends in .toml"
        )
    comparison = _amended(comparison, changes or {}, f"options of comparison {name!r}")
    plan_runs(comparison)
    return comparison


def _folder() -> Traversable:
    return files("empathy_loop.configs") / "compare"


def _shipped() -> list[str]:
    names = [entry.name for entry in _folder().iterdir() if entry.name.endswith(".toml")]
    return sorted(name.removesuffix(".toml") for name in names)


def _amended(comparison: Comparison, changes: Mapping[str, Any], source: str) -> Comparison:
    """Return a comparison with what a file or a command line says, lists made into tuples."""
    values = dict(changes)
    tables = {key: _typed(dict, values.pop(key, {}), key, source) for key in ("agent", "world")}
    agent = merge(comparison.agent, tables["agent"])
    world = merge(comparison.world, tables["world"])
    for key in ("arms", "seeds", "contrasts", "shifts", "teams", "lesions"):
        if key in values:
            values[key] = tuple(_typed(list, values[key], key, source))
    if "contrasts" in values:
        values["contrasts"] = tuple(_pair(pair, source) for pair in values["contrasts"])
    if "shifts" in values:
        values["shifts"] = tuple(_shift(shift, source) for shift in values["shifts"])
    return dataclasses.replace(amend(comparison, values, source), agent=agent, world=world)


def _typed(kind: type, value: Any, key: str, source: str) -> Any:
    if not isinstance(value, kind):
        name = "table" if kind is dict else "list"
        raise ValueError(f"{source}: {key} must be a {name}, got {value!r}")
    return value


def _pair(value: Any, source: str) -> tuple[str, str]:
    match value:
        case [str(claim), str(baseline)]:
            return claim, baseline
    raise ValueError(f"{source}: contrasts must be pairs of names of arms, got {value!r}")


def _shift(value: Any, source: str) -> Shift:
    match value:
        case {"family": str(family), "severity": float() | int() as severity, **rest} if not rest:
            return Shift(family, float(severity))
    raise ValueError(
        f'{source}: shifts must be tables such as {{ family = "cue_remap", severity = 1.0 }}, '
        f"got {value!r}"
    )


def _check_shift(shift: Shift) -> None:
    families = [name for name in SHIFT_FAMILIES if name != "none"]
    if shift.family not in families:
        raise ValueError(
            f"unknown shift family {shift.family!r}; {close_matches(shift.family, families)}"
        )
    if not 0.0 < shift.severity <= 1.0:
        raise ValueError(f"severity of {shift.family} must be in (0, 1], got {shift.severity!r}")
