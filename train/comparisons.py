"""Comparisons that ship, and how files and command lines state them."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from empathy_loop.envs.reading import amend, close_matches
from empathy_loop.train.config import merge, read_settings
from empathy_loop.train.plan import Comparison, Shift, plan_runs
from empathy_loop.train.sweeps import Claim, Sweep, circumstances_of, points_of


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
    runs = plan_runs(comparison)
    if comparison.demonstrations and not any(run.config.demonstrations for run in runs):
        raise ValueError(
            f"no arm of comparison {name!r} learns from others' acts, so that demonstrations="
            f"{comparison.demonstrations!r} would have no effect; leave them out, or compare arms "
            "such as observational and cloned"
        )
    config = runs[0].config
    for sweep in comparison.sweeps:
        for point in points_of(sweep):
            circumstances_of(point, comparison.env, config.world, config.seats)
    return comparison


def _folder() -> Traversable:
    return files("empathy_loop.configs") / "compare"


def _shipped() -> list[str]:
    names = [entry.name for entry in _folder().iterdir() if entry.name.endswith(".toml")]
    return sorted(name.removesuffix(".toml") for name in names)


def _amended(comparison: Comparison, changes: Mapping[str, Any], source: str) -> Comparison:
    """Return a comparison with what a file or a command line says, lists made into tuples."""
    values = dict(changes)
    tables: dict[str, Any] = {
        key: merge(getattr(comparison, key), _typed(dict, values.pop(key, {}), key, source))
        for key in ("agent", "world", "views")
    }
    for key, read in (("sweeps", _sweeps), ("claims", _claims)):
        if key in values:
            values[key] = read(values[key], source)
    for key in ("arms", "seeds", "contrasts", "shifts", "teams", "lesions"):
        if key in values:
            values[key] = tuple(_typed(list, values[key], key, source))
    if "contrasts" in values:
        values["contrasts"] = tuple(_pair(pair, source) for pair in values["contrasts"])
    if "shifts" in values:
        values["shifts"] = tuple(_shift(shift, source) for shift in values["shifts"])
    return dataclasses.replace(amend(comparison, values, source), **tables)


def _sweeps(value: Any, source: str) -> tuple[Sweep, ...]:
    """Return sweeps from a table of tables: axis to its values, and `arms`."""
    found = []
    for name, table in _typed(dict, value, "sweeps", source).items():
        where = f"{source}: sweeps.{name}"
        lists = {
            axis: tuple(_typed(list, one, f"sweeps.{name}.{axis}", source))
            for axis, one in _typed(dict, table, f"sweeps.{name}", source).items()
        }
        arms = lists.pop("arms", ())
        if not lists or not all(lists.values()):
            raise ValueError(f"{where} must have an axis, and each a value, got {table!r}")
        found.append(Sweep(name, lists, arms))
    return tuple(found)


def _claims(value: Any, source: str) -> tuple[Claim, ...]:
    """Return claims from a list of tables."""
    found = []
    for table in _typed(list, value, "claims", source):
        known = _typed(dict, table, "claims", source)
        for key in known:
            if key not in _OF_CLAIM:
                hint = close_matches(key, _OF_CLAIM)
                raise ValueError(f"{source}: unknown key {f'claims.{key}'!r}; {hint}")
            _typed(_OF_CLAIM[key], known[key], f"claims.{key}", source)
        missing = {"says", "readout", "sweep", "arm", "at"} - known.keys()
        if missing:
            raise ValueError(f"{source}: a claim needs {', '.join(sorted(missing))}, got {known!r}")
        found.append(Claim(**known))
    return tuple(found)


_KINDS: dict[type, str] = {dict: "a table", list: "a list", str: "a text", bool: "true or false"}
_OF_CLAIM: dict[str, type] = {
    "says": str,
    "readout": str,
    "sweep": str,
    "arm": str,
    "at": dict,
    "than_arm": str,
    "than_at": dict,
    "paired": bool,
    "control": bool,
}


def _typed(kind: type, value: Any, key: str, source: str) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{source}: {key} must be {_KINDS[kind]}, got {value!r}")
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
