"""A comparison as a web page that needs nothing but itself."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from empathy_loop.train.files import write_bytes, write_text
from empathy_loop.train.plots import draw_all, recovery_file
from empathy_loop.train.results import MEASURES

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
  th { font-weight: 600; color: #46494f; border-bottom: 2px solid #c9cacd; }
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
    pictures = draw_all(results)
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
        *_recovery(results, pictures),
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


def format_score(score: Mapping[str, Any] | None, digits: int = 2) -> tuple[str, str]:
    """Return a mean and its interval as text, each empty where it is not known."""
    if score is None or score["mean"] is None:
        return "", ""
    mean = f"{score['mean']:.{digits}f}"
    if score["low"] is None or score["low"] == score["high"]:
        return mean, ""
    return mean, f"[{score['low']:.{digits}f}, {score['high']:.{digits}f}]"


def _scores(results: Mapping[str, Any], pictures: Mapping[str, bytes]) -> Iterable[str]:
    yield "<h2>Who adapts</h2>"
    yield _picture(pictures, "scores.png", "The dot is the mean over seeds, the line its interval.")
    for shift in results["shifts"]:
        origin = "met in training" if shift["trained"] else "held out of training"
        yield f"<h2>{escape(shift['name'])} <span class='small'>({origin})</span></h2>"
        header = ["arm", "seeds", *(measure.title for measure in MEASURES.values())]
        rows = []
        for arm in results["arms"]:
            scores = results["scores"].get(arm["name"])
            if scores is None:
                continue
            found = scores[shift["name"]]
            cells = [
                _cell(*format_score(found.get(name), m.digits)) for name, m in MEASURES.items()
            ]
            rows.append([escape(arm["name"]), str(arm["seeds"]), *cells])
        yield _table(header, rows)
    yield "<ul class='small'>"
    yield from (f"<li><b>{m.title}</b>: {escape(m.meaning)}</li>" for m in MEASURES.values())
    yield f"</ul><p class='small'>{escape(results['intervals'])}</p>"


def _contrasts(results: Mapping[str, Any]) -> Iterable[str]:
    if not results["contrasts"]:
        return
    yield "<h2>Is the difference real?</h2>"
    header = ["arms", "shift", "measure", "difference", "P(improvement)", "p", "p, Holm"]
    rows = [
        [
            escape(f"{entry['claim']} - {entry['baseline']}"),
            escape(entry["shift"]),
            MEASURES[entry["measure"]].title,
            _cell(*format_score(entry["difference"])),
            _cell(*format_score(entry["p_improvement"])),
            f"{entry['p_value']:.3f}",
            f"{entry['p_holm']:.3f}",
        ]
        for entry in results["contrasts"]
    ]
    yield _table(header, rows)
    yield from _list("What was not significant", results["not_significant"])


def _recovery(results: Mapping[str, Any], pictures: Mapping[str, bytes]) -> Iterable[str]:
    yield "<h2>Around the shift</h2>"
    for shift in results["shifts"]:
        yield _picture(pictures, recovery_file(shift["name"]), "")


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
