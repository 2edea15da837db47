"""Reference results: a finished comparison that others can be put beside, or made again.

A reference is a folder with two files that every comparison leaves: results.json, and
comparison.json with its settings in full. Those that ship are in configs/reference. Numbers of
two comparisons mean the same only if their worlds, what is seen of them, and what they are scored
on are the same; a setting that came into the code later, with a default that keeps what was, is
no difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from empathy_loop.envs.reading import close_matches
from empathy_loop.train.config import hash_of
from empathy_loop.train.files import read_json
from empathy_loop.train.learned import layout_of
from empathy_loop.train.plan import (
    CEILING,
    FLOOR,
    Comparison,
    Shift,
    identity_of,
    only_arms,
    plan_runs,
    world_of_cell,
)
from empathy_loop.train.results_file import RESULTS, read_results
from empathy_loop.train.shapes import check_shape
from empathy_loop.train.sweeps import Claim, Sweep

SETTINGS = "comparison.json"
"""File in the folder of a comparison that says which one it is."""
ANCHOR_TOLERANCE = 0.01
"""Share of the welfare between random and oracle by which an anchor may differ from its reference:
they are scripted, and the same worlds give the same, but for rounding on other processors."""


class SettingsFile(TypedDict):
    """What comparison.json holds."""

    fingerprint: str
    """Hash of all that the numbers depend on."""
    version: str
    """Version of the package."""
    comparison: dict[str, Any]
    """The fields of `Comparison`."""
    settings: dict[str, Any]
    """What they stand for: env, world, layout of the observation, and arms, name to settings."""


class Reference(NamedTuple):
    """A finished comparison.

    Attributes:
        name: What it was called when it was asked for.
        comparison: Its settings.
        settings: What they stood for when it was made, as `SettingsFile` has it.
        results: As `train.schema` documents them.
    """

    name: str
    comparison: Comparison
    settings: Mapping[str, Any]
    results: Mapping[str, Any]


def list_references() -> list[str]:
    """Return the names of the references that ship with the package, sorted."""
    return sorted(path.name for path in _shipped().iterdir() if (path / RESULTS).is_file())


def describe_references() -> dict[str, str]:
    """Return name and question of the references that ship with the package."""
    return {name: load_reference(name).comparison.summary for name in list_references()}


def load_reference(name: str) -> Reference:
    """Return a reference.

    Args:
        name: Folder of a finished comparison, or one of `list_references`.

    Raises:
        ValueError: there is none; a file of it is damaged, with the key that is wrong; or its two
            files are of different comparisons.
    """
    folder = _shipped() / name if name in list_references() else Path(name)
    if not folder.is_dir():
        raise ValueError(
            f"{name!r} is neither the folder of a comparison nor a reference that ships; "
            f"{close_matches(name, list_references())}"
        )
    file = folder / SETTINGS
    if not file.is_file():
        raise ValueError(f"{folder} is no reference: it holds no {SETTINGS}, which compare writes")
    data = read_json(file)
    if isinstance(data, dict) and "settings" not in data:
        raise ValueError(
            f"{file} was written by version {data.get('version')}, which kept no settings in full; "
            "run its comparison again, which trains nothing that is finished"
        )
    check_shape(data, SettingsFile, str(file))
    results = read_results(folder)
    if results["fingerprint"] != data["fingerprint"]:
        raise ValueError(
            f"{folder}: {RESULTS} is of the settings {results['fingerprint']}, {SETTINGS} of "
            f"{data['fingerprint']}; they belong to different comparisons"
        )
    comparison = _comparison_of(data["comparison"], str(file))
    return Reference(folder.name, comparison, data["settings"], results)


def describe_settings(comparison: Comparison) -> SettingsFile:
    """Return what comparison.json holds, as plain data."""
    head = {"fingerprint": identity_of(comparison), "version": version("empathy-loop")}
    data: SettingsFile = json.loads(
        json.dumps({**head, "comparison": asdict(comparison), "settings": _settings_of(comparison)})
    )
    return data


def refuse_mixture(
    name: str | None, against: str | None, agents: Sequence[str], changes: Mapping[str, Any]
) -> None:
    """Refuse options that do not belong together.

    Args:
        name: Comparison to make, if there is one.
        against: Reference to compare with, if there is one.
        agents: What to compare with it.
        changes: Settings that were typed.

    Raises:
        ValueError: neither or both of the first two are given; agents without a reference, or
            none with it; or settings, which a reference has already.
    """
    if (name is None) == (against is None):
        raise ValueError(
            "compare takes either the name of a comparison to make, one of `empathy-loop list "
            "comparisons`, or --against with a finished one"
        )
    if (against is None) == bool(agents):
        raise ValueError(
            "--against and --agent belong together: the finished comparison, and who is to be put "
            "beside its arms, such as --against empathy --agent mine:Agent"
        )
    if against is not None and changes:
        raise ValueError(
            f"--against takes the settings of the finished comparison, so that {', '.join(changes)}"
            " cannot be set"
        )


def check_worlds(reference: Reference) -> None:
    """Refuse a reference whose worlds, or what agents see of them, are not those of this version.

    Raises:
        ValueError: they differ; the message names the setting, and both fingerprints.
    """
    anchors = only_arms(reference.comparison, [FLOOR])
    here = describe_settings(anchors)["settings"]
    for part in ("env", "world", "layout"):
        _refuse_other(reference, {part: reference.settings.get(part)}, {part: here[part]})


def check_arms(reference: Reference, arms: Sequence[str]) -> None:
    """Refuse a reference in which an arm had other settings than it has in this version.

    Raises:
        ValueError: they differ; the message names the setting, and both fingerprints.
    """
    chosen = only_arms(reference.comparison, arms)
    here = describe_settings(chosen)["settings"]["arms"]
    there = reference.settings.get("arms", {})
    for arm in arms:
        _refuse_other(reference, {arm: there.get(arm)}, {arm: here[arm]})


def check_anchors(reference: Reference, scores: Mapping[str, Any]) -> None:
    """Refuse a reference whose anchors come out otherwise here: then the worlds are others.

    Args:
        reference: What was made then.
        scores: As `Results.scores`, of random and the oracle, for some seeds of the reference.

    Raises:
        ValueError: the welfare of an anchor with a seed differs by more than ANCHOR_TOLERANCE of
            what lies between the two.
    """
    there = reference.results["scores"]
    for shift in (one.name for one in reference.comparison.shifts):
        low, high = (there[anchor][shift]["welfare"]["mean"] for anchor in (FLOOR, CEILING))
        for anchor in (FLOOR, CEILING):
            shipped = there[anchor][shift]["welfare"]["runs"]
            for seed, welfare in scores[anchor][shift]["welfare"]["runs"].items():
                if abs(welfare - shipped[seed]) > ANCHOR_TOLERANCE * abs(high - low):
                    raise ValueError(
                        f"the worlds are not those of the reference {reference.name}: with seed "
                        f"{seed}, {anchor} has a welfare of {welfare:.4f} after {shift}, and had "
                        f"{shipped[seed]:.4f}; numbers of both cannot be compared"
                    )


def _shipped() -> Path:
    return Path(str(files("empathy_loop.configs"))) / "reference"


def _comparison_of(data: Mapping[str, Any], source: str) -> Comparison:
    """Return the comparison that a file describes."""
    known = [field.name for field in fields(Comparison)]
    for key in data:
        if key not in known:
            raise ValueError(f"{source}: unknown key 'comparison.{key}'; another version wrote it")
    values: dict[str, Any] = {
        k: tuple(one) if isinstance(one, list) else one for k, one in data.items()
    }
    try:
        values["contrasts"] = tuple(tuple(pair) for pair in values["contrasts"])
        values["shifts"] = tuple(Shift(*shift) for shift in values["shifts"])
        values["sweeps"] = tuple(Sweep(**_tuples(one)) for one in values.get("sweeps", ()))
        values["claims"] = tuple(Claim(**one) for one in values.get("claims", ()))
        return Comparison(**values)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{source}: comparison is damaged ({error})") from error


def _tuples(sweep: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a sweep, with the lists of its file as tuples."""
    axes = {axis: tuple(values) for axis, values in sweep["axes"].items()}
    return {"name": sweep["name"], "axes": axes, "arms": tuple(sweep["arms"])}


def _settings_of(comparison: Comparison) -> dict[str, Any]:
    """Return what the fields of a comparison stand for."""
    runs = {run.arm: run.config for run in plan_runs(comparison)}
    world = world_of_cell(runs[FLOOR].world, None)
    arms = {arm: asdict(runs[arm].agent) for arm in comparison.all_arms}
    for agent in arms.values():
        agent.pop("summary")
    return {
        "env": comparison.env,
        "world": asdict(world),
        "layout": layout_of(world),
        "arms": arms,
    }


def _refuse_other(reference: Reference, there: Any, here: Any) -> None:
    """Raise ValueError if a setting of the reference is another here, and name the first."""
    known = _restricted(here, there)
    for key, then in _leaves(there):
        now = dict(_leaves(known)).get(key)
        if now != then:
            raise ValueError(
                f"the reference {reference.name} has other settings (fingerprint "
                f"{hash_of(there)}, here {hash_of(known)}): {key} was {then!r} and is {now!r}; "
                "numbers of both cannot be compared"
            )


def _restricted(here: Any, there: Any) -> Any:
    """Return settings without what the others do not know."""
    if not isinstance(here, Mapping) or not isinstance(there, Mapping):
        return here
    return {key: _restricted(here.get(key), one) for key, one in there.items()}


def _leaves(data: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted name and value of everything in nested tables."""
    if isinstance(data, Mapping) and data:
        for key, one in data.items():
            yield from _leaves(one, f"{name}.{key}" if name else key)
    else:
        yield name, data
