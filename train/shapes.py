"""Whether plain data, as JSON gives them, are what a type says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

_WORDS = {float: "a finite number", int: "a whole number", str: "a text", bool: "true or false"}


def check_shape(value: Any, kind: Any, source: str, place: str = "") -> None:
    """Refuse plain data that are not of a type.

    Args:
        value: As JSON gives it.
        kind: A TypedDict, a list or dict of such, a Literal, a plain type, one of these | None, or
            Any.
        source: What to name in errors.
        place: Dotted key of the value within the source; "" for all of it.

    Raises:
        ValueError: it is of another type; the message names the key.
    """
    where = f"{source}: {place}" if place else source
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return
    if origin in (Union, UnionType):
        if value is not None:
            (other,) = (one for one in arguments if one is not NoneType)
            check_shape(value, other, source, place)
    elif origin is Literal:
        if value not in arguments:
            raise ValueError(f"{where} must be one of {', '.join(arguments)}, got {value!r}")
    elif origin is list:
        _refuse_unless(isinstance(value, list), where, "a list", value)
        for i, one in enumerate(value):
            check_shape(one, arguments[0], source, f"{place}[{i}]")
    elif origin is dict or is_typeddict(kind):
        _refuse_unless(isinstance(value, dict), where, "an object", value)
        dotted = f"{place}." if place else ""
        if origin is dict:
            for key, one in value.items():
                check_shape(key, arguments[0], source, f"{dotted}{key}")
                check_shape(one, arguments[1], source, f"{dotted}{key}")
            return
        hints = _hints(kind)
        _check_keys(value, kind, f"{source}: {dotted}")
        for key, one in value.items():
            check_shape(one, hints[key], source, f"{dotted}{key}")
    else:
        _refuse_unless(_is_plain(value, kind), where, _WORDS[kind], value)


def _is_plain(value: Any, kind: Any) -> bool:
    """Return whether a value is of a plain type; a number must be finite, and truth is none."""
    if kind is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and math.isfinite(value)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _refuse_unless(is_right: bool, where: str, wanted: str, value: Any) -> None:
    if not is_right:
        raise ValueError(f"{where} must be {wanted}, got {str(value)[:60]!r}")


def _check_keys(value: Mapping[str, Any], kind: Any, where: str) -> None:
    """Refuse keys that a record lacks, or has and should not have."""
    for key in sorted(kind.__required_keys__ - value.keys()):
        raise ValueError(f"{where}{key} is missing: these are no whole results of a comparison")
    for key in sorted(value.keys() - kind.__required_keys__ - kind.__optional_keys__):
        raise ValueError(f"{where}{key} is unknown: no results of this version have it")
