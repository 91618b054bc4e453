"""A table's rows change all at once or not at all."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.target_dlt.errors import LoadError
from tap_analytics.target_dlt.loading.destination import make_destination
from tap_analytics.target_dlt.loading.table_statements import TableStatements
from tap_analytics.target_dlt.target import TargetDlt
from tests.helpers.databases import Database, lines_of, record, schema, state
from tests.helpers.forking import PROCESSES

if TYPE_CHECKING:
    from tests.helpers.databases import Message

ID = {"id": {"type": "integer"}, "v": {"type": ["string", "null"]}}
STREAMS = ("first", "second")


def rows(v: str | None) -> list[Message]:
    return [
        message
        for stream in STREAMS
        for message in (schema(ID, ["id"], stream), record({"id": 1, "v": v}, stream))
    ]


def refuse_null(database: Database, table: str) -> None:
    database.query(
        f"ALTER TABLE {database.dataset}.{table} ALTER COLUMN v SET NOT NULL"
    )


@pytest.mark.parametrize("refusing", STREAMS)
def test_rows_that_a_table_refuses_leave_the_old_ones(
    refusing: str, database: Database
) -> None:
    database.load(*rows("old"))
    refuse_null(database, refusing)
    with pytest.raises(LoadError) as caught:
        database.load(*rows(None), state("not whole"))
    assert "\n" not in str(caught.value)
    assert database.rows("id, v", refusing) == [(1, "old")]


def test_a_replacement_that_a_table_refuses_leaves_the_old_rows(
    database: Database,
) -> None:
    database.load(*rows("old"))
    refuse_null(database, "second")
    with pytest.raises(LoadError):
        database.load(*rows(None), write_disposition="replace")
    assert database.rows("id, v", "second") == [(1, "old")]


def _die_before_insert(config: dict[str, Any], text: str, table: str) -> None:
    """Run the target in a process of its own, which is killed halfway."""
    insert = TableStatements.insert

    def die(self: TableStatements, source: str) -> str:
        if self.table.endswith(f'"{table}"'):
            os._exit(9)
        return insert(self, source)

    TableStatements.insert = die  # type: ignore[method-assign]
    TargetDlt(config=config).listen(io.StringIO(text))


@pytest.mark.parametrize("disposition", ["merge", "replace"])
@pytest.mark.parametrize("table", STREAMS)
def test_a_kill_between_delete_and_insert_leaves_the_old_rows(
    table: str, disposition: str, duck: Database
) -> None:
    _kill(duck, table, disposition)


@pytest.mark.parametrize("table", STREAMS)
def test_a_kill_between_delete_and_insert_leaves_the_old_rows_in_postgres(
    table: str, postgres: Database
) -> None:
    _kill(postgres, table, "merge")


def _kill(database: Database, table: str, disposition: str) -> None:
    database.load(*rows("old"))
    config = database.config | {"write_disposition": disposition}
    process = PROCESSES.Process(
        target=_die_before_insert, args=(config, lines_of(tuple(rows("new"))), table)
    )
    process.start()
    process.join()
    assert process.exitcode == 9
    assert database.rows("id, v", table) == [(1, "old")]
    database.load(*rows("new"), write_disposition=disposition)
    assert [database.rows("id, v", one) for one in STREAMS] == [[(1, "new")]] * 2


@pytest.mark.parametrize(
    "destination", ["redshift", "snowflake", "mssql", "sqlalchemy", "motherduck"]
)
def test_dlt_is_told_where_a_merge_can_be_a_transaction(destination: str) -> None:
    made = make_destination({"destination": destination})
    assert made.capabilities().supports_transactions is True
