"""Draws what a terminal shows of a run, for the README.

The run is made up, by a clock that stands still, so that the pictures stay the same as
long as what is shown does.
"""
# ruff: noqa: INP001 - a script, no package

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tap_analytics.progress import Progress
from tap_analytics.report.report import COMPLETE
from tap_analytics.report.screen import summed_up, under_way

if TYPE_CHECKING:
    from rich.console import RenderableType

FOLDER = Path(__file__).parents[1] / "docs"
COMMAND = "$ tap-analytics --config config.json > messages.jsonl"
COLUMNS = 72
FONTS = re.compile(r"\s*@font-face \{[^}]*\}")

ROWS = {"clients": 12, "projects": 400, "tasks": 3200, "time_records": 12_000}
TEAM = {"time": 120, "users": 15}
SECONDS_PER_PROJECT = 0.95


def main() -> None:
    """Writes the pictures."""
    for name, svg in pictures().items():
        (FOLDER / name).write_text(svg, encoding="utf-8")


def pictures() -> dict[str, str]:
    """Returns the pictures by file name."""
    return {
        "while-it-runs.svg": _picture(
            under_way(_run(of_it=0.55), 2.1), "while-it-runs"
        ),
        "when-it-is-over.svg": _picture(
            summed_up(_run(of_it=1), COMPLETE), "when-it-is-over"
        ),
    }


def _run(of_it: float) -> Progress:
    """Returns the numbers of a run, when this part of the projects has been read."""
    now = [0.0]
    progress = Progress(lambda: now[0])
    progress.expect(sorted({*ROWS, *TEAM}))
    progress.parents_begin()
    progress.parents_seen(ROWS["projects"], more=False)
    for _ in range(round(of_it * ROWS["projects"])):
        progress.parent_read()
    for _ in range(2 * progress.parents + 4):
        progress.sent()
    with progress.held:
        now[0] = 0.9 * SECONDS_PER_PROJECT * progress.parents
    progress.wrote("clients", ROWS["clients"])
    progress.finished("clients")
    for stream in ("projects", "tasks", "time_records"):
        progress.wrote(stream, round(of_it * ROWS[stream]))
    if of_it == 1:
        for stream, rows in TEAM.items():
            progress.wrote(stream, rows)
        for stream in progress.rows:
            progress.finished(stream)
    else:
        now[0] += 0.05 * SECONDS_PER_PROJECT * progress.parents
        progress.held.until = now[0] + 7
        progress.held.__enter__()
    now[0] = SECONDS_PER_PROJECT * progress.parents
    return progress


def _picture(display: RenderableType, name: str) -> str:
    console = Console(
        width=COLUMNS,
        file=io.StringIO(),
        record=True,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
    )
    console.print(COMMAND)
    console.print(display)
    # No picture loads anything from elsewhere: any font of equal widths will do.
    svg = console.export_svg(title="", unique_id=name)
    return FONTS.sub("", svg)


if __name__ == "__main__":
    main()
