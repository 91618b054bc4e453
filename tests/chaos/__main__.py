"""`make chaos`: many schedules of faults, and what became of them.

`make chaos SEED=123` repeats one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.judging import judge
from tests.chaos.kinds import KINDS, Ending

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.chaos.judging import Verdict


def main() -> None:
    """Run schedules, print the table, and exit with status 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this one only")
    parser.add_argument("--schedules", type=int, default=10 * len(KINDS))
    options = parser.parse_args()
    seeds = range(options.schedules) if options.seed is None else [options.seed]
    with tempfile.TemporaryDirectory() as folder:
        verdicts = [judge(seed, Path(folder)) for seed in seeds]
    lost = [verdict for verdict in verdicts if verdict.ending is None]
    reasons = [
        f"\nmake chaos SEED={one.seed} ({one.kind}):\n{one.reason}" for one in lost
    ]
    sys.stdout.writelines(f"{line}\n" for line in [*table(verdicts), *reasons])
    sys.exit(1 if lost else 0)


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the lines of a table: how many runs ended how, by kind."""
    endings = (*Ending, None)
    counts = Counter((verdict.kind, verdict.ending) for verdict in verdicts)
    names = [ending.value if ending else "lost" for ending in endings]
    kinds = dict.fromkeys(verdict.kind for verdict in verdicts)
    sums = Counter(verdict.ending for verdict in verdicts)
    return [
        _line("what went wrong", names),
        _line("---", ["---:"] * len(names)),
        *(_line(kind, [counts[kind, one] for one in endings]) for kind in kinds),
        _line("all", [sums[one] for one in endings]),
    ]


def _line(kind: str, cells: Iterable[object]) -> str:
    return (
        "".join(f"| {kind:<34}" + "".join(f"| {cell!s:>17} " for cell in cells)) + "|"
    )


if __name__ == "__main__":
    main()
