"""What a terminal shows of a run, drawn by rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tap_analytics.report.report import (
    COMPLETE,
    FAILED,
    counted,
    duration,
    listed_by_kind,
    more,
    of_projects,
    time_left,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tap_analytics.progress import Progress

BAR_WIDTH = 30
SLOWEST_PACE = 0.05
"""Requests per second; fewer would be shown as none."""

_OUTCOME_STYLES = {COMPLETE: "bold green", FAILED: "bold red"}


def under_way(progress: Progress, per_second: float) -> RenderableType:
    """Return how far a run is.

    Args:
        progress: The run's numbers.
        per_second: How many requests are sent per second at present.
    """
    line = Table.grid(padding=(0, 2))
    line.add_column(no_wrap=True)
    line.add_column()
    line.add_column(no_wrap=True)
    known = progress.parents_known
    line.add_row(
        Text(of_projects(progress) or "Reading", style="bold"),
        _bar(progress) if known and not progress.parents_open else "",
        Text(_time(progress)),
    )
    table = _numbers()
    for stream, rows in progress.rows.items():
        if rows or stream in progress.complete:
            _add_stream(table, progress, stream, rows)
        else:
            _add(table, stream, "", "not yet")
    _add(table, "requests", f"{progress.requests:,}", _pace(per_second))
    held = progress.held
    if held.lasts:
        limit = Text(f"for the API's limit{more(held.left)}", "yellow")
        _add(table, "waiting", duration(held.seconds), limit)
    else:
        _add_waited(table, progress)
    _add_troubles(table, progress)
    return Group(line, table)


def summed_up(progress: Progress, outcome: str) -> RenderableType:
    """Return what a run did.

    Args:
        progress: The run's numbers.
        outcome: How it ended.
    """
    total = counted(sum(progress.rows.values()), "row")
    style = _OUTCOME_STYLES.get(outcome, "bold yellow")
    headline = Text.assemble((outcome, style), f" in {duration(progress.seconds)}: ")
    headline.append(", ".join(filter(None, (total, of_projects(progress)))))
    table = _numbers()
    for stream, rows in progress.rows.items():
        if rows or stream in progress.complete:
            _add_stream(table, progress, stream, rows, unlike_done="in part")
        else:
            _add(table, stream, "", "not read")
    _add(table, "requests", f"{progress.requests:,}")
    _add_waited(table, progress)
    if progress.retries:
        _add(table, "retries", f"{progress.retries:,}")
    _add_troubles(table, progress)
    return Group(headline, table)


def _bar(progress: Progress) -> ProgressBar:
    return ProgressBar(progress.parents_known, progress.parents, width=BAR_WIDTH)


def _time(progress: Progress) -> str:
    if progress.is_read:
        return "loading"
    left = progress.seconds_left
    if left:
        return time_left(left)
    return f"for {duration(progress.seconds)} so far"


def _pace(per_second: float) -> str:
    return f"{per_second:.1f} per second" if per_second >= SLOWEST_PACE else ""


def _numbers() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column()
    return table


def _add(table: Table, what: str, number: str | Text, remark: str | Text = "") -> None:
    if isinstance(remark, str):
        remark = Text(remark, "dim")
    remark.no_wrap, remark.overflow = True, "ellipsis"  # It is what gives way.
    table.add_row(what, number, remark)


def _add_stream(
    table: Table, progress: Progress, stream: str, rows: int, unlike_done: str = ""
) -> None:
    done = "done" if stream in progress.complete else unlike_done
    remark = ", ".join(filter(None, (done, progress.origins.get(stream))))
    _add(table, stream, Text(f"{rows:,}", "bold"), remark)


def _add_waited(table: Table, progress: Progress) -> None:
    if seconds := progress.held.seconds:
        _add(table, "waited", duration(seconds), "for the API's limit")


def _add_troubles(table: Table, progress: Progress) -> None:
    if progress.went_on_since:
        what = ", ".join(("projects", *progress.streams_skipped))
        began = f"{what} of the read that began {progress.went_on_since}"
        _add(table, "skipped", f"{progress.parents_skipped:,}", began)
    if progress.gone:
        _add(table, "vanished", f"{len(progress.gone):,}", "projects")
    if warnings := sum(progress.warnings.values()):
        _add(table, "warnings", f"{warnings:,}", listed_by_kind(progress.warnings))
