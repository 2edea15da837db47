"""Tests of sweeps and claims: which points there are, and what they change."""

from dataclasses import replace

import pytest

from empathy_loop.envs.doses import Doses
from empathy_loop.envs.scenarios import load_scenario
from empathy_loop.train.comparisons import load_comparison
from empathy_loop.train.plan import Comparison
from empathy_loop.train.sweeps import Claim, Point, Sweep, circumstances_of, points_of

LOOP = load_scenario("human_loop_v0")
BYSTANDER = load_scenario("bystander_v0")
CARE = Sweep("care", {"preset": ("reserved", "warm"), "ai_to_people": (0.0, 1.0)})
MORE = Claim(
    says="care pays",
    readout="people_to_ai",
    sweep="care",
    arm="cognitive",
    at={"preset": "warm", "ai_to_people": 1.0},
    than_at={"ai_to_people": 0.0},
)
SWEPT = Comparison("swept", env="human_loop_v0", sweeps=(CARE,), claims=(MORE,))


def at(scenario, **values):
    point = Point("s", tuple(values.items()))
    return circumstances_of(point, scenario.name, scenario.params, scenario.seats)


def test_a_sweep_is_every_combination_of_its_values():
    assert [point.name for point in points_of(CARE)] == [
        "care, preset reserved, ai_to_people 0",
        "care, preset reserved, ai_to_people 1",
        "care, preset warm, ai_to_people 0",
        "care, preset warm, ai_to_people 1",
    ]


def test_a_dose_changes_nothing_but_the_dose():
    there = at(LOOP, ai_to_people=0.25)
    assert there.doses == Doses(ai_to_people=0.25)
    assert there.seats == LOOP.seats
    assert there.params == replace(LOOP.params, shift="none")


def test_a_preset_takes_the_place_of_all_people_with_their_numbers_and_keeps_their_times():
    seats = ("focal", "person:reserved,from=9,trust_start=0.5", "person:warm,until=9")
    params = replace(LOOP.params, num_agents=3)
    there = circumstances_of(Point("s", (("preset", "ipd"),)), LOOP.name, params, seats)
    assert there.seats == ("focal", "person:ipd,from=9", "person:warm,until=9")


def test_a_number_of_people_is_changed_for_those_who_stay_to_the_end():
    seats = at(BYSTANDER, trust_start=0.25, spillover=1.0).seats
    assert all("trust_start=0.25" in seat and "spillover=1" in seat for seat in seats[1:3])
    assert seats[3] == BYSTANDER.seats[3]


def test_a_variant_is_that_of_the_scenario_and_default_its_own_seats():
    assert at(BYSTANDER, variant="control").seats == BYSTANDER.variants["control"]
    assert at(BYSTANDER, variant="default").seats == BYSTANDER.seats


def test_rules_of_the_world_can_be_swept_and_people_can_leave():
    there = at(LOOP, idiosyncratic_share=1.0, until=64)
    assert there.params.idiosyncratic_share == 1.0
    assert there.seats[2:] == ("person:reserved,until=64",) * 2


def test_actors_forget_at_a_step_of_the_episode_or_never():
    assert at(LOOP, forget_at=42).forget_at == 42
    assert at(LOOP, ai_to_people=0.5).forget_at == 0


@pytest.mark.parametrize(
    ("scenario", "values", "message"),
    [
        (LOOP, {"forget_at": 9999}, "sweep 's': forget_at must be a whole step in .*, got 9999"),
        (LOOP, {"forget_at": 1.5}, "forget_at must be a whole step in .*, got 1.5"),
        (LOOP, {"forget_at": True}, "forget_at must be a whole step in .*, got True"),
        (LOOP, {"pressets": "warm"}, "unknown axis 'pressets'; did you mean preset"),
        (LOOP, {"preset": "warn"}, "sweep 's': .*unknown person 'warn'"),
        (LOOP, {"trust_gain": 2.0}, "sweep 's': .*trust_gain must be in"),
        (LOOP, {"ai_to_people": -0.5}, "sweep 's': ai_to_people must be in"),
        (LOOP, {"variant": "control"}, "human_loop_v0 has no variant 'control'"),
        (load_scenario("mutual_aid_v0"), {"trust_gain": 0.1}, "no person sits in"),
    ],
)
def test_what_cannot_be_swept_is_refused_with_the_name_of_the_sweep(scenario, values, message):
    with pytest.raises(ValueError, match=message):
        at(scenario, **values)


def test_a_claim_compares_two_points_that_differ_where_it_says_so():
    (arm, more), (than_arm, less) = MORE.sides
    assert (arm, than_arm) == ("cognitive", "cognitive")
    assert more.name == "care, preset warm, ai_to_people 1"
    assert less.name == "care, preset warm, ai_to_people 0"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"readout": "trsut"}, "readout of claim 'care pays' name 'trsut'"),
        ({"sweep": "core"}, "sweep of claim"),
        ({"arm": "reader"}, "arms of claim"),
        ({"at": {"preset": "warm"}}, "which its sweep does not have"),
    ],
)
def test_a_claim_about_what_is_not_swept_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(SWEPT, claims=(replace(MORE, **change),))


def test_two_sweeps_cannot_have_one_name():
    with pytest.raises(ValueError, match="'care' twice"):
        replace(SWEPT, sweeps=(CARE, CARE))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[sweeps]\nx = 3", "sweeps.x must be a table"),
        ("[sweeps.x]\npreset = 3", "sweeps.x.preset must be a list"),
        ("[sweeps.x]", "must have an axis"),
        ("[[claims]]\nsays = 'a'", "a claim needs arm, at, readout, sweep"),
        ("[[claims]]\nsayz = 'a'", "unknown key 'claims.sayz'"),
        ("arms = ['cognitive@masked']", "names the view 'masked'"),
        ("arms = ['cognitive@v']\n[views.v]\nhorizon = 9", "rules of view 'v' name 'horizon'"),
    ],
)
def test_a_file_that_says_it_wrongly_is_refused_with_the_key(text, message, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(f"contrasts = []\n{text}\n")
    with pytest.raises(ValueError, match=message):
        load_comparison(str(path))
