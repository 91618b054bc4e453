"""Other destinations, and what is said when one can't be used."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.parquet as pq
import pytest

from tap_analytics.target_dlt.errors import InputError, LoadError, SetupError
from tap_analytics.target_dlt.loading import destination
from tap_analytics.target_dlt.loading.destination import file_format, make_destination
from tap_analytics.target_dlt.loading.table_client import TableClient
from tests.helpers.databases import (
    Database,
    duckdb_at,
    lines_of,
    record,
    schema,
    state,
)

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = {
    "id": {"type": "integer"},
    "name": {"type": ["string", "null"]},
    "at": {"type": "string", "format": "date-time"},
    "day": {"type": "string", "format": "date"},
    "amount": {"type": "number", "multipleOf": 0.01},
    "ratio": {"type": "number"},
    "open": {"type": "boolean"},
    "more": {"type": "object"},
}

ROW = {
    "name": "é😀",
    "at": "2024-05-01T10:00:00+02:00",
    "day": "2024-05-01",
    "amount": 1.25,
    "ratio": 0.1,
    "open": True,
    "more": {"a": [1, "x"]},
}


def keyed(*ids: int, version: int | None = None) -> list[dict[str, Any]]:
    more = {} if version is None else {"version": version}
    return [
        schema(COLUMNS, ["id"], "keyed"),
        *(record({"id": n} | ROW, "keyed", **more) for n in ids),
    ]


def keyless(*ids: int) -> list[dict[str, Any]]:
    return [
        schema({"id": {"type": "integer"}}, [], "keyless"),
        *(record({"id": n}, "keyless") for n in ids),
    ]


def query_files(sql: str) -> list[Any]:
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()


def nothing(sql: str) -> list[Any]:
    raise NotImplementedError(sql)


def test_a_destination_without_datasets_is_loaded_into() -> None:
    """dlt's `dummy` has none, nor has a function of the user's."""
    options = {"completed_prob": 1.0, "timeout": 0.1}
    dummy = Database({"destination": "dummy", "destination_config": options}, nothing)
    assert dummy.load(*keyed(1, 2), state(1)) == [1]


# SQLite, through SQLAlchemy


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    path = tmp_path / "data.db"

    def query(sql: str) -> list[Any]:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute(sql).fetchall()

    config = {
        "destination": "sqlalchemy",
        "credentials": f"sqlite:///{path}",
        "dataset_name": "main",
    }
    return Database(config, query, "main")


def test_sqlite_is_loaded_merged_and_evolved(sqlite: Database) -> None:
    sqlite.load(*keyed(1, 2, 1), *keyless(1))
    sqlite.load(*keyed(2, 3), *keyless(1))
    assert sqlite.rows("id", "keyed") == [(1,), (2,), (3,)]
    assert sqlite.rows("id", "keyless") == [(1,), (1,)]
    [first, *_] = sqlite.rows('name, "at", day, amount, ratio, open, more', "keyed")
    at, more = "2024-05-01 08:00:00.000000", '{"a": [1, "x"]}'
    assert first == ("é😀", at, "2024-05-01", 1.25, 0.1, 1, more)
    wider = {"id": {"type": "integer"}, "ratio": {"type": "string"}}
    sqlite.load(
        schema(wider, ["id"], "keyed"), record({"id": 3, "ratio": "x"}, "keyed")
    )
    # SQLite can't alter a column, so wider values go beside it, as dlt does it.
    assert sqlite.rows("id, ratio, ratio__v_text", "keyed")[-1] == (3, None, "x")


def test_where_a_limit_can_not_be_lifted_there_is_none(sqlite: Database) -> None:
    for limit in (2, 3):
        column = {"v": {"type": "string", "maxLength": limit}}
        sqlite.load(schema(column), record({"v": "x" * limit}))
    assert sqlite.rows("v") == [("xx",), ("xxx",)]


def test_sqlite_removes_the_rows_of_older_versions(sqlite: Database) -> None:
    activate = {"type": "ACTIVATE_VERSION", "stream": "keyed"}
    sqlite.load(*keyed(1, 2, version=1), activate | {"version": 1})
    sqlite.load(*keyed(2, version=2), activate | {"version": 2})
    assert sqlite.rows("id", "keyed") == [(2,)]


# Files


def files(path: Path, **config: Any) -> Database:
    return Database(
        {
            "destination": "filesystem",
            "destination_config": {"bucket_url": str(path)},
            **config,
        },
        query_files,
    )


def test_files_are_written_as_parquet(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files(tmp_path).load(*keyed(1, 2), *keyless(1), state("done"))
    found = query_files(
        "SELECT id, name, day::varchar, amount, open, more FROM"
        f" read_parquet('{tmp_path}/analytics/keyed/*.parquet') ORDER BY id"
    )
    assert [row[:3] for row in found] == [(1, "é😀", "2024-05-01"), (2, *found[0][1:3])]
    assert found[0][4:] == (True, '{"a": [1, "x"]}')
    assert "can't be merged" in caplog.text
    assert caplog.text.count("can't be merged") == 1


def test_a_replacement_by_several_loads_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Files can't be merged, so a key that comes again later is there twice."""
    database = files(tmp_path, write_disposition="replace", batch_size_rows=1)
    for _ in range(2):
        database.load(*keyed(1), *keyless(1), *keyed(1))
    found = query_files(
        f"SELECT id FROM read_parquet('{tmp_path}/analytics/keyed/*.parquet')"
    )
    assert found == [(1,), (1,)]
    assert caplog.text.count("keys of an earlier load are doubled") == 2


def test_delta_tables_are_merged_and_versioned(tmp_path: Path) -> None:
    deltalake = pytest.importorskip("deltalake")
    database = files(tmp_path, table_format="delta")

    def rows(table: str) -> list[Any]:
        found = deltalake.DeltaTable(tmp_path / "analytics" / table)
        return sorted(row["id"] for row in found.to_pyarrow_table().to_pylist())

    activate = {"type": "ACTIVATE_VERSION", "stream": "keyed"}
    database.load(*keyed(1, 2, version=1), activate | {"version": 1}, *keyless(1))
    database.load(*keyed(2, 3, version=2), *keyless(1))
    assert (rows("keyed"), rows("keyless")) == ([1, 2, 3], [1, 1])
    database.load(*keyed(2, version=3), activate | {"version": 3})
    assert rows("keyed") == [2]
    database.load(*keyed(4, version=4), activate | {"version": 4}, hard_delete=False)
    marked = deltalake.DeltaTable(tmp_path / "analytics" / "keyed").to_pyarrow_table()
    assert sorted(
        (row["id"], row["_sdc_deleted_at"] is None) for row in marked.to_pylist()
    ) == [(2, False), (4, True)]


def test_iceberg_tables_are_merged_and_versioned(tmp_path: Path) -> None:
    pytest.importorskip("pyiceberg")
    database = files(tmp_path, table_format="iceberg")

    def rows(table: str) -> list[Any]:
        [metadata] = sorted(
            (tmp_path / "analytics" / table / "metadata").glob("*.json")
        )[-1:]
        from pyiceberg.table import StaticTable  # noqa: PLC0415, optional

        found = StaticTable.from_metadata(str(metadata)).scan().to_arrow()
        return sorted(found["id"].to_pylist())

    activate = {"type": "ACTIVATE_VERSION", "stream": "keyed"}
    database.load(*keyed(1, 2, version=1), activate | {"version": 1}, *keyless(1))
    database.load(*keyed(2, 3, version=2), activate | {"version": 2}, *keyless(1))
    assert (rows("keyed"), rows("keyless")) == ([2, 3], [1, 1])


# PostgreSQL's load formats


@pytest.mark.parametrize("load_format", ["parquet", "insert_values", "csv"])
def test_postgres_is_loaded_in_all_formats(
    postgres: Database, load_format: str
) -> None:
    postgres.load(*keyed(1, 2), *keyless(1), loader_file_format=load_format)
    [row, _] = postgres.rows(
        "name, at::varchar, day::varchar, amount::varchar, ratio, open, more::varchar",
        "keyed",
    )
    at, more = "2024-05-01 08:00:00+00", '{"a": [1, "x"]}'
    assert row == ("é😀", at, "2024-05-01", "1.25", 0.1, True, more)


def test_postgres_is_loaded_with_parquet_if_adbc_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = {"destination": "postgres", "credentials": "postgresql://u:p@h/d"}
    assert file_format(make_destination(config), config) == "parquet"
    monkeypatch.setitem(sys.modules, "adbc_driver_manager", None)
    assert file_format(make_destination(config), config) == "insert_values"


def test_postgres_keeps_empty_strings_without_adbc(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_manager", None)
    postgres.load(
        schema({"v": {"type": ["string", "null"]}}), record({"v": ""}), record({})
    )
    assert postgres.rows("v") == [(None,), ("",)]


@pytest.mark.parametrize("load_format", ["parquet", "insert_values", "csv"])
def test_postgres_keeps_texts_apart_in_all_formats(
    postgres: Database, load_format: str
) -> None:
    texts = ["", "NULL", "\\N", 'a"b', "a,b", "a\nb", "a;b", "{}", " ", None]
    for _ in range(2):  # into an empty table, and into one with rows
        postgres.load(
            schema(
                {"n": {"type": "integer"}, "v": {"type": ["string", "null"]}}, ["n"]
            ),
            *(record({"n": n, "v": v}) for n, v in enumerate(texts)),
            loader_file_format=load_format,
        )
    assert dict(postgres.rows("n, v")) == dict(enumerate(texts))


@pytest.mark.parametrize("load_format", ["parquet", "insert_values"])
def test_postgres_keeps_binary_values(postgres: Database, load_format: str) -> None:
    column = {"v": {"type": "string", "contentEncoding": "base64"}}
    postgres.load(
        schema(column), record({"v": "AP8nXA=="}), loader_file_format=load_format
    )
    assert postgres.rows("encode(v, 'hex')") == [("00ff275c",)]


def test_csv_can_not_hold_binary_values(postgres: Database) -> None:
    column = {"v": {"type": "string", "contentEncoding": "base64"}}
    with pytest.raises(InputError, match="'v': CSV files can't hold binary"):
        postgres.load(
            schema(column), record({"v": "AP8nXA=="}), loader_file_format="csv"
        )


@pytest.mark.parametrize("load_format", ["jsonl", "insert_values", "csv"])
def test_duckdb_takes_no_format_that_spoils_values(
    duck: Database, load_format: str
) -> None:
    with pytest.raises(SetupError, match="for DuckDB it can be `parquet` only"):
        duck.load(*keyless(1), loader_file_format=load_format)


def test_characters_that_postgres_refuses_are_removed(
    postgres: Database, caplog: pytest.LogCaptureFixture
) -> None:
    postgres.load(schema({"v": {"type": "string"}}), record({"v": "a\0b"}))
    assert postgres.rows("v") == [("ab",)]
    assert "NUL characters" in caplog.text


# Settings


@pytest.mark.parametrize("name", ["my-pipe", "2024", "a b", "ü", "Agency", "my_pipe"])
def test_a_pipeline_may_have_any_name_that_dlt_takes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for n in (1, 2):
        Database({"pipeline_name": name}, nothing).load(*keyless(n))
    database = duckdb_at(tmp_path / f"{name}.duckdb")
    assert len(database.query("SELECT id FROM analytics.keyless")) == 2


@pytest.mark.parametrize("name", ["analytics.prod.duckdb", ".analytics.duckdb"])
def test_a_duckdb_file_may_have_more_dots_in_its_name(
    tmp_path: Path, name: str
) -> None:
    database = duckdb_at(tmp_path / name)
    for n in (1, 2):
        database.load(schema({"id": {"type": "integer"}}, ["id"]), record({"id": n}))
    assert database.rows("id") == [(1,), (2,)]


@pytest.mark.parametrize("above", ["v=x", "id=7"])
def test_a_folder_above_the_load_files_is_no_column(tmp_path: Path, above: str) -> None:
    """Such names are those of partitions, for who looks for some."""
    database = duckdb_at(tmp_path / above / "analytics.duckdb")
    (tmp_path / above).mkdir(parents=True)
    for n in (1, 2):
        database.load(
            schema({"id": {"type": "integer"}, "v": {"type": "string"}}, ["id"]),
            record({"id": 1, "v": f"a{n}"}),
            record({"id": 2, "v": None}),
            pipelines_dir=str(tmp_path / above / "work"),
        )
    assert database.rows("id, v") == [(1, "a2"), (2, None)]


@pytest.mark.parametrize("destination", ["duckdb", "postgres"])
def test_a_destination_that_dlt_s_configuration_names_is_the_same(
    destination: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTINATION__MINE__DESTINATION_TYPE", destination)
    made = make_destination({"destination": "mine"})
    assert made.destination_name == "mine"
    assert issubclass(made.client_class, TableClient)


def test_dlt_is_configured_as_its_users_do_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "other.duckdb"
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", str(path))
    Database({}, nothing).load(*keyless(1))
    database = duckdb_at(path)
    assert database.query("SELECT id FROM analytics.keyless") == [(1,)]


def test_secrets_toml_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text(
        f'destination.mine.destination_type = "duckdb"\n'
        f'destination.mine.credentials = "{tmp_path}/mine.duckdb"\n'
    )
    from dlt.common.configuration.container import Container  # noqa: PLC0415
    from dlt.common.configuration.specs.pluggable_run_context import (  # noqa: PLC0415
        PluggableRunContext,
    )

    Container()[PluggableRunContext].reload(str(tmp_path))
    try:
        Database({"destination": "mine"}, nothing).load(*keyless(1))
    finally:
        Container()[PluggableRunContext].reload(".")
    mine = duckdb_at(tmp_path / "mine.duckdb")
    assert mine.query("SELECT id FROM analytics.keyless") == [(1,)]


@pytest.mark.parametrize("as_text", [False, True], ids=["object", "JSON"])
def test_credentials_may_be_an_object(
    tmp_path: Path,
    as_text: bool,  # noqa: FBT001, a parameter
) -> None:
    path = str(tmp_path / "x.duckdb")
    credentials: Any = {"database": path}
    if as_text:
        credentials = json.dumps(credentials)
    Database({"credentials": credentials}, nothing).load(*keyless(1))
    assert duckdb_at(tmp_path / "x.duckdb").query("SELECT id FROM analytics.keyless")


def test_a_dataset_may_be_called_like_its_file(tmp_path: Path) -> None:
    database = duckdb_at(tmp_path / "same.duckdb")
    database.load(*keyless(1), dataset_name="same")
    database.load(*keyless(2), dataset_name="same")
    assert database.query("SELECT count(*) FROM same.same.keyless") == [(2,)]


@pytest.mark.parametrize(
    ("config", "error", "says"),
    [
        ({"destination": "nope"}, SetupError, r"no destination 'nope'.*duckdb"),
        ({"destination_config": {"nope": 1}}, SetupError, "no option 'nope'"),
        ({"credentials": "{nope"}, SetupError, "JSON object but is none"),
        (
            {"destination": "snowflake", "credentials": "snowflake://u:p@h/d"},
            LoadError,
            r"Install them: pip install 'dlt\[snowflake\]'",
        ),
        ({"destination": "postgres"}, LoadError, "host are not set. Set `credentials`"),
        ({"destination": "filesystem"}, LoadError, "bucket_url is not set"),
        (
            {"destination": "postgres", "credentials": "nonsense"},
            LoadError,
            "cannot parse the configuration value",
        ),
        (
            {"credentials": "/nowhere/at/all.duckdb"},
            LoadError,
            "IO Error: Cannot open file",
        ),
        (
            {"pipelines_dir": "/proc/nowhere"},
            SetupError,
            "working directory can't be used",
        ),
    ],
)
def test_a_destination_that_can_not_be_used_is_one_line(
    config: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        Database(config, nothing).load(*keyless(1))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "credentials",
    [
        "postgresql://someone:hush-hush@localhost:1/x",
        {
            "host": "localhost",
            "port": 1,
            "username": "someone",
            "password": "hush-hush",
            "database": "hush-hush",
        },
        "postgresql://someone:hush-hush@/x?host=hush-hush",
    ],
)
def test_no_error_shows_a_password(credentials: Any) -> None:
    config = {"destination": "postgres", "credentials": credentials}
    with pytest.raises(LoadError) as caught:
        Database(config, nothing).load(*keyless(1))
    if not isinstance(credentials, str) or "localhost" in credentials:
        assert "hush" not in str(caught.value)


def test_two_runs_do_not_share_a_kept_working_directory(
    tmp_path: Path, duck: Database
) -> None:
    from tap_analytics.target_dlt.loading.working_directory import WorkingDirectory  # noqa: PLC0415

    held = WorkingDirectory(str(tmp_path / "work"), "analytics")
    with pytest.raises(SetupError, match="Another run uses the pipeline 'analytics'"):
        duck.load(*keyless(1), pipelines_dir=str(tmp_path / "work"))
    held.close()
    duck.load(*keyless(1), pipelines_dir=str(tmp_path / "work"))
    duck.load(*keyless(2), pipelines_dir=str(tmp_path / "work"))
    assert duck.rows("id", "keyless") == [(1,), (2,)]


_LOAD_AND_TELL = """
import json, sys
from tap_analytics.target_dlt.target import TargetDlt
for line in sys.argv[1:]:
    with open("messages") as file:
        TargetDlt(config=json.loads(line)).listen(file)
print("sqlalchemy" in sys.modules)
"""


def test_duckdb_and_postgres_need_no_sqlalchemy_also_where_it_is_installed(
    duck: Database, postgres: Database, tmp_path: Path
) -> None:
    (tmp_path / "messages").write_text(lines_of((*keyed(1), *keyless(2))))
    configs = [json.dumps(database.config) for database in (duck, postgres)]
    result = subprocess.run(
        [sys.executable, "-c", _LOAD_AND_TELL, *configs],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["False"]


def test_rows_are_encoded_in_groups_not_a_whole_file_at_a_time(
    duck: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination, "ROWS_IN_GROUP", 2)
    duck.load(*keyless(1, 2, 3), pipelines_dir=str(tmp_path / "kept"))
    [file] = tmp_path.rglob("completed_jobs/keyless.*.parquet")
    found = pq.read_metadata(file)
    groups = [found.row_group(index) for index in range(found.num_row_groups)]
    assert [group.num_rows for group in groups] == [2, 1]
