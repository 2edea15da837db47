"""What is known of others' needs is asked of focal agents only, and changes nothing they do."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empathy_loop.agents.arm import build_network
from empathy_loop.agents.empathy.metrics import Detections, auroc, negative_log_likelihood
from empathy_loop.agents.registry import load_agent
from empathy_loop.envs.params import WorldParams
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.world import World
from empathy_loop.train import beliefs
from empathy_loop.train.actors import Actor, Decision, LearnedActor, load_actor
from empathy_loop.train.beliefs import (
    PARTNERS,
    PROBE_EPISODES,
    PROBE_SEED_OFFSET,
    QUALITIES,
    SOURCES,
    _Asked,
    _seats,
    belief_report,
    detection_steps,
    scalars_of,
    score_crises,
    sources_of,
)
from empathy_loop.train.evaluate import EpisodeLog, run_episodes
from empathy_loop.train.logging import declared_names

PARAMS = WorldParams(horizon=24, total_hazard=0.3)
EPISODES, SEED = 40, 100
SMALL = {"network": {"hidden_size": 8, "belief_size": 6}}


def untrained(name: str = "cognitive", cls: type[LearnedActor] = LearnedActor) -> LearnedActor:
    """Return an actor with a network as it is before training."""
    config = load_agent(name, SMALL)
    return cls(config, PARAMS, build_network(config, PARAMS, seed=0).state_dict())


class Knowing(LearnedActor):
    """A network that remembers others' true needs beside what it would."""

    def act(self, world: World, greedy: bool) -> Decision:
        self._need = world.state.need[:, self._table.others.numpy()].astype(np.float32)
        return super().act(world, greedy)

    @property
    def states(self) -> Any:
        return np.concatenate([self._need, super().states], axis=-1)


class Babbling:
    """An actor that says nonsense of what it would believe in all seats but the first."""

    name = "babbling"

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def view(self, params: WorldParams) -> WorldParams:
        return self._actor.view(params)

    def begin(self, params: WorldParams, num_worlds: int) -> None:
        self._actor.begin(params, num_worlds)

    def act(self, world: World, greedy: bool) -> Decision:
        decision = self._actor.act(world, greedy)
        assert decision.p_crisis is not None
        decision.p_crisis[:, 1:] = 0.5
        return decision


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return belief_report(untrained(), PARAMS, EPISODES, SEED)


def test_a_report_is_plain_data_on_every_source_and_kind_of_partners(
    report: dict[str, Any],
) -> None:
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report.keys() == PARTNERS.keys()
    for sources in report.values():
        assert list(sources) == list(SOURCES)
        for scores in sources.values():
            assert scores.keys() == QUALITIES.keys() | {"reliability"}
            # 24 steps of 40 worlds, 2 others and 3 kinds; of all three agents, or of one.
            entries = sum(scores["reliability"]["num_entries"])
            assert entries == 24 * 40 * 2 * 3 * (3 if sources is report["self_play"] else 1)
            assert all(scores[name] is not None for name in QUALITIES)


def test_the_same_call_gives_the_same_report(report: dict[str, Any]) -> None:
    assert belief_report(untrained(), PARAMS, EPISODES, SEED) == report
    assert belief_report(untrained(), PARAMS, EPISODES, SEED + 1) != report


def test_the_probe_of_a_random_network_is_worse_than_the_filter_and_better_than_chance(
    report: dict[str, Any],
) -> None:
    for sources in report.values():
        probe, filtered = sources["probe"], sources["filter"]
        assert probe["auroc"] < filtered["auroc"] - 0.02
        assert probe["crisis_loss"] > filtered["crisis_loss"] + 0.02
        assert probe["kind_accuracy"] < filtered["kind_accuracy"]
        # Random weights still carry what they were shown; a belief nobody trained is no better.
        assert probe["auroc"] > max(0.6, sources["belief"]["auroc"])


def test_the_probe_of_a_state_that_holds_the_true_needs_is_near_perfect() -> None:
    for sources in belief_report(untrained(cls=Knowing), PARAMS, EPISODES, SEED).values():
        probe, filtered = sources["probe"], sources["filter"]
        assert probe["auroc"] > 0.995 > filtered["auroc"]
        assert probe["kind_accuracy"] > 0.99
        assert probe["crisis_loss"] < 0.1
        assert probe["detection_steps"] < 0.2


def test_states_of_some_steps_only_are_fitted_to_the_needs_of_the_same_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # 24 steps of 100 worlds and 6 pairs, 14,400 rows: every fifth step.
    monkeypatch.setattr(beliefs, "PROBE_ROWS", 3_000)
    for sources in belief_report(untrained(cls=Knowing), PARAMS, EPISODES, SEED).values():
        assert sources["probe"]["auroc"] > 0.99
        assert sources["probe"]["crisis_loss"] < 0.15


def test_the_filter_beside_an_arm_is_the_filter_itself_where_that_is_the_arm() -> None:
    for sources in belief_report(load_actor("filter"), PARAMS, EPISODES, SEED).values():
        assert sources.keys() == {"belief", "filter"}
        assert sources["belief"] == sources["filter"]
        assert sources["filter"]["auroc"] > 0.75


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ippo", ["filter"]),
        ("ippo_gru", ["probe", "filter"]),
        ("cognitive", ["belief", "probe", "filter"]),
    ],
)
def test_an_arm_has_the_sources_that_its_settings_say(name: str, expected: list[str]) -> None:
    found = belief_report(untrained(name), PARAMS, 2, SEED)["heldout"]
    assert list(found) == sources_of(load_agent(name)) == expected


def test_a_scripted_arm_without_a_belief_in_probabilities_has_the_filter_beside_it() -> None:
    assert belief_report(load_actor("reader"), PARAMS, 2, SEED)["train"].keys() == {"filter"}


def test_being_asked_does_not_change_what_an_arm_does() -> None:
    for partners in PARTNERS:
        seats = _seats(partners, PARAMS)
        asked = _Asked(untrained(), None, seats.count("focal"))
        one = run_episodes(asked, PARAMS, 8, SEED, seats=seats)
        other = run_episodes(untrained(), PARAMS, 8, SEED, seats=seats)
        assert np.array_equal(one.welfare, other.welfare)
        assert np.array_equal(one.need, other.need)
        assert one.p_crisis is not None and other.p_crisis is not None
        assert np.array_equal(np.stack([seen["belief"] for seen in asked.seen]), one.p_crisis)


def test_the_probe_is_fitted_in_other_worlds_than_those_it_is_scored_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played: list[tuple[int, int, tuple[str, ...]]] = []

    def noted(
        actor: Actor,
        params: WorldParams,
        episodes: int,
        seed: int,
        greedy: bool = False,
        seats: tuple[str, ...] = (),
    ) -> EpisodeLog:
        played.append((episodes, seed, seats))
        return run_episodes(actor, params, episodes, seed, greedy, seats)

    monkeypatch.setattr(beliefs, "run_episodes", noted)
    belief_report(untrained(), PARAMS, 3, SEED)
    scored = [(3, SEED, _seats(partners, PARAMS)) for partners in PARTNERS]
    alone = _seats("self_play", PARAMS)
    assert played == [(PROBE_EPISODES, SEED + PROBE_SEED_OFFSET, alone), *scored]
    assert PROBE_SEED_OFFSET >= 1_000, "beyond the seeds of reported numbers and of runs' ends"


# Partners.


@pytest.mark.parametrize("partners", ["train", "heldout"])
def test_partners_are_all_others_of_one_focal_viewer(report: dict[str, Any], partners: str) -> None:
    seats = _seats(partners, PARAMS)
    seated = SeatedWorld(World(PARAMS, EPISODES, SEED), seats)
    assert (seated.rows[:, 0] == -1).all() and (seated.rows[:, 1:] >= 0).all()
    assert {name.partition("/")[0] for name in seated.row_names} == {partners}
    log = run_episodes(untrained(), PARAMS, EPISODES, SEED, seats=seats)
    assert log.p_crisis is not None and log.p_crisis.shape[2] == 1
    # Agent 0 sees agents 1 and 2, in this order: those in partners' seats, and nobody else.
    p, truth = log.p_crisis[:, :, 0].ravel(), (log.need[:, :, 1:] > 0.0).ravel()
    scores = report[partners]["belief"]
    assert scores["auroc"] == auroc(p, truth)
    assert scores["crisis_loss"] == negative_log_likelihood(p, truth)
    assert sum(scores["reliability"]["num_entries"]) == p.size


def test_what_would_be_believed_in_partners_seats_is_not_scored() -> None:
    one, other = (
        belief_report(actor, PARAMS, EPISODES, SEED)
        for actor in (load_actor("filter"), Babbling(load_actor("filter")))
    )
    for partners in ("train", "heldout"):
        assert one[partners] == other[partners]
    assert one["self_play"]["belief"] != other["self_play"]["belief"]
    assert one["self_play"]["filter"] == other["self_play"]["filter"]


def test_seats_are_one_focal_and_partners_or_all_focal() -> None:
    params = replace(PARAMS, num_agents=4)
    assert _seats("self_play", params) == ("focal",) * 4
    assert _seats("heldout", params) == ("focal", "heldout", "heldout", "heldout")
    own = ("focal", "focal", "person:warm", "person:warm")
    assert _seats("self_play", params, own) == own


# Scores.


def test_a_source_is_scored_on_all_that_is_asked() -> None:
    # One world, two agents, one kind, four steps; agent 1 is in crisis in steps 1 and 2.
    need = np.zeros((4, 1, 2, 1), np.float32)
    need[1:3, 0, 1] = 0.4
    p = np.array([0.1, 0.2, 0.8, 0.6], np.float32).reshape(4, 1, 1, 1, 1)
    found = score_crises(p, need)
    # Pairs of a crisis and none: (.2, .1) right, (.2, .6) wrong, (.8, .1) and (.8, .6) right.
    assert found["auroc"] == pytest.approx(0.75)
    assert found["kind_accuracy"] == 1.0
    # Half of the crises are believed, half of the steps without one cleared.
    assert found["need_accuracy"] == 0.5
    assert found["detection_steps"] == 1.0
    mean_p = found["reliability"]["mean_p"]
    assert [at for at, value in enumerate(mean_p) if value is not None] == [1, 2, 6, 8]
    assert found["reliability"]["share_true"][8] == 1.0


def test_a_world_without_crises_has_no_kinds_and_no_detections_to_score() -> None:
    calm = replace(PARAMS, total_hazard=0.0)
    found = belief_report(load_actor("filter"), calm, 2, SEED)
    scores = found["self_play"]["filter"]
    assert scores["kind_accuracy"] is scores["detection_steps"] is None
    assert scores["need_accuracy"] == 1.0
    names = scalars_of(found)
    assert "belief_self_play/filter_need_accuracy" in names
    assert "belief_self_play/filter_detection_steps" not in names


def test_scalars_have_the_declared_names(report: dict[str, Any]) -> None:
    named = scalars_of(report)
    assert len(named) == len(PARTNERS) * len(SOURCES) * len(QUALITIES)
    declared = declared_names(load_agent("cognitive"))
    assert named.keys() == {name for name in declared if name.startswith("belief_")}
    assert named["belief_heldout/probe_auroc"] == report["heldout"]["probe"]["auroc"]


# Steps to detection.


def detected(*pairs: tuple[int, bool]) -> Detections:
    steps, is_detected = zip(*pairs, strict=True)
    return Detections(np.array(steps), np.array(is_detected))


def test_censored_crises_count_as_long_as_they_were_watched() -> None:
    # At risk in steps 0, 1, 2: 4, 3, 2. One of 4 is detected in step 0, S(0) = 3/4; the one
    # censored in step 1 was not; one of 2 in step 2, S(2) = 3/8; the last in step 5, S(5) = 0.
    found = detected((0, True), (1, False), (2, True), (5, True))
    assert detection_steps(found) == pytest.approx(3 / 4 + 3 / 4 + 3 * 3 / 8)
    # Within 3 steps: S(0) + S(1) + S(2).
    assert detection_steps(found, 3) == pytest.approx(3 / 4 + 3 / 4 + 3 / 8)


def test_where_the_last_was_censored_the_rest_stays_undetected() -> None:
    # S is 1/2 from step 1 on, and nothing is known after step 4.
    found = detected((1, True), (4, False))
    assert detection_steps(found, 4) == pytest.approx(1.0 + 3 * 0.5)
    assert detection_steps(found, 10) == pytest.approx(1.0 + 9 * 0.5)
    assert detection_steps(detected((3, False)), 16) == 16.0
    assert math.isnan(detection_steps(Detections(np.zeros(0, np.int64), np.zeros(0, np.bool_))))


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.integers(1, 20))
def test_without_censoring_it_is_the_mean_of_the_times_cut_at_the_limit(
    times: list[int], limit: int
) -> None:
    found = detected(*((time, True) for time in times))
    expected = np.mean([min(time, limit) for time in times])
    assert detection_steps(found, limit) == pytest.approx(expected)


def slow_mean(found: Detections, limit: int) -> float:
    """Return the area under the survival curve, step by step."""
    survival, area = 1.0, 0.0
    for step in range(limit):
        at_risk = sum(time >= step for time in found.steps)
        events = sum(
            time == step and seen for time, seen in zip(found.steps, found.is_detected, strict=True)
        )
        survival *= 1.0 - events / at_risk if at_risk else 1.0
        area += survival
    return area


@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=20),
    st.integers(1, 20),
)
def test_detection_is_the_area_under_the_survival_curve(
    pairs: list[tuple[int, bool]], limit: int
) -> None:
    found = detected(*pairs)
    assert detection_steps(found, limit) == pytest.approx(slow_mean(found, limit))
