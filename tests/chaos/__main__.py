"""`make chaos`: many faults and interruptions, and what became of the runs.

`make chaos SEED=123` repeats a schedule of faults, `make chaos INTERRUPTION=123` an
interruption, `make chaos EVOLUTION=123` a lot of streams whose schemas change, `make
chaos STOP=123` a read that is stopped and goes on, and `make chaos KILL=12` a fleet of
which a process is killed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.evolutions import Evolutions
from tests.chaos.fleet_kills import FleetKills
from tests.chaos.interruptions import Interruptions
from tests.chaos.judging import judge
from tests.chaos.kinds import KINDS, Ending
from tests.chaos.stops import Stops

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.chaos.judging import Verdict


def main() -> None:
    """Run schedules, print the table, and exit with status 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this schedule only")
    parser.add_argument("--interruption", type=int, help="run this one only")
    parser.add_argument("--schedules", type=int, default=10 * len(KINDS))
    parser.add_argument("--interruptions", type=int, default=200)
    parser.add_argument("--evolution", type=int, help="run this lot only")
    parser.add_argument("--evolutions", type=int, default=80)
    parser.add_argument("--stop", type=int, help="run this one only")
    parser.add_argument("--stops", type=int, default=150)
    parser.add_argument("--kill", type=int, help="run this one only")
    parser.add_argument("--kills", type=int, default=60)
    options = parser.parse_args()
    seeds, numbers = range(options.schedules), range(options.interruptions)
    lots, stopped = range(options.evolutions), range(options.stops)
    killed = range(options.kills)
    chosen = (
        *(options.seed, options.interruption, options.evolution),
        *(options.stop, options.kill),
    )
    if any(number is not None for number in chosen):
        seeds, numbers, lots, stopped, killed = map(_only, chosen)
    is_lost = False
    if seeds:
        with tempfile.TemporaryDirectory() as folder:
            verdicts = [judge(seed, Path(folder)) for seed in seeds]
        is_lost = report("what went wrong", "SEED", verdicts)
    if numbers:
        with Interruptions() as interruptions:
            verdicts = [interruptions.judge(number) for number in numbers]
            is_lost = report("what interrupted", "INTERRUPTION", verdicts) or is_lost
            if interruptions.longest_end:
                _say(f"On a signal the tap ended in {interruptions.longest_end:.1f} s.")
    if lots:
        with Evolutions() as evolutions:
            verdicts = [
                one for number in lots for one in evolutions.lot(number).judge()
            ]
        is_lost = report("what evolved", "EVOLUTION", verdicts) or is_lost
    if stopped:
        with Stops() as stops:
            verdicts = [stops.judge(number) for number in stopped]
            is_lost = report("what stopped a read", "STOP", verdicts) or is_lost
            _say(f"On SIGTERM the tap ended in {stops.longest_end:.1f} s at most.")
            if stops.most_over is not None:
                _say(
                    f"Both parts together sent at most {stops.most_over} requests more "
                    "than one run, and than what was read since the last STATE."
                )
    if killed:
        with FleetKills() as kills:
            verdicts = [kills.judge(number) for number in killed]
        is_lost = report("what was killed of a fleet", "KILL", verdicts) or is_lost
        _say(f"When a coordinator was killed, all ended in {kills.longest_end:.1f} s.")
    sys.exit(1 if is_lost else 0)


def _only(number: int | None) -> range:
    return range(0) if number is None else range(number, number + 1)


def report(title: str, variable: str, verdicts: Sequence[Verdict]) -> bool:
    """Print a table, and how to repeat what was lost; return whether anything was.

    Args:
        title: What the kinds are.
        variable: How `make chaos` calls the number of one of them.
        verdicts: What became of the runs.
    """
    lost = [verdict for verdict in verdicts if verdict.ending is None]
    _say(*table(title, verdicts))
    for one in lost:
        _say(f"\nmake chaos {variable}={one.seed} ({one.kind}):\n{one.reason}")
    _say("")
    return bool(lost)


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


def table(title: str, verdicts: Sequence[Verdict]) -> list[str]:
    """Return the lines of a table: how many runs ended how, by kind."""
    endings = (*Ending, None)
    counts = Counter((verdict.kind, verdict.ending) for verdict in verdicts)
    names = [ending.value if ending else "lost" for ending in endings]
    kinds = dict.fromkeys(verdict.kind for verdict in verdicts)
    sums = Counter(verdict.ending for verdict in verdicts)
    return [
        _line(title, names),
        _line("---", ["---:"] * len(names)),
        *(_line(kind, [counts[kind, one] for one in endings]) for kind in kinds),
        _line("all", [sums[one] for one in endings]),
    ]


def _line(kind: str, cells: Iterable[object]) -> str:
    return (
        "".join(f"| {kind:<39}" + "".join(f"| {cell!s:>17} " for cell in cells)) + "|"
    )


if __name__ == "__main__":
    main()
