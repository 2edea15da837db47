"""Tests of what is counted between AI and people, against a count by hand."""

import numpy as np
import pytest

from empathy_loop.envs.scenarios import load_scenario
from empathy_loop.envs.seats import SeatedWorld
from empathy_loop.envs.state import REFUSED
from empathy_loop.envs.world import World
from empathy_loop.train.actors import load_actor
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.social import CHANNELS, READOUTS, SocialLog, read_out

LOOP = load_scenario("human_loop_v0")
PEOPLE = (2, 3)


def test_every_channel_equals_a_count_by_loops():
    world = World(LOOP.params, 6, seed=3, autoreset=False)
    seated = SeatedWorld(world, LOOP.seats)
    log, actor = SocialLog(seated), load_actor("reader")
    actor.begin(LOOP.params, 6)
    crossed = seated.people.state.trust[:, PEOPLE][:, :, :2] >= 0.15
    for t in range(80):
        seated.step(actor.act(world, greedy=False).actions[:, :2])
        state, trust = world.state, seated.people.state.trust
        counts = dict.fromkeys(CHANNELS, 0.0)
        for e in range(6):
            for i in range(4):
                for j in range(4):
                    sides = f"{'people' if i in PEOPLE else 'ai'}_to_"
                    sides += "people" if j in PEOPLE else "ai"
                    if state.helped[e, i, j] and not state.misattuned_given[e, i]:
                        counts[sides] += 1 / 6
                    elif state.helped[e, i, j] and sides == "ai_to_people":
                        counts["misattuned_to_people"] += 1 / 6
                    counts["refused"] += (world.refusals[e, i, j] == REFUSED) / 6
                side = "people_welfare" if i in PEOPLE else "ai_welfare"
                counts[side] += welfare_of_one(world, e, i) / (6 * 2)
        crossed |= trust[:, PEOPLE][:, :, :2] >= 0.15
        counts["trust"] = trust[:, PEOPLE][:, :, :2].mean()
        counts["willingness"] = seated.people.state.willingness[:, PEOPLE].mean()
        counts["crossed"] = crossed.mean()
        np.testing.assert_allclose(log_of(log, t), list(counts.values()), rtol=1e-6)
    assert log.values[:, :4].sum(0).min() > 0.0
    assert log.values[:, names_of("misattuned_to_people", "refused")].sum(0).min() > 0.0


def welfare_of_one(world, e, i):
    """Return an agent's unshaped welfare of a step, from needs and from who helped whom."""
    state, params = world.state, world.params
    drive = sum(float(need) ** 2 for need in state.need[e, i])
    gave = state.helped[e, i].any() or (world.refusals[e, :, i] == REFUSED).any()
    hurts = sum(state.helped[e, j, i] * state.misattuned_given[e, j] for j in range(4))
    lost = params.help_cost * gave + params.misattuned_hurt * hurts
    return -(params.drive_weight * drive + lost)


def names_of(*channels):
    """Return the columns of channels."""
    return [list(CHANNELS).index(name) for name in channels]


def log_of(log, t):
    log.look(t)
    return log.values[t]


def test_people_who_leave_are_not_asked_for_their_trust():
    bystander = load_scenario("bystander_v0")
    seated = SeatedWorld(World(bystander.params, 2, seed=0, autoreset=False), bystander.seats)
    log = SocialLog(seated)
    seated.step(np.zeros((2, 1), np.int8))
    log.look(0)
    trust = list(CHANNELS).index("trust")
    expected = seated.people.state.trust[:, 1:3, 0].mean()
    assert log.values[0, trust] == pytest.approx(expected)
    assert seated.people.state.trust[0, 3, 0] > 0.9


def test_welfare_of_ai_is_less_what_they_suffer_and_pay_and_that_of_people_less_what_they_do():
    seated = SeatedWorld(World(LOOP.params, 1, seed=0, autoreset=False), LOOP.seats)
    log, state = SocialLog(seated), seated.world.state
    # Of two AI and two people: one AI has paid for a help, which has hurt a person.
    seated.world.transition.drive[0] = [1.0, 2.0, 0.5, 0.0]
    state.cost[0], state.hurt[0] = [0.3, 0.0, 0.0, 0.0], [0.0, 0.0, 0.3, 0.0]
    # AI: -(.06 * (1 + 2) + .3) / 2 = -.24; people: -(.06 * .5 + .3) / 2 = -.165.
    found = log_of(log, 0)[names_of("ai_welfare", "people_welfare")]
    assert found == pytest.approx([-0.24, -0.165])


def test_welfare_of_ai_and_of_people_weighted_by_their_numbers_is_that_of_all():
    bystander = load_scenario("bystander_v0")
    log = run_episodes(load_actor("reader"), bystander.params, 3, seed=1, seats=bystander.seats)
    ai, people = log.social[:, names_of("ai_welfare", "people_welfare")].T
    np.testing.assert_allclose((ai + 3 * people) / 4, log.welfare.mean(1), rtol=1e-5)
    found = read_out(log.social, log.welfare[96:], 96)
    parts = found["ai_welfare"] + 3 * found["people_welfare"]
    assert parts / 4 == pytest.approx(found["welfare"], rel=1e-5)
    assert found["ai_welfare"] != pytest.approx(found["people_welfare"], rel=0.01)


def test_readouts_of_made_channels():
    social = np.zeros((10, len(CHANNELS)), np.float32)
    names = list(CHANNELS)
    social[:, names.index("people_to_ai")] = 0.5
    social[:, names.index("ai_to_people")] = 0.3
    social[:, names.index("misattuned_to_people")] = 0.1
    social[:, names.index("refused")] = 0.4
    social[:, names.index("trust")] = np.linspace(0.1, 1.0, 10)
    social[4:, names.index("crossed")] = 1.0
    social[:, names.index("ai_welfare")] = np.linspace(-0.1, -1.0, 10)
    social[:, names.index("people_welfare")] = -0.3
    found = read_out(social, np.full((10, 3), -0.2), count_from=5)
    assert list(found) == list(READOUTS) or set(found) == set(READOUTS)
    assert found["people_to_ai"] == pytest.approx(2.5)
    assert found["ai_to_people"] == pytest.approx(1.5)
    assert found["misattuned_share"] == pytest.approx(0.25)
    assert found["refused_share"] == pytest.approx(0.5)
    assert found["trust"] == pytest.approx(0.8)
    assert found["trust_end"] == pytest.approx(1.0)
    assert found["barrier_steps"] == pytest.approx(4.0)
    assert found["welfare"] == pytest.approx(-2.0)
    assert found["ai_welfare"] == pytest.approx(-0.6 - 0.7 - 0.8 - 0.9 - 1.0)
    assert found["people_welfare"] == pytest.approx(-1.5)


def test_a_share_of_nothing_is_unknown():
    found = read_out(np.zeros((4, len(CHANNELS)), np.float32), np.zeros((4, 1)), 0)
    assert found["misattuned_share"] is None
    assert found["refused_share"] is None


def test_an_evaluation_has_it_where_people_sit_and_nowhere_else():
    actor = load_actor("stay")
    log = run_episodes(actor, LOOP.params, 2, seed=0, seats=LOOP.seats)
    assert log.social is not None
    assert log.social.shape == (LOOP.params.horizon, len(CHANNELS))
    plain = load_scenario("mutual_aid_v0").params
    assert run_episodes(actor, plain, 2, seed=0).social is None
