"""People: what help, hurt and neglect do to their trust, and what they take and give by it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from empathy_loop.envs.leaks import check_no_leak
from empathy_loop.envs.observation import ObservationLayout
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.partners import ScriptedPolicy
from empathy_loop.envs.people import Events, People
from empathy_loop.envs.person import PRESETS, PersonParams, person_of
from empathy_loop.envs.pettingzoo_adapter import ScenarioEnv
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.state import ANNOYED
from empathy_loop.envs.world import World

CALM: dict[str, Any] = {"num_agents": 4, "total_hazard": 0.0, "shift": "none", "offers": True}
ACCEPTING = {"acceptance_barrier": 0.0, "acceptance_slope": 1000.0}
STAY, THANK, OFFER, HELP_NEXT = 0, 6, 7, 8
Floats = NDArray[np.float64]


def two_and_two(**numbers: Any) -> tuple[World, People]:
    """Return one calm world with AI 0 and 1, persons 2 and 3, all in reach of each other."""
    world = World(WorldParams(**CALM, p_show_reaction=1.0, p_false_distress=0.0), 1, seed=0)
    seats = [None, None, *(person_of("reserved", ACCEPTING | numbers, "x") for _ in range(2))]
    people = People(world, seats)
    people.begin(world, np.ones(1, np.bool_))
    world.state.position[0] = [[1, 1], [1, 2], [2, 1], [2, 2]]
    world.state.station[0] = [[4, 0], [4, 2], [4, 4]]
    return world, people


def play(world: World, people: People, *actions: int) -> None:
    people.look_ahead(world)
    transition = world.step(np.array([actions]))
    people.look_back(world, ~transition.truncated)


def test_a_help_that_relieves_wins_trust_and_others_watch_it() -> None:
    world, people = two_and_two()
    world.state.need[0, 2, 1], world.state.carried[0, 0] = 0.8, 1
    play(world, people, HELP_NEXT + 1, STAY, STAY, STAY)
    # .3 + .15 * .7 for the one who was helped, .3 + .05 * .7 for the other person who saw it.
    assert people.state.trust[0, 2].tolist() == pytest.approx([0.405, 0.3, 1, 1], abs=1e-12)
    assert people.state.trust[0, 3].tolist() == pytest.approx([0.335, 0.3, 1, 1], abs=1e-12)
    play(world, people, STAY, STAY, STAY, STAY)
    # Back to .3 by half a per cent of the way.
    assert people.state.trust[0, 2, 0] == pytest.approx(0.405 - 0.005 * 0.105, abs=1e-12)


def test_a_misattuned_help_costs_trust() -> None:
    world, people = two_and_two()
    world.state.carried[0, 0] = 1
    play(world, people, HELP_NEXT + 1, STAY, STAY, STAY)
    assert people.state.trust[0, 2:, 0].tolist() == pytest.approx([0.3 * 0.7, 0.3], abs=1e-12)


def test_distress_that_is_passed_by_four_times_counts_as_ignored() -> None:
    world, people = two_and_two(trust_drift=0.0)
    world.state.need[0, 2, 1], world.state.carried[0, 0] = 0.8, 1
    world.state.carried[0, 1] = 0  # which would not help
    world.state.expressivity[:] = 1.0
    world.state.cue[0, 2] = 6
    for passed in range(1, 9):
        play(world, people, STAY, STAY, STAY, STAY)
        times = passed // 4
        assert people.state.trust[0, 2, 0] == pytest.approx(0.3 * 0.95**times, abs=1e-12)
    assert people.state.trust[0, 2, 1] == 0.3


@pytest.mark.parametrize(("thanks", "trust"), [(True, 0.3 + 0.1 * 0.7), (False, 0.3 * 0.95)])
def test_thanks_for_a_help_are_missed_and_count_once(thanks: bool, trust: float) -> None:
    world, people = two_and_two(trust_drift=0.0)
    world.state.need[0, 0, 1], world.state.carried[0, 2] = 0.8, 1
    play(world, people, STAY, STAY, HELP_NEXT + 1, STAY)
    assert people.state.trust[0, 2, 0] == 0.3
    for _ in range(6):
        play(world, people, THANK if thanks else STAY, STAY, STAY, STAY)
    assert people.state.trust[0, 2, 0] == pytest.approx(trust, abs=1e-12)
    # The other person has seen an AI being helped: .8 + .05 * .2, once.
    assert people.state.willingness[0].tolist() == pytest.approx([0, 0, 0.8, 0.81], abs=1e-12)


def test_offers_win_trust_once_until_help_follows() -> None:
    world, people = two_and_two(trust_drift=0.0)
    for _ in range(3):
        play(world, people, OFFER, STAY, STAY, STAY)
        assert people.state.trust[0, 2, 0] == pytest.approx(0.3 + 0.02 * 0.7, abs=1e-12)


def test_a_refused_help_keeps_the_item_costs_the_helper_and_annoys() -> None:
    world, people = two_and_two(acceptance_barrier=1.0)
    world.state.need[0, 2, 1], world.state.carried[0, 0] = 0.8, 1
    play(world, people, HELP_NEXT + 1, STAY, STAY, STAY)
    assert world.state.carried[0, 0] == 1
    assert world.state.cost[0].tolist() == [0.3, 0, 0, 0]
    assert world.state.need[0, 2, 1] == pytest.approx(0.84)
    assert world.state.cue[0].tolist() == [0, 0, ANNOYED, 0]
    assert world.state.received[0, 2] == -1 and not world.state.hurt.any()
    assert not world.transition.helps.any()
    assert people.state.trust[0, 2, 0] == pytest.approx(0.3, abs=1e-12)


def test_half_of_the_helps_are_refused_at_the_barrier() -> None:
    params = WorldParams(**CALM)
    world = World(params, 4000, seed=0)
    people = People(world, [None, None, None, person_of("reserved", {"trust_start": 0.15}, "x")])
    people.begin(world, np.ones(4000, np.bool_))
    people.look_ahead(world)
    # Two standard errors of 4000 draws are .016.
    assert (world.refusals[:, 3, 0] > 0).mean() == pytest.approx(0.5, abs=0.025)
    assert not world.refusals[:, :3].any()


def test_willingness_toward_ai_spills_over_by_sigma_alone() -> None:
    world, people = two_and_two(spillover=0.5, willingness_people=0.4)
    people.state.willingness[0, 2] = 0.9  # .1 above the start
    people.look_ahead(world)
    assert people.answers.weight[0, 2, 3] == pytest.approx(0.45)
    assert people.answers.weight[0, 3, 2] == pytest.approx(0.4)
    # Trust .3 is 2 below the midpoint on the scale of the slope; 1 / (1 + e^2) = .1192.
    assert people.answers.weight[0, 2, 0] == pytest.approx(0.9 * 0.1192, abs=1e-4)


# Whole episodes.


def seated(*people: str, num_worlds: int = 24, **changes: Any) -> SeatedWorld:
    settings = {"num_agents": 4, "offers": True, "shift": "none", "total_hazard": 0.15} | changes
    seats = ("focal",) * (4 - len(people)) + people
    return SeatedWorld(World(WorldParams(**settings), num_worlds, seed=0), seats)


def helps_of(policy: str, person: str) -> tuple[float, float, float]:
    """Return helps of people by AI and of AI by people in an episode, and trust at its end."""
    view = seated(person, person)
    actor, given, taken = ScriptedPolicy(policy, view.params, 24), 0.0, 0.0
    for _ in range(view.params.horizon - 1):
        view.step(actor.act(view.world)[:, :2])
        given += view.state.helped[:, :2, 2:].sum() / 24
        taken += view.state.helped[:, 2:, :2].sum() / 24
    assert view.people is not None
    return given, taken, float(view.people.state.trust[:, 2:, :2].mean())


def test_people_return_help_and_exploiters_take_and_do_not_give() -> None:
    given, taken, trust = helps_of("oracle", "person:reserved")
    assert given > 5 and taken > 0.5 and trust > 0.4
    _, taken, trust = helps_of("stay", "person:reserved")
    assert taken == 0 and trust < 0.3
    given, taken, trust = helps_of("oracle", "person:exploiter")
    assert given > 5 and taken == 0 and trust > 0.4


def test_a_saved_batch_with_people_continues_identically() -> None:
    seats = ("person:learned,from=9", "person:ipd,round_steps=4")
    view, other = (seated(*seats, show_trust=True) for _ in range(2))
    rng = np.random.default_rng(0)
    actions = rng.integers(0, 11, (150, 24, 3))
    for row in actions[:6]:
        view.step(row)
    saved = view.get_state()
    assert any(name.startswith("people.") for name in saved)
    other.set_state(saved)
    pickled = pickle.loads(pickle.dumps(view))
    for row in actions[6:]:
        for one in (view, other, pickled):
            one.step(row)
    ours = view.get_state()
    for theirs in (other.get_state(), pickled.get_state()):
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert view.observation.features.tobytes() == other.observation.features.tobytes()


@pytest.mark.parametrize("show_trust", [False, True])
def test_what_a_person_thinks_moves_nothing_that_others_are_given(
    monkeypatch: pytest.MonkeyPatch, show_trust: bool
) -> None:
    settings = {"num_agents": 4, "horizon": 40, "offers": True, "total_hazard": 0.3}
    params = WorldParams(**settings, show_trust=show_trust)  # type: ignore[arg-type]
    seats = ("focal", "person:learned", "person:ipd", "person:reserved")
    assert check_no_leak(params, seats=seats).endswith("8 of people")
    set_state = SeatedWorld.set_state

    def telling(view: SeatedWorld, saved: dict[str, Any]) -> None:
        set_state(view, saved)
        if view.people is not None:
            view.world.observation.features[:, viewer, 0] = view.people.state.trust[:, 3, 0]

    monkeypatch.setattr(SeatedWorld, "set_state", telling)
    for viewer in (0, 1):
        told = rf"trust of person \d is hidden, but moves features of agent {viewer}"
        with pytest.raises(AssertionError, match=told):
            check_no_leak(params, seats=seats)


# A person whose acts are the caller's, and one of the user's own.


def test_a_learned_person_is_focal_sees_its_trust_and_refuses_nothing() -> None:
    seats = ("focal", "focal", "person:learned", "person:reserved")
    env = ScenarioEnv("human_loop_v0", seats=seats, truth=True, show_trust=True)
    assert env.possible_agents == ["ai_0", "ai_1", "person_0"]
    seen, infos = env.reset(seed=0)
    layout = ObservationLayout.of(env.params)
    # Trust in person_1, who comes next, in ai_0 and in ai_1; willingness toward AI.
    felt = {"trust": [1.0, 0.3, 0.3], "willingness": [0.0, 0.8, 0.8]}
    for name, values in felt.items():
        columns = layout.self_size + layout.other_block[name].start
        shown = {agent: row[columns :: layout.other_size] for agent, row in seen.items()}
        assert shown["person_0"].tolist() == pytest.approx(values)
        assert not shown["ai_0"].any() and not shown["ai_1"].any()
        assert not infos["person_0"]["exterior"][layout.other_block[name]].any()
    assert infos["ai_1"]["truth"]["trust"].tolist() == [0.0, 0.0, 0.3, 0.3]
    assert infos["ai_1"]["truth"]["willingness"].tolist() == [0.0, 0.0, 0.8, 0.8]
    plain = ScenarioEnv("human_loop_v0", seats=seats)
    assert len(plain.reset(seed=0)[0]["person_0"]) == layout.size - 2 * layout.num_others
    view = seated("person:learned,trust_start=0", "person:reserved,trust_start=0")
    assert view.num_focal == 3 and view.people is not None
    for actions in np.random.default_rng(0).integers(0, 11, (20, 24, 3)):
        view.step(actions)
        assert not view.world.refusals[:, 2].any()
    assert view.world.refusals[:, 3].any()


def felt_by(features: NDArray[np.float32], layout: ObservationLayout, h: int) -> Any:
    """Return what person h sees of each other: visible, its trust, its willingness; [E, O] each."""
    blocks = features[:, h, layout.self_size :].reshape(len(features), layout.num_others, -1)
    names = ("visible", "trust", "willingness")
    return [blocks[..., layout.other_block[name].start] for name in names]


@pytest.mark.parametrize("seat", ["person:learned", "person:learned,from=5"])
def test_a_person_sees_its_present_trust_in_whom_it_sees_and_keeps_it_to_the_end(seat: str) -> None:
    view = seated(seat, "person:warm", horizon=12, view_radius=2, show_trust=True)
    assert view.people is not None
    layout, rng, unseen = view.world.layout, np.random.default_rng(0), 0
    before: dict[int, Any] = {}
    for t in range(36):
        view.step(rng.integers(8, 11, (24, 3)) if t % 2 else rng.integers(1, 5, (24, 3)))
        assert view.transition.truncated.all() == ((t + 1) % 12 == 0)
        for h, others in ((2, [3, 0, 1]), (3, [0, 1, 2])):
            trust = view.people.state.trust[:, h, others].astype(np.float32)
            willing = view.people.state.willingness[:, h, None].astype(np.float32)
            visible, *felt = felt_by(view.world.observation.features, layout, h)
            assert np.array_equal(felt[0], trust * visible)
            assert np.array_equal(felt[1], willing * (np.array(others) < 2) * visible)
            unseen += int((visible == 0.0).sum())
            if view.transition.truncated.all():
                final = view.world.transition.final_observation.features
                visible, kept, _ = felt_by(final, layout, h)
                assert np.array_equal(kept, before[h] * visible)
                assert (before[h] != trust).any(), "a new episode has begun"
            before[h] = trust
    assert unseen > 100


def test_trust_cannot_be_shown_where_no_learned_person_sits() -> None:
    with pytest.raises(ValueError, match=r"show_trust shows .* none of the seats focal"):
        seated("person:warm", show_trust=True)


def test_some_people_are_unwilling_for_an_episode_and_all_else_is_the_same() -> None:
    plain, view = (
        seated("person:reserved", f"person:warm{odd}") for odd in ("", ",p_unwilling=0.5")
    )
    assert plain.people is not None and view.people is not None
    start = view.people.state.willingness
    assert set(start[:, 3].tolist()) == {0.0, 1.0} and (start[:, 2] == 0.8).all()
    assert 6 <= (start[:, 3] == 0.0).sum() <= 18  # of 24; 3 standard errors are 7
    first = start[:, 3].copy()
    view.reset(episode=1)
    assert not np.array_equal(first, start[:, 3])
    plain.reset(episode=1)
    for name, array in plain.people.state._asdict().items():
        same = getattr(view.people.state, name) == array
        assert same.all() or name == "willingness", name
    assert np.array_equal(plain.observation.features, view.observation.features)


class Fixed:
    """Takes everything, gives nothing, and trusts as it is told."""

    trust = 0.7

    def __init__(self, params: PersonParams) -> None:
        assert params.trust_start == 0.25

    def accept(self, trust: Floats) -> Floats:
        return np.ones_like(trust)

    def weigh(self, trust: Floats, willingness: Floats) -> Floats:
        assert trust[:, 2].tolist() == [1.0] * len(trust)
        return np.zeros_like(trust)

    def learn(self, events: Events, trust: Floats, willingness: Floats) -> tuple[Floats, Floats]:
        assert events.relieved.shape == trust.shape
        return np.full_like(trust, self.trust), willingness / 2


def test_a_person_of_ones_own_takes_the_place_of_the_equations() -> None:
    mine = f"person:{__name__}:Fixed,trust_start=0.25"
    view = seated("person:warm", mine)
    assert view.people is not None
    for _ in range(3):
        view.step(np.zeros((24, 2), np.int64))
    state = view.people.state
    assert state.trust[0, 3].tolist() == [0.7, 0.7, 1.0, 1.0]
    assert state.willingness[0, 3] == pytest.approx(0.8 / 8)
    assert not view.people.answers.weight[:, 3].any() and not view.world.refusals[:, 3].any()


def test_a_person_of_ones_own_must_return_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fixed, "trust", 1.5)
    view = seated("person:warm", f"person:{__name__}:Fixed,trust_start=0.25")
    with pytest.raises(ValueError, match=r"Fixed.learn must return numbers in \[0, 1\].* 1.5"):
        view.step(np.zeros((24, 2), np.int64))


# Mistakes.


@pytest.mark.parametrize(
    ("seat", "message"),
    [
        (
            "person:reservd",
            "seat 'person:reservd': unknown person 'reservd'; did you mean reserved",
        ),
        ("reserved", "unknown seat 'reserved'; did you mean person:reserved"),
        ("person:warm,trust=1", "seat 'person:warm,trust=1': unknown key 'trust'; .* trust_"),
        ("person:warm,trust_start=2", r"trust_start=2': trust_start must be in \[0, 1\], got 2"),
        ("person:warm,rounds=3", "rounds=3': rounds must be true or false, got 3"),
        ("person:warm,spillover", "seat 'person:warm,spillover': 'spillover' is not of the form"),
        ("person:no_such_module:Me", "person 'no_such_module:Me': module .* cannot be imported"),
        (f"person:{__name__}:Nobody", "has no class 'Nobody'"),
        (
            "person:fractions:Fraction",
            "person 'fractions:Fraction': the class has no method accept",
        ),
        ("reader,trust_start=1", "unknown setting 'trust_start'; a seat that is no person's has"),
        ("reader,from=-1", "from must be a step of at least 0, got -1"),
        ("reader,from=9,until=9", "until must be above from, got 9 and 9"),
        ("reader,from=128", "seat 'reader,from=128' acts from step 128, but an episode has 128"),
    ],
)
def test_seats_that_cannot_be_are_refused(seat: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        seated(seat)


def test_numbers_of_people_are_checked() -> None:
    with pytest.raises(ValueError, match=r"trust_loss must be in \[0, 1\], got -0.1"):
        PersonParams(trust_loss=-0.1)
    with pytest.raises(ValueError, match=r"ignored_after must be of type int, got 2\.5"):
        PersonParams(ignored_after=2.5)  # type: ignore[arg-type]
    assert PRESETS["exploiter"].exploitation == 1.0 and PRESETS["ipd"].rounds
