"""Every named slice of the features shows what docs/rules.md says, and nothing leaves [-1, 1]."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from sizes import SIZES

from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.state import ACT_HELP, ACT_OFFER, ACT_THANK, DISTRESS, EAST, NOTHING
from empathy_loop.envs.world import World

pytestmark = pytest.mark.xdist_group("sizes")

SMALL_AND_LARGE = [
    WorldParams(),
    WorldParams(num_agents=2, num_kinds=1, shift="none"),
    WorldParams(grid_size=7, num_agents=5, num_kinds=4),
]


def world_showing(params: WorldParams | None = None, **arrays: ArrayLike) -> World:
    """Return one world of seed 0 whose first row of state is as given, and observed anew."""
    world = World(params or WorldParams(), num_worlds=1, seed=0)
    world.state.position[0] = [(0, 0), (1, 1), (2, 4)][: world.params.num_agents]
    for name, value in arrays.items():
        getattr(world.state, name)[0] = value
    world.set_state(world.get_state())
    return world


def own(world: World, i: int, name: str) -> Any:
    """Return a named slice of agent i's self block."""
    return world.observation.features[0, i, world.layout.self_block[name]].tolist()


def seen(world: World, i: int, d: int, name: str) -> Any:
    """Return a named slice of what agent i sees of its other number d."""
    layout = world.layout
    start = layout.self_size + (d - 1) * layout.other_size
    block = world.observation.features[0, i, start : start + layout.other_size]
    return block[layout.other_block[name]].tolist()


def outside(world: World, i: int, name: str) -> Any:
    """Return a named slice of agent i's exterior view."""
    return world.observation.exterior[0, i, world.layout.other_block[name]].tolist()


# The layout


@pytest.mark.parametrize("params", SMALL_AND_LARGE)
def test_slices_cover_every_column_once(params: WorldParams) -> None:
    layout = ObservationLayout.of(params)
    blocks = ((layout.self_block, layout.self_size), (layout.other_block, layout.other_size))
    for block, size in blocks:
        columns = [column for part in block.values() for column in range(part.start, part.stop)]
        assert columns == list(range(size))
    assert layout.size == layout.self_size + layout.num_others * layout.other_size
    observation = World(params, num_worlds=2, seed=0).observation
    assert observation.features.shape == (2, params.num_agents, layout.size)
    assert observation.exterior.shape == (2, params.num_agents, layout.other_size)
    assert observation.action_mask.shape == (2, params.num_agents, params.num_actions)


def test_blocks_have_the_sizes_of_the_page() -> None:
    layout = ObservationLayout.of(WorldParams())
    own_sizes = {name: part.stop - part.start for name, part in layout.self_block.items()}
    other_sizes = {name: part.stop - part.start for name, part in layout.other_block.items()}
    assert own_sizes == {
        **{"need": 3, "carried": 3, "position": 2, "cue": 7, "last_action": 10},
        **{"received": 3, "station": 6},
    }
    assert other_sizes == {
        **{"visible": 1, "offset": 2, "in_reach": 1, "carried": 3, "cue": 7, "social_act": 3},
        **{"received": 3, "helped_me": 1, "thanked_me": 1},
    }


def test_impersonal_columns_are_those_of_looks_alone() -> None:
    layout = ObservationLayout.of(WorldParams())
    names = ("carried", "cue", "social_act", "received")
    parts = [layout.other_block[name] for name in names]
    expected = [column for part in parts for column in range(part.start, part.stop)]
    assert sorted(layout.impersonal) == expected


def test_shown_trust_stands_at_the_end_of_each_other_block_and_is_personal() -> None:
    plain = ObservationLayout.of(WorldParams(show_needs=True))
    layout = ObservationLayout.of(WorldParams(show_needs=True, show_trust=True))
    assert [*layout.other_block] == [*plain.other_block, "trust", "willingness"]
    assert layout.impersonal == plain.impersonal and layout.self_block == plain.self_block
    rows = layout.describe().splitlines()
    assert sum("of a person: its trust in this other" in row for row in rows) == 2
    # 34 columns of the self block, then of each other 22, 3 needs, and these 2.
    features, exterior = layout.columns_of(plain)
    assert exterior.tolist() == [*range(25)]
    assert features.tolist() == [*range(34 + 25), *range(34 + 27, 34 + 52)]
    features, exterior = layout.columns_of(ObservationLayout.of(WorldParams()))
    assert exterior.tolist() == [*range(22)]
    assert features.tolist() == [*range(34 + 22), *range(34 + 27, 34 + 49)]


@pytest.mark.parametrize("params", SMALL_AND_LARGE)
def test_the_described_table_names_every_column_once(params: WorldParams) -> None:
    layout = ObservationLayout.of(params)
    columns: list[int] = []
    for row in layout.describe().splitlines()[2:]:
        first, _, last = row.split("|")[1].strip().partition("-")
        columns += range(int(first), int(last or first) + 1)
    assert columns == list(range(layout.size))


# The self block


def test_own_needs_are_shown_to_oneself() -> None:
    world = world_showing(need=[[0.25, 0.0, 1.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.0]])
    assert own(world, 0, "need") == [0.25, 0.0, 1.0]
    assert own(world, 1, "need") == [0.0, 0.5, 0.0]


def test_own_item_and_kind_received_are_one_hot_and_none_is_zeros() -> None:
    world = world_showing(carried=[2, NOTHING, 0], received=[NOTHING, 1, 0])
    assert [own(world, i, "carried") for i in range(3)] == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]
    assert [own(world, i, "received") for i in range(3)] == [[0, 0, 0], [0, 1, 0], [1, 0, 0]]


def test_own_position_runs_from_minus_one_to_one() -> None:
    world = world_showing(position=[(0, 4), (2, 2), (1, 3)])
    assert [own(world, i, "position") for i in range(3)] == [[-1, 1], [0, 0], [-0.5, 0.5]]


@pytest.mark.parametrize("cue", range(8))
def test_own_cue_is_one_hot_and_neutral_is_zeros(cue: int) -> None:
    world = world_showing(cue=[cue, 0, 0])
    assert own(world, 0, "cue") == [float(code == cue) for code in range(1, 8)]


def test_own_last_action_is_one_hot_and_zeros_at_first() -> None:
    world = world_showing()
    assert own(world, 0, "last_action") == [0.0] * 10
    world = world_showing(last_action=[0, EAST, 9])
    for i, action in enumerate((0, EAST, 9)):
        assert own(world, i, "last_action") == [float(code == action) for code in range(10)]


def test_stations_are_seen_from_where_one_stands() -> None:
    world = world_showing(station=[(0, 0), (4, 4), (0, 2)], position=[(0, 4), (4, 0), (2, 1)])
    assert own(world, 0, "station") == [0, -1, 1, 0, 0, -0.5]
    assert own(world, 2, "station") == [-0.5, -0.25, 0.5, 0.75, -0.5, 0.25]


# The others


def test_others_come_in_the_order_after_oneself() -> None:
    world = world_showing(carried=[0, 1, 2])
    order = [[seen(world, i, d, "carried").index(1.0) for d in (1, 2)] for i in range(3)]
    assert order == [[1, 2], [2, 0], [0, 1]]


def test_an_others_offset_and_reach_are_the_viewers() -> None:
    world = world_showing(position=[(0, 0), (1, 1), (2, 4)])
    assert seen(world, 0, 1, "offset") == [0.25, 0.25]
    assert seen(world, 1, 2, "offset") == [-0.25, -0.25]
    assert seen(world, 0, 2, "offset") == [0.5, 1.0]
    assert [seen(world, 0, d, "in_reach") for d in (1, 2)] == [[1], [0]]
    assert seen(world, 0, 1, "visible") == seen(world, 0, 2, "visible") == [1]


def test_an_others_looks_are_seen_by_all_and_by_itself_from_outside() -> None:
    acts = [ACT_THANK, ACT_OFFER, ACT_HELP]
    world = world_showing(
        carried=[1, NOTHING, 0], cue=[DISTRESS + 2, 0, 3], social_act=acts, received=[0, 2, NOTHING]
    )
    expected = {
        "carried": [[0, 1, 0], [0, 0, 0], [1, 0, 0]],
        "cue": [[0, 0, 0, 0, 0, 0, 1], [0] * 7, [0, 0, 1, 0, 0, 0, 0]],
        "social_act": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        "received": [[1, 0, 0], [0, 0, 1], [0, 0, 0]],
    }
    for name, looks in expected.items():
        for j in range(3):
            assert outside(world, j, name) == looks[j]
            assert seen(world, (j + 1) % 3, 2, name) == looks[j]
            assert seen(world, (j + 2) % 3, 1, name) == looks[j]


def test_help_and_thanks_are_seen_in_the_block_of_the_one_who_gave_them() -> None:
    helped, thanked = np.zeros((3, 3), np.uint8), np.zeros((3, 3), np.uint8)
    helped[2, 0] = thanked[1, 2] = 1
    world = world_showing(helped=helped, thanked=thanked)
    for i in range(3):
        for d in (1, 2):
            j = (i + d) % 3
            assert seen(world, i, d, "helped_me") == [float((j, i) == (2, 0))]
            assert seen(world, i, d, "thanked_me") == [float((j, i) == (1, 2))]


def test_the_exterior_view_is_free_of_any_viewer() -> None:
    everything = np.ones((3, 3), np.uint8)
    world = world_showing(helped=everything, thanked=everything)
    for i in range(3):
        assert outside(world, i, "visible") == [1]
        assert outside(world, i, "offset") == [0, 0]
        for name in ("in_reach", "helped_me", "thanked_me"):
            assert outside(world, i, name) == [0]


@pytest.mark.parametrize(
    ("radius", "visible"), [(0, [0, 0]), (1, [1, 0]), (3, [1, 0]), (4, [1, 1])]
)
def test_who_is_out_of_view_is_all_zeros(radius: int, visible: list[int]) -> None:
    looks = {"carried": [0, 0, 0], "cue": [5, 5, 5], "social_act": [3, 3, 3]}
    world = world_showing(WorldParams(view_radius=radius), helped=np.ones((3, 3)), **looks)
    for d, flag in zip((1, 2), visible, strict=True):
        assert seen(world, 0, d, "visible") == [flag]
        entries = [value for name in world.layout.other_block for value in seen(world, 0, d, name)]
        assert any(entries) == bool(flag)


# Of everything that is seen


@settings(max_examples=30, derandomize=True, database=None)
@given(
    side=st.integers(3, 32),
    sizes=st.sampled_from(SIZES),
    growth=st.floats(0, 1),
    level=st.floats(0.01, 1),
    radius=st.integers(0, 32),
    seed=st.integers(0, 1_000),
)
def test_features_stay_within_minus_one_and_one(
    side: int, sizes: tuple[int, int], growth: float, level: float, radius: int, seed: int
) -> None:
    params = WorldParams(
        grid_size=side,
        num_agents=sizes[0],
        num_kinds=sizes[1],
        need_growth=growth,
        crisis_level=level,
        view_radius=radius,
        total_hazard=0.5,
        offers=True,
        horizon=20,
    )
    world, rng = World(params, num_worlds=4, seed=seed), np.random.default_rng(seed)
    for _ in range(25):
        for array in (world.observation.features, world.observation.exterior):
            assert array.dtype == np.float32
            assert np.abs(array).max() <= 1.0
        world.step(rng.integers(0, params.num_actions, (4, params.num_agents)))


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_relabelling_the_agents_permutes_what_is_seen(order: tuple[int, ...]) -> None:
    params = WorldParams(num_agents=4, total_hazard=0.3, offers=True, view_radius=3)
    world, rng = World(params, num_worlds=8, seed=1), np.random.default_rng(1)
    for _ in range(40):
        preference = rng.random(world.observation.action_mask.shape)
        preference[..., 8:] += 0.3
        world.step(np.where(world.observation.action_mask, preference, -1).argmax(axis=2))
    relabelled = World(params, num_worlds=8, seed=1)
    relabelled.set_state(relabelled_state(world, list(order)))
    before, after = by_pair(world, list(range(4))), by_pair(relabelled, np.argsort(order).tolist())
    for name, array in before.items():
        assert np.array_equal(array, after[name]), name
    assert world.state.helped.any()


def relabelled_state(world: World, order: list[int]) -> dict[str, NDArray[Any]]:
    """Return the state in which agent n is the one who was agent order[n]."""
    arrays, new_name = world.get_state(), np.argsort(order)
    for name in world.state._fields:
        array = arrays[f"state.{name}"]
        if array.ndim > 1 and name != "station":
            array = array[:, order]
            if name in ("helped", "thanked"):
                array = array[:, :, order]
        if name == "last_helper":
            array = np.where(array >= 0, new_name[array], array).astype(np.int8)
        arrays[f"state.{name}"] = array
    return arrays


def by_pair(world: World, who: list[int]) -> dict[str, NDArray[Any]]:
    """Return what is seen, sorted by viewer and viewed; who[n] is the index of person n."""
    layout, seen_by = world.layout, world.observation
    blocks = seen_by.features[..., layout.self_size :]
    blocks = blocks.reshape(*blocks.shape[:2], layout.num_others, layout.other_size)
    others = [[(who[j] - who[i]) % 4 - 1 for j in range(4) if j != i] for i in range(4)]
    rows = list(enumerate(others))
    helps = seen_by.action_mask[..., 8:]
    return {
        "self": seen_by.features[:, who, : layout.self_size],
        "others": np.stack([blocks[:, who[i], row] for i, row in rows], axis=1),
        "exterior": seen_by.exterior[:, who],
        "plain mask": seen_by.action_mask[:, who, :8],
        "help mask": np.stack([helps[:, who[i], row] for i, row in rows], axis=1),
    }


@pytest.mark.parametrize("side", range(3, 33))
def test_places_are_the_nearest_float32_to_their_fraction_of_the_board(side: int) -> None:
    # The kernel multiplies by 1 / (side - 1); that must never differ from dividing, bit for bit.
    world = World(WorldParams(grid_size=side, shift="none"), num_worlds=side, seed=0)
    cell, last = np.arange(side), side - 1
    world.state.position[:, 0] = np.stack([cell, last - cell], axis=1)
    world.state.position[:, 1] = (0, 0)
    world.state.station[:, 0] = (0, last)
    world.set_state(world.get_state())
    row, layout = world.observation.features[:, 0], world.layout
    expected = {
        "position": np.stack([2 * cell / last - 1, 2 * (last - cell) / last - 1], axis=1),
        "station": np.stack([-cell / last, cell / last], axis=1),
    }
    for name, values in expected.items():
        start = layout.self_block[name].start
        assert np.array_equal(row[:, start : start + 2], values.astype(np.float32)), name
    start = layout.self_size + layout.other_block["offset"].start
    offsets = np.stack([-cell / last, (cell - last) / last], axis=1)
    assert np.array_equal(row[:, start : start + 2], offsets.astype(np.float32))
