"""Runs that are killed, stopped, or lose their destination."""

from __future__ import annotations

import fcntl
import gc
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing, redirect_stdout
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg2
import pytest

from tap_analytics.target_dlt.errors import OutputError
from tap_analytics.target_dlt.loading.working_directory import WorkingDirectory
from tap_analytics.target_dlt.target import TargetDlt
from tests.helpers.commands import environment
from tests.helpers.databases import (
    Database,
    duckdb_at,
    lines_of,
    record,
    run,
    schema,
    state,
)
from tests.helpers.forking import PROCESSES

if TYPE_CHECKING:
    from pathlib import Path

KILLS = int(os.environ.get("TARGET_DLT_KILLS", "2"))
"""Random moments at which runs are killed, for each database."""

ID = {"id": {"type": "integer"}, "v": {"type": "integer"}}
WIDER = ID | {"v": {"type": "string"}, "more": {"type": "boolean"}}


def sync(messages: int = 240) -> list[dict[str, Any]]:
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
        sent.append(record({"id": n % 90, "v": v}, "keyed"))
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
    process = PROCESSES.Process(target=_sync, args=(config, text, str(output)))
    process.start()
    return process


CONFIG = {"batch_size_rows": 60}


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


def test_a_column_is_widened_as_a_whole_or_not_at_all(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run dies in the middle of it, and the next one finds nothing amiss."""
    execute = database.client.execute_sql

    def die(self: Any, sql: str, *values: Any) -> Any:
        result = execute(self, sql, *values)
        if sql.startswith("ALTER TABLE"):
            raise SystemExit
        return result

    database.load(schema(ID, ["id"]), record({"id": 1, "v": 1}))
    wider = (schema(WIDER, ["id"]), record({"id": 2, "v": "x"}))
    with monkeypatch.context() as patch:
        patch.setattr(database.client, "execute_sql", die)
        with pytest.raises(SystemExit):
            database.load(*wider)
    gc.collect()  # the dead run's connections
    database.load(*wider)
    assert database.rows("id, v") == [(1, "1"), (2, "x")]


@pytest.mark.parametrize("output", [">/dev/full", ">&-", "| true"])
def test_rows_whose_state_can_not_be_written_are_not_doubled(
    output: str, duck: Database, tmp_path: Path
) -> None:
    """Standard output is full, or closed, or its reader is gone."""
    messages = (schema(ID), record({"id": 1, "v": 1}), state(1))
    (tmp_path / "config.json").write_text(json.dumps(duck.config))
    target = f"{sys.executable} -m tap_analytics.target_dlt --config config.json"
    result = subprocess.run(
        ["/bin/sh", "-c", f"{{ {target}; echo $? >status; }} {output}"],
        input=lines_of(messages),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment(),
    )
    assert (tmp_path / "status").read_text() == "1\n"
    assert "The STATE can't be written" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert duck.load(*messages) == [1]
    assert duck.rows("id, v") == [(1, 1)]


def test_a_state_goes_out_whatever_encoding_is_set(
    duck: Database, tmp_path: Path
) -> None:
    messages = (schema(ID), record({"id": 1, "v": 1}), state("ü"))
    result = run(messages, duck.config, tmp_path, PYTHONIOENCODING="ascii")
    assert (result.returncode, result.stdout) == (0, '"ü"\n')


def test_a_state_that_a_closed_stream_refuses_leaves_the_notes(duck: Database) -> None:
    """Somebody has closed the stream while the run went on."""
    messages = (schema(ID), record({"id": 1, "v": 1}), state(1))
    closed = io.StringIO()
    closed.close()
    with redirect_stdout(closed), pytest.raises(OutputError, match="STATE can't be"):
        TargetDlt(config=duck.config).listen(io.StringIO(lines_of(messages)))
    assert duck.rows("table_name", "_target_dlt_loads") == [("s",)]


def test_a_signal_while_a_state_goes_out_stops_the_run_after_it(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The rows are confirmed by then, and would be doubled without that STATE."""
    write_state = TargetDlt._write_state  # noqa: SLF001

    def write_late(self: TargetDlt, text: str) -> None:
        signal.raise_signal(signal.SIGTERM)
        write_state(self, text)

    monkeypatch.setattr(TargetDlt, "_write_state", write_late)
    messages = (schema(ID), record({"id": 1, "v": 1}), state(1), schema(ID))
    target = TargetDlt(config=database.config | {"batch_size_rows": 1})
    with pytest.raises(SystemExit) as stopped:
        target.listen(io.StringIO(lines_of(messages)))
    assert stopped.value.code == 128 + signal.SIGTERM
    assert capsys.readouterr().out == "1\n"
    assert database.rows("id, v") == [(1, 1)]


def test_what_a_dead_run_has_asked_for_is_waited_for(
    postgres: Database, tmp_path: Path
) -> None:
    """The server commits rows after the client was killed and the next run began."""
    postgres.load(schema(ID), record({"id": 0, "v": 0}))
    schema_name = postgres.dataset
    postgres.query(
        f"INSERT INTO {schema_name}._target_dlt_loads"
        " VALUES ('analytics', 'dead', 's', 'late')"
    )
    with closing(psycopg2.connect(postgres.config["credentials"])) as late:
        late.cursor().execute(f"INSERT INTO {schema_name}.s VALUES (1, 1, 'late')")
        text = lines_of((schema(ID), record({"id": 1, "v": 1})))
        process = start(postgres.config, text, tmp_path / "out")
        waiting = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        while process.is_alive() and postgres.query(waiting) == [(0,)]:
            time.sleep(0.01)
        late.commit()
    process.join()
    assert process.exitcode == 0
    assert postgres.rows("id, v") == [(0, 0), (1, 1)]


def test_left_overs_of_killed_runs_are_removed(
    duck: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp" / "target-dlt-dead" / "analytics").mkdir(parents=True)
    (tmp_path / "tmp" / "target-dlt-dead.lock").touch()
    duck.load(schema(ID, ["id"]), record({"id": 1}))
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_run_that_begins_is_no_left_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    flock = fcntl.flock

    def meanwhile(lock: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        WorkingDirectory(None, "another")  # It tidies up when it begins.
        flock(lock, operation)

    monkeypatch.setattr(fcntl, "flock", meanwhile)
    directory = WorkingDirectory(None, "one")
    assert directory.path.is_dir()
    directory.close()
    assert list(tmp_path.iterdir()) == []


def test_a_working_directory_that_is_kept_is_not_poisoned(
    duck: Database, tmp_path: Path
) -> None:
    config = CONFIG | {"pipelines_dir": str(tmp_path / "work")}
    messages = sync()
    process = start(duck.config | config, resumed(messages, 0), tmp_path / "out")
    # Killed while there is a package that is extracted and not loaded.
    packages = tmp_path / "work" / "analytics" / "load" / "normalized"
    while process.is_alive() and not any(packages.glob("*/new_jobs/*")):
        time.sleep(0.001)
    process.kill()
    process.join()
    position = last_state(tmp_path / "out")
    process = start(duck.config | config, resumed(messages, position), tmp_path / "out")
    process.join()
    assert process.exitcode == 0
    assert len(duck.rows("id", "versioned")) == 240
    assert len(duck.rows("id", "keyless")) == 240


def test_a_package_under_way_is_finished_on_sigterm(tmp_path: Path) -> None:
    """And its STATE comes out, so that nothing comes again."""
    messages = sync()
    database = duckdb_at(tmp_path / "analytics.duckdb")
    output = tmp_path / "out"
    process = start(database.config | CONFIG, resumed(messages, 0), output)
    while process.is_alive() and not (output.exists() and output.read_text()):
        time.sleep(0.001)
    process.terminate()
    process.join()
    assert process.exitcode == 128 + signal.SIGTERM
    position = last_state(output)
    sent = sum(
        one["type"] == "RECORD" and one["stream"] == "keyless"
        for one in messages[: position + 1]
    )
    assert len(database.rows("id", "keyless")) == sent


def test_a_destination_that_goes_away_is_one_line(
    postgres_uri: str, tmp_path: Path
) -> None:
    """The server ends the connections; the target says so, and the STATE stays."""
    name = "away"
    admin = psycopg2.connect(postgres_uri)
    admin.autocommit = True
    with closing(admin), admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        uri = urlsplit(postgres_uri)._replace(path=f"/{name}").geturl()
        config = {"destination": "postgres", "credentials": uri, **CONFIG}
        (tmp_path / "config.json").write_text(json.dumps(config))
        messages = (*sync()[:250], schema(ID, ["id"], "late"))
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tap_analytics.target_dlt",
                "--config",
                "config.json",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=os.environ,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines_of(messages))
        process.stdin.flush()
        assert process.stdout.readline()
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
        output, errors = process.communicate(lines_of(tuple(sync()[250:])))
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert "Destination 'postgres': " in errors.splitlines()[-1]
    assert "does not exist" in errors.splitlines()[-1]
    assert not output or int(output.splitlines()[-1]) < 700
