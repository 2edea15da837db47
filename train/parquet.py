"""Recorded episodes as one Parquet table, for tools that know nothing of this project."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from empathy_loop.envs.rules.reward import REWARD_TERMS
from empathy_loop.train.records import Record, read_record, records_in


def export_parquet(paths: Sequence[Path], out: Path) -> int:
    """Write recorded episodes as a Parquet file with one row for each step and agent.

    Columns: file, scenario, seed, world, step, agent, policy; what the agent observed before the
    step (features, exterior, action_mask: lists); action, cue, belief (a list of O x K levels),
    reward and its terms. Columns that begin with `truth_` are hidden from whoever acts. The last
    observation of an episode, which no action follows, is left out.

    Args:
        paths: Records, or folders of them.
        out: File to write; it is there when it is whole.

    Returns:
        The number of rows.

    Raises:
        ValueError: pyarrow is not installed, there is no record, or one cannot be read.
        OSError: a file cannot be read or written.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ValueError(
            'Parquet needs pyarrow; install it with: pip install "empathy-loop[parquet]"'
        ) from error
    rows, writer = 0, None
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f"{out.name}.unfinished")
    try:
        for path in records_in(list(paths)):
            table = pyarrow.table(_columns(path.name, read_record(path)))
            if writer is None:
                about = {b"empathy-loop": json.dumps({"reward_terms": list(REWARD_TERMS)}).encode()}
                writer = parquet.ParquetWriter(
                    unfinished, table.schema.with_metadata(about), compression="zstd"
                )
            writer.write_table(table.replace_schema_metadata(writer.schema.metadata))
            rows += table.num_rows
        assert writer is not None, "records_in returns at least one"
        writer.close()
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def _columns(file: str, record: Record) -> dict[str, Any]:
    """Return the columns of one episode; rows run over steps, and over agents within a step."""
    header, arrays, steps = record.header, record.arrays, record.steps
    num_agents = len(header.agents)
    rows = steps * num_agents
    columns: dict[str, Any] = {
        "file": [file] * rows,
        "scenario": [header.scenario] * rows,
        "seed": np.full(rows, header.seed),
        "world": np.full(rows, header.world),
        "step": np.repeat(np.arange(steps), num_agents),
        "agent": list(header.agents) * steps,
        "policy": list(header.policies) * steps,
        "action": arrays["actions"].reshape(rows),
        "reward": arrays["reward"].reshape(rows),
    }
    for n, name in enumerate(REWARD_TERMS):
        columns[f"reward_{name}"] = arrays["reward_terms"][..., n].reshape(rows)
    for name in ("features", "exterior", "action_mask", "cue", "belief"):
        columns[name] = _rows(arrays[name][:steps], rows)
    for name in ("need", "hazard", "style", "severe", "expressivity"):
        columns[f"truth_{name}"] = _rows(arrays[f"truth/{name}"][:steps], rows)
    return columns


def _rows(array: NDArray[Any], rows: int) -> Any:
    """Return [T, A, ...] as one entry for each row: a number, or a list of the rest."""
    return array.reshape(rows) if array.ndim == 2 else list(array.reshape(rows, -1))
