"""ACTIVATE_VERSION: which rows go, and which never do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.target_dlt.errors import InputError, SetupError
from tests.helpers.databases import record, schema, state

if TYPE_CHECKING:
    from tests.helpers.databases import Database, Message

ID = {"id": {"type": "integer"}}
BY_ACCOUNT = {"account": {"type": "string"}, "id": {"type": "integer"}}


def activate(version: int, stream: str = "s") -> Message:
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": version}


def of(
    account: str | None, *ids: int, version: int, stream: str = "s"
) -> list[Message]:
    return [
        schema(BY_ACCOUNT, ["account", "id"], stream),
        *(record({"account": account, "id": n}, stream, version=version) for n in ids),
        activate(version, stream),
    ]


def test_rows_without_a_version_after_the_message_stay(database: Database) -> None:
    database.load(schema(ID, ["id"]), record({"id": 0}, version=1), activate(1))
    states = database.load(
        schema(ID, ["id"]), activate(2), record({"id": 1}), record({"id": 2}), state(1)
    )
    assert database.rows("id") == [(1,), (2,)]
    assert states == [1]


def test_rows_without_a_version_and_without_a_key_stay_too(database: Database) -> None:
    database.load(schema(ID), record({"id": 0}, version=1), activate(1))
    states = database.load(
        schema(ID), activate(2), record({"id": 1}), state(1), record({"id": 2})
    )
    assert database.rows("id") == [(1,), (2,)]
    assert states == [1]


def test_rows_of_an_older_version_after_the_message_stay(database: Database) -> None:
    database.load(
        schema(ID, ["id"]),
        record({"id": 0}, version=1),
        activate(2),
        record({"id": 1}, version=1),
        record({"id": 2}, version=2),
        state(1),
    )
    assert database.rows("id") == [(1,), (2,)]


@pytest.mark.parametrize("keys", [["id"], ["id", "v"]])
def test_rows_without_a_version_stay_whatever_versions_come_later(
    keys: list[str], database: Database
) -> None:
    """Also where the keys have changed in between."""
    columns = ID | {"v": {"type": "integer"}}
    database.load(
        schema(columns, ["id"]),
        record({"id": 1, "v": 1}),
        activate(1),
        schema(columns, keys),
        record({"id": 2, "v": 1}, version=2),
        activate(2),
        state(1),
    )
    assert database.rows("id") == [(1,), (2,)]


def test_older_rows_between_a_state_and_the_message_go_without_a_key_too(
    database: Database,
) -> None:
    database.load(
        schema(ID),
        record({"id": 1}, version=2),
        state(1),
        record({"id": 2}, version=1),
        activate(2),
        record({"id": 3}, version=2),
        state(2),
    )
    assert database.rows("id") == [(1,), (3,)]


def test_a_message_that_is_repeated_removes_nothing_more(database: Database) -> None:
    database.load(
        schema(ID, ["id"]),
        activate(2),
        record({"id": 1}, version=1),
        activate(2),
        record({"id": 2}, version=1),
        state(1),
    )
    assert database.rows("id") == [(1,), (2,)]


@pytest.mark.parametrize("version", ["5", 5.0, 2**63, True, None, [5]])
def test_a_version_that_is_no_integer_is_an_error(version: Any, duck: Database) -> None:
    says = "Line 3: stream 's': the version has to be an integer"
    with pytest.raises(InputError, match=says):
        duck.load(schema(ID, ["id"]), record({"id": 1}, version=1), activate(version))


def test_a_message_without_a_schema_is_a_warning(
    duck: Database, caplog: pytest.LogCaptureFixture
) -> None:
    assert duck.load(activate(1), state(1)) == [1]
    assert "'s': ACTIVATE_VERSION is left out, because there was no SCHEMA" in (
        caplog.text
    )


# Accounts that share a table


@pytest.fixture
def shared(database: Database) -> Database:
    """Tables with the rows of two accounts."""
    for stream in ("s", "t"):
        for account in ("acme", "o'hara"):
            database.load(*of(account, 1, 2, version=1, stream=stream)[:-1])
    return database


@pytest.mark.parametrize("scope", [{"account": "acme"}, ["account"]])
def test_only_rows_of_the_account_in_scope_are_removed(
    scope: Any, shared: Database
) -> None:
    shared.load(*of("acme", 2, version=2), version_scope=scope)
    assert shared.rows("account, id") == [("acme", 2), ("o'hara", 1), ("o'hara", 2)]


@pytest.mark.parametrize("scope", [{"account": "o'hara"}, ["account"]])
def test_a_stream_that_has_become_empty_loses_the_rows_of_its_account(
    scope: Any, shared: Database
) -> None:
    """Though the account is seen in another stream only, and later."""
    shared.load(
        *of("o'hara", version=2),
        *of("o'hara", 1, version=2, stream="t"),
        state(1),
        version_scope=scope,
    )
    assert shared.rows("account, id") == [("acme", 1), ("acme", 2)]
    assert len(shared.rows("id", "t")) == 3


def test_rows_are_marked_in_scope_only(shared: Database) -> None:
    shared.load(*of("acme", 2, version=2), version_scope=["account"], hard_delete=False)
    marked = shared.query(
        f"SELECT account, id FROM {shared.dataset}.s WHERE _sdc_deleted_at IS NOT NULL"
    )
    assert marked == [("acme", 1)]


def test_without_any_row_nothing_is_removed_which_is_said(
    shared: Database, caplog: pytest.LogCaptureFixture
) -> None:
    shared.load(*of("acme", version=2), version_scope=["account"])
    assert len(shared.rows("id")) == 4
    assert "the run had no row with 'account'" in caplog.text


def test_a_table_without_the_column_keeps_its_rows(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.load(schema(ID, ["id"]), record({"id": 1}, version=1))
    database.load(schema(ID, ["id"]), activate(2), version_scope={"account": "acme"})
    assert database.rows("id") == [(1,)]
    assert "has no column 'account'" in caplog.text


def test_a_scope_may_have_several_columns(database: Database) -> None:
    columns = BY_ACCOUNT | {"region": {"type": ["integer", "null"]}}
    keys = ["account", "id"]
    rows = [("acme", 1, 1), ("acme", 2, 2), ("zeta", 3, None), ("zeta", 4, 1)]
    database.load(
        schema(columns, keys),
        *(record({"account": a, "id": n, "region": r}, version=1) for a, n, r in rows),
    )
    database.load(
        schema(columns, keys),
        record({"account": "acme", "id": 5, "region": 1}, version=2),
        record({"account": "zeta", "id": 6}, version=2),
        activate(2),
        version_scope=["account", "region"],
    )
    assert database.rows("id") == [(2,), (4,), (5,), (6,)]


def test_a_scope_may_be_of_any_type(database: Database) -> None:
    columns: dict[str, Any] = ID | {
        "number": {"type": "number"},
        "cents": {"type": "number", "multipleOf": 0.01},
        "moment": {"type": "string", "format": "date-time"},
        "time": {"type": "string", "format": "time"},
        "day": {"type": "string", "format": "date"},
        "flag": {"type": "boolean"},
    }
    mine = {
        "number": 5,
        "cents": 5,
        "moment": "2021-01-01T00:00:00Z",
        "time": "01:00:00",
        "day": "2021-01-01",
        "flag": True,
    }
    keys = [*columns]
    rows = [mine | {"id": 1}, mine | {"id": 2, "number": 0.1}]
    database.load(schema(columns, keys), *(record(row, version=1) for row in rows))
    new = record(mine | {"id": 3}, version=2)
    scope = [*mine]
    database.load(schema(columns, keys), new, activate(2), version_scope=scope)
    assert database.rows("id") == [(2,), (3,)]
    database.load(
        schema(columns, keys), activate(3), version_scope={"number": 5, "cents": 5}
    )
    assert database.rows("id") == [(2,)]


def test_what_is_loaded_after_the_message_stays_in_scope_too(
    database: Database,
) -> None:
    database.load(
        schema(BY_ACCOUNT, ["account", "id"]),
        activate(2),
        record({"account": "acme", "id": 1}),
        state(1),
        version_scope=["account"],
    )
    assert database.rows("id") == [(1,)]


def test_a_scope_may_come_as_json(shared: Database) -> None:
    """As it does from an environment variable."""
    scope = json.dumps({"account": "acme"})
    shared.load(*of("acme", 2, version=2), version_scope=scope)
    assert len(shared.rows("id")) == 3


@pytest.mark.parametrize("scope", [{}, [], "acme", {"account": [1]}, '{"a"', [""]])
def test_what_is_no_scope_is_an_error(scope: Any, duck: Database) -> None:
    with pytest.raises(SetupError, match="`version_scope` has to be"):
        duck.load(*of("acme", 1, version=1), version_scope=scope)


# Streams without rows


def test_a_schema_without_rows_makes_the_table(database: Database) -> None:
    database.load(schema(ID, ["id"]), state(1))
    assert set(database.types()) == {"id"}
    assert database.rows() == []


def test_a_schema_without_rows_adds_columns(database: Database) -> None:
    wider = ID | {"tags": {"type": "array"}}
    database.load(
        schema(ID, ["id"]), record({"id": 1}), schema(wider, ["id"]), state(1)
    )
    assert database.rows("id, tags") == [(1, None)]
    database.load(schema(wider | {"more": {"type": "string"}}, ["id"]), state(1))
    assert database.rows("id, tags, more") == [(1, None, None)]


def test_a_schema_without_rows_replaces_nothing(database: Database) -> None:
    database.load(schema(ID, ["id"]), record({"id": 1}))
    database.load(schema(ID, ["id"]), state(1), write_disposition="replace")
    assert database.rows("id") == [(1,)]


def test_a_table_that_was_dropped_is_made_anew(database: Database) -> None:
    wider = ID | {"v": {"type": "string"}}
    for keys, columns in ((["id"], ID), (["id"], wider), ([], wider)):
        database.load(schema(columns, keys), record({"id": 1, "v": "x"}))
        database.query(f"DROP TABLE {database.dataset}.s")
        database.load(schema(columns, keys), record({"id": 2}), activate(1))
        assert database.rows("id") == [(2,)]


@pytest.mark.parametrize("hard_delete", [True, False])
def test_the_column_of_versions_that_was_dropped_is_made_anew(
    database: Database,
    hard_delete: bool,  # noqa: FBT001
) -> None:
    database.load(schema(ID, ["id"]), record({"id": 1}, version=1), activate(1))
    database.query(f"ALTER TABLE {database.dataset}.s DROP COLUMN _sdc_table_version")
    database.load(schema(ID, ["id"]), activate(2), hard_delete=hard_delete)
    assert database.rows("id") == ([] if hard_delete else [(1,)])


def test_a_column_that_was_dropped_is_made_anew(database: Database) -> None:
    columns = ID | {"v": {"type": "string"}}
    database.load(schema(columns, ["id"]), record({"id": 1, "v": "x"}))
    database.query(f"ALTER TABLE {database.dataset}.s DROP COLUMN v")
    database.load(schema(columns, ["id"]), record({"id": 2, "v": "y"}))
    assert database.rows("id, v") == [(1, None), (2, "y")]
