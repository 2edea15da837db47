"""Populations: who is in them, that none is in both, and what a seat may be called."""

from __future__ import annotations

from typing import Any

import pytest

from empathy_loop.envs.partners import SCRIPTED
from empathy_loop.envs.populations import (
    POPULATIONS,
    Partner,
    check_seats,
    partners_of,
    seat_table,
)


def test_no_policy_and_no_combination_of_traits_is_found_in_both_populations() -> None:
    train, heldout = POPULATIONS["train"], POPULATIONS["heldout"]
    assert not {one.policy for one in train} & {one.policy for one in heldout}
    assert not {traits(one) for one in train} & {traits(one) for one in heldout}
    assert not {one.name for one in train} & {one.name for one in heldout}


def traits(partner: Partner) -> tuple[float | None, bool]:
    return partner.expressivity, partner.inverted


def test_the_held_out_are_stoic_crying_inverted_and_exploiting() -> None:
    heldout = {one.name: one for one in POPULATIONS["heldout"]}
    assert {name for name, one in heldout.items() if one.policy == "exploiter"} == {
        "crying_exploiter",
        "inverted_exploiter",
    }
    assert heldout["stoic"].expressivity == 0.2
    assert heldout["crying"].expressivity == 1.0
    assert heldout["inverted"].inverted


def test_no_partner_is_told_what_is_hidden() -> None:
    for population in POPULATIONS.values():
        assert "oracle" not in {one.policy for one in population}
        assert {one.policy for one in population} <= set(SCRIPTED)


def test_a_seat_is_focal_a_population_or_a_policy() -> None:
    assert partners_of("focal") == ()
    assert partners_of("train") == POPULATIONS["train"]
    assert partners_of("oracle") == (Partner("oracle", "oracle"),)


def test_rows_follow_the_seats() -> None:
    table, names = seat_table(("focal", "heldout", "reader"))
    assert table.first.tolist() == [0, 0, 5]
    assert table.num.tolist() == [0, 5, 1]
    assert names[0] == "heldout/stoic"
    assert names[5] == "reader"
    assert table.expressivity.tolist() == [0.2, 1.0, -1.0, 1.0, -1.0, -1.0]
    assert table.inverted.tolist() == [False, False, True, False, True, False]
    assert [SCRIPTED[code] for code in table.policy] == ["filter"] * 3 + ["exploiter"] * 2 + [
        "reader"
    ]


def test_no_seats_are_focal_ones() -> None:
    assert check_seats((), 2) == ("focal", "focal")
    assert check_seats(["focal", "train"], 2) == ("focal", "train")


@pytest.mark.parametrize(
    ("seats", "message"),
    [
        (("focal", "trian"), "unknown seat 'trian'; did you mean train"),
        (("focal", "train"), r"one seat for each of 3 agents, got 2 \(focal, train\); change"),
        (("train", "focal", "train"), "must begin with the focal ones"),
        (("train", "train", "train"), "there must be one at least"),
        ("focal", "seats must be a list of a name for each agent, got 'focal'"),
        (3, "seats must be a list of a name for each agent, got 3"),
    ],
)
def test_seats_that_cannot_be_are_refused(seats: Any, message: str) -> None:
    num_agents = 2 if seats == ("focal", "trian") else 3
    with pytest.raises(ValueError, match=message):
        check_seats(seats, num_agents)
