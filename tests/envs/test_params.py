"""Every number of the world is checked when the params are made, and the error says which."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from empathy_loop.envs.params import NUM_PLAIN_ACTIONS, SHIFT_FAMILIES, WorldParams, rules_of

INFINITE = math.inf

WHOLE: dict[str, tuple[int, int]] = {
    "grid_size": (3, 32),
    "num_agents": (2, 16),
    "num_kinds": (1, 6),
    "horizon": (3, 100_000),
    "help_reach": (1, 62),
    "severe_window": (0, 1000),
    "view_radius": (0, 32),
}

CLOSED: dict[str, tuple[float, float]] = {
    **dict.fromkeys(["total_hazard", "dominant_share", "need_growth", "self_relief"], (0, 1)),
    **dict.fromkeys(["relief_threshold", "p_show_reaction", "p_false_distress"], (0, 1)),
    **dict.fromkeys(["distress_threshold", "expressivity", "idiosyncratic_share"], (0, 1)),
    **dict.fromkeys(["stranger_expressivity_low", "stranger_expressivity_high"], (0, 1)),
    **dict.fromkeys(["coordination", "severe_share", "p_scrambled_cue"], (0, 1)),
    **dict.fromkeys(["help_cost", "misattuned_hurt", "drive_weight"], (0, INFINITE)),
}

OPEN_BELOW: dict[str, tuple[float, float]] = {
    "crisis_level": (0, 1),
    "shift_severity": (0, 1),
    "drive_scale": (0, INFINITE),
}

SWITCHES = ["offers", "severe", "show_cues", "show_positive_cues", "show_needs", "show_trust"]

SMALLEST = 1e-9

OUTSIDE: list[tuple[str, Any]] = [
    *[(name, bound) for name, (low, high) in WHOLE.items() for bound in (low - 1, high + 1)],
    *[(name, low - SMALLEST) for name, (low, _) in CLOSED.items()],
    *[(name, low) for name, (low, _) in OPEN_BELOW.items()],
    *[(name, high + SMALLEST) for name, (_, high) in (CLOSED | OPEN_BELOW).items() if high == 1],
    *[(name, odd) for name in CLOSED | OPEN_BELOW for odd in (math.nan, INFINITE, -INFINITE)],
]

ROOMY: dict[str, Any] = {
    **{"grid_size": 10, "num_kinds": 2, "shift": "none"},
    **{"stranger_expressivity_low": 0.0, "stranger_expressivity_high": 1.0},
}
"""A world into which the bounds of any single field fit."""


def test_every_field_has_a_declared_range_or_is_a_choice() -> None:
    names = {field.name for field in fields(WorldParams)}
    assert names == {*WHOLE, *CLOSED, *OPEN_BELOW, *SWITCHES, "shift"}


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", ["yes", 1, 0.0, None])
def test_a_switch_is_on_or_off_and_nothing_else(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must be True or False, got {value!r}"):
        WorldParams(**{name: value})


@pytest.mark.parametrize(("name", "value"), OUTSIDE)
def test_a_number_outside_its_range_is_named_with_value_and_range(name: str, value: Any) -> None:
    low, high = (WHOLE | CLOSED | OPEN_BELOW)[name]
    start = "(" if name in OPEN_BELOW else "["
    allowed = f"{start}{low:g}, " + ("inf)" if high == INFINITE else f"{high:g}]")
    with pytest.raises(ValueError) as caught:
        WorldParams(**{name: value})
    assert str(caught.value) == f"{name} must be in {allowed}, got {value!r}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, bound) for name, bounds in WHOLE.items() for bound in bounds],
        *[(name, bound) for name, bounds in CLOSED.items() for bound in bounds if bound < INFINITE],
        *[(name, high) for name, (_, high) in OPEN_BELOW.items() if high < INFINITE],
        *[(name, SMALLEST) for name in OPEN_BELOW],
    ],
)
def test_the_bounds_themselves_are_allowed(name: str, value: Any) -> None:
    assert getattr(WorldParams(**(ROOMY | {name: value})), name) == value


@pytest.mark.parametrize("name", sorted(WHOLE | CLOSED | OPEN_BELOW))
@pytest.mark.parametrize("value", [True, "0.5", None])
def test_what_is_no_number_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a number in .*, got {value!r}"):
        WorldParams(**{name: value})


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_sizes_must_be_whole(name: str) -> None:
    numbers: dict[str, Any] = {name: 5.0}
    with pytest.raises(ValueError, match=rf"{name} must be a whole number in .*, got 5\.0"):
        WorldParams(**numbers)


@pytest.mark.parametrize("value", ["partner-swap", "", None])
def test_an_unknown_shift_is_refused_with_the_known_ones(value: Any) -> None:
    with pytest.raises(ValueError) as caught:
        WorldParams(shift=value)
    message = str(caught.value)
    assert message.startswith("shift must be one of ")
    assert all(family in message for family in SHIFT_FAMILIES)
    assert repr(value) in message


@pytest.mark.parametrize("shift", ["cue_remap", "need_dynamics"])
def test_with_a_single_kind_neither_symbols_nor_hazards_can_change(shift: str) -> None:
    with pytest.raises(ValueError, match=rf"{shift}.*num_kinds >= 2.*num_kinds=1"):
        WorldParams(num_kinds=1, shift=shift)


@pytest.mark.parametrize("shift", ["none", "partner_swap", "resource_move"])
def test_the_other_shifts_need_no_second_kind(shift: str) -> None:
    assert WorldParams(num_kinds=1, shift=shift).num_kinds == 1


@pytest.mark.parametrize(("num_kinds", "even"), [(2, 0.5), (3, 1 / 3), (6, 1 / 6)])
def test_hazards_that_are_even_cannot_change(num_kinds: int, even: float) -> None:
    with pytest.raises(ValueError, match=r"need_dynamics.*another dominant_share than 0\."):
        WorldParams(num_kinds=num_kinds, dominant_share=even, shift="need_dynamics")
    for share in (0.0, even + 0.01, 1.0):
        WorldParams(num_kinds=num_kinds, dominant_share=share, shift="need_dynamics")


def test_severe_crises_need_two_others() -> None:
    with pytest.raises(ValueError, match=r"severe needs num_agents >= 3.*num_agents=2"):
        WorldParams(num_agents=2, severe=True)
    assert WorldParams(num_agents=3, severe=True).severe


@pytest.mark.parametrize(("num_agents", "fits"), [(6, True), (7, False)])
def test_stations_and_agents_must_fit_on_the_board(num_agents: int, fits: bool) -> None:
    sizes: dict[str, Any] = {"grid_size": 3, "num_kinds": 3, "num_agents": num_agents}
    if fits:
        assert WorldParams(**sizes).num_agents == num_agents
    else:
        with pytest.raises(ValueError, match=r"grid_size .*\(10 in all\), got 3 \(9 cells\)"):
            WorldParams(**sizes)


def test_a_strangers_expressivity_must_not_run_backwards() -> None:
    with pytest.raises(ValueError, match=r"low must not exceed .*high, got 0\.8 and 0\.7"):
        WorldParams(stranger_expressivity_low=0.8, stranger_expressivity_high=0.7)


def test_params_cannot_be_changed_and_a_changed_copy_is_checked_anew() -> None:
    params = WorldParams()
    with pytest.raises(FrozenInstanceError):
        params.help_cost = 0.5  # type: ignore[misc]
    assert replace(params, help_cost=0.5).help_cost == 0.5
    with pytest.raises(ValueError, match="help_cost"):
        replace(params, help_cost=-0.5)


def test_derived_numbers() -> None:
    params = WorldParams(num_agents=5, grid_size=6, view_radius=4)
    assert params.num_actions == NUM_PLAIN_ACTIONS + 4 == 12
    assert params.num_others == 4
    assert not params.sees_whole_board
    assert WorldParams().sees_whole_board
    assert WorldParams(view_radius=4).sees_whole_board
    assert WorldParams(drive_weight=0.1, drive_scale=1.0).matching_discount == 0.9


def test_the_default_world_is_the_designs() -> None:
    params = WorldParams()
    sizes = (params.grid_size, params.num_agents, params.num_kinds, params.horizon)
    assert sizes == (5, 3, 3, 128)
    assert (params.crisis_level, params.need_growth, params.self_relief) == (0.4, 0.04, 0.15)
    assert (params.total_hazard, params.dominant_share) == (0.05, 0.6)
    assert (params.help_cost, params.misattuned_hurt, params.help_reach) == (0.3, 0.3, 2)
    assert (params.relief_threshold, params.distress_threshold) == (0.3, 0.3)
    assert (params.p_show_reaction, params.p_false_distress) == (0.9, 0.05)
    assert (params.expressivity, params.idiosyncratic_share) == (0.7, 0.25)
    assert (params.stranger_expressivity_low, params.stranger_expressivity_high) == (0.4, 0.9)
    assert (params.drive_weight, params.drive_scale, params.coordination) == (0.06, 2.0, 1.0)
    assert not params.offers
    assert (params.show_cues, params.show_positive_cues) == (True, True)
    assert (params.show_needs, params.show_trust) == (False, False)
    assert (params.severe, params.severe_share, params.severe_window) == (False, 0.3, 8)


def test_kernels_receive_every_field_in_one_type_whatever_was_typed() -> None:
    as_whole, as_real = WorldParams(help_cost=1), WorldParams(help_cost=1.0)
    assert rules_of(as_whole) == rules_of(as_real)
    types = [type(value) for value in rules_of(as_whole)]
    assert types == [type(value) for value in rules_of(as_real)]
    assert rules_of(WorldParams(shift="cue_remap")).shift == SHIFT_FAMILIES.index("cue_remap")
