"""The tables, in Markdown that reads well as it is."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from goals import Goal
    from racing import Result

MB = 1e6
GB = 1e9


def headline(versions: Mapping[str, str]) -> str:
    """Return when and where this is measured, and how to read it.

    Args:
        versions: The versions of what is compared.
    """
    packages = ", ".join(f"{name} {version}" for name, version in versions.items())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GB
    return (
        f"{datetime.now(tz=timezone.utc):%Y-%m-%d}, Python "
        f"{platform.python_version()}, {os.cpu_count()} cores, {memory:.0f} GB, "
        f"{packages}. Medians; ratios are to the first of each work."
    )


def results_table(results: Sequence[Result]) -> str:
    """Return the medians; ratios are to the first of each work."""
    head = (
        "work", "who", "runs", "wall s", "ratio", "CPU s", "ratio", "peak MB",
        "ratio", "requests", "429", "written MB", "rows",
    )  # fmt: skip
    return _table(head, _result_rows(results), range(2, 12))


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
                f"{took.peak / first.peak:.1f}",
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
    """Return a table without columns that have nothing in them; nothing if none has.

    Args:
        head: The names of its columns.
        rows: What is in it.
        numbers: The columns that are aligned to the right.
    """
    kept = [
        (column, number in numbers)
        for number, column in enumerate(zip(head, *rows, strict=True))
        if any(column[1:])
    ]
    if not kept:
        return ""
    widths = [max(3, *map(len, column)) for column, _ in kept]
    lines = list(zip(*(column for column, _ in kept), strict=True))
    rights = [is_number for _, is_number in kept]

    def line(cells: tuple[str, ...]) -> str:
        padded = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, rights, strict=True)
        ]
        return f"| {' | '.join(padded)} |"

    rule = tuple(
        "-" * (width - 1) + (":" if right else "-")
        for width, right in zip(widths, rights, strict=True)
    )
    return "\n".join(map(line, [lines[0], rule, *lines[1:]]))
