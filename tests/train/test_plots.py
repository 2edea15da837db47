"""The pictures show the numbers of the results, and cope with numbers that are missing."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from made_cells import MADE, REMAP, SWAP, make_cells, write_logs
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure

from empathy_loop.train.beliefs import SOURCES
from empathy_loop.train.plots import (
    COLOURS,
    SOURCE_COLOURS,
    STYLE,
    colours_of,
    draw_all,
    draw_calibration,
    draw_learning,
    draw_profiles,
    draw_recovery,
    draw_reliability,
    draw_scores,
    recovery_file,
    reliability_picture,
)
from empathy_loop.train.profiles import make_profiles, profiles_of
from empathy_loop.train.results import make_results

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("made")
    write_logs(MADE, folder)
    return make_results(MADE, make_cells(MADE), {}, folder)


@pytest.fixture
def results(made: dict[str, Any]) -> dict[str, Any]:
    """Return a copy that a test may change."""
    return copy.deepcopy(made)


def lines_of(axes: Axes, colour: str) -> list[tuple[list[float], list[float]]]:
    return [
        (np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist())
        for line in axes.lines
        if line.get_color() == colour
    ]


def bands(figure: Figure) -> int:
    return sum(isinstance(one, PolyCollection) for one in figure.axes[0].collections)


def test_every_picture_is_a_png_under_its_name(results: dict[str, Any]) -> None:
    pictures = draw_all(results)
    assert set(pictures) == {
        "scores.png",
        "profiles.png",
        "reliability.png",
        "learning.png",
        "recovery_cue_remap_1.png",
        "recovery_partner_swap_0.3.png",
    }
    assert all(content.startswith(PNG) for content in pictures.values())


def test_the_same_results_give_the_same_bytes(results: dict[str, Any]) -> None:
    assert draw_all(results) == draw_all(results)


def test_scores_show_seeds_mean_and_interval_of_every_arm(results: dict[str, Any]) -> None:
    figure = draw_scores(results)
    assert len(figure.axes) == 4
    panel = figure.axes[0]
    assert (
        panel.get_title(loc="left") or panel.get_title() == f"{REMAP.name}: level after it (AURC)"
    )
    score = results["scores"]["cognitive"][REMAP.name]["aurc"]
    seeds, interval, mean = lines_of(panel, colours_of(results)["cognitive"])
    assert seeds[0] == list(score["runs"].values())
    assert interval[0] == [score["low"], score["high"]]
    assert mean[0] == [score["mean"]]
    labels = [label.get_text() for label in panel.get_yticklabels()]
    assert labels == [arm["name"] for arm in results["arms"]][::-1]
    # The row of the labels is the row of the dots.
    assert set(mean[1]) == {labels.index("cognitive")}


def test_an_arm_without_scores_keeps_its_row_and_shows_nothing(results: dict[str, Any]) -> None:
    del results["scores"]["cognitive"]
    results["scores"]["ippo_gru"][REMAP.name]["aurc"]["mean"] = None
    panel = draw_scores(results).axes[0]
    assert len(panel.get_yticklabels()) == 5
    for arm in ("cognitive", "ippo_gru"):
        assert lines_of(panel, colours_of(results)[arm]) == []


def test_recovery_curves_show_the_levels_and_break_at_the_shift(results: dict[str, Any]) -> None:
    axes = draw_recovery(results, REMAP.name).axes[0]
    curves = results["recovery"][REMAP.name]
    curve = curves["arms"]["cognitive"]
    before, twin_before, after, twin_after = lines_of(axes, colours_of(results)["cognitive"])
    assert max(before[0]) == -1
    assert min(after[0]) == 0
    assert before[0] + after[0] == curves["offset"]
    for drawn, name in (((before, after), "mean"), ((twin_before, twin_after), "twin")):
        values = drawn[0][1] + drawn[1][1]
        expected = [np.nan if value is None else value for value in curve[name]]
        assert np.array_equal(values, expected, equal_nan=True)
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["reader", "ippo_gru", "cognitive"]


def test_what_few_worlds_come_to_does_not_flatten_the_curves_of_the_others(
    results: dict[str, Any],
) -> None:
    curve = results["recovery"][SWAP.name]["arms"]["cognitive"]
    lowest = min(value for value in curve["mean"] if value is not None)
    curve["mean"][0], curve["low"][0] = -40.0, -90.0
    low, high = draw_recovery(results, SWAP.name).axes[0].get_ylim()
    assert -3.0 < low < min(lowest, 0.0) + 0.05 and 1.0 < high < 3.0


def test_unknown_points_are_gaps(results: dict[str, Any]) -> None:
    curve = results["recovery"][SWAP.name]["arms"]["cognitive"]
    for name in ("mean", "low", "high", "twin"):
        curve[name][-1] = None
    axes = draw_recovery(results, SWAP.name).axes[0]
    _, _, after, _ = lines_of(axes, colours_of(results)["cognitive"])
    assert np.isnan(after[1][-1])
    assert draw_all(results)[recovery_file(SWAP.name)].startswith(PNG)


def test_learning_curves_show_every_seed_and_the_references(results: dict[str, Any]) -> None:
    figure = draw_learning(results)
    axes = figure.axes[0]
    curve = results["learning"]["cognitive"]
    drawn = lines_of(axes, colours_of(results)["cognitive"])
    assert [y for _, y in drawn] == [*curve["runs"], curve["mean"]]
    assert drawn[0][0] == [step / 1e6 for step in curve["steps"]]
    for arm, welfare in results["references"].items():
        assert [y for _, y in lines_of(axes, COLOURS[arm])] == [[welfare, welfare]]
    assert bands(figure) == 2


def test_a_single_seed_is_drawn_without_a_band(results: dict[str, Any]) -> None:
    for curve in results["learning"].values():
        curve["low"] = curve["high"] = None
    for curve in results["recovery"][REMAP.name]["arms"].values():
        curve["low"] = curve["high"] = None
    assert bands(draw_learning(results)) == 0
    assert bands(draw_recovery(results, REMAP.name)) == 0
    for found in results["scores"].values():
        for score in found[REMAP.name].values():
            score["low"] = score["high"] = None
    panel = draw_scores(results).axes[0]
    assert len(lines_of(panel, colours_of(results)["cognitive"])) == 2
    assert not any(isinstance(one, PathCollection) for one in panel.collections)


def test_what_was_not_trained_or_scored_has_no_picture(results: dict[str, Any]) -> None:
    results["learning"] = {}
    del results["reliability"], results["profiles"]
    results["recovery"][REMAP.name]["arms"] = {}
    results["shifts"][0]["scored"] = results["shifts"][1]["scored"] = False
    assert set(draw_all(results)) == {"scores.png", "recovery_partner_swap_0.3.png"}


def test_an_arm_has_one_colour_and_shares_it_with_no_other(results: dict[str, Any]) -> None:
    colours = colours_of(results)
    used = [colours[arm["name"]] for arm in results["arms"]]
    assert len(set(used)) == len(used)


def test_nothing_finished_can_be_drawn(tmp_path: Path) -> None:
    assert set(draw_all(make_results(MADE, {}, {}, tmp_path))) == {"scores.png"}


def test_profiles_are_the_shares_of_the_results_and_fall_between_the_scores(
    results: dict[str, Any],
) -> None:
    profiles = profiles_of(results)
    assert profiles is results["profiles"]
    thresholds = np.array(profiles["thresholds"])
    # cognitive: .28, .288, .296 after cue_remap, .56, .576, .592 after the swap.
    share = np.array(profiles["arms"]["cognitive"]["mean"])
    assert (share[thresholds < 0.28] == 1.0).all()
    assert (share[(thresholds > 0.297) & (thresholds < 0.559)] == 0.5).all()
    assert (share[thresholds > 0.593] == 0.0).all()
    assert profiles["arms"].keys() == {"reader", "ippo_gru", "cognitive"}
    axes = draw_profiles(results, profiles).axes[0]
    ((x, y),) = lines_of(axes, colours_of(results)["cognitive"])
    assert (x, y) == (profiles["thresholds"], profiles["arms"]["cognitive"]["mean"])


def test_an_arm_of_which_a_score_is_missing_has_no_profile(results: dict[str, Any]) -> None:
    results["scores"]["cognitive"][REMAP.name]["aurc"]["runs"]["1"] = None
    assert make_profiles(results)["arms"].keys() == {"reader", "ippo_gru"}
    results["scores"]["ippo_gru"][REMAP.name]["aurc"]["runs"] = {}
    for shift in results["shifts"]:
        shift["scored"] = shift["name"] == REMAP.name
    assert make_profiles(results)["arms"].keys() == {"reader"}


def test_profiles_that_a_file_lacks_are_made_from_its_scores(results: dict[str, Any]) -> None:
    found = results.pop("profiles")
    assert profiles_of(results) == found
    assert "profiles.png" in draw_all(results)


def test_the_calibration_of_an_arm_is_that_of_its_belief_or_else_of_its_probe(
    results: dict[str, Any],
) -> None:
    figure = draw_calibration(results)
    assert [axes.get_title() for axes in figure.axes] == ["self play", "train", "heldout"]
    legend = figure.axes[-1].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["ippo_gru (probe)", "cognitive"]
    ((x, y),) = lines_of(figure.axes[0], colours_of(results)["cognitive"])
    bins = results["reliability"]["cognitive"]["self_play"]["belief"]
    assert (x, y) == (bins["mean_p"], bins["share_true"])


@pytest.fixture
def beliefs() -> dict[str, Any]:
    """Return a report on beliefs with two kinds of partners and two sources, and empty bins."""
    bins = {"mean_p": [0.1, None, 0.9], "share_true": [0.2, None, 0.8], "num_entries": [30, 0, 10]}
    return {
        partners: {source: {"reliability": copy.deepcopy(bins)} for source in ("probe", "filter")}
        for partners in ("self_play", "heldout")
    }


def test_a_reliability_diagram_shows_every_bin_of_every_source(beliefs: dict[str, Any]) -> None:
    beliefs["heldout"]["probe"]["reliability"]["share_true"][0] = 0.3
    figure = draw_reliability(beliefs)
    assert [axes.get_title() for axes in figure.axes] == ["self play", "heldout"]
    for axes, first in zip(figure.axes, (0.2, 0.3), strict=True):
        diagonal, probe, filtered = axes.lines
        assert np.asarray(diagonal.get_xdata()).tolist() == [0, 1]
        assert np.array_equal(probe.get_ydata(), [first, np.nan, 0.8], equal_nan=True)
        assert np.array_equal(filtered.get_xdata(), [0.1, np.nan, 0.9], equal_nan=True)
        assert filtered.get_color() == SOURCE_COLOURS["filter"]
        dots = [one for one in axes.collections if isinstance(one, PathCollection)]
        areas = np.asarray(dots[0].get_sizes()) - 4.0
        # 30 and 10 of 40 entries.
        assert areas[0] == pytest.approx(3 * areas[2])
    legend = figure.axes[-1].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["probe", "filter"]


def overlaps(figure: Figure) -> bool:
    """Return whether a legend lies on a panel, once a figure is laid out."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    legends = [axes.get_legend() for axes in figure.axes]
    boxes = [one.get_window_extent() for one in legends if one is not None]
    assert boxes
    return any(box.overlaps(axes.get_window_extent()) for box in boxes for axes in figure.axes)


def test_no_legend_lies_on_a_curve(results: dict[str, Any], beliefs: dict[str, Any]) -> None:
    with mpl.rc_context(STYLE):
        figures = [
            draw_learning(results),
            draw_recovery(results, REMAP.name),
            draw_profiles(results, results["profiles"]),
            draw_calibration(results),
            draw_reliability(beliefs),
        ]
        assert [overlaps(figure) for figure in figures] == [False] * 5


def test_a_reliability_picture_is_a_png(beliefs: dict[str, Any]) -> None:
    picture = reliability_picture(beliefs)
    assert picture.startswith(PNG)
    assert reliability_picture(beliefs) == picture


def test_every_source_has_a_colour() -> None:
    assert SOURCE_COLOURS.keys() == SOURCES.keys()
    assert len(set(SOURCE_COLOURS.values())) == len(SOURCES)
