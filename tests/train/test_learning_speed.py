"""Steps to a level, from curves that were made."""

import pytest
from made_cells import MADE, make_cells

from empathy_loop.train.evidence import gather
from empathy_loop.train.learning_speed import learning_speed
from empathy_loop.train.team_tables import team_tables

REFERENCES = {"random": -10.0, "oracle": -2.0}
CURVE = {"steps": [1000.0, 2000.0, 3000.0], "seeds": ["0", "1", "2"]}
FAST = {**CURVE, "runs": [[-8.0, -6.0, -4.0], [-9.0, -8.0, -6.0], [-6.0, -4.0, -3.0]]}
SLOW = {**CURVE, "runs": [[-9.0, -9.0, -8.0], [-9.5, -9.0, -9.0], [-9.0, -8.5, -9.0]]}


def test_a_level_is_reached_at_the_first_point_that_is_there_and_never_counts_as_the_limit():
    evidence = gather(MADE, make_cells(MADE))
    found = learning_speed(evidence, {"cognitive": FAST, "ippo_gru": SLOW}, REFERENCES)
    assert found["limit"] == 3.0
    assert found["welfare"] == {"0.25": -8.0, "0.5": -6.0, "0.75": -4.0}
    fast, slow = found["arms"]["cognitive"], found["arms"]["ippo_gru"]
    assert fast["0.25"]["runs"] == {"0": 1.0, "1": 2.0, "2": 1.0}
    assert fast["0.5"]["mean"] == pytest.approx((2 + 3 + 1) / 3)
    assert slow["0.25"]["runs"] == {"0": 3.0, "1": None, "2": None}
    assert slow["0.25"]["mean"] == pytest.approx(3.0)
    assert slow["0.25"]["note"] == "2 not within 3"


def test_without_an_anchor_or_a_curve_nothing_is_said():
    evidence = gather(MADE, make_cells(MADE))
    assert learning_speed(evidence, {"cognitive": FAST}, {"random": -10.0}) is None
    assert learning_speed(evidence, {}, REFERENCES) is None


def test_the_table_has_a_column_for_each_level():
    evidence = gather(MADE, make_cells(MADE))
    speed = learning_speed(evidence, {"cognitive": FAST}, REFERENCES)
    (table,) = team_tables({"speed": speed, "teams": {}, "shifts": []})
    assert table.header[1] == "level 0.25 (welfare -8.00)"
    assert table.rows[0][0] == "cognitive"
