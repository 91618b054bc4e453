"""The command `target-dlt`, as its users and Meltano see it."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.databases import (
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

COMMAND = [sys.executable, "-m", "tap_analytics.target_dlt"]
ID = {"id": {"type": "string"}}
MESSAGES = (
    schema(ID | {"hours": {"type": ["number", "null"]}}, ["id"]),
    record({"id": "a", "hours": 1.25}),
    record({"id": "b"}),
    record({"id": "a", "hours": 7.1}),
    state({"bookmarks": {"s": 2}}),
)


def last_line(result: subprocess.CompletedProcess[str]) -> str:
    return result.stderr.splitlines()[-1]


def test_without_settings_it_loads_into_a_file_named_analytics(tmp_path: Path) -> None:
    result = subprocess.run(
        COMMAND,
        input=lines_of(MESSAGES),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"bookmarks": {"s": 2}}
    assert {path.name for path in tmp_path.iterdir()} == {"analytics.duckdb"}
    assert duckdb_at(tmp_path / "analytics.duckdb").rows() == [("a", 7.1), ("b", None)]
    # No chatter, and nothing that looks like trouble.
    assert len(result.stderr.splitlines()) <= 4
    assert "WARNING" not in result.stderr


def test_it_reads_a_file_and_over_it_the_environment(tmp_path: Path) -> None:
    (tmp_path / "messages").write_text(lines_of(MESSAGES))
    (tmp_path / "config.json").write_text('{"dataset_name": "not this"}')
    result = subprocess.run(
        [*COMMAND, "--config", "config.json", "--input", "messages"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ
        | {
            "TARGET_DLT_CREDENTIALS": "other.duckdb",
            "TARGET_DLT_DATASET_NAME": "data",
            "TARGET_DLT_BATCH_SIZE_ROWS": "2",
            "TARGET_DLT_HARD_DELETE": "false",
        },
    )
    assert result.returncode == 0, result.stderr
    other = duckdb_at(tmp_path / "other.duckdb")
    assert other.query("SELECT count(*) FROM data.s") == [(2,)]


def of_version(version: int, *ids: str) -> tuple[Any, ...]:
    return (
        schema(ID, ["id"]),
        *(record({"id": name}, version=version) for name in ids),
        {"type": "ACTIVATE_VERSION", "stream": "s", "version": version},
        state({}),
    )


@pytest.mark.parametrize(
    ("config", "verb"), [({}, "Removed"), ({"hard_delete": False}, "Marked as deleted")]
)
def test_the_last_line_says_what_was_loaded_where_to_and_what_was_removed(
    config: dict[str, Any],
    verb: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO, "target-dlt")
    here = Database(config, query=lambda _: [])
    here.load(*of_version(1, "a", "b", "c"))
    assert caplog.messages[-1] == (
        "Loaded 3 rows into analytics.duckdb, dataset analytics: s 3."
    )
    here.load(*of_version(2, "a"))
    assert caplog.messages[-1].endswith(f"dataset analytics: s 1. {verb} 2 rows: s 2.")


def test_it_counts_the_rows_of_its_tables(duck: Database, tmp_path: Path) -> None:
    duck.load(*MESSAGES)
    result = subprocess.run(
        [*COMMAND, "--counts"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert [line.split() for line in result.stdout.splitlines()] == [["2", "s"]]


@pytest.mark.parametrize(
    ("destination", "file"), [("duckdb", "analytics.duckdb"), ("sqlalchemy", "a.db")]
)
def test_to_count_makes_no_database(
    tmp_path: Path, destination: str, file: str
) -> None:
    path = tmp_path / file
    config = {"destination": destination, "credentials": f"sqlite:///{path}"}
    if destination == "duckdb":
        del config["credentials"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    result = subprocess.run(
        [*COMMAND, "--config", "config.json", "--counts"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 1
    assert not path.exists()
    (line,) = result.stderr.splitlines()
    assert "| There is no database " in line
    assert f"{file}: nothing was loaded into it yet." in line


def test_there_may_be_no_tables_to_count(tmp_path: Path) -> None:
    run(MESSAGES, {"dataset_name": "another"}, tmp_path)
    result = subprocess.run(
        [*COMMAND, "--counts"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "The dataset analytics has no tables.\n"


def test_it_tells_about_itself() -> None:
    result = subprocess.run(
        [*COMMAND, "--about", "--format=json"],
        capture_output=True,
        text=True,
        check=True,
    )
    about = json.loads(result.stdout)
    settings = about["settings"]["properties"]
    assert {"destination", "batch_size_bytes", "hard_delete"} <= settings.keys()
    assert settings["credentials"]["secret"] is True
    assert "load_method" not in settings
    assert "activate-version" in about["capabilities"]


def test_it_tells_its_version() -> None:
    result = subprocess.run(
        [*COMMAND, "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith("target-dlt v")


def test_a_slip_in_the_name_of_a_setting_is_noticed(tmp_path: Path) -> None:
    result = run(MESSAGES, {"dataset-name": "data"}, tmp_path)
    assert result.returncode == 0, result.stderr
    [warning] = [line for line in result.stderr.splitlines() if "WARNING" in line]
    assert warning.endswith(
        "There is no setting 'dataset-name': it is ignored. "
        "Did you mean 'dataset_name'?"
    )


@pytest.mark.parametrize("missing", ["dlt", "pyarrow"])
def test_without_its_extra_it_says_what_to_install(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None;"
        "from tap_analytics.target_dlt.__main__ import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    [line] = result.stderr.splitlines()
    assert "pip install 'tap-analytics[dlt]'" in line


@pytest.mark.parametrize(
    ("messages", "config", "says"),
    [
        (("oops",), {}, "Line 1: not a Singer message"),
        ((MESSAGES[0], record({})), {}, "Line 2, stream 's': a record without its key"),
        (
            MESSAGES,
            {"batch_size_rows": "many", "hard_delete": 7},
            "at least 1, not 'many'. hard_delete must be true or false, not 7.",
        ),
        (
            MESSAGES,
            {"credentials": ["hush-hush"]},
            "credentials must be text or a JSON object (the value is not shown",
        ),
        (
            MESSAGES,
            {
                "destination": "postgres",
                "credentials": "postgresql://someone:hush-hush@localhost:1/x",
            },
            "Destination 'postgres': connection to server",
        ),
    ],
)
def test_a_failure_is_one_line_and_status_1(
    tmp_path: Path, messages: Any, config: dict[str, Any], says: str
) -> None:
    result = run(messages, config, tmp_path)
    assert result.returncode == 1
    assert result.stdout == ""
    assert says in last_line(result)
    assert "Traceback" not in result.stderr
    assert sum("ERROR" in line for line in result.stderr.splitlines()) == 1
    assert "hush-hush" not in result.stderr


def test_a_traceback_comes_with_debug_and_without_passwords(tmp_path: Path) -> None:
    uri = "postgresql://someone:hush-hush@localhost:1/x"
    config = {"destination": "postgres", "credentials": uri}
    result = run(MESSAGES, config, tmp_path, TARGET_DLT_LOGLEVEL="DEBUG")
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert "hush-hush" not in result.stderr


@pytest.fixture
def running(tmp_path: Path) -> Any:
    """A target that has read some rows, and waits for more."""
    process = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"TARGET_DLT_LOGLEVEL": "INFO"},
    )
    assert process.stdin is not None
    process.stdin.write(lines_of((state("first"), *MESSAGES)))
    process.stdin.flush()
    assert process.stdout is not None
    # It is past its imports, and has taken what came before.
    assert process.stdout.readline() == '"first"\n'
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_without_a_traceback(
    running: subprocess.Popen[str], stop: signal.Signals, tmp_path: Path
) -> None:
    running.send_signal(stop)
    output, errors = running.communicate(timeout=20)
    assert running.returncode == 128 + stop
    assert output == ""
    assert f"Stopped by {stop.name}." in errors.splitlines()[-1]
    assert "Traceback" not in errors
    assert not (tmp_path / "analytics.duckdb").exists() or not [
        table
        for (table,) in duckdb_at(tmp_path / "analytics.duckdb").query(
            "SHOW ALL TABLES"
        )
        if table == "s"
    ]


def test_it_ends_quietly_when_nobody_reads_its_states(tmp_path: Path) -> None:
    process = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, errors = process.communicate(lines_of(MESSAGES), timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert "Exception" not in errors


def test_rows_are_loaded_after_a_while_though_no_more_come(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"batch_wait_limit_seconds": 1}')
    process = subprocess.Popen(
        [*COMMAND, "--config", "config.json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(lines_of(MESSAGES))
    process.stdin.flush()
    assert json.loads(process.stdout.readline()) == {"bookmarks": {"s": 2}}
    process.stdin.write(lines_of((record({"id": "c"}), state("last"))))
    output, _ = process.communicate(timeout=60)
    assert output == '"last"\n'
    assert process.returncode == 0
    rows = duckdb_at(tmp_path / "analytics.duckdb").rows("id")
    assert rows == [("a",), ("b",), ("c",)]
