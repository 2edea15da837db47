"""The laws of the house as functions over a folder, so that tests can plant violations in one.

A checker takes the root of a tree with the folders `agents`, `configs`, `envs` and `train` (any
may be missing) and returns one line for each violation, `path:line: what is wrong`; an empty
list means that the law holds.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGES = ("agents", "configs", "envs", "train")

MAX_FILE, MAX_FUNCTION, MAX_KERNEL = 300, 60, 40
"""Lines of a file, a function and a compiled function, docstrings included."""

KERNEL_DECORATORS = {"njit", "hot", "rare", "batch"}
"""numba's own, and those of `empathy_loop.envs.kernel`."""

AGENTS_MAY_SEE = (
    "empathy_loop.envs.params",
    "empathy_loop.envs.observation",
    "empathy_loop.envs.reading",
)
PETTINGZOO_VIEWS = (
    "empathy_loop.envs.pettingzoo_adapter",
    "empathy_loop.envs.pettingzoo_registry",
)
COMMAND_LINE = ("empathy_loop.train.cli", "empathy_loop.train.commands")
CALCULATORS = ("math", "numpy", "scipy", "statistics", "torch")

FORBIDDEN_WORDS = {
    r"py" r"pi\.org|python" r"hosted\.org|npm" r"js\.(org|com)|deb" r"ian\.org|py" r"torch\.org": (
        "the host of a package registry; name the package only"
    ),
    r"(?<![\w.])/(work|root|home|Users)/": "a path of one machine",
    r"\b(TO" r"DO|FIX" r"ME|X{3})\b": "unfinished work; finish it, or leave it out",
    r"\b(agents?|AIs?|learners?|models?)\s+((really|truly|can)\s+)?(feels?|suffers?)\b": (
        "a claim of feelings; say what is computed"
    ),
}
"""Regular expression to reason. Written in parts where this file would otherwise break it."""

GENERATED = {"__pycache__", "build", "dist", "results", "runs"}
"""Folders that make, training and comparisons write; git ignores them."""


class Import(NamedTuple):
    """One imported name: who imports it, its full dotted name, and where that is written."""

    module: str
    target: str
    place: str


def python_files(root: Path) -> list[Path]:
    """Return every Python file of the four packages, sorted."""
    return sorted(file for name in PACKAGES for file in (root / name).rglob("*.py"))


def text_files(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield every text file that a reader of the repository meets, with its text."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in sorted(folders) if not _is_generated(name)]
        for name in sorted(names):
            file = Path(folder, name)
            try:
                yield file, file.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def imports(root: Path) -> list[Import]:
    """Return every import of the four packages, wherever in a file it stands.

    Imports inside functions or for type checkers count as well: the laws are about which code
    knows which. `from a import b` has the target `a.b`.
    """
    return [
        Import(module_name(file, root), target, f"{file.relative_to(root)}:{line}")
        for file in python_files(root)
        for target, line in _targets(ast.parse(file.read_text()))
    ]


def module_name(file: Path, root: Path) -> str:
    """Return the dotted name under which a file of the four packages is imported."""
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(("empathy_loop", *(part for part in parts if part != "__init__")))


def is_within(name: str, *packages: str) -> bool:
    """Return whether a dotted name is one of the packages or lies in one of them."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def layer_violations(root: Path) -> list[str]:
    """Return imports that cross the layers of the house."""
    return [
        f"{entry.place}: {entry.module} imports {entry.target}: {reason}"
        for entry in imports(root)
        for reason in _broken_layers(entry.module, entry.target)
    ]


def import_circles(root: Path) -> list[str]:
    """Return the first circle of imports between modules, if there is one."""
    modules = {module_name(file, root) for file in python_files(root)}
    graph: dict[str, set[str]] = {module: set() for module in modules}
    for entry in imports(root):
        target = entry.target
        while target and target not in modules:
            target = target.rpartition(".")[0]
        if target and target != entry.module:
            graph[entry.module].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        return ["import circle: " + " <- ".join(circle.args[1])]
    return []


def arithmetic_in_cli(root: Path) -> list[str]:
    """Return the places where the command line calculates instead of asking a module to."""
    found = []
    for file in python_files(root):
        if not is_within(module_name(file, root), *COMMAND_LINE):
            continue
        tree = ast.parse(file.read_text())
        found += [
            f"{file.relative_to(root)}:{node.lineno}: arithmetic: {ast.unparse(node)}"
            for node in ast.walk(tree)
            if _is_arithmetic(node)
        ]
        found += [
            f"{file.relative_to(root)}:{line}: arithmetic: imports {target}"
            for target, line in _targets(tree)
            if is_within(target, *CALCULATORS)
        ]
    return found


def bare_functions(root: Path) -> list[str]:
    """Return functions without full annotations that numba does not compile."""
    return [
        f"{place}: {function.name} lacks type annotations"
        for place, function in _functions(root)
        if not _is_kernel(function) and not _is_annotated(function)
    ]


def oversized(root: Path) -> list[str]:
    """Return files, functions and kernels that are longer than the house allows."""
    found = []
    for file in python_files(root):
        lines = len(file.read_text().splitlines())
        if lines > MAX_FILE:
            found.append(f"{file.relative_to(root)}:1: file of {lines} lines, over {MAX_FILE}")
    for place, function in _functions(root):
        lines = (function.end_lineno or 0) - function.lineno + 1
        kind, limit = ("kernel", MAX_KERNEL) if _is_kernel(function) else ("function", MAX_FUNCTION)
        if lines > limit:
            found.append(f"{place}: {kind} {function.name} of {lines} lines, over {limit}")
    return found


def forbidden_words(root: Path) -> list[str]:
    """Return the places of words that have no business in the repository."""
    return [
        f"{file.relative_to(root)}:{text.count(chr(10), 0, match.start()) + 1}: "
        f"{match.group()!r}: {reason}"
        for file, text in text_files(root)
        for pattern, reason in FORBIDDEN_WORDS.items()
        for match in re.finditer(pattern, text)
    ]


def code_folders(root: Path) -> set[str]:
    """Return the dotted name of every folder of the four packages that holds Python code."""
    return {module_name(file.parent / "__init__.py", root) for file in python_files(root)}


def _broken_layers(module: str, target: str) -> Iterator[str]:
    """Yield the reason why a module may not import a target, for each law that it breaks."""
    if is_within(target, *PACKAGES) or target.startswith("."):
        yield "imports are absolute, from empathy_loop"
    if is_within(module, "empathy_loop.configs") and is_within(target, "empathy_loop"):
        yield "configs is data, and knows nobody"
    if is_within(module, "empathy_loop.envs") and is_within(
        target, "torch", "empathy_loop.agents", "empathy_loop.train"
    ):
        yield "the world knows nothing of learning"
    if is_within(module, "empathy_loop.agents"):
        if is_within(target, "empathy_loop.train"):
            yield "agents do not know what trains them"
        if is_within(target, "empathy_loop.envs") and not is_within(target, *AGENTS_MAY_SEE):
            yield f"agents see only {' and '.join(AGENTS_MAY_SEE)}"
    pair = ("empathy_loop.agents.ppo", "empathy_loop.agents.empathy")
    for one, other in (pair, pair[::-1]):
        if is_within(module, one) and is_within(target, other):
            yield "the registry composes ppo and empathy; they do not know each other"
    if is_within(target, "pettingzoo") and not is_within(module, *PETTINGZOO_VIEWS):
        yield f"only {' and '.join(PETTINGZOO_VIEWS)} import pettingzoo"
    if "tensorboard" in target.split(".") and not is_within(module, "empathy_loop.train.logging"):
        yield "only empathy_loop.train.logging imports tensorboard"


def _targets(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the full name and line of every import; a relative one begins with a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            yield from ((f"{origin}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and _name(node.func) in {"import_module", "__import__"}:
            yield from (
                (argument.value, node.lineno)
                for argument in node.args[:1]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            )


def _functions(root: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield the place and tree of every function, method and nested function."""
    for file in python_files(root):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{file.relative_to(root)}:{node.lineno}", node


def _is_kernel(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether numba compiles the function."""
    return any(_name(decorator) in KERNEL_DECORATORS for decorator in function.decorator_list)


def _is_annotated(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether the result and every argument but self or cls has a type."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    packed = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    typed = all(
        argument.annotation or argument.arg in {"self", "cls"} for argument in named + packed
    )
    return typed and function.returns is not None


def _is_arithmetic(node: ast.AST) -> bool:
    """Return whether a node calculates with numbers; unions and text do not."""
    if isinstance(node, ast.BinOp):
        return not (isinstance(node.op, ast.BitOr) or _is_text(node))
    if isinstance(node, ast.AugAssign):
        return not _is_text(node.value)
    return isinstance(node, ast.Call) and _name(node.func) in {"divmod", "pow", "round", "sum"}


def _is_text(node: ast.expr) -> bool:
    """Return whether an expression shows itself to be text (or a path joined with text)."""
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) or _is_text(node.right)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    return isinstance(node, ast.JoinedStr)


def _name(node: ast.expr) -> str:
    """Return the last name of a decorator or callee: `njit` for `numba.njit(cache=True)`."""
    if isinstance(node, ast.Call):
        return _name(node.func)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_generated(folder: str) -> bool:
    """Return whether a folder of this name is written by tools, not by people."""
    hidden = folder.startswith(".") and folder != ".ci"
    return hidden or folder in GENERATED or folder.endswith(".egg-info")
