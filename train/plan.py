"""What a comparison consists of: its settings, its cells and its runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, NamedTuple

from empathy_loop.agents.registry import learns_from
from empathy_loop.agents.usage import refuse_unused
from empathy_loop.envs.params import SHIFT_FAMILIES, Range, WorldParams, check_ranges
from empathy_loop.envs.reading import close_matches
from empathy_loop.train.config import (
    DEFAULT_ENV,
    TrainConfig,
    build_config,
    fingerprint,
    hash_of,
    merge,
    world_data,
)
from empathy_loop.train.sweeps import Claim, Sweep, check_sweeps
from empathy_loop.train.teams import (
    GREEDY,
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
VIEW_RULES = ("view_radius", "show_cues", "show_positive_cues", "p_scrambled_cue")
"""Rules that change what is seen and nothing else, so that anchors are the same with any."""
ADDED = (
    "teams",
    "focal_seats",
    "lesions",
    "tests",
    "continued_steps",
    "continued_shift",
    "variant",
    "views",
    "sweeps",
    "claims",
    "count_from",
)
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
    """Teams in which arms are scored: self_play, always, and of greedy, cross_play, train and
    heldout."""
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
    demonstrations: str = ""
    """Folder of recorded episodes for the arms that learn from others' acts; empty for none."""
    variant: str = ""
    """Variant of the scenario's seats to train and evaluate in; empty for its own seats."""
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Name to rules of what is seen, one of `VIEW_RULES` each: the arm `cognitive@NAME` is
    cognitive, trained and evaluated where these hold."""
    sweeps: tuple[Sweep, ...] = ()
    """Other circumstances under which trained arms are evaluated, without a shift."""
    claims: tuple[Claim, ...] = ()
    """What should come out of the sweeps, and what as a control should not."""
    count_from: Annotated[int, Range(0, 1e9)] = 0
    """First step of an episode that counts in the readouts of the sweeps, at least 0."""
    falsified_by: str = ""
    """What would speak against the claims, in plain words, for the report."""
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
        check_sweeps(self.sweeps, self.claims, self.all_arms)
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


def only_arms(comparison: Comparison, arms: Sequence[str]) -> Comparison:
    """Return a comparison of some of its arms, without what is said of several or under a sweep.

    Args:
        comparison: Its settings.
        arms: Those to keep, or others.
    """
    nothing: dict[str, Any] = dict.fromkeys(("contrasts", "sweeps", "claims"), ())
    return dataclasses.replace(comparison, arms=tuple(arms), **nothing)


class Run(NamedTuple):
    """One arm with one seed.

    Attributes:
        config: Its settings; of an arm that does not learn, only agent, world and seed matter.
        is_learned: Whether it has to be trained.
        fingerprint: Hash of everything that its cells depend on.
        arm: Name of its arm: that of its agent and, where it has a view, `@` and that.
    """

    config: TrainConfig
    is_learned: bool
    fingerprint: str
    arm: str

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
        agent, _, view = arm.partition("@")
        settings = merge(
            {"agent": agent, "env": comparison.env, "steps": comparison.steps},
            {"agent": comparison.agent, "world": comparison.world},
            {"world": {"shift": comparison.train_shift}},
            {"world": _view(comparison, arm, view)},
            {"seats": comparison.variant} if comparison.variant else {},
        )
        source = f"comparison {comparison.name!r}, arm {arm!r}"
        config = build_config(settings, source, may_be_unused=True)
        if config.agent.kind == "learned":  # settings of all learned arms are none of others
            refuse_unused(config.agent, comparison.agent, source)
        if comparison.demonstrations and learns_from(config.agent) - {"itself"}:
            shown = {"demonstrations": comparison.demonstrations}
            config = build_config(merge(settings, shown), source, may_be_unused=True)
        world = config.world
        cells = [world_data(world_of_cell(world, shift)) for shift in comparison.shifts]
        seats = seats_of_teams(comparison.teams, world.num_agents, comparison.focal_seats)
        lesions = lesions_of(config.agent, comparison.lesions, world.num_agents)
        greedy = [GREEDY] if GREEDY in comparison.teams else []
        beyond = [list(one) for one in (seats.values(), lesions, greedy) if one]
        for seed in comparison.seeds:
            seeded = dataclasses.replace(config, seed=seed)
            identity = hash_of([fingerprint(seeded), cells, comparison.episodes, *beyond])
            runs.append(Run(seeded, config.agent.kind == "learned", identity, arm))
    return sorted(runs, key=lambda run: not run.is_learned)


def _view(comparison: Comparison, arm: str, view: str) -> Mapping[str, Any]:
    """Return the rules of the view that an arm is named with, none without one."""
    if not view:
        return {}
    if view not in comparison.views:
        raise ValueError(
            f"arm {arm!r} names the view {view!r}, which the comparison does not have; "
            f"{close_matches(view, comparison.views)}"
        )
    rules = comparison.views[view]
    check_known(f"rules of view {view!r}", tuple(rules), VIEW_RULES)
    return rules


def world_of_cell(params: WorldParams, shift: Shift | None) -> WorldParams:
    """Return the world of a cell: with a shift, or for its twin without one."""
    if shift is None:
        return dataclasses.replace(params, shift="none")
    return dataclasses.replace(params, shift=shift.family, shift_severity=shift.severity)


def identity_of(comparison: Comparison) -> str:
    """Return a hash of all that the numbers of a comparison depend on."""
    runs, plain = plan_runs(comparison), Comparison("plain")
    settings = asdict(comparison)
    used = {
        name: settings[name] for name in ADDED if getattr(comparison, name) != getattr(plain, name)
    }
    for claim in used.get("claims", ()):
        # Came later: where it is not used, a comparison is the one it was.
        if not claim["paired"]:
            del claim["paired"]
    fingerprints = [run.fingerprint for run in runs]
    return hash_of([*fingerprints, comparison.contrasts, *([used] if used else [])])


def _check_shift(shift: Shift) -> None:
    families = [name for name in SHIFT_FAMILIES if name != "none"]
    if shift.family not in families:
        raise ValueError(
            f"unknown shift family {shift.family!r}; {close_matches(shift.family, families)}"
        )
    if not 0.0 < shift.severity <= 1.0:
        raise ValueError(f"severity of {shift.family} must be in (0, 1], got {shift.severity!r}")
