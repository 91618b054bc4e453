"""The tables, in Markdown that reads well as it is."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from importlib.metadata import version
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from goals import Goal
    from racing import Result

MB = 1e6
COMPARED = ("singer-sdk", "dlt", "msgspec")


def headline() -> str:
    """Return when and where this is measured, and how to read it."""
    packages = ", ".join(f"{name} {version(name)}" for name in COMPARED)
    return (
        f"{datetime.now(tz=timezone.utc):%Y-%m-%d}, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, {packages}. Medians; "
        "ratios are to the first of each work. dlt extracts, into compressed files."
    )


def results_table(results: Sequence[Result]) -> str:
    """Return the medians; ratios are to the first of each work."""
    head = (
        "work", "who", "runs", "wall s", "ratio", "CPU s", "ratio", "peak MB",
        "requests", "429", "written MB", "rows",
    )  # fmt: skip
    return _table(head, _result_rows(results), range(2, 11))


def _result_rows(results: Iterable[Result]) -> Iterator[tuple[str, ...]]:
    for work, group in groupby(results, key=lambda result: result.work):
        together = list(group)
        first = together[0].median
        for place, result in enumerate(together):
            took = result.median
            reads = took.requests > 0
            yield (
                "" if place else work,
                result.name,
                str(result.runs),
                f"{took.wall:.2f}",
                f"{took.wall / first.wall:.1f}",
                f"{took.cpu:.2f}",
                f"{took.cpu / first.cpu:.1f}",
                f"{took.peak / MB:.0f}",
                f"{took.requests:,.0f}" if reads else "",
                f"{took.refused:,.0f}" if reads else "",
                f"{took.written / MB:.1f}" if reads else "",
                took.rows,
            )


def goals_table(goals: Iterable[Goal]) -> str:
    """Return the goals and what is reached."""
    rows = [
        (
            goal.work,
            goal.figure,
            f"{'≥' if goal.at_least else '≤'} {goal.bound:g}",
            f"{goal.reached:.2f}" if goal.complete else "rows missing",
            "" if goal.met else "missed",
            goal.details,
        )
        for goal in goals
    ]
    return _table(("work", "figure", "goal", "reached", "", "details"), rows, (2, 3))


def _table(
    head: tuple[str, ...],
    rows: Iterable[tuple[str, ...]],
    numbers: Collection[int],
) -> str:
    """Return a table.

    Args:
        head: The names of its columns.
        rows: What is in it.
        numbers: The columns that are aligned to the right.
    """
    lines = [head, *rows]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]

    def line(cells: tuple[str, ...]) -> str:
        padded = [
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = tuple(
        "-" * (width - 1) + (":" if column in numbers else "-")
        for column, width in enumerate(widths)
    )
    return "\n".join(map(line, [head, rule, *lines[1:]]))
