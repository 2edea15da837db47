"""On what the network computes. Worlds live on the CPU; what goes between is copied here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor

DEVICES = ("auto", "cpu", "cuda")
"""What can be asked for; auto is cuda where torch sees a CUDA device, and otherwise cpu."""

CPU = torch.device("cpu")

Tree = TypeVar("Tree")


def choose_device(name: str, number: int = 0) -> torch.device:
    """Return the device that a name stands for.

    Args:
        name: One of DEVICES.
        number: Which CUDA device of the machine, from 0.

    Raises:
        ValueError: a CUDA device is asked for, and the machine has none of that number.
    """
    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "cpu" or (name == "auto" and available == 0):
        return CPU
    if available == 0:
        raise ValueError(
            f"device is 'cuda', but torch {torch.__version__} sees no CUDA device here; choose "
            "'cpu' or 'auto', or install a driver and a build of torch for CUDA"
        )
    if number >= available:
        raise ValueError(
            f"process {number} of this machine has no CUDA device of its own, as there are "
            f"{available}; start at most {available} processes here, or set device to 'cpu'"
        )
    return torch.device("cuda", number)


def copied(tree: Tree, device: torch.device) -> Tree:
    """Return a record with its tensors on a device; those that are there already are not copied.

    Copies to a CUDA device are only ordered, so that the CPU goes on: a pinned tensor must not
    be written before the device has been waited for.

    Args:
        tree: A tensor, or named tuples, lists and dictionaries of tensors and other data.
        device: Where to.
    """
    non_blocking = device.type == "cuda"
    return map_tensors(tree, lambda tensor: tensor.to(device, non_blocking=non_blocking))


def pinned(tree: Tree) -> Tree:
    """Return a copy of a record in memory that a CUDA device reads without the CPU's help."""
    return map_tensors(tree, lambda tensor: tensor.pin_memory())


def map_tensors(tree: Tree, change: Callable[[Tensor], Tensor]) -> Tree:
    """Return a record of the same form, in which every tensor is changed and nothing else.

    Args:
        tree: A tensor, or named tuples, lists and dictionaries of tensors and other data.
        change: Returns what takes a tensor's place.
    """
    found: Any = tree
    if isinstance(found, Tensor):
        found = change(found)
    elif isinstance(found, dict):
        found = {key: map_tensors(part, change) for key, part in found.items()}
    elif isinstance(found, list):
        found = [map_tensors(part, change) for part in found]
    elif isinstance(found, tuple) and hasattr(found, "_fields"):
        found = type(found)(*(map_tensors(part, change) for part in found))
    return found  # type: ignore[no-any-return]  # it is what the tree was
