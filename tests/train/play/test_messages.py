"""Whatever a page sends is a message or is refused; nothing else can come of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empathy_loop.train.play.messages import LARGEST_MESSAGE, Act, Pace, Start, parse

START = {"type": "start", "scenario": "a", "agent": "b", "seed": 0}


def test_messages_are_read() -> None:
    assert parse(json.dumps(START)) == Start(type="start", scenario="a", agent="b", seed=0)
    assert parse('{"type": "act", "t": 3, "action": 8}') == Act(type="act", t=3, action=8)
    found = parse('{"type": "pace", "running": true, "speed": 4}')
    assert found == Pace(type="pace", running=True, speed=4.0)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({}, "message"),
        ([], "message"),
        ({"type": "stop"}, "message: Input tag"),
        (START | {"seed": -1}, "start.seed: Input should be greater than or equal to 0"),
        (START | {"seed": 1.5}, "start.seed: "),
        (START | {"seed": True}, "start.seed: "),
        (START | {"seed": "1"}, "start.seed: "),
        (START | {"seed": 10**9}, "start.seed: Input should be less than"),
        (START | {"seat": 16}, "start.seat: "),
        (START | {"wings": 2}, "start.wings: Extra inputs"),
        (START | {"agent": "x" * 201}, "start.agent: "),
        ({"type": "act", "t": 0}, "act.action: Field required"),
        ({"type": "act", "t": 0, "action": -1}, "act.action: "),
        ({"type": "pace", "running": 1, "speed": 4}, "pace.running: "),
        ({"type": "pace", "running": True, "speed": 31}, "pace.speed: "),
        ({"type": "pace", "running": True, "speed": 0}, "pace.speed: "),
        ({"type": "open", "record": "x" * LARGEST_MESSAGE}, "at most 2048 bytes"),
    ],
)
def test_what_is_no_message_is_refused_with_the_reason(message: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(json.dumps(message))


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "null", "[" * 1000, '{"type": "act", "t": 1e999, "action": 0}'),
        *('{"type": "pace", "running": true, "speed": NaN}', '{"type": "act", "t": ' + "9" * 1500),
        '{"type": "act", "t": 0, "t": 0, "action": "\ud800"}',
    ],
)
def test_broken_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(ValueError) as refusal:
        parse(json.dumps(START | {"seed": "<script>alert(1)</script>"}))
    assert "script" not in str(refusal.value)


@settings(max_examples=200)
@given(
    st.text(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["type", "t", "action", "seed", "seat", "speed", "record", "have"]),
                inner
                | st.sampled_from(["start", "act", "pace", "open", "rejoin", "step", "review"]),
            )
        ),
        max_leaves=8,
    ).map(json.dumps)
)
def test_nothing_but_a_refusal_comes_of_noise(text: str) -> None:
    try:
        parse(text)
    except ValueError as refusal:
        assert str(refusal)
