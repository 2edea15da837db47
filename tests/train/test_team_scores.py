"""What is said of teams, lesions and continued training, against levels that cells were made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_cells import REMAP, SWAP
from made_teams import TEAMS, Found, make_team_cells

from empathy_loop.train.notes import command_of
from empathy_loop.train.plots_teams import draw_cross_play, draw_teams
from empathy_loop.train.report import make_page
from empathy_loop.train.results import make_results
from empathy_loop.train.team_tables import team_tables
from empathy_loop.train.teams import beside


@pytest.fixture(scope="module")
def found() -> Found:
    return make_team_cells(TEAMS)


@pytest.fixture(scope="module")
def results(found: Found, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return make_results(TEAMS, found, {}, tmp_path_factory.mktemp("made"))


def cas(results: Mapping[str, Any], arm: str, team: str) -> Any:
    overall = results["overall"] if team == "self_play" else results["teams"][team]["overall"]
    return overall[arm]["cas"]["mean"]


def test_each_team_is_scored_against_the_anchors_of_the_same_team(results: dict[str, Any]) -> None:
    # In self-play cognitive has .432 (test_results); the worlds of held-out partners are others,
    # in which other anchors would give other levels.
    assert list(results["teams"]) == ["cross_play", "heldout"]
    assert cas(results, "cognitive", "self_play") == pytest.approx(0.432)
    assert cas(results, "cognitive", "cross_play") == pytest.approx(0.8 * 0.432)
    assert cas(results, "cognitive", "heldout") == pytest.approx(0.5 * 0.432)
    heldout = results["teams"]["heldout"]
    assert heldout["scores"]["cognitive"][REMAP.name]["deficit"]["mean"] == pytest.approx(0.216)
    assert heldout["families"]["cognitive"]["cue_remap"]["mean"] == pytest.approx(0.144)
    for team in ("self_play", "heldout", "cross_play"):
        assert cas(results, "random", team) == 0.0
        assert cas(results, "oracle", team) == 1.0


def test_arms_that_do_not_learn_are_the_same_in_cross_play(results: dict[str, Any]) -> None:
    crossed = results["teams"]["cross_play"]
    assert crossed["scores"]["reader"] == results["scores"]["reader"]
    assert crossed["scores"]["cognitive"] != results["scores"]["cognitive"]
    assert set(results["cross_play"]) == {"ippo_gru", "cognitive"}


def test_the_matrix_has_the_home_seed_in_rows_and_the_partner_in_columns(
    results: dict[str, Any],
) -> None:
    # .7, .72, .74 with copies of oneself, and .1 less for each step between seeds.
    matrix = results["cross_play"]["cognitive"]
    assert matrix["seeds"] == [0, 1, 2]
    expected = [[0.7, 0.6, 0.5], [0.62, 0.72, 0.62], [0.54, 0.64, 0.74]]
    assert np.array(matrix["level"]) == pytest.approx(np.array(expected))
    # The means are in the file, and come out again for those of before.
    assert matrix["with_copies"] == pytest.approx(0.72)
    assert matrix["with_another"] == pytest.approx((0.6 + 0.5 + 0.62 + 0.62 + 0.54 + 0.64) / 6)
    assert matrix["gap"] == matrix["with_copies"] - matrix["with_another"]
    table = next(one for one in team_tables(results) if one.title.startswith("Cross-play"))
    changed = {arm: one | {"gap": 9.0} for arm, one in results["cross_play"].items()}
    before = {arm: {k: one[k] for k in ("seeds", "level")} for arm, one in changed.items()}
    for cross_play, gap in ((changed, 9.0), (before, matrix["gap"])):
        again = next(
            one
            for one in team_tables(results | {"cross_play": cross_play})
            if one.title == table.title
        )
        (row,) = (row for row in again.rows if row[0] == "cognitive")
        assert isinstance(row[3], Mapping) and row[3]["mean"] == gap


def test_a_missing_run_leaves_gaps_in_the_matrix_and_nothing_else(
    found: Found, tmp_path: Path
) -> None:
    without = {name: dict(cells) for name, cells in found.items() if name != "cognitive-s1"}
    for cells in without.values():
        cells.pop(f"{beside(1)}/none", None)
    results = make_results(TEAMS, without, {"cognitive-s1": "lost"}, tmp_path)
    level = results["cross_play"]["cognitive"]["level"]
    assert level[1] == [None] * 3
    assert [row[1] for row in level] == [None] * 3
    assert (level[0][2], level[2][0]) == pytest.approx((0.5, 0.54))
    assert set(results["teams"]["cross_play"]["overall"]["cognitive"]["cas"]["runs"]) == {"0", "2"}
    draw_cross_play(results)


def test_a_lesion_costs_what_it_takes_of_the_level_after_the_shift(results: dict[str, Any]) -> None:
    # Half of .28, .288, .296 after cue_remap; a tenth of .7, .72, .74 without any shift.
    lesions = results["lesions"]
    cleared = lesions["cognitive"]["memory_cleared"]
    assert cleared[REMAP.name]["runs"] == pytest.approx({"0": 0.14, "1": 0.144, "2": 0.148})
    assert (cleared[REMAP.name]["low"], cleared[REMAP.name]["high"]) == pytest.approx((0.14, 0.148))
    assert cleared[SWAP.name]["mean"] == pytest.approx(0.288)
    assert cleared["none"]["mean"] == pytest.approx(0.072)
    assert cleared["all shifts"]["mean"] == pytest.approx((0.144 + 0.288) / 2)
    assert lesions["cognitive"]["shuffled"][REMAP.name]["mean"] == pytest.approx(0.3 * 0.288)
    assert lesions["cognitive"]["shuffled"]["none"]["mean"] == pytest.approx(0.0)
    # Only arms that have something to lose are there.
    assert set(lesions) == {"ippo_gru", "cognitive"}
    assert set(lesions["ippo_gru"]) == {"memory_cleared"}


def test_continued_training_stands_beside_what_is_done_in_context(results: dict[str, Any]) -> None:
    # .288 in context; 1.5 of it after training went on; both from a twin at .72.
    continued = results["continued"]
    assert (continued["steps"], continued["shift"]) == (1000, REMAP.name)
    cognitive = continued["arms"]["cognitive"]
    assert cognitive["aurc"]["before"]["mean"] == pytest.approx(0.288)
    assert cognitive["aurc"]["after"]["mean"] == pytest.approx(0.432)
    assert cognitive["deficit"]["before"]["mean"] == pytest.approx(0.432)
    assert cognitive["deficit"]["after"]["mean"] == pytest.approx(0.288)
    assert set(continued["arms"]) == {"ippo_gru", "cognitive"}


def test_with_tests_overall_five_seeds_can_pass_holm_in_both_teams(tmp_path: Path) -> None:
    comparison = replace(TEAMS, seeds=(0, 1, 2, 3, 4))
    results = make_results(comparison, make_team_cells(comparison), {}, tmp_path)
    # One pair, two measures, self-play and held-out partners; 4 * 2 / C(10, 5) = 8 / 252.
    tested = [(e["team"], e["shift"], e["measure"]) for e in results["contrasts"]]
    assert tested == [
        (team, "all shifts", measure)
        for team in ("self_play", "heldout")
        for measure in ("aurc", "deficit")
    ]
    for entry in results["contrasts"]:
        assert entry["p_holm"] == entry["p_reachable"] == pytest.approx(8 / 252)
    # Untested: two shifts in each of the two, all three scopes in cross-play, on two measures.
    assert len(results["differences"]) == 2 * (2 + 2 + 3)
    assert all("p_value" not in entry for entry in results["differences"])
    assert results["tested"] == (
        "Tested: cognitive - ippo_gru, on level (AURC) and deficit, on all shifts together, in "
        "self_play and heldout. The shifts: cue_remap 1, partner_swap 0.3 (met in training). All "
        "other differences are given as intervals, without a p."
    )


def test_the_headline_carries_self_play_and_held_out_partners(results: dict[str, Any]) -> None:
    alone, beside_partners = results["headline"].split(" Beside held-out partners, ")
    assert alone.startswith("cognitive against ippo_gru (all shifts, 3 seeds each): CAS 0.43 [")
    assert beside_partners.startswith("cognitive against ippo_gru (all shifts, 3 seeds each): CAS")
    # Half of .43 and of .31.
    assert "CAS 0.21 [" in beside_partners or "CAS 0.22 [" in beside_partners
    assert "In level, no difference was shown (p = 0.400" in beside_partners
    assert any(", heldout, deficit:" in line for line in results["not_significant"])


def test_the_page_and_the_pictures_show_it_all(results: dict[str, Any]) -> None:
    assert json.loads(json.dumps(results, allow_nan=False)) == results
    pictures = draw_teams(results)
    assert pictures["cross_play.png"].startswith(b"\x89PNG")
    titles = [section.title for section in team_tables(results)]
    assert titles[:2] == ["In teams: CAS", "In teams: deficit"]
    assert titles[2:4] == ["Over all shifts, cross_play", "Over all shifts, heldout"]
    assert len(titles) == 8
    stand_ins = dict.fromkeys(("scores.png", "recovery_cue_remap_1.png"), b"") | pictures
    page = make_page(results, stand_ins)
    for words in (*titles, "Differences that are not tested", "memory_cleared"):
        assert words in page
    for section in team_tables(results):
        assert all(len(row) == len(section.header) for row in section.rows)


def test_what_must_stand_beside_cas_stands_beside_it_in_each_team(results: dict[str, Any]) -> None:
    (table,) = (one for one in team_tables(results) if one.title == "Over all shifts, heldout")
    assert list(table.header) == [
        *("arm", "AURC, cue_remap", "AURC, partner_swap", "worst family", "worst-off", "Gini")
    ]
    (row,) = (row for row in table.rows if row[0] == "cognitive")
    heldout = results["teams"]["heldout"]
    assert row[1] == heldout["families"]["cognitive"]["cue_remap"]
    assert row[3:] == [
        heldout["overall"]["cognitive"][name] for name in ("worst_family", "worst_off", "gini")
    ]


def test_results_of_earlier_versions_have_no_such_sections(results: dict[str, Any]) -> None:
    added = ("teams", "cross_play", "lesions", "continued", "differences", "tested")
    earlier = {key: value for key, value in results.items() if key not in added}
    earlier["contrasts"] = [
        {key: value for key, value in entry.items() if key != "team"}
        for entry in results["contrasts"]
    ]
    assert list(team_tables(earlier)) == []
    assert draw_teams(earlier) == {}
    assert "In teams" not in make_page(earlier, {"scores.png": b""})


def test_the_command_says_the_teams() -> None:
    from empathy_loop.train.comparisons import load_comparison
    from empathy_loop.train.config import parse_assignments

    asked = load_comparison(
        "adaptability", {"teams": ["self_play"], "lesions": [], "tests": "each"}
    )
    words = command_of(asked).split(" --set ")
    assert 'teams=["self_play"]' in " ".join(words)
    again = load_comparison(
        "adaptability", {"lesions": []} | parse_assignments(['teams=["self_play"]', 'tests="each"'])
    )
    assert again == asked
