"""target-dlt's goals, each with the work that shows how far it is reached."""

from __future__ import annotations

import sys
from statistics import median
from typing import TYPE_CHECKING

import msgspec
from goals import MB, Goal
from loading import (
    HERE,
    dlt_with_dicts,
    load,
    target_dlt,
    target_duckdb,
    target_postgres,
)
from measuring import output_of
from messages import write_messages
from peers import CACHE
from racing import ALL, progress
from warehouses import DuckDB, postgresql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from racing import Race

CODEC_RUNS = 5
LARGER = 10


class Codec(msgspec.Struct, frozen=True):
    """What `batch_lines.py` prints."""

    decode: float
    batch: float


class Work:
    """What is to be loaded.

    Args:
        race: Where the loaders run.
        records: How many records the file has.

    Attributes:
        race: The same.
        records: The same.
        remarks: What is measured and has no goal.
    """

    def __init__(self, race: Race, records: int) -> None:
        self.race = race
        self.records = records
        self.remarks: list[str] = []

    def file(self, times: int = 1) -> Path:
        """Return a file of so many times the records, made if it isn't there yet."""
        records = self.records * times
        path = CACHE / f"{records}.jsonl"
        if not path.exists():
            progress(f"writing {records:,} records")
            CACHE.mkdir(exist_ok=True)
            write_messages(path, records)
        return path


def duckdb(work: Work) -> Iterator[Goal]:
    """DuckDB is filled faster than by the target that is made for it, and by dlt."""
    race, title = work.race, f"{work.records:,} records into DuckDB"
    ours, theirs, dicts = load(
        race,
        title,
        work.file(),
        DuckDB(race.folder),
        target_dlt("duckdb"),
        target_duckdb(),
        dlt_with_dicts(),
    )
    yield Goal(
        title,
        "wall ÷ target-duckdb's",
        1 / 2,
        ours.wall / theirs.wall,
        f"{ours.wall:.2f} s ÷ {theirs.wall:.2f} s",
        complete=ours.rows == ALL,
    )
    yield Goal(
        title,
        "wall ÷ that of dlt with dicts",
        1 / 10,
        ours.wall / dicts.wall,
        f"{ours.wall:.2f} s ÷ {dicts.wall:.1f} s",
        complete=ours.rows == ALL,
    )
    yield Goal(
        title,
        "peak memory ÷ that of dlt with dicts",
        1 / 10,
        ours.peak / dicts.peak,
        f"{ours.peak / MB:.0f} MB ÷ {dicts.peak / MB:,.0f} MB",
        complete=ours.rows == ALL,
    )


def postgres(work: Work) -> Iterator[Goal]:
    """PostgreSQL is filled faster than by the target that is made for it."""
    title = f"{work.records:,} records into PostgreSQL"
    with postgresql() as server:
        ours, theirs = load(
            work.race,
            title,
            work.file(),
            server,
            target_dlt("postgres"),
            target_postgres(),
        )
    yield Goal(
        title,
        "wall ÷ target-postgres'",
        1 / 10,
        ours.wall / theirs.wall,
        f"{ours.wall:.2f} s ÷ {theirs.wall:.1f} s",
        complete=ours.rows == ALL,
    )


def memory(work: Work) -> Iterator[Goal]:
    """Memory depends on the size of a batch, not on that of the input."""
    warehouse = DuckDB(work.race.folder)
    samples = [
        load(work.race, title, work.file(times), warehouse, target)[0]
        for title, times, target in (
            (f"{work.records:,} records", 1, target_dlt("duckdb")),
            (
                f"{work.records * LARGER:,} records",
                LARGER,
                target_dlt("duckdb", slow=True),
            ),
        )
    ]
    peaks = [sample.peak / MB for sample in samples]
    yield Goal(
        f"{work.records:,} → {work.records * LARGER:,} records into DuckDB",
        "peak memory, most ÷ least",
        1.1,
        max(peaks) / min(peaks),
        f"{peaks[0]:.0f} → {peaks[1]:.0f} MB",
        complete=all(sample.rows == ALL for sample in samples),
    )


def batching(work: Work) -> Iterator[Goal]:
    """What a record costs before dlt has it, against what can't be saved."""
    progress("batching alone")
    script = [sys.executable, str(HERE / "batch_lines.py"), str(work.file())]
    codecs = [
        msgspec.json.decode(output_of(script, work.race.folder), type=Codec)
        for _ in range(CODEC_RUNS)
    ]
    decode = median(codec.decode for codec in codecs)
    batch = median(codec.batch for codec in codecs)
    work.remarks.append(
        f"Decoding and batching alone: {work.records / batch:,.0f} records per CPU "
        f"second, {batch / decode:.1f} times the CPU time that msgspec takes to decode "
        "the same lines to dicts."
    )
    return iter(())


SECTIONS: dict[str, Callable[[Work], Iterator[Goal]]] = {
    "duckdb": duckdb,
    "postgres": postgres,
    "memory": memory,
    "batching": batching,
}
"""What `--only` names."""
