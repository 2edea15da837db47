"""Every number of the mutual-aid world, each written, explained and checked once.

Sizes (`grid_size`, `num_agents`, `num_kinds`, `horizon`) shape memory; every other field
may be swept freely without recompiling a kernel.
"""

from __future__ import annotations

import math
from collections import namedtuple
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, NamedTuple, get_type_hints

SHIFT_FAMILIES: tuple[str, ...] = (
    "none",
    "partner_swap",
    "cue_remap",
    "need_dynamics",
    "resource_move",
)
"""Names of the shift families; the index of a name is its code inside the kernels."""


class Range(NamedTuple):
    """The allowed values of a number, written beside its field."""

    low: float
    high: float
    low_open: bool = False

    def contains(self, value: float) -> bool:
        """Return whether a finite value lies in the range."""
        if not math.isfinite(value):
            return False
        return (self.low < value if self.low_open else self.low <= value) and value <= self.high

    def __str__(self) -> str:
        high = "inf)" if math.isinf(self.high) else f"{self.high:g}]"
        return f"{'(' if self.low_open else '['}{self.low:g}, {high}"


def check_ranges(config: Any) -> None:
    """Raise ValueError for the first field of a dataclass that is outside its annotated Range."""
    kind: Any = type(config)
    hints = _hints(kind)
    for entry in fields(config):
        for allowed in getattr(hints[entry.name], "__metadata__", ()):
            value = getattr(config, entry.name)
            if isinstance(value, bool) or not allowed.contains(value):
                raise ValueError(f"{entry.name} must be in {allowed}, got {value!r}")


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """Return the annotations of a class; to evaluate them takes longer than to use them."""
    return get_type_hints(kind, include_extras=True)


Probability = Annotated[float, Range(0, 1)]
Cost = Annotated[float, Range(0, math.inf)]


@dataclass(frozen=True, slots=True)
class WorldParams:
    """The rules of one world; immutable, validated when made.

    Raises:
        ValueError: a field is out of its range, or fields do not fit together. The message
            names the field, the value and what is allowed.
    """

    grid_size: Annotated[int, Range(3, 32)] = 5
    """Side of the square board, in cells, 3 to 32."""
    num_agents: Annotated[int, Range(2, 16)] = 3
    """Number of agents, 2 to 16."""
    num_kinds: Annotated[int, Range(1, 6)] = 3
    """Number of need kinds, 1 to 6; each kind has one supply station."""
    horizon: Annotated[int, Range(3, 100_000)] = 128
    """Steps in an episode, at least 3; an episode ends by truncation only."""
    total_hazard: Annotated[float, Range(0, 1)] = 0.05
    """Sum over kinds of an agent's probability per step that a crisis begins, 0 to 1."""
    dominant_share: Probability = 0.6
    """Share of the total hazard that falls on an agent's one dominant kind, 0 to 1."""
    crisis_level: Annotated[float, Range(0, 1, low_open=True)] = 0.4
    """Need level at which a crisis begins, above 0, at most 1."""
    need_growth: Annotated[float, Range(0, 1)] = 0.04
    """Rise of a need in crisis per step, up to a level of 1; 0 to 1."""
    self_relief: Probability = 0.15
    """Share of one's own need that using an item on oneself removes, 0 to 1."""
    help_reach: Annotated[int, Range(1, 62)] = 2
    """Largest L1 distance, in cells, at which an agent can be helped, 1 to 62."""
    help_cost: Cost = 0.3
    """Cost that any help puts on the helper, at least 0."""
    misattuned_hurt: Cost = 0.3
    """Hurt of the recipient of a help of a kind in which it has no crisis, at least 0."""
    relief_threshold: Probability = 0.3
    """Relief above which the recipient may show RELIEF, 0 to 1."""
    p_show_reaction: Probability = 0.9
    """Probability that RELIEF or ANNOYED is shown after a help, 0 to 1."""
    p_false_distress: Probability = 0.05
    """Probability of a random distress symbol where no help was received, 0 to 1."""
    distress_threshold: Probability = 0.3
    """Level that the largest need must exceed before distress is shown, 0 to 1."""
    expressivity: Probability = 0.7
    """Probability that an agent in distress shows it in a step, 0 to 1."""
    stranger_expressivity_low: Probability = 0.4
    """Lower end of a stranger's expressivity, 0 to 1."""
    stranger_expressivity_high: Probability = 0.9
    """Upper end of a stranger's expressivity, 0 to 1."""
    idiosyncratic_share: Probability = 0.25
    """Probability that an agent's distress symbols are a random permutation, 0 to 1."""
    drive_scale: Annotated[float, Range(0, math.inf, low_open=True)] = 2.0
    """Reward for each unit by which drive falls in a step, above 0."""
    drive_weight: Cost = 0.06
    """Weight of drive in welfare (kappa), at least 0; equals drive_scale * (1 - discount)."""
    coordination: Probability = 1.0
    """Share of the reward that is the team's mean and not an agent's own, 0 to 1."""
    severe: bool = False
    """Whether crises may be severe: only the help of two different agents ends such a one."""
    severe_share: Probability = 0.3
    """Probability that a crisis is severe where crises may be, 0 to 1."""
    severe_window: Annotated[int, Range(0, 1000)] = 8
    """Steps within which a second agent must follow the first, 0 (in the same step) to 1000."""
    offers: bool = False
    """Whether agents may offer help (show KINDNESS)."""
    view_radius: Annotated[int, Range(0, 32)] = 32
    """Cells, along rows and columns, within which others are seen, 0 to 32."""
    show_cues: bool = True
    """Whether cues, thanks and offers are seen; without them, what is left is who helps whom."""
    show_positive_cues: bool = True
    """Whether relief, gratitude, kindness, thanks and offers are seen, where cues are."""
    p_scrambled_cue: Probability = 0.0
    """Above 0, positive cues are hidden as by show_positive_cues, and in each step each agent whose
    face then looks neutral is seen with one of them at random with this probability, 0 to 1."""
    show_needs: bool = False
    """Whether others' true needs are seen, in columns of their own; for upper bounds only."""
    show_trust: bool = False
    """Whether persons see their own trust in others, and their willingness toward AI, in columns
    that are zeros for AI; only where a person:learned sits."""
    shift: str = "partner_swap"
    """Family of the unsignalled shift in the middle third of every episode: none, partner_swap,
    cue_remap, need_dynamics or resource_move."""
    shift_severity: Annotated[float, Range(0, 1, low_open=True)] = 0.3
    """Share of the agents, or of the stations, that the shift affects, rounded up; above 0 to 1."""

    def __post_init__(self) -> None:
        for name, allowed in _RANGES.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{name} must be a number in {allowed}, got {value!r}")
            if name in _WHOLE and not isinstance(value, int):
                raise ValueError(f"{name} must be a whole number in {allowed}, got {value!r}")
            if not allowed.contains(value):
                raise ValueError(f"{name} must be in {allowed}, got {value!r}")
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be True or False, got {getattr(self, name)!r}")
        _check_together(self)

    @property
    def num_actions(self) -> int:
        """Number of actions: eight that address nobody, and one help for each other agent."""
        return NUM_PLAIN_ACTIONS + self.num_agents - 1

    @property
    def num_others(self) -> int:
        """Number of other agents that each agent sees."""
        return self.num_agents - 1

    @property
    def sees_whole_board(self) -> bool:
        """Whether every agent sees every other at every step."""
        return self.view_radius >= self.grid_size - 1

    @property
    def matching_discount(self) -> float:
        """Discount under which the reward is welfare shaped by the potential -drive_scale * D."""
        return 1.0 - self.drive_weight / self.drive_scale


NUM_PLAIN_ACTIONS = 8
"""Number of actions that address nobody: stay, four moves, use, thank, offer."""

_RANGES: dict[str, Range] = {
    name: hint.__metadata__[0]
    for name, hint in {
        f.name: eval(f.type, globals()) if isinstance(f.type, str) else f.type
        for f in fields(WorldParams)
    }.items()
    if hasattr(hint, "__metadata__")
}
_WHOLE = {
    *("grid_size", "num_agents", "num_kinds", "horizon", "help_reach", "severe_window"),
    *("view_radius",),
}
_SWITCHES = [f.name for f in fields(WorldParams) if f.type in ("bool", bool)]

_NEEDS_TWO_KINDS = {
    "cue_remap": "one symbol cannot be permuted",
    "need_dynamics": "no other kind could become the dominant one",
}


def _check_together(params: WorldParams) -> None:
    """Raise ValueError where fields contradict each other."""
    if params.shift not in SHIFT_FAMILIES:
        raise ValueError(f"shift must be one of {', '.join(SHIFT_FAMILIES)}, got {params.shift!r}")
    if params.shift in _NEEDS_TWO_KINDS and params.num_kinds < 2:
        raise ValueError(
            f"shift {params.shift!r} needs num_kinds >= 2, for {_NEEDS_TWO_KINDS[params.shift]}; "
            f"got num_kinds={params.num_kinds}"
        )
    even_share = 1.0 / params.num_kinds
    if params.shift == "need_dynamics" and math.isclose(params.dominant_share, even_share):
        raise ValueError(
            "shift 'need_dynamics' needs a dominant kind; choose another dominant_share than "
            f"{params.dominant_share}, which is that of each of {params.num_kinds} kinds"
        )
    if params.severe and params.num_agents < 3:
        raise ValueError(
            "severe needs num_agents >= 3, for two others must help; "
            f"got num_agents={params.num_agents}"
        )
    cells, needed = params.grid_size**2, params.num_kinds + params.num_agents
    if needed > cells:
        raise ValueError(
            f"grid_size must leave a cell for each of {params.num_kinds} stations and "
            f"{params.num_agents} agents ({needed} in all), got {params.grid_size} ({cells} cells)"
        )
    if params.stranger_expressivity_low > params.stranger_expressivity_high:
        raise ValueError(
            "stranger_expressivity_low must not exceed stranger_expressivity_high, got "
            f"{params.stranger_expressivity_low} and {params.stranger_expressivity_high}"
        )


Rules = namedtuple("Rules", [f.name for f in fields(WorldParams)])  # type: ignore[misc]
"""The fields of WorldParams as the flat record of numbers that a kernel can read."""


def rules_of(params: WorldParams) -> Any:
    """Return the params as a `Rules` record for the kernels.

    Args:
        params: The validated world.

    Returns:
        Rules: every field as int64, float64 or bool; `shift` as its index in SHIFT_FAMILIES.
    """
    values = {f.name: getattr(params, f.name) for f in fields(WorldParams)}
    values["shift"] = SHIFT_FAMILIES.index(params.shift)
    for name in _RANGES:
        values[name] = int(values[name]) if name in _WHOLE else float(values[name])
    return Rules(**values)
