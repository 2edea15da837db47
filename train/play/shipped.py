"""The small agent that ships with the package, and how it is made from a run.

empathy-loop train --agent cognitive --steps 300_000 --seed 0 --name shipped
python -m empathy_loop.train.play.shipped runs/shipped
"""

from __future__ import annotations

import sys
from pathlib import Path

from empathy_loop.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint

SHIPPED = Path(__file__).with_name("agent")
"""Folder with its checkpoint, which holds settings and weights and nothing else."""
SHIPPED_NAME = "cognitive (shipped)"


def ship(run: Path, folder: Path = SHIPPED) -> Path:
    """Write what acting needs of a run's checkpoint.

    Args:
        run: Folder of the run.
        folder: Where the checkpoint goes; must exist.

    Returns:
        The file that was written.

    Raises:
        CheckpointError: there is no checkpoint, or it cannot be read or written.
    """
    data = load_checkpoint(run)
    if data is None:
        raise CheckpointError(f"{run} holds no checkpoint; train the run to its first one")
    config = {name: data["config"][name] for name in ("agent", "world")}
    return save_checkpoint(folder, {"config": config, "network": data["network"]})


if __name__ == "__main__":
    print(ship(Path(sys.argv[1])))
