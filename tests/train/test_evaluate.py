"""Evaluation repeats itself, keeps twins together, and stays apart from training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from empathy_loop.agents.empathy.metrics import belief_quality
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.populations import count_focal
from empathy_loop.envs.scenarios import load_scenario
from empathy_loop.envs.world import World
from empathy_loop.train.actors import Actor, Decision, load_actor
from empathy_loop.train.config import TrainConfig
from empathy_loop.train.evaluate import EpisodeLog, run_episodes, score_belief
from empathy_loop.train.loop import train

MakeConfig = Callable[..., TrainConfig]
PARAMS = WorldParams(horizon=24, total_hazard=0.3)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def actor(request: pytest.FixtureRequest, runs: Path, make_config: MakeConfig) -> Actor:
    """Return the actor of that name; a learned one is trained once for all tests."""
    name = request.param
    if name in ("cognitive", "ippo_gru"):
        train(make_config(name, updates=2), runs / name)
        return load_actor(runs / name)
    return load_actor(name)


every_actor = pytest.mark.parametrize(
    "actor", ["cognitive", "ippo_gru", "random", "reader", "oracle"], indirect=True
)
learned = pytest.mark.parametrize("actor", ["cognitive"], indirect=True)


def assert_same(one: EpisodeLog, other: EpisodeLog) -> None:
    for name, array in one._asdict().items():
        if array is None:
            assert getattr(other, name) is None
        else:
            assert np.array_equal(array, getattr(other, name)), name


@every_actor
def test_the_same_call_gives_the_same_log(actor: Actor) -> None:
    one, other = (run_episodes(actor, PARAMS, 6, seed=100) for _ in range(2))
    assert_same(one, other)
    another = run_episodes(actor, PARAMS, 6, seed=101)
    assert not np.array_equal(one.welfare, another.welfare)


@every_actor
def test_a_log_holds_whole_episodes(actor: Actor) -> None:
    log = run_episodes(actor, PARAMS, 6, seed=100)
    assert log.welfare.shape == (24, 6)
    assert log.drive.shape == log.helps.shape == log.misattuned.shape == (24, 6, 3)
    assert log.need.shape == (24, 6, 3, 3)
    assert (log.need[0] == 0.0).all()
    assert (log.misattuned <= log.helps).all()
    assert np.allclose(log.drive[:-1], (log.need[1:].astype(np.float64) ** 2).sum(-1), atol=1e-6)
    assert ((log.shift_step >= 8) & (log.shift_step < 16)).all()


@every_actor
def test_twins_are_equal_up_to_the_shift_and_differ_after_it(actor: Actor) -> None:
    shifted = run_episodes(actor, replace(PARAMS, shift_severity=1.0), 20, seed=100)
    twin = run_episodes(actor, replace(PARAMS, shift="none"), 20, seed=100)
    assert np.array_equal(shifted.shift_step, twin.shift_step)
    for e, at in enumerate(twin.shift_step):
        assert np.array_equal(shifted.welfare[:at, e], twin.welfare[:at, e])
    assert not np.array_equal(shifted.welfare, twin.welfare)


@every_actor
def test_an_episode_does_not_depend_on_how_many_are_played_beside_it(actor: Actor) -> None:
    few, many = (run_episodes(actor, PARAMS, episodes, seed=100) for episodes in (3, 8))
    assert np.array_equal(few.welfare, many.welfare[:, :3])
    assert np.array_equal(few.helps, many.helps[:, :3])


@learned
def test_a_trained_belief_is_logged_beside_the_truth(actor: Actor) -> None:
    log = run_episodes(actor, PARAMS, 6, seed=100)
    assert log.belief is not None
    assert log.p_crisis is not None
    assert log.belief.shape == log.p_crisis.shape == (24, 6, 3, 2, 3)
    assert ((log.belief >= 0.0) & (log.belief <= log.p_crisis)).all()
    # All is visible, so that agents 0 and 1 believe the same of agent 2.
    assert np.array_equal(log.belief[:, :, 0, 1], log.belief[:, :, 1, 0])


@pytest.mark.parametrize("actor", ["ippo_gru", "random"], indirect=True)
def test_an_arm_without_a_trained_belief_logs_none(actor: Actor) -> None:
    log = run_episodes(actor, PARAMS, 2, seed=100)
    assert log.belief is None
    assert log.p_crisis is None


@learned
def test_greedy_episodes_differ_from_sampled_ones(actor: Actor) -> None:
    sampled = run_episodes(actor, PARAMS, 6, seed=100)
    greedy = run_episodes(actor, PARAMS, 6, seed=100, greedy=True)
    assert not np.array_equal(sampled.welfare, greedy.welfare)


@learned
def test_each_batch_of_episodes_starts_with_an_empty_memory(actor: Actor) -> None:
    one = run_episodes(actor, PARAMS, 4, seed=100)
    run_episodes(actor, PARAMS, 7, seed=102)
    assert_same(one, run_episodes(actor, PARAMS, 4, seed=100))


@pytest.mark.parametrize("actor", ["cognitive", "filter"], indirect=True)
def test_an_actor_that_forgets_goes_on_as_one_that_has_seen_nothing(actor: Actor) -> None:
    whole, forgetful = (run_episodes(actor, PARAMS, 6, 100, forget_at=at) for at in (0, 12))
    assert whole.p_crisis is not None and forgetful.p_crisis is not None
    assert np.array_equal(forgetful.p_crisis[:12], whole.p_crisis[:12])
    assert np.array_equal(forgetful.need[:13], whole.need[:13])
    assert not np.array_equal(forgetful.p_crisis[12], whole.p_crisis[12])


@pytest.mark.parametrize("actor", ["egoist", "random"], indirect=True)
def test_forgetting_changes_nothing_for_who_remembers_nothing(actor: Actor) -> None:
    assert_same(*(run_episodes(actor, PARAMS, 6, 100, forget_at=at) for at in (0, 12)))


@learned
def test_an_agent_acts_with_a_narrower_view_than_it_was_trained_with(actor: Actor) -> None:
    log = run_episodes(actor, replace(PARAMS, view_radius=1), 4, seed=100)
    assert log.belief is not None
    assert not np.array_equal(log.belief[:, :, 0, 1], log.belief[:, :, 1, 0])


@pytest.mark.parametrize("actor", ["oracle"], indirect=True)
def test_worlds_of_evaluation_are_not_those_of_training(actor: Actor) -> None:
    log = run_episodes(actor, PARAMS, 4, seed=7)
    assert not np.array_equal(log.shift_step, World(PARAMS, 4, seed=7).state.shift_step)


@pytest.mark.parametrize("actor", ["random"], indirect=True)
def test_numbers_out_of_range_are_refused(actor: Actor) -> None:
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        run_episodes(actor, PARAMS, 4, seed=-1)
    with pytest.raises(ValueError, match=r"num_worlds must be .* at least 1, got 0"):
        run_episodes(actor, PARAMS, 0, seed=0)


@every_actor
def test_partners_play_in_their_seats_beside_the_actor(actor: Actor) -> None:
    alone = run_episodes(actor, PARAMS, 6, seed=100)
    seats = ("focal", "focal", "stay")
    beside = run_episodes(actor, PARAMS, 6, seed=100, seats=seats)
    assert (beside.helps[:, :, 2] == 0).all()
    assert beside.helps.shape == alone.helps.shape
    assert not np.array_equal(beside.welfare, alone.welfare)
    with pytest.raises(ValueError, match=r"for each of 3 agents, got 2"):
        run_episodes(actor, PARAMS, 6, seed=100, seats=("focal", "stay"))


@pytest.mark.parametrize("actor", ["reader"], indirect=True)
def test_the_actors_own_policy_in_the_other_seats_is_the_actor_everywhere(actor: Actor) -> None:
    alone = run_episodes(actor, PARAMS, 6, seed=100)
    assert_same(
        alone, run_episodes(actor, PARAMS, 6, seed=100, seats=("focal", "reader", "reader"))
    )


@pytest.mark.parametrize("actor", ["filter"], indirect=True)
def test_the_filters_belief_is_logged_and_tells_who_needs_what(actor: Actor) -> None:
    log = run_episodes(actor, PARAMS, 32, seed=100)
    assert log.belief is not None and log.p_crisis is not None
    assert log.belief.shape == log.p_crisis.shape == (24, 32, 3, 2, 3)
    assert log.belief.dtype == log.p_crisis.dtype == np.float32
    assert (log.belief <= log.p_crisis + 1e-6).all()
    assert np.array_equal(log.belief[:, :, 0, 1], log.belief[:, :, 1, 0])
    # With others in another order, who needs what would be a matter of chance.
    quality = belief_quality(log.p_crisis, log.need)
    assert quality["auroc"] > 0.85
    wrong = belief_quality(log.p_crisis[..., ::-1, :].copy(), log.need)
    assert wrong["auroc"] < quality["auroc"] - 0.1


# Beliefs beside partners.


def log_of(p_crisis: list[object], need: list[object]) -> EpisodeLog:
    """Return a log of one step of one world that holds beliefs and needs."""
    nothing = np.zeros((1, 1, 3))
    return EpisodeLog(
        welfare=nothing[..., 0],
        drive=nothing,
        helps=nothing.astype(np.int8),
        misattuned=nothing.astype(np.int8),
        belief=None,
        shift_step=np.zeros(1, np.int32),
        need=np.array([[need]], np.float32),
        p_crisis=np.array([[p_crisis]], np.float32),
    )


def test_focal_beliefs_are_scored_against_the_needs_of_all_others() -> None:
    # Agent 0 is focal. Of agent 1, kind 0 is a crisis, of agent 2, kind 1; its own do not count.
    need = [[0.5, 0.9], [0.4, 0.0], [0.0, 0.7]]
    found = score_belief(log_of([[[0.8, 0.3], [0.4, 0.35]]], need))
    # Likelihoods .8, .7, .6, .35; of 2 x 2 pairs of a crisis and none, .35 and .4 are in disorder;
    # distances .2 (bin 8), .3 + .35 - 1 = -.35 (bin 3), .4 (bin 4).
    assert found == {
        "crisis_loss": pytest.approx(-np.log([0.8, 0.7, 0.6, 0.35]).mean()),
        "auroc": pytest.approx(0.75),
        "calibration_error": pytest.approx((0.2 + 0.35 + 0.4) / 4),
    }
    # Agent 1, were it focal too, believes of agent 2 first, then of agent 0.
    both = score_belief(log_of([[[1, 0], [0, 1]], [[0, 1], [1, 1]]], need))
    assert both["crisis_loss"] == pytest.approx(0.0)
    assert both["auroc"] == 1.0


@pytest.mark.parametrize("actor", ["filter"], indirect=True)
def test_where_all_are_focal_the_score_is_that_of_everybodys_belief(actor: Actor) -> None:
    log = run_episodes(actor, PARAMS, 8, seed=100)
    assert log.p_crisis is not None
    assert score_belief(log) == belief_quality(log.p_crisis, log.need)
    assert score_belief(log._replace(p_crisis=None)) == {}


class Babbling:
    """The filter, but what it says of beliefs in the last seats is nonsense."""

    name = "babbling"

    def __init__(self, num_sane: int) -> None:
        self._filter, self._num_sane = load_actor("filter"), num_sane

    def view(self, params: WorldParams) -> WorldParams:
        return params

    def begin(self, params: WorldParams, num_worlds: int) -> None:
        self._filter.begin(params, num_worlds)

    def act(self, world: World, greedy: bool) -> Decision:
        decision = self._filter.act(world, greedy)
        assert decision.belief is not None and decision.p_crisis is not None
        for array in (decision.belief, decision.p_crisis):
            array[:, self._num_sane :] = 1.0 - array[:, self._num_sane :]
        return decision


@pytest.mark.parametrize("seats", [("focal", "focal", "reader"), ("focal", "heldout", "heldout")])
def test_what_would_be_believed_from_partners_seats_is_not_scored(seats: tuple[str, ...]) -> None:
    focal = seats.count("focal")
    sane, babbling = (
        run_episodes(actor, PARAMS, 32, seed=100, seats=seats)
        for actor in (load_actor("filter"), Babbling(focal))
    )
    assert babbling.belief is not None and babbling.p_crisis is not None
    assert babbling.belief.shape == babbling.p_crisis.shape == (24, 32, focal, 2, 3)
    assert babbling.need.shape == (24, 32, 3, 3)
    assert_same(sane, babbling)
    assert score_belief(babbling)["auroc"] > 0.7


@pytest.mark.parametrize("name", ["human_loop_v0", "apprentice_v0", "bystander_v0"])
def test_episodes_are_played_beside_people(name: str) -> None:
    scenario = load_scenario(name)
    logs = [
        run_episodes(load_actor(policy), scenario.params, 12, seed=0, seats=scenario.seats)
        for policy in ("stay", "oracle", "oracle")
    ]
    idle, helpful, again = logs
    assert np.array_equal(helpful.helps, again.helps)
    assert helpful.helps.shape == (scenario.params.horizon, 12, 4)
    focal = count_focal(scenario.seats)
    assert not idle.helps[..., :focal].any() and idle.helps[..., focal:].any()
    assert helpful.welfare.sum(0).mean() > idle.welfare.sum(0).mean()
