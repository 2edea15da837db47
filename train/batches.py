"""Recorded episodes as batches of tensors, to learn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from empathy_loop.train.records import Record, read_record, records_in

_OBSERVED = ("features", "exterior", "action_mask")
_TRUTH = "truth/"


class Batch(NamedTuple):
    """Whole episodes side by side; shorter ones are padded with zeros at their ends.

    S = T + 1 moments; that of number t comes before step t, and the last one after all.

    Attributes:
        features: float32 [S, E, A, D], in [-1, 1].
        exterior: float32 [S, E, A, X], in [-1, 1].
        action_mask: bool [S, E, A, N].
        actions: int64 [T, E, A], in [0, N). What each agent asked for.
        reward: float32 [T, E, A].
        reward_terms: float32 [T, E, A, R]. Named terms, in the order of REWARD_TERMS.
        valid: bool [T, E]. False where there is only padding.
        is_human: bool [E, A]. Whether a person chose the actions.
        truth: Name to tensor of what is hidden, [S, E, A, ...] of the types in `records.ARRAYS`,
            such as `need`; empty unless asked for, and only what all the records hold. For
            training targets and scoring only.
    """

    features: torch.Tensor
    exterior: torch.Tensor
    action_mask: torch.Tensor
    actions: torch.Tensor
    reward: torch.Tensor
    reward_terms: torch.Tensor
    valid: torch.Tensor
    is_human: torch.Tensor
    truth: dict[str, torch.Tensor]


def load_batches(
    paths: Sequence[Path],
    episodes: int,
    generator: np.random.Generator | None = None,
    truth: bool = False,
) -> Iterator[Batch]:
    """Yield recorded episodes in batches, each episode once.

    Args:
        paths: Records, or folders of them.
        episodes: Most episodes in a batch, E, at least 1; the last batch may have fewer.
        generator: Draws the order; None keeps it.
        truth: Whether to load what is hidden.

    Raises:
        ValueError: there is no record, one cannot be read, or worlds of one batch have other
            sizes.
        OSError: a file cannot be read.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {episodes}")
    files = records_in(list(paths))
    order = np.arange(len(files)) if generator is None else generator.permutation(len(files))
    for first in range(0, len(files), episodes):
        yield to_batch([read_record(files[n]) for n in order[first : first + episodes]], truth)


def to_batch(records: Sequence[Record], truth: bool = False) -> Batch:
    """Return episodes as one batch.

    Args:
        records: At least one, of worlds with the same sizes.
        truth: Whether to take what is hidden.

    Raises:
        ValueError: there is none, or worlds have other sizes.
    """
    if not records:
        raise ValueError("a batch needs at least one record, got none")
    sizes = {tuple(one.arrays[name].shape[1:] for name in _OBSERVED) for one in records}
    if len(sizes) > 1:
        raise ValueError(
            "the records of a batch must be of worlds with the same agents and kinds, got features "
            f"of shapes {sorted({one.arrays['features'].shape[1:] for one in records})}; load them "
            "from a folder each"
        )
    steps = torch.tensor([one.steps for one in records])
    shared = [name for name in records[0].arrays if all(name in one.arrays for one in records)]
    hidden = [name for name in shared if name.startswith(_TRUTH)] if truth else []
    return Batch(
        **{name: _padded(records, name) for name in _OBSERVED},
        actions=_padded(records, "actions").long(),
        reward=_padded(records, "reward"),
        reward_terms=_padded(records, "reward_terms"),
        valid=torch.arange(int(steps.max()))[:, None] < steps,
        is_human=torch.tensor(
            [[policy == "human" for policy in one.header.policies] for one in records]
        ),
        truth={name.removeprefix(_TRUTH): _padded(records, name) for name in hidden},
    )


def _padded(records: Sequence[Record], name: str) -> torch.Tensor:
    """Return an array of each record, padded along its first axis, as [T or S, E, ...] or [E]."""
    parts = [torch.from_numpy(one.arrays[name]) for one in records]
    if parts[0].ndim == 0:
        return torch.stack(parts)
    return torch.nn.utils.rnn.pad_sequence(parts)
