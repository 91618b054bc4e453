"""The command `target-dlt`, as a tap sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = {
    "type": "SCHEMA",
    "stream": "projects",
    "key_properties": ["id"],
    "schema": {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "createdAt": {"type": ["string", "null"], "format": "date-time"},
            "hours": {"type": ["number", "null"]},
        },
    },
}


def record(**values: Any) -> dict[str, Any]:
    return {"type": "RECORD", "stream": "projects", "record": values}


MESSAGES = [
    SCHEMA,
    record(id="a", createdAt="2024-05-01T10:00:00+02:00", hours=1.25),
    record(id="b", hours=None),
    record(id="a", createdAt="2024-05-01T10:00:00+02:00", hours=7.1),
    {"type": "STATE", "value": {"bookmarks": {"projects": 2}}},
]


def run(directory: Path, *messages: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tap_analytics.target_dlt"],
        input="".join(json.dumps(message) + "\n" for message in messages),
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
    )


def rows(directory: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(directory / "analytics.duckdb")) as connection:
        return connection.sql(
            "select id, created_at::varchar, hours from analytics.analytics.projects"
            " order by id"
        ).fetchall()


def test_records_are_merged_on_their_key_and_the_state_comes_out(
    tmp_path: Path,
) -> None:
    result = run(tmp_path, *MESSAGES)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"bookmarks": {"projects": 2}}
    assert [row[::2] for row in rows(tmp_path)] == [("a", 7.1), ("b", None)]


def test_a_second_run_leaves_the_same_table(tmp_path: Path) -> None:
    run(tmp_path, *MESSAGES)
    before = rows(tmp_path)
    assert run(tmp_path, *MESSAGES).returncode == 0
    assert rows(tmp_path) == before


def test_a_record_of_an_unknown_stream_is_one_line(tmp_path: Path) -> None:
    result = run(tmp_path, record(id="a"))
    assert result.returncode == 1
    assert result.stdout == ""
    assert "Line 1" in result.stderr.splitlines()[-1]
    assert "projects" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
