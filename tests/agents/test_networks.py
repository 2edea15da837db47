"""The graph: same parameters in every arm, symmetric in the others, and causal in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from empathy_loop.agents.arm import build_network
from empathy_loop.agents.networks import ActorCritic
from empathy_loop.agents.registry import list_agents, load_agent
from empathy_loop.agents.streams import StreamTable
from empathy_loop.agents.types import Batch, Inputs, Memory, Outputs
from empathy_loop.envs.params import NUM_PLAIN_ACTIONS, WorldParams

Experience = Callable[[WorldParams], Batch]
ARMS = [load_agent(name) for name in list_agents()]
LEARNED = [arm.name for arm in ARMS if arm.kind == "learned" and arm.network.kind == "entity"]
OTHER_SHAPES = {"mappo_gru", "cognitive_separate", "oracle_ppo"}


def make(params: WorldParams, name: str = "cognitive") -> ActorCritic:
    """Return a network whose policy is far from uniform, so that differences show."""
    network = build_network(load_agent(name), params, seed=1)
    with torch.no_grad():
        for head in (network.plain, network.help):
            head.weight.mul_(100.0)
    return network


def run(network: ActorCritic, batch: Batch, shared: bool = True) -> Outputs:
    """Run from the batch's memory, or, without shared streams, from the same memory spread out."""
    num_others = network.layout.num_others
    table = StreamTable.of(num_others + 1, num_others, shared)
    memory = batch.memory
    if memory.streams.shape[1] != table.num_streams:
        memory = Memory(memory.streams[:, table.subject], memory.core)
    return network(batch.inputs, memory, table)


def assert_close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def reordered(inputs: Inputs, network: ActorCritic, order: list[int]) -> Inputs:
    """Return inputs whose other-blocks, and help masks, stand in another order."""
    layout = network.layout
    start = layout.self_size
    blocks = inputs.features[..., start:].reshape(
        *inputs.features.shape[:-1], layout.num_others, layout.other_size
    )[..., order, :]
    mask = inputs.action_mask
    helps = mask[..., NUM_PLAIN_ACTIONS:][..., order]
    return Inputs(
        torch.cat([inputs.features[..., :start], blocks.flatten(-2)], -1),
        inputs.exterior,
        torch.cat([mask[..., :NUM_PLAIN_ACTIONS], helps], -1),
    )


def test_all_learned_arms_have_the_same_parameters_and_first_weights(params: WorldParams) -> None:
    names = [name for name in LEARNED if name not in OTHER_SHAPES]
    assert len(names) >= 3
    states = [build_network(load_agent(name), params, seed=5).state_dict() for name in names]
    for state in states[1:]:
        assert state.keys() == states[0].keys()
        assert all(torch.equal(state[name], states[0][name]) for name in state)


def test_the_seed_alone_decides_the_first_weights(params: WorldParams) -> None:
    one = build_network(load_agent("cognitive"), params, seed=5)
    torch.rand(3)
    before = torch.get_rng_state()
    same, other = (build_network(load_agent("cognitive"), params, seed=s) for s in (5, 6))
    assert torch.equal(one.core.weight_hh_l0, same.core.weight_hh_l0)
    assert not torch.equal(one.core.weight_hh_l0, other.core.weight_hh_l0)
    assert torch.equal(torch.get_rng_state(), before)


def test_shared_streams_give_what_separate_ones_give(
    params: WorldParams, experience: Experience
) -> None:
    network, batch = make(params), experience(params)
    one, other = run(network, batch, shared=True), run(network, batch, shared=False)
    assert_close(one.logits, other.logits)
    assert_close(one.values, other.values)
    subject = StreamTable.of(3, 2, shared=False).subject
    assert_close(one.belief.crisis[:, :, subject], other.belief.crisis)
    assert_close(one.memory.streams[:, subject], other.memory.streams)


def test_separate_streams_see_what_a_limited_view_shows(experience: Experience) -> None:
    params = WorldParams(horizon=16, total_hazard=0.3, view_radius=1)
    network, batch = make(params), experience(params)
    outputs = run(network, batch, shared=False)
    blinded = batch.inputs.features.clone()
    blinded[..., network.layout.self_size :] = 0.0
    blind = run(network, batch._replace(inputs=batch.inputs._replace(features=blinded)), False)
    assert_close(outputs.belief.crisis[:, :, :3], blind.belief.crisis[:, :, :3])
    assert not torch.allclose(outputs.belief.crisis[:, :, 3:], blind.belief.crisis[:, :, 3:])


def test_agents_in_another_order_give_outputs_in_that_order(
    params: WorldParams, experience: Experience
) -> None:
    network, batch = make(params), experience(params)
    rolled = batch._replace(
        inputs=Inputs(*(part.roll(1, dims=2) for part in batch.inputs)),
        memory=Memory(*(part.roll(1, dims=1) for part in batch.memory)),
    )
    one, other = run(network, batch), run(network, rolled)
    assert_close(one.logits.roll(1, dims=2), other.logits)
    assert_close(one.values.roll(1, dims=2), other.values)


def test_others_in_another_order_reorder_the_help_logits_and_nothing_else(
    experience: Experience,
) -> None:
    params = WorldParams(num_agents=4, horizon=16, total_hazard=0.3)
    network, batch = make(params), experience(params)
    order = [2, 0, 1]
    table = StreamTable.of(4, 3, shared=False)
    memory = network.first_memory(batch.actions.shape[1], table)
    one = network(batch.inputs, memory, table)
    other = network(reordered(batch.inputs, network, order), memory, table)
    assert_close(one.values, other.values)
    assert_close(one.logits[..., :NUM_PLAIN_ACTIONS], other.logits[..., :NUM_PLAIN_ACTIONS])
    assert_close(one.logits[..., NUM_PLAIN_ACTIONS:][..., order], other.logits[..., 8:])


def test_a_world_is_the_same_alone_as_in_a_batch(
    params: WorldParams, experience: Experience
) -> None:
    network, batch = make(params), experience(params)
    alone = batch._replace(
        inputs=Inputs(*(part[:, 2:3] for part in batch.inputs)),
        memory=Memory(*(part[2:3] for part in batch.memory)),
    )
    one, other = run(network, batch), run(network, alone)
    assert_close(one.logits[:, 2:3], other.logits)
    assert_close(one.memory.core[2:3], other.memory.core)


@pytest.mark.parametrize("shared", [True, False])
def test_one_agent_alone_acts_as_it_does_among_the_others(
    params: WorldParams, experience: Experience, shared: bool
) -> None:
    network, batch = make(params), experience(params)
    among, i = run(network, batch, shared), 1
    table = StreamTable.of(1, params.num_others, shared=False)
    subjects = [i, *((i + 1 + o) % params.num_agents for o in range(params.num_others))]
    memory = Memory(batch.memory.streams[:, subjects], batch.memory.core[:, i : i + 1])
    alone = network(Inputs(*(part[:, :, i : i + 1] for part in batch.inputs)), memory, table)
    assert_close(among.logits[:, :, i : i + 1], alone.logits)
    assert_close(among.values[:, :, i : i + 1], alone.values)


def test_a_chunk_is_the_same_as_its_two_halves(params: WorldParams, experience: Experience) -> None:
    network, batch = make(params), experience(params)
    table = StreamTable.of(3, 2, shared=True)
    whole = run(network, batch)
    first = network(Inputs(*(part[:3] for part in batch.inputs)), batch.memory, table)
    second = network(Inputs(*(part[3:] for part in batch.inputs)), first.memory, table)
    assert_close(whole.logits, torch.cat([first.logits, second.logits]))
    assert_close(whole.memory.core, second.memory.core)
    assert_close(whole.memory.streams, second.memory.streams)


def test_masked_actions_have_no_probability_at_all(
    params: WorldParams, experience: Experience
) -> None:
    batch = experience(params)
    p = run(make(params), batch).logits.softmax(-1)
    assert (p[~batch.inputs.action_mask] == 0.0).all()
    assert (p[batch.inputs.action_mask] > 0.0).all()


def test_the_first_policy_is_nearly_uniform_over_legal_actions(
    params: WorldParams, experience: Experience
) -> None:
    batch = experience(params)
    p = run(build_network(load_agent("cognitive"), params, seed=0), batch).logits.softmax(-1)
    legal = batch.inputs.action_mask
    uniform = (legal / legal.sum(-1, keepdim=True))[legal]
    assert ((p[legal] - uniform).abs() < 0.1 * uniform).all()


def test_only_an_arm_with_belief_input_reads_the_decoded_belief(
    params: WorldParams, experience: Experience
) -> None:
    batch = experience(params)
    for name, reads in (("cognitive", True), ("ippo_gru", False)):
        network = make(params, name)
        before = run(network, batch).logits
        with torch.no_grad():
            network.decoder.heads.bias.add_(2.0)
        assert torch.equal(before, run(network, batch).logits) is not reads


def test_a_belief_does_not_depend_on_who_looks_or_from_where(
    params: WorldParams, experience: Experience
) -> None:
    network, batch = make(params), experience(params)
    moved = batch.inputs.features.clone()
    for o in range(network.layout.num_others):
        start = network.layout.self_size + o * network.layout.other_size
        for name in ("offset", "in_reach", "helped_me", "thanked_me"):
            part = network.layout.other_block[name]
            moved[..., start + part.start : start + part.stop] += 0.5
    other = batch._replace(inputs=batch.inputs._replace(features=moved))
    one, two = run(network, batch, shared=False), run(network, other, shared=False)
    assert torch.equal(one.belief.crisis, two.belief.crisis)
    assert not torch.equal(one.logits, two.logits)


def test_focal_agents_read_the_streams_of_partners() -> None:
    table = StreamTable.of(1, 2, shared=True)
    assert (table.num_streams, table.own.tolist(), table.others.tolist()) == (3, [0], [[1, 2]])
    assert table.shown.tolist() == [1, 2]
    table = StreamTable.of(2, 2, shared=True)
    assert (table.others.tolist(), table.shown.tolist()) == ([[1, 2], [2, 0]], [0, 1, 2])
    table = StreamTable.of(2, 2, shared=False)
    assert (table.num_streams, table.others.tolist()) == (6, [[2, 3], [4, 5]])
    assert table.other_agents.tolist() == [[1, 2], [2, 0]]


def test_sizes_follow_the_configuration(params: WorldParams) -> None:
    config = load_agent("cognitive")
    small = replace(config, network=replace(config.network, hidden_size=8, belief_size=4))
    network = build_network(small, params, seed=0)
    assert network.core.hidden_size == 8
    assert network.encoder.gru.hidden_size == 4


def test_shuffled_reads_the_belief_about_the_next_other_and_its_own_memory_of_each(
    params: WorldParams, experience: Experience
) -> None:
    batch, table = experience(params), StreamTable.of(3, 2, shared=True)
    exchanged = replace(table, others=table.others[:, [1, 0]])
    memory_columns, belief_columns = slice(0, 32), slice(32, None)
    # Without weights on the memory, beliefs alone are read; without those on beliefs, the memory.
    for silent, equal_table in ((memory_columns, exchanged), (belief_columns, table)):
        plain, shuffled = make(params), make(params, "shuffled")
        for network in (plain, shuffled):
            with torch.no_grad():
                network.embed_stream.weight[:, silent] = 0.0
        found = shuffled(batch.inputs, batch.memory, table)
        expected = plain(batch.inputs, batch.memory, equal_table)
        torch.testing.assert_close(found.others, expected.others)
        torch.testing.assert_close(found.logits, expected.logits)
    whole = make(params, "shuffled")(batch.inputs, batch.memory, table).others
    assert not torch.allclose(whole, make(params)(batch.inputs, batch.memory, table).others)
    assert not torch.allclose(whole, make(params)(batch.inputs, batch.memory, exchanged).others)


def test_beliefs_about_one_other_cannot_be_exchanged() -> None:
    with pytest.raises(ValueError, match="takes num_agents of at least 3; got 2"):
        build_network(load_agent("shuffled"), WorldParams(num_agents=2), seed=0)
