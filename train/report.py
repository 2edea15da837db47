"""A comparison as a web page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from empathy_loop.train.files import check_out, write_bytes, write_text
from empathy_loop.train.markup import format_score
from empathy_loop.train.plots import draw_all
from empathy_loop.train.plots_sweeps import draw_sweeps
from empathy_loop.train.plots_teams import draw_teams
from empathy_loop.train.results_file import read_results
from empathy_loop.train.sections import EPISODE, SECTIONS
from empathy_loop.train.summary import draw_summary

__all__ = [
    "EPISODE",
    "REPORT",
    "SUMMARY",
    "format_score",
    "make_page",
    "report_again",
    "write_report",
]

REPORT, SUMMARY = "report.html", "report.png"

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
  th:first-child, td:first-child { text-align: left; white-space: normal; }
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


def write_report(results: Mapping[str, Any], folder: Path, source: Path | None = None) -> Path:
    """Write report.html, report.png and the pictures of the page from the results alone.

    Args:
        results: As `train.schema` documents them.
        folder: Where.
        source: Folder of the comparison, if it is another; the page shows its episode.gif, where
            there is one.

    Returns:
        The path of the page.

    Raises:
        OSError: a file cannot be written.
    """
    pictures = draw_all(results) | draw_teams(results) | draw_sweeps(results)
    for name, content in pictures.items():
        write_bytes(folder / name, content)
    write_bytes(folder / SUMMARY, draw_summary(results))
    animated = (source or folder) / EPISODE
    if animated.exists():
        pictures[EPISODE] = animated.read_bytes()
    return write_text(folder / REPORT, make_page(results, pictures))


def make_page(results: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    """Return the page.

    Args:
        results: As `train.schema` documents them.
        pictures: File name to PNG or GIF; embedded.
    """
    return PAGE.substitute(
        title=escape(f"Comparison {results['name']}"),
        summary=escape(results["summary"]),
        headline=escape(results["headline"]),
        body="\n".join(part for section in SECTIONS for part in section(results, pictures)),
    )


def report_again(source: Path, out: Path | None = None) -> Path:
    """Write the report of a comparison that is there already.

    Args:
        source: Folder of a comparison, or a file with its results.
        out: Where; None for that folder, or for one beside the file with its name.

    Returns:
        The path of the page.

    Raises:
        ValueError: these are no results of a comparison; the message names the key. Or no folder
            can be made where the report is to go.
        OSError: a file cannot be written.
    """
    results = read_results(source)
    folder = source if source.is_dir() else source.parent
    beside = source if source.is_dir() else source.with_suffix("")
    target = beside if out is None else out
    check_out(target, is_folder=True)
    return write_report(results, target, folder)
