"""The column that tells whose a record is, where many accounts share the tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.running import STREAMS, Outcome, run_tap, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(projects=3, tasks=2, time_records=2, clients=2, users=2, team_time=2)


def run(api: Sandbox, folder: Path, *args: str, **config: Any) -> Outcome:
    outcome = run_tap(settings(api, **config), *args, folder=folder)
    assert outcome.status == 0, outcome.err
    return outcome


@pytest.mark.parametrize("stream", STREAMS)
def test_it_stands_in_front_of_each_record(
    api: Sandbox, tmp_path: Path, stream: str
) -> None:
    for record in run(api, tmp_path, account='acme "1"').records(stream):
        assert next(iter(record.items())) == ("account", 'acme "1"')


@pytest.mark.parametrize("stream", STREAMS)
def test_it_is_part_of_the_key(api: Sandbox, tmp_path: Path, stream: str) -> None:
    [schema] = run(api, tmp_path, account="acme").of_type("SCHEMA", stream)
    assert schema["key_properties"] == ["account", "id"]
    assert next(iter(schema["schema"]["properties"])) == "account"
    assert schema["schema"]["properties"]["account"]["type"] == ["string"]
    assert "account" in schema["schema"]["required"]


def test_it_can_have_another_name(api: Sandbox, tmp_path: Path) -> None:
    outcome = run(api, tmp_path, account="acme", account_column="tenant")
    assert {row["tenant"] for row in outcome.records("users")} == {"acme"}
    assert outcome.of_type("SCHEMA", "users")[0]["key_properties"] == ["tenant", "id"]


def test_without_an_account_there_is_no_such_column(
    api: Sandbox, tmp_path: Path
) -> None:
    outcome = run(api, tmp_path)
    assert outcome.of_type("SCHEMA", "users")[0]["key_properties"] == ["id"]
    assert "account" not in outcome.records("users")[0]


def test_stream_maps_see_it(api: Sandbox, tmp_path: Path) -> None:
    maps = {"users": {"whose": "account.upper()"}}
    outcome = run(api, tmp_path, account="acme", stream_maps=maps)
    assert outcome.records("users")[0]["whose"] == "ACME"
    assert outcome.records("users")[0]["account"] == "acme"


@pytest.mark.parametrize("undeclared", ["collect", "ignore", "infer"])
def test_a_field_of_its_name_stops_the_run(
    sandbox: SandboxFactory, tmp_path: Path, undeclared: str
) -> None:
    api = sandbox(volatile_field="owner", users=2)
    config = settings(
        api, account="acme", account_column="owner", undeclared_fields=undeclared
    )
    error = run_tap(config, folder=tmp_path).error
    assert "the API has a field 'owner' itself" in error
    assert "set account_column" in error


def test_it_can_t_be_a_column_that_is_declared(api: Sandbox, tmp_path: Path) -> None:
    config = settings(api, account="acme", account_column="status")
    error = run_tap(config, folder=tmp_path).error
    assert error == "account_column can't be 'status': that is a column already."


def test_a_catalog_that_knows_no_account_is_refused(
    api: Sandbox, tmp_path: Path
) -> None:
    catalog = tmp_path / "catalog.json"
    catalog.write_text(run(api, tmp_path, "--discover").out)
    config = settings(api, account="acme")
    error = run_tap(config, "--catalog", str(catalog), folder=tmp_path).error
    assert "was made without account" in error


def test_inferred_columns_come_beside_it(api: Sandbox, tmp_path: Path) -> None:
    config = {"account": "acme", "undeclared_fields": "infer"}
    catalog = tmp_path / "catalog.json"
    catalog.write_text(run(api, tmp_path, "--discover", **config).out)
    assert json.loads(catalog.read_text())["streams"][0]["key_properties"] == [
        "account",
        "id",
    ]
    # Another account goes by the same catalog.
    outcome = run(api, tmp_path, "--catalog", str(catalog), account="other")
    columns = outcome.of_type("SCHEMA", "users")[0]["schema"]["properties"]
    assert {"account", "email"} <= columns.keys()
    assert outcome.records("users")[0]["account"] == "other"
