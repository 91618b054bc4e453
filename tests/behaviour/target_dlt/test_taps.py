"""Taps that others wrote, from PyPI, piped into the target."""

from __future__ import annotations

import csv
import datetime as dt
import json
import shutil
import struct
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.databases import Database, duckdb_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS = 2_345


@pytest.fixture(scope="session")
def install(pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """Install a package in a virtual environment of its own, once for all sessions."""

    def install_package(requirement: str) -> Path:
        assert pytestconfig.cache is not None
        home = pytestconfig.cache.mkdir("taps") / requirement
        done = home / "installed"
        if not done.exists():
            shutil.rmtree(home, ignore_errors=True)
            uv = [sys.executable, "-m", "uv", "--quiet"]
            python = home / "bin" / "python"
            subprocess.run([*uv, "venv", "--python", sys.executable, home], check=True)
            subprocess.run(
                [*uv, "pip", "install", "--python", python, requirement], check=True
            )
            done.touch()
        return home / "bin"

    return install_package


def pipe(tap: Path, config: dict[str, Any], directory: Path, *more: str) -> list[Any]:
    """Run `tap | target-dlt` in a directory; returns the states."""
    (directory / "tap.json").write_text(json.dumps(config))
    reading = subprocess.Popen(
        [tap, "--config", "tap.json", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=directory,
    )
    loading = subprocess.run(
        [sys.executable, "-m", "tap_analytics.target_dlt"],
        stdin=reading.stdout,
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
    )
    _, said = reading.communicate()
    assert reading.returncode == 0, said.decode()
    assert loading.returncode == 0, loading.stderr
    return [json.loads(line) for line in loading.stdout.splitlines()]


@pytest.fixture
def loaded(tmp_path: Path) -> Database:
    """The database that the target fills without settings."""
    return duckdb_at(tmp_path / "analytics.duckdb")


def test_tap_csv_folder(
    install: Callable[[str], Path], tmp_path: Path, loaded: Database
) -> None:
    tap = install("tap-csv-folder==0.0.1a1") / "tap-csv-folder"
    (tmp_path / "files").mkdir()
    with (tmp_path / "files" / "hours.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Id", "Who", "Hours"])
        writer.writerows([n, f"Zoë, {n}", n / 4] for n in range(ROWS))
    config = {"path": str(tmp_path / "files"), "read_mode": "merge"}
    assert pipe(tap, config, tmp_path)
    rows = loaded.query(
        "SELECT id, who, hours FROM analytics.analytics.files ORDER BY id::int"
    )
    assert rows == [(str(n), f"Zoë, {n}", str(n / 4)) for n in range(ROWS)]


def test_tap_jsonl(
    install: Callable[[str], Path], tmp_path: Path, loaded: Database
) -> None:
    tap = install("tap-jsonl==0.3.1") / "tap-jsonl"
    (tmp_path / "files").mkdir()
    with (tmp_path / "files" / "hours.jsonl").open("w") as file:
        for n in range(ROWS):
            row = {"id": n, "who": f"Zoë {n}", "tags": [n, {"a": None}]}
            file.write(json.dumps(row) + "\n")
    config = {
        "path": str(tmp_path / "files" / "*.jsonl"),
        "stream_name": "hours",
        "primary_keys": ["id"],
    }
    pipe(tap, config, tmp_path)
    rows = loaded.query(
        "SELECT id, who, tags::varchar FROM analytics.analytics.hours ORDER BY id"
    )
    assert rows == [(n, f"Zoë {n}", f'[{n},{{"a":null}}]') for n in range(ROWS)]


DBF_FIELDS = [
    ("NAME", "C", 10, 0),
    ("HOURS", "N", 8, 2),
    ("DAY", "D", 8, 0),
    ("OPEN", "L", 1, 0),
]


def write_dbf(path: Path, rows: list[tuple[str, Decimal, dt.date, bool]]) -> None:
    """Write a dBase III file: https://www.dbase.com/KnowledgeBase/int/db7_file_fmt.htm."""
    size = 1 + sum(length for _, _, length, _ in DBF_FIELDS)
    with path.open("wb") as file:
        head = 32 + 32 * len(DBF_FIELDS) + 1
        file.write(struct.pack("<BBBBIHH20x", 3, 124, 5, 1, len(rows), head, size))
        for name, kind, length, places in DBF_FIELDS:
            file.write(
                struct.pack(
                    "<11sc4xBB14x", name.encode(), kind.encode(), length, places
                )
            )
        file.write(b"\r")
        for who, hours, day, is_open in rows:
            text = f" {who:<10}{hours:>8.2f}{day:%Y%m%d}{'T' if is_open else 'F'}"
            file.write(text.encode())
        file.write(b"\x1a")


def test_tap_dbf(
    install: Callable[[str], Path], tmp_path: Path, loaded: Database
) -> None:
    tap = install("tap-dbf==0.1.25") / "tap-dbf"
    rows = [
        (f"Zoe {n}", Decimal(n) / 4, dt.date(2024, 5, 1 + n % 28), n % 2 == 0)
        for n in range(ROWS)
    ]
    write_dbf(tmp_path / "hours.dbf", rows)
    pipe(tap, {"path": str(tmp_path / "hours.dbf")}, tmp_path)
    found = loaded.query(
        "SELECT name, hours, day::date, open FROM analytics.analytics.hours"
        " ORDER BY _sdc_row_index"
    )
    assert found == [(who, float(n), day, is_open) for who, n, day, is_open in rows]


def test_tap_postgres(
    install: Callable[[str], Path], tmp_path: Path, postgres: Database, loaded: Database
) -> None:
    tap = install("meltanolabs-tap-postgres==0.10.0") / "tap-postgres"
    table = f"{postgres.dataset}.hours"
    postgres.query(f"CREATE SCHEMA {postgres.dataset}")
    postgres.query(
        f"CREATE TABLE {table} (id bigint primary key, who text, hours numeric(10,2),"
        " day date, at timestamptz, more jsonb, tags text[], open boolean, big numeric)"
    )
    postgres.query(
        f"INSERT INTO {table} SELECT n, 'Zoë ' || n, n / 4.0, date '2024-05-01' +"
        " (n % 28), timestamptz '2024-05-01 10:00+02' + n * interval '1 minute',"
        " jsonb_build_object('n', n), array['a', n::text], n % 2 = 0, n / 7.0"
        f" FROM generate_series(1, {ROWS}) AS n"
    )
    config = {
        "sqlalchemy_url": postgres.config["credentials"].replace(
            "postgresql://", "postgresql+psycopg2://"
        ),
        "filter_schemas": [postgres.dataset],
    }
    (tmp_path / "tap.json").write_text(json.dumps(config))
    discovered = subprocess.run(
        [tap, "--config", "tap.json", "--discover"],
        capture_output=True,
        check=True,
        cwd=tmp_path,
    )
    catalog = json.loads(discovered.stdout)
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            entry["metadata"]["selected"] = True
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    for _ in range(2):
        pipe(tap, config, tmp_path, "--catalog", "catalog.json")
    there = f"{postgres.dataset}_hours"
    columns = 'id, who, hours::float, day, "at"::varchar, open, big, more::varchar'
    source = postgres.query(f"SELECT {columns} FROM {table} ORDER BY id")
    found = loaded.query(
        f"SELECT {columns} FROM analytics.analytics.{there} ORDER BY id"
    )
    assert len(source) == ROWS
    assert [row[:-1] for row in found] == [row[:-1] for row in source]
    assert [json.loads(row[-1]) for row in found] == [{"n": row[0]} for row in source]
