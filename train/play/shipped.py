"""The small agents that ship with the package, and how they are made from runs.

empathy-loop train --agent cognitive --steps 300_000 --seed 0 --name among-three
empathy-loop train --agent empathic --env human_loop_v0 --shift none --steps 1_000_000 --seed 0 \
    --set agent.loss_weights.entropy=0.03 --name beside-people
python -m empathy_loop.train.play.shipped runs/among-three runs/beside-people
"""

from __future__ import annotations

import sys
from pathlib import Path

from empathy_loop.train.checkpoint import CheckpointError, load_checkpoint, save_checkpoint

FOLDER = Path(__file__).with_name("agents")
"""Has a folder for each, named as its arm, with a checkpoint of settings and weights alone."""
SHIPPED = {f"{arm} (shipped)": FOLDER / arm for arm in ("cognitive", "empathic")}
"""Folder of each agent by what the page calls it: among three agents, and beside two people."""


def ship(run: Path, folder: Path = FOLDER) -> Path:
    """Write what acting needs of a run's checkpoint.

    Args:
        run: Folder of the run.
        folder: Where a folder named as its arm is made, or written into.

    Returns:
        The file that was written.

    Raises:
        CheckpointError: there is no checkpoint, or it cannot be read or written.
    """
    data = load_checkpoint(run)
    if data is None:
        raise CheckpointError(f"{run} holds no checkpoint; train the run to its first one")
    config = {name: data["config"][name] for name in ("agent", "world")}
    own = folder / config["agent"]["name"]
    own.mkdir(parents=True, exist_ok=True)
    return save_checkpoint(own, {"config": config, "network": data["network"]})


if __name__ == "__main__":
    for run in sys.argv[1:]:
        print(ship(Path(run)))
