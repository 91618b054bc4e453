"""Who loads the file: the commands that are compared, and what each has loaded."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measuring import failure, measure
from messages import STREAMS
from peers import Peer
from racing import Sample, compared, progress
from warehouses import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable

    from racing import Race
    from warehouses import Warehouse

HERE = Path(__file__).parent
TARGET_DLT = str(Path(sys.executable).with_name("target-dlt"))

TARGET_DUCKDB = Peer("target-duckdb", "target-duckdb")
TARGET_POSTGRES = Peer("meltanolabs-target-postgres", "target-postgres")


@dataclass(frozen=True)
class Loader:
    """A way to load a file of messages.

    Attributes:
        name: What the table calls it.
        command: Makes the command, given where to load to, and a folder for its
            settings.
        slow: Whether it takes so long that it runs less often.
    """

    name: str
    command: Callable[[Warehouse, Path], list[str]]
    slow: bool = False


def target_dlt(destination: str, *, slow: bool = False) -> Loader:
    """Return target-dlt as it comes, loading into a destination."""
    settings = {"destination": destination, "dataset_name": SCHEMA}
    command = partial(_configured, TARGET_DLT, settings, "credentials")
    return Loader("target-dlt", command, slow)


def target_duckdb() -> Loader:
    """Return target-duckdb as it comes."""
    settings = {"default_target_schema": SCHEMA}
    command = partial(_configured, TARGET_DUCKDB.command, settings, "path")
    return Loader(TARGET_DUCKDB.package, command)


def target_postgres() -> Loader:
    """Return target-postgres, set to make the same columns as the others."""
    settings = {
        "default_target_schema": SCHEMA,
        "add_record_metadata": False,
        "activate_version": False,
    }
    command = partial(_configured, TARGET_POSTGRES.command, settings, "sqlalchemy_url")
    return Loader(TARGET_POSTGRES.package, command, slow=True)


def dlt_with_dicts() -> Loader:
    """Return dlt alone, given the rows as Python dicts."""

    def command(warehouse: Warehouse, _: Path) -> list[str]:
        return [sys.executable, str(HERE / "dlt_dicts.py"), warehouse.url]

    return Loader("dlt, rows as dicts", command, slow=True)


def _configured(
    command: str,
    settings: dict[str, Any],
    address: str,
    warehouse: Warehouse,
    folder: Path,
) -> list[str]:
    config = folder / "config.json"
    config.write_text(json.dumps(settings | {address: warehouse.url}), encoding="utf-8")
    return [command, "--config", str(config)]


def load(
    race: Race, work: str, file: Path, warehouse: Warehouse, *loaders: Loader
) -> list[Sample]:
    """Let loaders load a file into an empty warehouse, in turn.

    Args:
        race: Where they run.
        work: What the table calls it.
        file: The file.
        warehouse: Emptied before each run.
        loaders: Who takes part; the first is ours.

    Returns:
        The medians, in the order of the loaders.

    Raises:
        RuntimeError: If ours fails; that a rival fails is a result.
    """
    counts = _counts(file)

    def load_once(loader: Loader) -> Sample:
        warehouse.clear()
        command = loader.command(warehouse, race.folder)
        err = race.folder / "err"
        cost = measure(command, race.folder / "out", err, stdin=file)
        if cost.status == 0:
            rows = compared(warehouse.counts(STREAMS), counts)
        elif loader is loaders[0]:
            raise failure(loader.name, err)
        else:
            progress(str(failure(loader.name, err)))
            rows = "failed"
        return Sample(cost.wall, cost.cpu, cost.peak, rows=rows)

    return race.in_turn(
        work,
        [
            (
                loader.name,
                race.slow_runs if loader.slow else race.runs,
                partial(load_once, loader),
            )
            for loader in loaders
        ],
    )


def _counts(file: Path) -> dict[str, int]:
    """Count the records in a file of messages."""
    counts = dict.fromkeys(STREAMS, 0)
    with file.open("rb") as lines:
        for line in lines:
            if line.startswith(b'{"type":"RECORD"'):
                counts[line.split(b'"', 8)[7].decode()] += 1
    return counts
