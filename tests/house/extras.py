"""What tests do when an optional dependency is missing."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest


def require(module: str, extra: str) -> Any:
    """Import a module that an extra brings.

    Where the extras must be there (`make test` says so, and CI runs it), a missing one fails the
    test; elsewhere it skips it. Both say what to install.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        sentence = f'this test needs {module}; install it with: pip install -e ".[{extra}]"'
        if os.environ.get("EMPATHY_LOOP_EXTRAS") == "required":
            pytest.fail(sentence)
        pytest.skip(sentence)
