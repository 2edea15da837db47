"""What the belief is trained on: worked numbers, and whose insides are touched."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from empathy_loop.agents.arm import Arm
from empathy_loop.agents.empathy.targets import one_hot_codes
from empathy_loop.agents.registry import load_agent, load_objective
from empathy_loop.agents.streams import StreamTable, stream_views
from empathy_loop.agents.types import Batch, Belief, Outputs
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams

Experience = Callable[[WorldParams], Batch]
SHARED = StreamTable.of(3, 2, shared=True)
APART = StreamTable.of(3, 2, shared=False)
ARMS = {
    "introspective": "cognitive",
    "supervised": "cognitive_supervised",
    "predictive": "predictive",
    "dummy": "gru_dummy",
}


def some_belief(batch: Batch, table: StreamTable) -> Belief:
    """Return an arbitrary belief in which all viewers of an agent agree."""
    generator = torch.Generator().manual_seed(0)
    num_steps, num_worlds = batch.actions.shape[:2]

    def random(size: int) -> torch.Tensor:
        return torch.randn(num_steps, num_worlds, 3, size, generator=generator)[:, :, table.subject]

    return Belief(random(3), torch.sigmoid(random(3)), random(4), random(8))


def terms_of(batch: Batch, params: WorldParams, target: str, **options: Any) -> dict[str, float]:
    table = options.get("table", SHARED)
    belief = options.get("belief", some_belief(batch, table))
    config = load_agent(ARMS[target])
    objective = load_objective(config.objectives[0])(config, params, table)
    nothing = torch.empty(0)
    outputs = Outputs(nothing, nothing, belief, batch.memory, nothing, nothing)
    terms = objective.loss_terms(batch, outputs)
    return {name: float(term) for name, term in terms.items()}


def test_with_full_visibility_introspection_and_supervision_hold_the_same_data(
    params: WorldParams, experience: Experience
) -> None:
    batch = experience(params)
    assert (batch.need > 0).any()
    for table in (SHARED, APART):
        own = terms_of(batch, params, "introspective", table=table)
        true = terms_of(batch, params, "supervised", table=table)
        assert own == pytest.approx(true, rel=1e-5)


def test_shared_and_separate_streams_have_the_same_terms(
    params: WorldParams, experience: Experience
) -> None:
    batch = experience(params)
    for target in ("introspective", "supervised"):
        one = terms_of(batch, params, target, table=SHARED)
        other = terms_of(batch, params, target, table=APART)
        assert one == pytest.approx(other, rel=1e-5)


def test_crisis_and_level_terms_have_the_values_worked_out_by_hand(
    params: WorldParams, experience: Experience
) -> None:
    batch = experience(params)
    need = torch.zeros_like(batch.need)
    need[0, 0, 0, 0], need[0, 0, 1, 2] = 0.5, 0.8
    batch = batch._replace(need=need)
    ones = torch.ones_like(need)
    belief = some_belief(batch, SHARED)._replace(crisis=0.0 * ones, level=0.6 * ones)
    terms = terms_of(batch, params, "supervised", belief=belief)
    assert terms["belief_crisis"] == pytest.approx(math.log(2.0))
    # Only the two needs in crisis count: ((.6 - .5)^2 + (.6 - .8)^2) / 2
    assert terms["belief_level"] == pytest.approx(0.025, rel=1e-5)


def test_next_acts_and_cues_are_those_of_the_following_observation(
    params: WorldParams, experience: Experience
) -> None:
    batch = experience(params)
    layout = ObservationLayout.of(params)
    belief = some_belief(batch, SHARED)
    terms = terms_of(batch, params, "introspective")
    for name, logits, part in (
        ("next_act", belief.next_act, "social_act"),
        ("next_cue", belief.next_cue, "cue"),
    ):
        codes = one_hot_codes(batch.inputs.exterior[1:, ..., layout.other_block[part]])
        assert codes.max() > 0
        expected = cross_entropy(logits.flatten(0, 2), codes.flatten())
        assert terms[name] == pytest.approx(float(expected), rel=1e-5)


def test_others_out_of_view_are_not_predicted(experience: Experience) -> None:
    params = WorldParams(horizon=16, total_hazard=0.3, view_radius=1)
    batch, layout = experience(params), ObservationLayout.of(params)
    belief = some_belief(batch, APART)
    views = stream_views(batch.inputs, layout, APART)
    unseen = views[..., layout.other_block["visible"]][:-1] == 0.0
    assert unseen[:, :, 3:].any() and not unseen[:, :, 3:].all()
    changed = belief._replace(next_cue=belief.next_cue + 9.0 * unseen * torch.arange(8))
    own = belief.next_cue.clone()
    own[:, :, :3] += torch.arange(8)
    for other in (changed, belief._replace(next_cue=own)):
        one = terms_of(batch, params, "introspective", table=APART)
        two = terms_of(batch, params, "introspective", table=APART, belief=other)
        assert one["next_cue"] == pytest.approx(two["next_cue"])


def test_introspection_reads_own_streams_and_supervision_those_of_others(
    params: WorldParams, experience: Experience
) -> None:
    batch = experience(params)
    belief = some_belief(batch, APART)
    for target, mine in (("introspective", True), ("supervised", False)):
        before = terms_of(batch, params, target, table=APART, belief=belief)
        for streams, counts in ((slice(0, 3), mine), (slice(3, 9), not mine)):
            crisis = belief.crisis.clone()
            crisis[:, :, streams] += 1.0
            changed = belief._replace(crisis=crisis)
            after = terms_of(batch, params, target, table=APART, belief=changed)
            assert (after["belief_crisis"] != before["belief_crisis"]) is counts


def test_supervision_tells_the_needs_of_those_whom_each_agent_sees(
    params: WorldParams, experience: Experience
) -> None:
    batch = experience(params)
    # Agent 0 sees 1, 2; agent 1 sees 2, 0; agent 2 sees 0, 1.
    need = batch.need[:, :, [1, 2, 2, 0, 0, 1]]
    believed = torch.where(torch.cat([batch.need, need], dim=2) > 0.0, 30.0, -30.0)
    belief = some_belief(batch, APART)._replace(crisis=believed)
    assert terms_of(batch, params, "supervised", table=APART, belief=belief)[
        "belief_crisis"
    ] == pytest.approx(0.0, abs=1e-9)


def test_prediction_alone_has_the_terms_of_introspection_about_what_is_seen(
    params: WorldParams, experience: Experience
) -> None:
    batch = experience(params)
    all_terms = terms_of(batch, params, "introspective")
    predicted = {name: all_terms[name] for name in ("next_act", "next_cue")}
    assert terms_of(batch, params, "predictive") == predicted


def test_the_dummy_is_told_what_goes_on_in_another_world(
    params: WorldParams, experience: Experience
) -> None:
    batch = experience(params)
    belief = some_belief(batch, SHARED)
    there = Belief(*(part.roll(1, dims=1) for part in belief))
    assert terms_of(batch, params, "dummy", belief=there) == pytest.approx(
        terms_of(batch, params, "introspective", belief=belief), rel=1e-5
    )
    assert terms_of(batch, params, "dummy") != terms_of(batch, params, "introspective")


def test_a_row_of_zeros_has_code_0() -> None:
    block = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    assert one_hot_codes(block).tolist() == [0, 1, 3]


def test_a_dummy_alone_in_its_minibatch_is_refused(params: WorldParams) -> None:
    config = load_agent("gru_dummy", {"ppo": {"num_worlds": 7, "minibatches": 4}})
    with pytest.raises(ValueError, match=r"num_worlds must be at least 8 .*, got 7"):
        Arm(config, params, seed=0)
