"""Runs that load into one dataset at the same time."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from tap_analytics.target_dlt.errors import LoadError
from tap_analytics.target_dlt.loading import duckdb_client
from tap_analytics.target_dlt.target import TargetDlt
from tests.helpers.databases import Database, lines_of, record, schema, state
from tests.helpers.forking import PROCESSES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.databases import Message

RUNS = 6
ROUNDS = int(os.environ.get("TARGET_DLT_ROUNDS", "2"))
ROWS = 200


def messages(run: int) -> list[Message]:
    """Make what one of several taps sends: rows of its own, and rows of all."""
    keyed = {"id": {"type": "string"}, "v": {"type": "integer"}}
    sent: list[Message] = [schema(keyed, ["id"], "own"), schema(keyed, ["id"], "all")]
    sent.append(schema(keyed, [], "keyless"))
    for n in range(ROWS):
        sent.append(record({"id": f"{run}-{n}", "v": n}, "own"))
        sent.append(record({"id": str(n), "v": n}, "all"))
        sent.append(record({"id": f"{run}-{n}", "v": n}, "keyless"))
        if n % 100 == 99:
            sent.append(state(n))
    return sent


def _run(config: dict[str, Any], text: str) -> None:
    TargetDlt(config=config).listen(io.StringIO(text))


def start(config: dict[str, Any], run: int) -> Any:
    config = config | {"batch_size_rows": 120}
    text = lines_of(tuple(messages(run)))
    process = PROCESSES.Process(target=_run, args=(config, text))
    process.start()
    return process


def assert_complete(database: Database) -> None:
    for table in ("own", "keyless"):
        ids = [one for (one,) in database.rows("id", table)]
        assert len(ids) == len(set(ids)) == RUNS * ROWS
    assert len(database.rows("id", "all")) == ROWS


def datasets(database: Database) -> set[str]:
    found = database.query(
        "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE"
        f" '{database.dataset.rpartition('.')[2]}%'"
    )
    return {name for (name,) in found}


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_six_runs_at_once_end_complete(round_: int, postgres: Database) -> None:
    """With one pipeline's name or six; also at the first load, which makes tables.

    The name of their dataset is spelt in two ways.
    """
    names = [f"run_{run * (round_ % 2)}" for run in range(RUNS)]
    spellings = [postgres.dataset, postgres.dataset.replace("_", "-")] * (RUNS // 2)
    processes = [
        start(postgres.config | {"pipeline_name": name, "dataset_name": dataset}, run)
        for run, (name, dataset) in enumerate(zip(names, spellings, strict=True))
    ]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * RUNS
    assert_complete(postgres)
    assert datasets(postgres) == {postgres.dataset}


def test_a_run_leaves_no_staging_dataset(database: Database) -> None:
    for v in ("a", "b"):
        database.load(
            schema({"id": {"type": "integer"}, "v": {"type": "string"}}, ["id"]),
            record({"id": 1, "v": v}),
        )
    assert datasets(database) == {database.dataset.rpartition(".")[2]}


def test_neither_does_a_run_that_is_killed(postgres: Database) -> None:
    process = start(postgres.config, 0)
    while process.is_alive() and not datasets(postgres):
        time.sleep(0.001)
    process.kill()
    process.join()
    assert datasets(postgres) <= {postgres.dataset}


def test_a_duckdb_file_that_is_in_use_is_waited_for(
    duck: Database, tmp_path: Path
) -> None:
    code = (
        "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]);"
        "print('open', flush=True); time.sleep(1)"
    )
    path = str(tmp_path / "analytics.duckdb")
    with subprocess.Popen(
        [sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        duck.load(schema({"id": {"type": "integer"}}), record({"id": 1}))
    assert duck.rows("id") == [(1,)]


def test_a_duckdb_file_that_stays_in_use_is_one_line(
    duck: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duckdb_client, "WAIT_SECONDS", 0)
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]);"
        "print('open', flush=True); sys.stdin.read()"
    )
    path = str(tmp_path / "analytics.duckdb")
    with subprocess.Popen(
        [sys.executable, "-c", code, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(LoadError, match="in use by another process") as caught:
            duck.load(schema({"id": {"type": "integer"}}), record({"id": 1}))
        assert "\n" not in str(caught.value)


def test_duckdb_runs_at_once_wait_for_each_other(duck: Database) -> None:
    processes = [start(duck.config, run) for run in range(2)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert len(duck.rows("id", "own")) == 2 * ROWS


def test_a_duckdb_file_is_free_while_nothing_is_to_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "analytics.duckdb"
    config = {"credentials": str(path), "batch_size_rows": 1}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with subprocess.Popen(
        [sys.executable, "-m", "tap_analytics.target_dlt", "--config", "config.json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = (schema({"id": {"type": "integer"}}), record({"id": 1}), state(1))
        process.stdin.write(lines_of(lines))
        process.stdin.flush()
        assert process.stdout.readline() == "1\n"
        give_up_at = time.monotonic() + 60
        while time.monotonic() < give_up_at:
            try:
                with closing(duckdb.connect(str(path))) as connection:
                    found = connection.execute("FROM analytics.analytics.s").fetchall()
                break
            except duckdb.IOException:
                time.sleep(0.1)
        assert [one[0] for one in found] == [1]
        process.communicate()
    assert process.returncode == 0
