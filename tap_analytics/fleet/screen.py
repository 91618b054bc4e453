"""What a terminal shows of a fleet, drawn by rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tap_analytics.fleet.fleet_progress import RUNNING
from tap_analytics.fleet.history import FAILED, LOADED, STAGED, WAITING
from tap_analytics.report.report import duration, time_left

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tap_analytics.fleet.fleet_progress import FleetProgress

BAR_WIDTH = 30
_STATES = (
    (RUNNING, "", "being read"),
    (STAGED, "", "read, being loaded"),
    (LOADED, "green", ""),
    (FAILED, "bold red", ""),
    (WAITING, "", ""),
)


def under_way(progress: FleetProgress, per_second: float) -> RenderableType:
    """Return how far a run is.

    Args:
        progress: The run's numbers.
        per_second: How many requests are sent per second at present.
    """
    line = Table.grid(padding=(0, 2))
    line.add_row(
        Text(f"{progress.done:,} of {progress.total:,} accounts", style="bold"),
        ProgressBar(max(progress.total, 1), progress.done, width=BAR_WIDTH),
        Text(_time(progress)),
    )
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim", no_wrap=True, overflow="ellipsis")
    for state, style, remark in _STATES:
        if number := progress.counts[state]:
            table.add_row(Text(state, style), Text(f"{number:,}", style), remark)
    table.add_row("rows", f"{progress.rows:,}", "")
    requests = f"{per_second:,.0f} per second"
    table.add_row("requests", f"{progress.requests:,}", requests)
    return Group(line, table)


def _time(progress: FleetProgress) -> str:
    left = progress.seconds_left
    return duration(progress.seconds) if not left else time_left(left)
