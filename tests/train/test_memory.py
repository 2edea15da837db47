"""A run does not grow: what an update takes is given back, or used again, by the next."""

from __future__ import annotations

import gc
import mmap
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from empathy_loop.train.config import TrainConfig
from empathy_loop.train.loop import Progress
from empathy_loop.train.runs import train_run

MakeConfig = Callable[..., TrainConfig]
STATUS = Path("/proc/self/status")

pytestmark = pytest.mark.skipif(
    not STATUS.exists(), reason="the system does not say how large a process is"
)

WARM_UP, UPDATES = 40, 240
GROWTH_MIB = 4.0
"""What allocators may keep, 20 KiB an update; a rollout is three times as large here."""


def own_mib() -> float:
    """Return the memory that this process has written, in MiB.

    Pages of libraries, which the system drops and reads again as it likes, are left out.
    """
    gc.collect()
    lines = [line.split() for line in STATUS.read_text().splitlines()]
    return sum(int(line[1]) for line in lines if line[0] in ("RssAnon:", "VmSwap:")) / 1024


def test_memory_that_is_kept_is_seen() -> None:
    before = own_mib()
    # Asked of the system itself: an allocator may have room that tests before this one have left.
    with mmap.mmap(-1, 2**23, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as kept:
        kept.write(os.urandom(2**23))
        assert own_mib() - before > GROWTH_MIB


@pytest.mark.parametrize(
    ("name", "overrides"), [("cognitive", {}), ("ippo", {"network": {"hidden_size": 8}})]
)
def test_a_run_of_many_updates_does_not_grow(
    tmp_path: Path, make_config: MakeConfig, name: str, overrides: dict[str, dict[str, int]]
) -> None:
    sizes: list[float] = []
    updates = 0

    def note(progress: Progress) -> None:
        nonlocal updates
        updates += 1
        if updates % WARM_UP == 0:
            sizes.append(own_mib())

    train_run(make_config(name, UPDATES, overrides, checkpoint_every=20), tmp_path, note)
    assert len(sizes) == UPDATES // WARM_UP
    # The least, since what tests before this one have left may be given back at any time.
    assert sizes[-1] - min(sizes) < GROWTH_MIB
