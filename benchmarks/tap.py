"""Measures the tap against its goals, and against other ways to read the same API.

Usage: python benchmarks/tap.py [--runs N] [--slow-runs N] [--only NAME[,NAME …]]

The sandbox runs in a process of its own, and so does each of those who read it, in
turn. Processor time and memory are the kernel's figures for the process.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from goals import SECTIONS, StartUp
from racing import Race
from report import goals_table, headline, results_table


def main() -> None:
    """Measure, and print the tables.

    Raises:
        SystemExit: If the tap fails, or rows are missing from what it wrote.
    """
    options = _parser().parse_args()
    with TemporaryDirectory() as folder:
        race = Race(Path(folder), options.runs, options.slow_runs)
        try:
            start = StartUp(race)
            goals = [
                goal for name in options.only for goal in SECTIONS[name](race, start)
            ]
        except RuntimeError as error:
            sys.exit(str(error))
    about = headline({name: version(name) for name in ("singer-sdk", "dlt", "msgspec")})
    print(f"{about} dlt extracts, into compressed files.")
    print(f"\n{results_table(race.results)}\n\n{goals_table(goals)}")
    if not all(goal.complete for goal in goals):
        sys.exit("Rows are missing.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Benchmarks of tap-analytics.")
    parser.add_argument("--runs", type=int, default=3, help="runs of each (default: 3)")
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
