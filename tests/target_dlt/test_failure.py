"""Runs that are killed, stopped, or lose their destination."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.target_dlt.target import TargetDlt
from tests.target_dlt.conftest import (
    Database,
    duckdb_at,
    lines_of,
    record,
    run,
    schema,
    state,
)

if TYPE_CHECKING:
    from pathlib import Path

KILLS = int(os.environ.get("TARGET_DLT_KILLS", "3"))
"""Random moments at which runs are killed, for each database."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tap_analytics.target_dlt.target"])

ID = {"id": {"type": "integer"}, "v": {"type": "integer"}}
WIDER = ID | {"v": {"type": "string"}, "more": {"type": "boolean"}}


def sync(messages: int = 400) -> list[dict[str, Any]]:
    """Make what a tap sends: keyed, keyless and versioned streams that change.

    The value of a STATE is the number of messages before it that need not come again.
    """
    sent = [
        schema(ID, ["id"], "keyed"),
        schema(ID, [], "keyless"),
        schema(ID, ["id"], "versioned"),
    ]
    for n in range(messages):
        if n == messages // 2:
            sent.append(schema(WIDER, ["id"], "keyed"))
            sent.append(schema(WIDER, [], "keyless"))
        v: Any = str(n) if n >= messages // 2 else n
        sent.append(record({"id": n % 150, "v": v}, "keyed"))
        sent.append(record({"id": n % 7, "v": v}, "keyless"))
        sent.append(record({"id": n, "v": n}, "versioned", version=2))
        if n % 23 == 0:
            sent.append(state(len(sent)))
    sent.append({"type": "ACTIVATE_VERSION", "stream": "versioned", "version": 2})
    sent.append(state(len(sent)))
    return sent


def resumed(messages: list[dict[str, Any]], position: int) -> str:
    """What the tap sends when it goes on after a STATE: schemas, then the rest."""
    schemas = {
        one["stream"]: one for one in messages[:position] if one["type"] == "SCHEMA"
    }
    return lines_of((*schemas.values(), *messages[position:]))


def _sync(config: dict[str, Any], text: str, output: str) -> None:
    """Run the target in a process of its own."""
    with open(output, "w", encoding="utf-8") as stdout:  # noqa: PTH123
        os.dup2(stdout.fileno(), 1)
        sys.stdout = stdout
        TargetDlt(config=config).listen(io.StringIO(text))


def last_state(output: Path) -> int:
    lines = output.read_text().split("\n")[:-1]
    return int(lines[-1]) if lines else 0


def tables(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    return {
        "keyed": database.rows("id, v, more", "keyed"),
        "keyless": database.rows("id, v, more", "keyless"),
        "versioned": database.rows("id, v", "versioned"),
    }


def start(config: dict[str, Any], text: str, output: Path) -> Any:
    process = _context.Process(target=_sync, args=(config, text, str(output)))
    process.start()
    return process


CONFIG = {"batch_size_rows": 90}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tables as they are to be, and how long it takes to fill them."""
    directory = tmp_path_factory.mktemp("undisturbed")
    database = duckdb_at(directory / "analytics.duckdb")
    began = time.monotonic()
    process = start(database.config | CONFIG, resumed(sync(), 0), directory / "out")
    process.join()
    assert process.exitcode == 0
    return tables(database), time.monotonic() - began


@pytest.mark.parametrize("kill", range(KILLS))
def test_a_killed_run_that_is_repeated_ends_in_the_same_tables(
    kill: int, database: Database, undisturbed: Any, tmp_path: Path
) -> None:
    expected, seconds = undisturbed
    chance = random.Random(kill)  # noqa: S311
    messages = sync()
    config = database.config | CONFIG
    database.load(
        schema(ID, ["id"], "versioned"), record({"id": -1}, "versioned", version=1)
    )
    output = tmp_path / "out"
    output.touch()
    position = 0
    for _ in range(chance.choice([1, 1, 2])):
        process = start(config, resumed(messages, position), output)
        process.join(chance.uniform(0, seconds))
        process.kill()
        process.join()
        position = last_state(output) or position
    process = start(config, resumed(messages, position), output)
    process.join()
    assert process.exitcode == 0
    assert last_state(output) == len(messages) - 1
    assert tables(database) == expected
