"""The search for secrets in what tests leave behind: it finds them."""

from __future__ import annotations

import gzip
import html
import json
import subprocess
import sys
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tap_analytics.fleet.compression import Compressor
from tests.helpers.running import run_tap, settings
from tests.helpers.scanning import KEY, PASSWORD, Scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import SandboxFactory

WAYS: list[Callable[[str], str]] = [
    str,
    lambda key: quote(key, safe=""),
    lambda key: json.dumps(key)[1:-1],
    html.escape,
    repr,
    *(
        lambda key, start=start: b64encode(f"{start}{key}".encode()).decode()
        for start in ("", "a", "ab", "key=")
    ),
    lambda key: urlsafe_b64encode(f"{key}?".encode()).decode(),
]


@pytest.mark.parametrize("secret", [KEY, PASSWORD])
@pytest.mark.parametrize("way", WAYS)
def test_a_secret_is_found_in_whichever_way_it_is_written(
    secret: str, way: Callable[[str], str]
) -> None:
    for content in (f"It is {way(secret)}.", f"It is {way(secret)}.".encode()):
        scan = Scan()
        scan.look(content, "here")
        assert scan.found == {"here"}


def test_what_is_none_is_not_found() -> None:
    scan = Scan()
    scan.look(f"{KEY[:10]} {PASSWORD[:10]} sandbox-key", "here")
    scan.look(None, "here")
    assert scan.found == set()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder that is not looked into in the end."""
    with TemporaryDirectory() as name:
        yield Path(name)


def test_a_secret_is_found_in_any_file(folder: Path) -> None:
    (folder / "logs" / "deep").mkdir(parents=True)
    (folder / "logs" / "deep" / "run.log").write_text(f"sent {KEY}")
    (folder / "batch.gz").write_bytes(gzip.compress(KEY.encode()))
    compressor = Compressor()
    frames = [compressor.compressed(text.encode()) for text in ("a" * 99, KEY)]
    (folder / "part.zst").write_bytes(b"".join(frames))
    (folder / PASSWORD).touch()
    pq.write_table(pa.table({"a": [KEY] * 9}), folder / "rows.parquet")
    with duckdb.connect(str(folder / "rows.duckdb")) as database:
        database.execute(
            'create schema "a b"; create table "a b"."c d" as'
            f" select '{KEY}' || (i % 7) as x, i from range(200_000) as t (i)"
        )
    scan = Scan()
    scan.look_into(folder)
    assert len(scan.found) == scan.files == 6


def test_a_file_that_is_broken_is_looked_into_as_it_is(folder: Path) -> None:
    (folder / "cut.gz").write_bytes(gzip.compress(bytes(100))[:20])
    (folder / "cut.duckdb").write_bytes(b"checksumDUCK" + KEY.encode())
    scan = Scan()
    scan.look_into(folder)
    assert scan.found == {str(folder / "cut.duckdb")}


@pytest.mark.parametrize("place", ["argument", "environment"])
def test_a_secret_is_found_in_a_process(place: str) -> None:
    arguments = [KEY] if place == "argument" else []
    environment = {"KEY": KEY} if place == "environment" else {}
    command = [sys.executable, "-c", "print(flush=True); input()", *arguments]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()  # It has begun.
        scan, half = Scan(), Scan()
        scan.look_at_process(process.pid, environment=True)
        half.look_at_process(process.pid, environment=False)
        process.stdin.write(b"\n")
    assert len(scan.found) == 1
    assert len(half.found) == len(arguments)


def test_configurations_and_installed_packages_are_left_out(folder: Path) -> None:
    (folder / "config.json").write_text(KEY)
    (folder / "venv" / "lib").mkdir(parents=True)
    (folder / "venv" / "pyvenv.cfg").touch()
    (folder / "venv" / "lib" / "module.py").write_text(KEY)
    scan = Scan()
    scan.look_into(folder)
    assert scan.found == set()


def test_the_tests_of_the_tap_use_the_key_that_is_looked_for(
    sandbox: SandboxFactory, folder: Path
) -> None:
    api = sandbox()
    assert api.options.api_key == settings(api)["api_key"] == KEY
    run_tap(settings(api), "--discover", folder=folder)
    assert KEY in json.loads((folder / "config.json").read_text()).values()
