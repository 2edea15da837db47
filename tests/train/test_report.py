"""The page of a comparison shows its numbers, needs nothing but itself, and hides nothing."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from made_cells import MADE, REMAP, make_cells, write_logs

from empathy_loop.train.beliefs import QUALITIES
from empathy_loop.train.files import read_json, write_json
from empathy_loop.train.markup import TOO_FEW
from empathy_loop.train.plots import draw_all
from empathy_loop.train.report import (
    EPISODE,
    REPORT,
    SUMMARY,
    format_score,
    make_page,
    report_again,
    write_report,
)
from empathy_loop.train.results import MEASURES, OVERALL, make_results

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
NUMBER = re.compile(r"-?\d+\.\d+")


class Page(HTMLParser):
    """What a page says and refers to."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.references: list[str] = []
        self.cells: list[str] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.references += [value or "" for name, value in attributes if name in ("src", "href")]
        if tag in ("td", "th", "small"):
            self.text += " "
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
            if "td" in self.open:
                self.cells[-1] += f" {data}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a comparison with its results and its report."""
    folder = tmp_path_factory.mktemp("made")
    write_logs(MADE, folder)
    (folder / EPISODE).write_bytes(GIF)
    failures = {"ippo_gru-s9": "RuntimeError: <b>out of luck</b>"}
    write_json(folder / "results.json", make_results(MADE, make_cells(MADE), failures, folder))
    write_report(read_json(folder / "results.json"), folder)
    return folder


@pytest.fixture(scope="module")
def results(folder: Path) -> Any:
    return read_json(folder / "results.json")


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return Page((folder / REPORT).read_text(encoding="utf-8"))


def numbers_of(data: Any) -> list[float]:
    """Return every number in nested data, those in texts included."""
    if isinstance(data, dict):
        return [number for value in data.values() for number in numbers_of(value)]
    if isinstance(data, list):
        return [number for value in data for number in numbers_of(value)]
    if isinstance(data, str):
        return [float(number) for number in NUMBER.findall(data)]
    return [float(data)] if isinstance(data, int | float) else []


def page_of(comparison: Any, found: Any, folder: Path) -> Page:
    results = make_results(comparison, found, {}, folder)
    return Page(make_page(results, draw_all(results)))


def test_the_page_is_whole_and_refers_to_nothing_outside(folder: Path, page: Page) -> None:
    assert page.open == []
    assert not {"script", "link", "iframe"} & set(page.tags)
    # scores, profiles, reliability, learning, two recoveries and the episode
    assert len(page.references) == 7
    assert all(one.startswith(("data:image/png;", "data:image/gif;")) for one in page.references)
    source = (folder / REPORT).read_text(encoding="utf-8")
    assert "http" not in source
    assert "url(" not in source


def test_pictures_of_the_page_are_the_files_beside_it(folder: Path, page: Page) -> None:
    embedded = {base64.b64decode(one.partition("base64,")[2]) for one in page.references}
    files = {path.read_bytes() for path in folder.iterdir() if path.suffix in (".png", ".gif")}
    assert embedded == files - {(folder / SUMMARY).read_bytes()}


def test_every_number_of_the_tables_is_in_the_results(page: Page, results: Any) -> None:
    known = {f"{number:z.{digits}f}" for number in numbers_of(results) for digits in (1, 2, 3)}
    shown = [number for cell in page.cells for number in NUMBER.findall(cell)]
    assert len(shown) > 200
    assert set(shown) - known == set()
    assert set(NUMBER.findall(page.text)) - known == set()


def test_every_score_of_the_results_is_on_the_page(page: Page, results: Any) -> None:
    for arm in results["scores"]:
        for shift in results["shifts"]:
            for name, measure in MEASURES.items():
                mean, beside = format_score(
                    results["scores"][arm][shift["name"]][name], measure.digits
                )
                assert any(cell.split() == f"{mean} {beside}".split() for cell in page.cells)
    for entry in results["contrasts"]:
        assert f" {entry['p_holm']:.3f}" in page.cells


def test_what_is_known_of_needs_has_a_row_for_each_arm_source_and_kind_of_partners(
    page: Page, results: Any
) -> None:
    assert "What is known of others' needs" in page.text
    for arm, found in results["beliefs"].items():
        for partners, sources in found.items():
            for source, scores in sources.items():
                cells = [
                    f"{mean} {beside}"
                    for mean, beside in (format_score(scores[name], 3) for name in QUALITIES)
                ]
                row = [partners, arm, source, *cells]
                wanted = [" ".join(cell.split()) for cell in row]
                shown = [" ".join(cell.split()) for cell in page.cells]
                places = range(len(shown) - len(wanted) + 1)
                assert any(shown[at : at + len(wanted)] == wanted for at in places)


def test_scores_over_all_shifts_have_a_table_of_their_own(page: Page, results: Any) -> None:
    assert "Over all shifts (cue_remap 1, partner_swap 0.3)" in page.text
    overall, families = results["overall"]["cognitive"], results["families"]["cognitive"]
    scores = [overall[name] for name in ("cas", "deficit", "worst_family")]
    scores += [*families.values(), overall["worst_off"], overall["gini"]]
    row = [
        "cognitive",
        "3 fewer than 5: a lead",
        *(" ".join(format_score(score)).strip() for score in scores),
    ]
    cells = [" ".join(cell.split()) for cell in page.cells]
    assert row in [cells[i : i + len(row)] for i in range(len(cells))]
    assert all(measure.meaning in page.text for measure in OVERALL.values())


def test_the_page_says_with_how_many_weights_each_arm_acts(page: Page, results: Any) -> None:
    sizes = {arm["name"]: arm["weights"] for arm in results["arms"] if arm["weights"]}
    assert sizes
    assert sizes.keys() <= {"ippo_gru", "cognitive"}
    (number,) = set(sizes.values())
    assert f"acts with: {number} ({', '.join(sizes)})." in page.text


def test_every_sentence_of_the_results_is_on_the_page(page: Page, results: Any) -> None:
    sentences = [
        results["headline"],
        results["intervals"],
        results["episode"],
        results["command"],
        results["fingerprint"],
        *results["limits"],
        *results["not_significant"],
    ]
    assert len(sentences) > 12
    for sentence in sentences:
        assert sentence in page.text


def test_text_from_outside_is_shown_and_not_obeyed(page: Page) -> None:
    assert "RuntimeError: <b>out of luck</b>" in page.text


def test_what_training_has_met_is_told_apart(page: Page) -> None:
    assert "cue_remap 1 (held out of training)" in page.text
    assert "partner_swap 0.3 (met in training)" in page.text


def test_a_score_is_a_mean_and_its_interval_if_it_has_one() -> None:
    score = {"mean": 0.5, "low": 0.25, "high": 1.0, "runs": {}, "note": ""}
    assert format_score(score) == ("0.50", "[0.25, 1.00]")
    assert format_score(score, 1) == ("0.5", "[0.2, 1.0]")
    assert format_score(score | {"low": None, "high": None}) == ("0.50", "")
    assert format_score(score | {"low": 0.5, "high": 0.5}) == ("0.50", "")
    assert format_score(score | {"mean": None}) == format_score(None) == ("", "")


def test_no_number_is_minus_zero() -> None:
    score = {"mean": -0.001, "low": -0.004, "high": 0.001, "runs": {}, "note": ""}
    assert format_score(score) == ("0.00", "[0.00, 0.00]")


def test_what_must_be_said_beside_a_score_is_said() -> None:
    score = {"mean": 30.0, "low": 2.0, "high": 30.0, "runs": {}, "note": "2 not within 30"}
    assert format_score(score, 0) == ("30", "[2, 30], 2 not within 30")
    assert format_score(score | {"low": None, "high": None}, 0) == ("30", "2 not within 30")


def test_runs_that_are_missing_break_nothing(tmp_path: Path) -> None:
    found = make_cells(MADE)
    for gone in (["cognitive"], ["oracle"], ["random", "oracle", "reader", "ippo_gru"]):
        rest = {name: cells for name, cells in found.items() if name.rpartition("-")[0] not in gone}
        page = page_of(MADE, rest, tmp_path)
        assert page.open == []
        assert "not scored" in page.text
    page = page_of(MADE, {}, tmp_path)
    assert page.open == []
    assert "nan" not in page.text.lower()


def test_a_single_seed_makes_a_page_without_intervals_that_says_so_in_each_row(
    tmp_path: Path,
) -> None:
    comparison = replace(MADE, seeds=(0,), shifts=(REMAP,))
    page = page_of(comparison, make_cells(comparison), tmp_path)
    assert not any("[" in cell for cell in page.cells)
    # Five arms in each of three tables, and two tests with a difference.
    assert sum(f"1 {TOO_FEW}" in " ".join(cell.split()) for cell in page.cells) == 15
    assert sum(TOO_FEW in cell for cell in page.cells) == 17


def test_a_score_that_one_of_several_seeds_has_is_said_to_have_no_interval() -> None:
    score = {"mean": 0.5, "low": None, "high": None, "runs": {"0": 0.5, "1": None}, "note": "n"}
    assert format_score(score) == ("0.50", f"n, {TOO_FEW}")


def test_the_report_is_made_again_from_the_results_alone(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "mine.json"
    copy.write_bytes((folder / "results.json").read_bytes())
    page = report_again(copy)
    assert page == tmp_path / "mine" / REPORT
    made, again = (one.glob("*.png") for one in (folder, tmp_path / "mine"))
    assert {one.name: one.read_bytes() for one in made} == {
        one.name: one.read_bytes() for one in again
    }
    # The episode is no part of the results.
    assert "image/gif" not in page.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match=r"mine.json is a file, and a folder is to be written"):
        report_again(copy, copy)


def test_a_page_without_contrasts_has_no_tests(tmp_path: Path) -> None:
    comparison = replace(MADE, contrasts=())
    page = page_of(comparison, make_cells(comparison), tmp_path)
    assert "Is the difference real?" not in page.text


def test_names_are_escaped(results: Any) -> None:
    source = make_page({**results, "name": "<i>x</i>", "summary": "a & b"}, _pictures())
    assert "<i>x</i>" not in source
    assert "Comparison <i>x</i>" in unescape(source)


def _pictures() -> dict[str, bytes]:
    return {"scores.png": b""}
