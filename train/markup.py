"""The parts that a page of results is put together from: numbers as text, tables, pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from empathy_loop.train.measures import Measure
from empathy_loop.train.notes import LEAST_SEEDS

TOO_FEW = "too few seeds for an interval"
"""What stands where an interval would, of a single seed."""


def format_score(score: Mapping[str, Any] | None, digits: int = 2) -> tuple[str, str]:
    """Return a mean as text, and its interval with what must be said beside it.

    Args:
        score: `Score` or `Estimate` of `train.schema`; may be missing.
        digits: Decimals.

    Returns:
        Two texts, each empty where there is nothing to say. An interval without a width, of an
        anchor or of runs that all say the same, tells of no spread and is left out.
    """
    if score is None or score["mean"] is None:
        return "", ""
    beside = [score["note"]] if score.get("note") else []
    known = [value for value in score.get("runs", {}).values() if value is not None]
    if score["low"] is not None and score["low"] != score["high"]:
        beside.insert(0, f"[{score['low']:z.{digits}f}, {score['high']:z.{digits}f}]")
    elif len(known) == 1 < len(score["runs"]):
        beside.append(TOO_FEW)
    return f"{score['mean']:z.{digits}f}", ", ".join(beside)


def in_words(score: Mapping[str, Any]) -> str:
    """Return a mean with its interval as one text, for a sentence; "" where it is not known."""
    mean, interval = format_score({name: score[name] for name in ("mean", "low", "high")})
    return f"{mean} {interval}".rstrip()


def describe_seeds(number: int) -> tuple[str, str]:
    """Return a number of seeds as text, and what so few of them allow to say, if it is little."""
    if number >= LEAST_SEEDS:
        return str(number), ""
    return str(number), TOO_FEW if number == 1 else f"fewer than {LEAST_SEEDS}: a lead"


def score_table(
    results: Mapping[str, Any],
    scores: Mapping[str, Mapping[str, Any]],
    measures: Mapping[str, Measure],
) -> str:
    """Return a table with a row for each arm that has scores.

    Args:
        results: As `train.schema` documents them.
        scores: Arm to name of a measure to score.
        measures: Name and description of each column.
    """
    header = ["arm", "seeds", *(escape(measure.title) for measure in measures.values())]
    rows = [
        [
            escape(arm["name"]),
            cell(*describe_seeds(arm["seeds"])),
            *(
                cell(*format_score(scores[arm["name"]].get(name), measure.digits))
                for name, measure in measures.items()
            ),
        ]
        for arm in results["arms"]
        if arm["name"] in scores
    ]
    return table(header, rows)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already."""
    head = "".join(f"<th>{name}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{one}</td>" for one in row) + "</tr>" for row in rows)
    return f"<div class='scroll'><table><tr>{head}</tr>{body}</table></div>"


def cell(mean: str, beside: str) -> str:
    """Return what `format_score` returned as the content of a cell."""
    return f"{escape(mean)}<small>{escape(beside)}</small>" if beside else escape(mean)


def meanings(measures: Mapping[str, Measure]) -> str:
    """Return a list that says what each measure is."""
    items = (f"<li><b>{escape(m.title)}</b>: {escape(m.meaning)}</li>" for m in measures.values())
    return f"<ul class='small'>{''.join(items)}</ul>"


def listing(title: str, lines: Sequence[str]) -> Iterable[str]:
    """Yield lines of text under a heading, or nothing if there are none."""
    if lines:
        yield f"<h2>{escape(title)}</h2><ul>"
        yield from (f"<li>{escape(line)}</li>" for line in lines)
        yield "</ul>"


def picture(pictures: Mapping[str, bytes], name: str, caption: str, kind: str = "") -> str:
    """Return an embedded picture with what must be said below it.

    Args:
        pictures: File name to PNG or GIF.
        name: Which of them.
        caption: Text below it.
        kind: Class of the image, for the style of the page.
    """
    content = base64.b64encode(pictures[name]).decode()
    ending = name.rpartition(".")[2]
    return (
        f"<figure><img class='{kind}' alt='{escape(name)}' "
        f"src='data:image/{ending};base64,{content}'>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
