"""Measures target-dlt against its goals, and against other ways to load the same file.

Usage: python benchmarks/target.py [--records N] [--runs N] [--slow-runs N]
    [--only NAME[,NAME …]]

The other targets are installed first, into virtual environments of their own; they and
the file are kept in `.bench`. Each command runs in a process of its own, in turn, and
reads the file from standard input. Processor time and memory are the kernel's figures
for the process: PostgreSQL's own work is in the time that passes only.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from loading import TARGET_DUCKDB, TARGET_POSTGRES
from racing import Race
from report import goals_table, headline, results_table
from target_goals import SECTIONS, Work


def main() -> None:
    """Measure, and print the tables.

    Raises:
        SystemExit: If target-dlt fails, or rows are missing from what it loaded.
    """
    options = _parser().parse_args()
    with TemporaryDirectory() as folder:
        race = Race(Path(folder), options.runs, options.slow_runs)
        work = Work(race, options.records)
        try:
            goals = [goal for name in options.only for goal in SECTIONS[name](work)]
        except RuntimeError as error:
            sys.exit(str(error))
    versions = {name: version(name) for name in ("dlt", "duckdb", "pyarrow", "msgspec")}
    peers = (TARGET_DUCKDB, TARGET_POSTGRES)
    versions |= {peer.package: peer.version for peer in peers if peer.installed}
    tables = (results_table(race.results), goals_table(goals))
    print("\n\n".join([headline(versions), *filter(None, tables), *work.remarks]))
    if not all(goal.complete for goal in goals):
        sys.exit("Rows are missing.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Benchmarks of target-dlt.")
    parser.add_argument(
        "--records",
        type=int,
        default=300_000,
        help="records in the file; the larger one has ten times as many",
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of each (default: 5)")
    parser.add_argument(
        "--slow-runs",
        type=int,
        default=1,
        help="runs of those that take half a minute or more (default: 1)",
    )
    parser.add_argument(
        "--only",
        type=_sections,
        default=list(SECTIONS),
        metavar="NAME",
        help=f"some of: {', '.join(SECTIONS)}; with commas between them",
    )
    return parser


def _sections(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - SECTIONS.keys():
        msg = f"unknown: {', '.join(sorted(unknown))}"
        raise argparse.ArgumentTypeError(msg)
    return names


if __name__ == "__main__":
    main()
