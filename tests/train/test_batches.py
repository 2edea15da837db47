"""Records become batches of tensors, whole, padded, and without the truth unless asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from extras import require
from played import played

from empathy_loop.envs.params import WorldParams
from empathy_loop.train.batches import load_batches, to_batch
from empathy_loop.train.parquet import export_parquet
from empathy_loop.train.records import write_record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n, steps in enumerate((12, 5, 12)):
        record = played(("reader", "human", "filter"), steps, world=n)
        write_record(tmp_path / f"{n}.npz", record)
    return tmp_path


def test_shorter_episodes_are_padded_and_marked(folder: Path) -> None:
    (batch,) = load_batches([folder], 3)
    assert batch.features.shape == (13, 3, 3, 78)
    assert batch.actions.shape == batch.reward.shape == (12, 3, 3)
    assert batch.actions.dtype == torch.int64
    assert batch.valid.sum(0).tolist() == [12, 5, 12]
    assert not batch.features[6:, 1].any() and batch.features[:6, 1].any()
    assert batch.is_human.tolist() == [[False, True, False]] * 3
    one = played(("reader", "human", "filter"), 5, world=1)
    assert np.array_equal(batch.features[:6, 1], one.arrays["features"])
    assert np.array_equal(batch.actions[:5, 1], one.arrays["actions"])
    assert np.array_equal(batch.reward_terms[:5, 1].sum(-1), one.arrays["reward"])


def test_the_truth_comes_only_when_asked_for(folder: Path) -> None:
    (batch,) = load_batches([folder], 9)
    assert batch.truth == {}
    (batch,) = load_batches([folder], 9, truth=True)
    assert batch.truth["need"].shape == (13, 3, 3, 3)
    assert batch.truth["shift_step"].shape == (3,)


def test_the_truth_of_a_batch_is_what_all_its_records_hold() -> None:
    with_people = played(("reader",) * 2, seats=("focal", "focal", "person:reserved"))
    assert to_batch([with_people], truth=True).truth["trust"].shape == (13, 1, 3, 3)
    for pair in ([with_people, played(("reader",) * 3)], [played(("reader",) * 3), with_people]):
        assert {"trust", "willingness"}.isdisjoint(to_batch(pair, truth=True).truth)


def test_each_episode_comes_once_in_the_order_that_is_drawn(folder: Path) -> None:
    sizes = [batch.valid.shape[1] for batch in load_batches([folder], 2)]
    assert sizes == [2, 1]
    orders = set()
    for seed in range(8):
        batches = load_batches([folder], 1, np.random.default_rng(seed))
        orders.add(tuple(int(batch.valid.sum()) for batch in batches))
    assert orders == {(12, 5, 12), (5, 12, 12), (12, 12, 5)}


def test_what_does_not_fit_together_is_explained(folder: Path) -> None:
    params = WorldParams(num_agents=2, num_kinds=1, shift="none")
    other = played(("reader",) * 2, 0, params=params, seats=("focal",) * 2)
    with pytest.raises(ValueError, match="must be of worlds with the same agents and kinds"):
        to_batch([played(("reader",) * 3), other])
    with pytest.raises(ValueError, match="at least one record"):
        to_batch([])
    with pytest.raises(ValueError, match="episodes must be at least 1, got 0"):
        next(load_batches([folder], 0))


def test_a_network_learns_from_what_a_person_did(folder: Path) -> None:
    """The example of docs/play.md, shortened."""
    network = torch.nn.Linear(78, 10)
    optimiser = torch.optim.Adam(network.parameters(), 0.05)
    losses = []
    for _ in range(15):
        for batch in load_batches([folder], 3):
            chosen = batch.valid[..., None] & batch.is_human
            logits = network(batch.features[:-1]).masked_fill(~batch.action_mask[:-1], -1e9)
            loss = torch.nn.functional.cross_entropy(logits[chosen], batch.actions[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(float(loss.detach()))
    # A person who never chose has stayed.
    assert losses[-1] < 0.3 * losses[0]


def test_parquet_has_a_row_for_each_step_and_agent(folder: Path, tmp_path: Path) -> None:
    parquet = require("pyarrow.parquet", "parquet")
    out = tmp_path / "tables" / "all.parquet"
    assert export_parquet([folder], out) == (12 + 5 + 12) * 3
    table = parquet.read_table(out)
    assert list(out.parent.iterdir()) == [out]
    row = {name: table[name][12 * 3 + 4 * 3 + 1].as_py() for name in table.column_names}
    one = played(("reader", "human", "filter"), 5, world=1).arrays
    assert (row["file"], row["step"], row["agent"], row["policy"]) == ("1.npz", 4, "ai_1", "human")
    assert row["features"] == one["features"][4, 1].tolist()
    assert row["action_mask"] == one["action_mask"][4, 1].tolist()
    assert row["reward_drive"] == one["reward_terms"][4, 1, 0]
    assert row["truth_need"] == one["truth/need"][4, 1].tolist()
    assert (
        table.schema.metadata[b"empathy-loop"]
        == b'{"reward_terms": ["drive", "help_cost", "hurt"]}'
    )
