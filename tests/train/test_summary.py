"""The one-page summary shows what a comparison found, and copes with what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_cells import MADE, make_cells, write_logs
from matplotlib.figure import Figure, SubFigure
from matplotlib.table import Table
from matplotlib.text import Text

from empathy_loop.train.markup import format_score
from empathy_loop.train.measures import OVERALL
from empathy_loop.train.results import make_results
from empathy_loop.train.summary import draw_summary, summary_figure


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("made")
    write_logs(MADE, folder)
    return make_results(MADE, make_cells(MADE), {}, folder)


def texts_of(figure: Figure | SubFigure) -> list[str]:
    """Return every text of a figure, those in the cells of tables included."""
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    for table in figure.findobj(Table):
        assert isinstance(table, Table)
        texts += [cell.get_text() for cell in table.get_celld().values()]
    return [" ".join(text.get_text().split()) for text in texts]


def test_the_summary_says_the_headline_and_every_score_over_all_shifts(
    results: dict[str, Any],
) -> None:
    texts = texts_of(summary_figure(results))
    assert " ".join(results["headline"].split()) in texts
    for arm, scores in results["overall"].items():
        assert arm in texts
        for name in OVERALL:
            assert " ".join(format_score(scores[name])).strip() in texts
        for score in results["families"][arm].values():
            assert " ".join(format_score(score)).strip() in texts


def test_a_summary_of_nothing_says_so(tmp_path: Path) -> None:
    empty = make_results(MADE, {}, {}, tmp_path)
    assert draw_summary(empty).startswith(b"\x89PNG")
    assert "Over all shifts: none could be scored" in texts_of(summary_figure(empty))
