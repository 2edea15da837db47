"""Turning what a file or a command line says into settings, with errors that name the place."""

from __future__ import annotations

import ast
import difflib
import inspect
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from typing import Any, TypeVar, cast

Config = TypeVar("Config")


def amend(config: Config, changes: Mapping[str, Any], source: str) -> Config:
    """Return a copy of a config dataclass with some values changed.

    Args:
        config: A frozen dataclass; fields may be dataclasses or dictionaries themselves.
        changes: Field name to value; for a nested one, to another such mapping.
        source: What to name in errors, such as the file that was read.

    Returns:
        A config of the same class, validated.

    Raises:
        ValueError: an unknown key, a value of the wrong type, or one that the class refuses. The
            message starts with the source and names the key.
    """
    try:
        return cast(Config, _amend(config, changes, source, ""))
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(source) else f"{source}: {text}") from error


def field_meanings(config: type[Any]) -> dict[str, str]:
    """Return each field of a dataclass with the text that follows it in its module.

    Args:
        config: A dataclass, each of whose fields is followed by what it means.
    """
    module = ast.parse(inspect.getsource(sys.modules[config.__module__]))
    (tree,) = (
        node
        for node in module.body
        if isinstance(node, ast.ClassDef) and node.name == config.__name__
    )
    meanings = {}
    for entry, text in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(entry, ast.AnnAssign) and isinstance(text, ast.Expr):
            meanings[ast.unparse(entry.target)] = inspect.cleandoc(ast.literal_eval(text.value))
    return {entry.name: " ".join(meanings[entry.name].split()) for entry in fields(config)}


def close_matches(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that says which known names are meant, or all there are."""
    known = sorted(known)
    matches = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if matches:
        return f"did you mean {' or '.join(matches)}?"
    return f"known are {', '.join(known)}"


def load_class(name: str, what: str = "agent") -> type[Any]:
    """Return the class that `package.module:Class` names.

    Args:
        name: Where the class can be imported from. While its module is imported, the current
            folder is searched after everything that is installed, which it can thus not hide.
        what: What the class stands for, for errors.

    Returns:
        The class.

    Raises:
        ValueError: the module or the class cannot be found.
    """
    module_name, _, class_name = name.partition(":")
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise ValueError(f"{what} {name!r} is not of the form package.module:Class")
    try:
        with _current_folder_searched():
            module = import_module(module_name)
    except ImportError as error:
        raise ValueError(
            f"{what} {name!r}: module {module_name!r} cannot be imported ({error}); "
            "install it, or run from the folder that holds it"
        ) from error
    except SyntaxError as error:
        raise ValueError(
            f"{what} {name!r}: {error.filename}, line {error.lineno} is no Python: {error.msg}"
        ) from error
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        classes = [key for key, value in vars(module).items() if isinstance(value, type)]
        raise ValueError(
            f"{what} {name!r}: module {module_name!r} has no class {class_name!r}; "
            f"{close_matches(class_name, classes)}"
        )
    return found


@contextmanager
def _current_folder_searched() -> Iterator[None]:
    """Search the current folder last for modules; only for now, for it may be any folder."""
    folder = os.getcwd()
    if folder in sys.path:
        yield
        return
    sys.path.append(folder)
    try:
        yield
    finally:
        with suppress(ValueError):  # the module may have taken it away itself
            sys.path.remove(folder)


def _amend(config: Any, changes: Mapping[str, Any], source: str, path: str) -> Any:
    known = [entry.name for entry in fields(config)]
    _refuse_unknown(changes, known, source, path)
    values = {}
    for key, value in changes.items():
        values[key] = _amended(getattr(config, key), value, source, f"{path}{key}")
    return replace(config, **values)


def _amended(present: Any, value: Any, source: str, path: str) -> Any:
    """Return the new value of one field; `present` says which type it must have."""
    if is_dataclass(present) or isinstance(present, dict):
        if is_dataclass(value) and isinstance(value, type(present)):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"{source}: {path} must be a table of values, got {value!r}")
        if is_dataclass(present):
            return _amend(present, value, source, f"{path}.")
        _refuse_unknown(value, present, source, f"{path}.")
        return present | {
            key: _amended(present[key], one, source, f"{path}.{key}") for key, one in value.items()
        }
    if isinstance(present, tuple) and isinstance(value, list):
        if not all(isinstance(one, str) for one in value):
            raise ValueError(f"{source}: {path} must be a list of texts, got {value!r}")
        return tuple(value)
    if isinstance(present, float) and type(value) is int:
        return float(value)
    if type(value) is not type(present):
        raise ValueError(f"{source}: {path} must be {_TYPES[type(present)]}, got {value!r}")
    return value


def _refuse_unknown(
    changes: Mapping[str, Any], known: Iterable[str], source: str, path: str
) -> None:
    for key in changes:
        if key not in known:
            raise ValueError(f"{source}: unknown key {path + key!r}; {close_matches(key, known)}")


_TYPES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    tuple: "a list of texts",
}
