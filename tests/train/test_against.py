"""An agent that is put beside a reference gets the scores that it would have had as an arm."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_cells import MADE, REMAP, make_cells, write_logs

from empathy_loop.agents.arm import build_network
from empathy_loop.train.actors import LearnedActor, load_actor
from empathy_loop.train.against import _play, _training_of, merge_results
from empathy_loop.train.cells import Cell
from empathy_loop.train.evaluate import run_episodes
from empathy_loop.train.plan import Comparison, plan_runs, world_of_cell
from empathy_loop.train.reference import Reference, describe_settings
from empathy_loop.train.results import make_results
from empathy_loop.train.results_file import check_results

WITHOUT = replace(MADE, arms=("ippo_gru", "cognitive"))


def by_arm(comparison: Comparison, *arms: str) -> dict[str, dict[int, dict[str, Cell]]]:
    """Return arm to seed to the cells of made levels."""
    found = make_cells(comparison)
    cells: dict[str, dict[int, dict[str, Cell]]] = {arm: {} for arm in arms}
    for run in plan_runs(comparison):
        if run.arm in cells:
            cells[run.arm][run.config.seed] = found[run.name]
    return cells


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    folder = tmp_path_factory.mktemp("made")
    write_logs(WITHOUT, folder)
    results = make_results(WITHOUT, make_cells(WITHOUT), {}, folder)
    return Reference("made", WITHOUT, describe_settings(WITHOUT)["settings"], results)


@pytest.fixture(scope="module")
def merged(reference: Reference) -> dict[str, Any]:
    return merge_results(reference, ["reader"], by_arm(MADE, "random", "reader", "oracle"))


def plain(data: Any) -> Any:
    """Return results without the ends of intervals, which are drawn."""
    if isinstance(data, dict):
        return {key: plain(one) for key, one in data.items() if key not in ("low", "high")}
    return data


def test_its_scores_are_those_of_the_whole_comparison(
    merged: dict[str, Any], tmp_path: Path
) -> None:
    whole = make_results(MADE, make_cells(MADE), {}, tmp_path)
    for part in ("scores", "overall", "families"):
        assert plain(merged[part]["reader"]) == plain(whole[part]["reader"])
    for shift in MADE.shifts:
        own, there = (data["recovery"][shift.name] for data in (merged, whole))
        assert own["offset"] == there["offset"]
        assert plain(own["arms"]["reader"]) == plain(there["arms"]["reader"])


def test_all_else_stays_what_it_was(merged: dict[str, Any], reference: Reference) -> None:
    there = reference.results
    assert [arm["name"] for arm in merged["arms"]] == [
        *("random", "ippo_gru", "cognitive", "reader", "oracle")
    ]
    for part in ("scores", "overall", "families"):
        assert {arm: one for arm, one in merged[part].items() if arm != "reader"} == there[part]
    for part in ("contrasts", "learning", "beliefs", "fingerprint", "intervals"):
        assert merged[part] == there[part]
    check_results(merged, "merged")


def test_it_is_said_where_it_stands_and_what_that_does_not_show(merged: dict[str, Any]) -> None:
    # Means of .12, .128, .136 and .24, .256, .272: CAS .19; next are random, 0, and ippo_gru.
    assert merged["headline"].startswith("reader: CAS 0.19 [")
    assert "above random (0.00) and below ippo_gru (0.3" in merged["headline"]
    assert "No test is made of reader" in " ".join(merged["limits"])
    assert merged["command"] == "empathy-loop compare --against made --agent reader"


def test_anchors_of_other_worlds_are_refused(reference: Reference) -> None:
    cells = by_arm(MADE, "random", "reader", "oracle")
    cells["oracle"][0] = {
        name: cell._replace(welfare=2.0 * cell.welfare) for name, cell in cells["oracle"][0].items()
    }
    with pytest.raises(ValueError, match="the worlds are not those of the reference made"):
        merge_results(reference, ["reader"], cells)


def test_curves_are_laid_on_the_offsets_of_the_reference(reference: Reference) -> None:
    results = dict(reference.results)
    curves = results["recovery"][REMAP.name]
    shorter = {
        "offset": curves["offset"][2:],
        "smoothing": curves["smoothing"],
        "arms": {
            arm: {name: values and values[2:] for name, values in curve.items()}
            for arm, curve in curves["arms"].items()
        },
    }
    results["recovery"] = {**results["recovery"], REMAP.name: shorter}
    cells = by_arm(MADE, "random", "reader", "oracle")
    merged = merge_results(reference._replace(results=results), ["reader"], cells)
    curve = merged["recovery"][REMAP.name]["arms"]["reader"]
    assert len(curve["mean"]) == len(shorter["offset"])
    check_results(merged, "merged")


SEATED = replace(MADE, teams=("self_play", "heldout"))


def beside_partners(cells: dict[str, Cell]) -> dict[str, Cell]:
    """Return cells with others at half of the way to random's, as if played beside partners."""
    lower = {
        f"heldout/{name}": cell._replace(welfare=1.5 * cell.welfare) for name, cell in cells.items()
    }
    return cells | lower


def test_it_is_scored_and_placed_beside_held_out_partners_too(tmp_path: Path) -> None:
    without = replace(SEATED, arms=WITHOUT.arms)
    found = {
        name: cells if name.startswith(("random", "oracle")) else beside_partners(cells)
        for name, cells in make_cells(without).items()
    }
    results = make_results(without, found, {}, tmp_path)
    seated = Reference("made", without, describe_settings(without)["settings"], results)
    cells = by_arm(SEATED, "random", "reader", "oracle")
    for seed, own in cells["reader"].items():
        cells["reader"][seed] = beside_partners(own)
    for anchor in ("random", "oracle"):
        for seed, own in cells[anchor].items():
            cells[anchor][seed] = own | {f"heldout/{name}": cell for name, cell in own.items()}
    merged = merge_results(seated, ["reader"], cells)
    whole_found = make_cells(SEATED) | found
    for seed in SEATED.seeds:
        whole_found[f"reader-s{seed}"] = cells["reader"][seed]
    whole = make_results(SEATED, whole_found, {}, tmp_path)
    for part in ("scores", "overall", "families"):
        ours, there = (data["teams"]["heldout"][part] for data in (merged, whole))
        assert plain(ours["reader"]) == plain(there["reader"])
        assert ours["reader"] != merged[part]["reader"]
        assert ours["cognitive"] == results["teams"]["heldout"][part]["cognitive"]
    assert "Beside held-out partners, reader: CAS -0." in merged["headline"]
    check_results(merged, "merged")


def test_it_plays_beside_the_partners_beside_which_the_arms_were_scored() -> None:
    short = replace(SEATED, episodes=2, world={"horizon": 16})
    twin, names = world_of_cell(plan_runs(short)[0].config.world, None), {"none", "cue_remap 1"}
    names |= {"partner_swap 0.3"}
    random = load_actor("random")
    without = Reference("made", short, {}, {})
    assert _play(random, without, 0).keys() == names
    cells = _play(random, without._replace(results={"teams": {"heldout": {}}}), 0)
    assert cells.keys() == names | {f"heldout/{name}" for name in names}
    log = run_episodes(random, twin, 2, 0, seats=("focal", "heldout", "heldout"))
    assert np.array_equal(cells["heldout/none"].welfare, log.welfare)
    assert not np.array_equal(cells["none"].welfare, log.welfare)


def trained_in(reference: Reference, **rules: Any) -> LearnedActor:
    """Return an untrained actor of the world of a reference with other rules."""
    config = plan_runs(reference.comparison)[0].config
    params = replace(config.world, **rules)
    network = build_network(config.agent, params, seed=0)
    return LearnedActor(config.agent, params, network.state_dict())


def test_a_run_that_was_trained_under_other_rules_is_refused_with_both_fingerprints(
    reference: Reference,
) -> None:
    stranger = trained_in(reference, misattuned_hurt=0.9, help_reach=1)
    with pytest.raises(
        ValueError, match=r"help_reach 1 for 2, misattuned_hurt 0\.9 for 0\.3"
    ) as no:
        _training_of("mine", stranger, reference)
    assert len(set(re.findall(r"\b[0-9a-f]{16}\b", str(no.value)))) == 2


def test_what_a_run_saw_or_met_otherwise_in_training_is_said(reference: Reference) -> None:
    assert _training_of("mine", trained_in(reference), reference) == []
    met = trained_in(reference, shift="cue_remap", show_cues=False)
    assert _training_of("mine", met, reference) == [
        "mine was trained in worlds unlike those of the arms: show_cues False for True, "
        "shift 'cue_remap' for 'partner_swap'."
    ]
