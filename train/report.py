"""A comparison as a web page that needs nothing but itself."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from empathy_loop.train.beliefs import PARTNERS, QUALITIES, SOURCES
from empathy_loop.train.contrasts import scope_of
from empathy_loop.train.files import write_bytes, write_text
from empathy_loop.train.notes import format_score
from empathy_loop.train.plots import draw_all, recovery_file
from empathy_loop.train.plots_teams import draw_teams
from empathy_loop.train.results import MEASURES, OVERALL, Measure
from empathy_loop.train.team_sections import Section, difference_sections, team_sections

REPORT = "report.html"
EPISODE = "episode.gif"

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
  body { font: 16px/1.55 system-ui, sans-serif; color: #1d1d1f; background: #fff;
         max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
  h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .25rem; }
  h2 { font-size: 1.15rem; margin: 2.75rem 0 .6rem; }
  .summary, figcaption, .small { color: #62656b; font-size: .92rem; }
  .headline { font-size: 1.13rem; border-left: 4px solid #2f6db3; padding: .2rem 0 .2rem 1rem;
              margin: 1.5rem 0; }
  .scroll { overflow-x: auto; }
  table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums;
          width: 100%; margin: .4rem 0 .2rem; }
  th, td { text-align: right; padding: .38rem .6rem; border-bottom: 1px solid #e8e8ea;
           white-space: nowrap; vertical-align: top; }
  th { font-weight: 600; color: #46494f; border-bottom: 2px solid #c9cacd; white-space: normal; }
  th:first-child, td:first-child { text-align: left; }
  td small { display: block; color: #7a7d83; }
  figure { margin: 1rem 0 1.5rem; }
  img { max-width: 100%; height: auto; }
  img.episode { image-rendering: auto; border: 1px solid #e8e8ea; border-radius: 6px; }
  code, pre { font: .88rem/1.5 ui-monospace, monospace; background: #f5f5f7; border-radius: 5px; }
  code { padding: .1em .35em; } pre { padding: .8rem 1rem; overflow-x: auto; }
  li { margin: .3rem 0; }
</style>
</head>
<body>
<h1>$title</h1>
<p class="summary">$summary</p>
<p class="headline">$headline</p>
$body
</body>
</html>
""")


def write_report(results: Mapping[str, Any], folder: Path) -> Path:
    """Write report.html and its pictures from the results alone.

    Args:
        results: As `train.results` documents them.
        folder: Where; if it holds episode.gif, the page shows it.

    Returns:
        The path of the page.

    Raises:
        OSError: a file cannot be written.
    """
    pictures = draw_all(results) | draw_teams(results)
    for name, content in pictures.items():
        write_bytes(folder / name, content)
    episode = folder / EPISODE
    if episode.exists():
        pictures[EPISODE] = episode.read_bytes()
    return write_text(folder / REPORT, make_page(results, pictures))


def make_page(results: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    """Return the page.

    Args:
        results: As `train.results` documents them.
        pictures: File name to PNG or GIF; embedded.
    """
    body = [
        *_scores(results, pictures),
        *_contrasts(results),
        *_sections(team_sections(results), pictures),
        *_recovery(results, pictures),
        *_beliefs(results),
        *_learning(pictures),
        *_episode(results, pictures),
        *_failures(results),
        *_list("Assumptions and limits", results["limits"]),
        *_reproduction(results),
    ]
    return PAGE.substitute(
        title=escape(f"Comparison {results['name']}"),
        summary=escape(results["summary"]),
        headline=escape(results["headline"]),
        body="\n".join(body),
    )


def _scores(results: Mapping[str, Any], pictures: Mapping[str, bytes]) -> Iterable[str]:
    yield "<h2>Who adapts</h2>"
    yield _picture(pictures, "scores.png", "The dot is the mean over seeds, the line its interval.")
    yield from _overall(results)
    for shift in results["shifts"]:
        origin = "met in training" if shift["trained"] else "held out of training"
        yield f"<h2>{escape(shift['name'])} <span class='small'>({origin})</span></h2>"
        scores = {arm: found[shift["name"]] for arm, found in results["scores"].items()}
        for is_normalised in (True, False):
            measures = {n: m for n, m in MEASURES.items() if m.is_normalised == is_normalised}
            yield _score_table(results, scores, measures)
    yield _meanings(MEASURES)
    yield f"<p class='small'>{escape(results['intervals'])}</p>"


def _overall(results: Mapping[str, Any]) -> Iterable[str]:
    names = [shift["name"] for shift in results["shifts"] if shift["scored"]]
    if not names:
        return
    yield f"<h2>Over all shifts <span class='small'>({escape(', '.join(names))})</span></h2>"
    families = {
        family: Measure(family, "") for found in results["families"].values() for family in found
    }
    scores = {arm: found | results["families"][arm] for arm, found in results["overall"].items()}
    main, rest = ({n: m for n, m in OVERALL.items() if m.is_normalised == i} for i in (True, False))
    yield _score_table(results, scores, {**main, **families, **rest})
    yield _meanings({**OVERALL, "family": Measure("shift family", "mean AURC on it")})


def _score_table(
    results: Mapping[str, Any],
    scores: Mapping[str, Mapping[str, Any]],
    measures: Mapping[str, Measure],
) -> str:
    """Return a table with a row for each arm that has scores."""
    header = ["arm", "seeds", *(escape(measure.title) for measure in measures.values())]
    rows = [
        [
            escape(arm["name"]),
            str(arm["seeds"]),
            *(
                _cell(*format_score(scores[arm["name"]].get(name), measure.digits))
                for name, measure in measures.items()
            ),
        ]
        for arm in results["arms"]
        if arm["name"] in scores
    ]
    return _table(header, rows)


def _meanings(measures: Mapping[str, Measure]) -> str:
    items = (f"<li><b>{escape(m.title)}</b>: {escape(m.meaning)}</li>" for m in measures.values())
    return f"<ul class='small'>{''.join(items)}</ul>"


def _contrasts(results: Mapping[str, Any]) -> Iterable[str]:
    if not results["contrasts"]:
        return
    yield "<h2>Is the difference real?</h2>"
    header = ["arms", "shift", "measure", "difference", "P(improvement)", "p", "p, Holm"]
    rows = [
        [
            escape(f"{entry['claim']} - {entry['baseline']}"),
            escape(scope_of(entry)),
            MEASURES[entry["measure"]].title,
            _cell(*format_score(entry["difference"])),
            _cell(*format_score(entry["p_improvement"])),
            f"{entry['p_value']:.3f}",
            f"{entry['p_holm']:.3f}",
        ]
        for entry in results["contrasts"]
    ]
    yield _table(header, rows)
    yield (
        "<p class='small'>The difference is of the first arm minus the second: of means over "
        "seeds, or for all shifts of interquartile means. P(improvement) is the probability that "
        "a run of the first arm does better than one of the second: U / (n m) of Mann and "
        "Whitney. p is two-sided and exact; Holm's correction is over all rows.</p>"
    )
    yield from _list("What was not significant", results["not_significant"])
    yield from _sections(difference_sections(results), {})


def _sections(sections: Iterable[Section], pictures: Mapping[str, bytes]) -> Iterable[str]:
    for section in sections:
        yield f"<h2>{escape(section.title)}</h2>"
        if section.picture in pictures:
            yield _picture(pictures, section.picture, section.caption)
        yield _table(
            [escape(name) for name in section.header],
            [
                [escape(e) if isinstance(e, str) else _cell(*format_score(e)) for e in row]
                for row in section.rows
            ],
        )
        if section.picture not in pictures:
            yield f"<p class='small'>{escape(section.caption)}</p>"


def _recovery(results: Mapping[str, Any], pictures: Mapping[str, bytes]) -> Iterable[str]:
    yield "<h2>Around the shift</h2>"
    for shift in results["shifts"]:
        if recovery_file(shift["name"]) in pictures:
            yield _picture(
                pictures,
                recovery_file(shift["name"]),
                "The band is the interval over seeds, for each step by itself. No window of the "
                "smoothing crosses the shift: before it, windows end at a step; after it, they "
                "begin there.",
            )


def _beliefs(results: Mapping[str, Any]) -> Iterable[str]:
    if not results["beliefs"]:
        return
    yield "<h2>What is known of others' needs</h2>"
    header = ["partners", "arm", "source", *(name.replace("_", " ") for name in QUALITIES)]
    rows = [
        [partners, escape(arm), source]
        + [_cell(*format_score(scores[name], 3)) for name in QUALITIES]
        for partners in PARTNERS
        for arm, found in results["beliefs"].items()
        for source, scores in found[partners].items()
    ]
    yield _table(header, rows)
    yield _meanings({n: Measure(n, what) for n, what in (PARTNERS | SOURCES | QUALITIES).items()})


def _learning(pictures: Mapping[str, bytes]) -> Iterable[str]:
    if "learning.png" in pictures:
        yield "<h2>Learning</h2>"
        yield _picture(
            pictures, "learning.png", "Thin lines are single seeds; the band is the interval."
        )


def _episode(results: Mapping[str, Any], pictures: Mapping[str, bytes]) -> Iterable[str]:
    if EPISODE in pictures:
        yield "<h2>One episode</h2>"
        yield _picture(pictures, EPISODE, results["episode"], kind="episode")


def _failures(results: Mapping[str, Any]) -> Iterable[str]:
    if results["failures"]:
        lines = [f"{name}: {reason}" for name, reason in results["failures"].items()]
        yield from _list("Runs that failed and are left out", lines)


def _reproduction(results: Mapping[str, Any]) -> Iterable[str]:
    yield "<h2>To reproduce</h2>"
    yield f"<pre>{escape(results['command'])}</pre>"
    yield (
        f"<p class='small'>empathy-loop {escape(results['version'])}, settings "
        f"<code>{escape(results['fingerprint'])}</code>. Every number of this page is in "
        "<code>results.json</code>.</p>"
    )


def _list(title: str, lines: Sequence[str]) -> Iterable[str]:
    if lines:
        yield f"<h2>{escape(title)}</h2><ul>"
        yield from (f"<li>{escape(line)}</li>" for line in lines)
        yield "</ul>"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class='scroll'><table><tr>{head}</tr>{body}</table></div>"


def _cell(mean: str, interval: str) -> str:
    return f"{mean}<small>{interval}</small>" if interval else mean


def _picture(pictures: Mapping[str, bytes], name: str, caption: str, kind: str = "") -> str:
    content = base64.b64encode(pictures[name]).decode()
    ending = name.rpartition(".")[2]
    return (
        f"<figure><img class='{kind}' alt='{escape(name)}' "
        f"src='data:image/{ending};base64,{content}'>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
