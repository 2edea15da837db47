"""Coupling: what is inferred of others' relief, in numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.empathy.coupling import Coupling, believed_drive
from empathy_loop.agents.registry import load_agent
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Batch, Belief, Experience, Outputs
from empathy_loop.envs.params import WorldParams

NOTHING = torch.empty(0)


def belief_of(p_crisis: torch.Tensor, level: torch.Tensor) -> Belief:
    return Belief(torch.logit(p_crisis), level, NOTHING, NOTHING)


def test_the_believed_drive_sums_probability_times_squared_level() -> None:
    belief = belief_of(torch.tensor([0.5, 0.25, 1.0]), torch.tensor([0.4, 1.0, 0.2]))
    # .5 * .16 + .25 * 1 + 1 * .04
    assert float(believed_drive(belief)) == pytest.approx(0.37)


def test_each_agent_is_rewarded_for_the_relief_that_it_infers_in_others() -> None:
    params, table = WorldParams(num_kinds=1), StreamTable.of(3, 2, shared=True)
    level = torch.tensor([[0.8, 0.6, 0.2], [0.4, 0.6, 0.3]])[:, None, :, None]
    belief = belief_of(torch.ones_like(level), level)
    outputs = Outputs(NOTHING, NOTHING, belief, None, NOTHING, NOTHING)  # type: ignore[arg-type]
    term = Coupling(load_agent("empathic"), params, table).reward_terms(None, outputs)["coupling"]  # type: ignore[arg-type]
    # The drives of agents 0, 1, 2 fall by .64 - .16 = .48, 0, and .04 - .09 = -.05; scale is 2.
    expected = [2 * (0.0 - 0.05), 2 * (-0.05 + 0.48), 2 * (0.48 + 0.0)]
    assert term.shape == (1, 1, 3)
    assert term[0, 0].tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("shared", [True, False])
def test_each_viewer_is_rewarded_by_its_own_streams(
    experience: Callable[[WorldParams], Batch], shared: bool
) -> None:
    params = WorldParams(horizon=16, total_hazard=0.3, **({} if shared else {"view_radius": 1}))
    table = StreamTable.of(3, 2, shared=shared)
    batch = experience(params)
    arm = Arm(load_agent("empathic"), params, seed=0)
    memory = arm.network.first_memory(batch.actions.shape[1], table)
    goes_on = torch.zeros(batch.actions.shape[:2], dtype=torch.bool)
    rest = (batch.rewards, batch.need, batch.need.sum(-1), goes_on)
    seen = Experience(batch.inputs, memory, batch.actions, *rest)
    term = arm.reward_terms(seen)["coupling"]
    outputs = arm.network(batch.inputs, memory, table)
    drive = believed_drive(outputs.belief)
    for i, streams in enumerate(table.others.tolist()):
        fall = sum(drive[:-1, :, s] - drive[1:, :, s] for s in streams)
        expected = params.drive_scale * fall
        torch.testing.assert_close(term[:, :, i], expected, msg=f"agent {i}")
    assert not term.requires_grad


@pytest.mark.parametrize("objectives", [["coupling"], ["predictive", "coupling"]])
def test_relief_cannot_be_inferred_by_a_belief_that_nothing_trains(
    params: WorldParams, objectives: list[str]
) -> None:
    config = load_agent("empathic", {"objectives": objectives})
    with pytest.raises(ValueError, match="nothing trains it to infer needs; add 'introspective'"):
        Arm(config, params, seed=0)
