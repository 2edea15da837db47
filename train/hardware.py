"""On what a measurement was taken: the machine, the versions, and the memory of the process."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "numba", "torch", "empathy-loop")
"""Whose versions decide how fast things are."""

_PROCESSOR_FILE = Path("/proc/cpuinfo")
_MIB = 2**20


def hardware() -> dict[str, Any]:
    """Return what the machine is.

    Returns:
        Plain data: `processor`, name of the model; `cores` that this process may use, at least 1;
        `memory_mib`, main memory in MiB, None where the system does not say; `system`.
    """
    return {
        "processor": _processor(),
        "cores": _cores(),
        "memory_mib": _memory_mib(),
        "system": platform.system(),
    }


def versions() -> dict[str, str]:
    """Return the version of Python, and of each of PACKAGES by its name."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def peak_memory_mib() -> float | None:
    """Return the most memory, in MiB, that this process has held at once; None if unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # KiB on Linux, bytes on macOS.
    return peak / _MIB if sys.platform == "darwin" else peak / 1024


def _processor() -> str:
    """Return the name of the processor's model, or else of its family."""
    if _PROCESSOR_FILE.exists():
        for line in _PROCESSOR_FILE.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.stdout.strip():
            return done.stdout.strip()
    return platform.processor() or platform.machine()


def _cores() -> int:
    """Return on how many cores this process may run."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_mib() -> float | None:
    """Return the machine's main memory."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _MIB
    except (AttributeError, ValueError, OSError):  # Windows, and systems without these names
        return None
