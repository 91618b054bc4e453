"""Keeps appended rows from being doubled when a run that was killed is repeated.

Rows with a key are merged, so it does no harm to load them again. Rows without one are
appended, and those that no STATE vouched for when a run was killed come again. So each
load that appends is noted in the destination before it begins, and the note is taken
away right before the STATE goes out. What a dead run left notes about is removed.

Note and STATE can't change at one moment. So the note goes first: a run that is killed
in between has its rows doubled, while a note that outlives its STATE would have rows
removed that never come again. A STATE that can't be written brings the note back.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from tap_analytics.target_dlt.loading.working_directory import is_run_alive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dlt.common.destination.typing import PreparedTableSchema
    from dlt.common.schema.typing import TColumnSchema

    from tap_analytics.target_dlt.loading.tables import Tables

LOAD_ID = "_dlt_load_id"
"""The column that tells the rows of a load, called as dlt calls it."""

NOTES = "_target_dlt_loads"
"""The table of notes: pipeline, run, table_name and load_id of unconfirmed loads."""

_COLUMNS = ("pipeline", "run", "table_name", "load_id")


def with_load_id(rows: pa.Table, load_id: str) -> pa.Table:
    """Add the column that tells the rows of this load."""
    return rows.append_column(LOAD_ID, pa.repeat(load_id, rows.num_rows))


class UnconfirmedLoads:
    """Notes about loads that append, in SQL databases.

    Args:
        tables: The tables.
        run: What tells this run from others.
    """

    def __init__(self, tables: Tables, run: str) -> None:
        self._tables = tables
        self._pipeline = tables.pipeline.pipeline_name
        self._run = run
        self._noted: list[tuple[str, str]] = []
        self._notes = ""

    def begin(self, load_id: str, tables: Iterable[str]) -> None:
        """Note a load that is about to append to tables."""
        if not tables or self._tables.sql is None:
            return
        self._create_notes_table()
        self._insert([(table, load_id) for table in tables])

    def _insert(self, noted: Iterable[tuple[str, str]]) -> None:
        for table, load_id in noted:
            self._execute(
                f"INSERT INTO {self._notes} VALUES (%s, %s, %s, %s)",  # noqa: S608
                (self._pipeline, self._run, table, load_id),
            )
            self._noted.append((table, load_id))

    @contextmanager
    def confirmed(self) -> Iterator[None]:
        """Take the notes of this run away, as the first thing in the context.

        A STATE that vouches for the rows is to go out right then: were the run killed
        in between, they would be doubled. Whatever the context raises, no STATE is out,
        and the notes are put back.
        """
        if not self._noted:
            yield
            return
        with self._tables.connected():
            # Not by the run alone: a dead one may have had the same name.
            for load_id in self._own():
                self._execute(
                    f"DELETE FROM {self._notes} WHERE run = %s AND load_id = %s",  # noqa: S608
                    (self._run, load_id),
                )
            noted, self._noted = self._noted, []
            try:
                yield
            except BaseException:
                self._insert(noted)
                raise

    def discard_unconfirmed(self, table: str) -> None:
        """Remove the rows that dead runs left in a table without a STATE.

        The table itself tells whether there are any: dlt's schema may be one that
        another run has stored since, which knew nothing of the table. Where rows can't
        be told apart, the notes stay.
        """
        if self._tables.sql is None:
            return
        self._create_notes_table()
        noted = self._execute(
            f"SELECT DISTINCT run, load_id FROM {self._notes}"  # noqa: S608
            " WHERE pipeline = %s AND table_name = %s",
            (self._pipeline, table),
        )
        own = self._own()
        dead = [
            load_id
            for run, load_id in noted or ()
            # Where the working directory is kept, dead runs had the same name.
            if load_id not in own and (run == self._run or not is_run_alive(run))
        ]
        if not dead:
            return
        exists, columns = self._tables.sql.get_storage_table(table)
        # Some databases tell names in upper case.
        has_load_ids = LOAD_ID in map(str.lower, columns)
        if exists and not has_load_ids:
            return
        qualified = self._tables.sql.sql_client.make_qualified_table_name(table)
        for load_id in dead:
            if exists:
                self._execute(
                    f"DELETE FROM {qualified} WHERE {LOAD_ID} = %s",  # noqa: S608
                    (load_id,),
                )
            self._execute(
                f"DELETE FROM {self._notes} WHERE table_name = %s AND load_id = %s",  # noqa: S608
                (table, load_id),
            )

    def _own(self) -> set[str]:
        """Return the loads that this run has noted."""
        return {load_id for _, load_id in self._noted}

    def _create_notes_table(self) -> None:
        if self._notes or self._tables.sql is None:
            return
        client = self._tables.sql
        self._notes = client.sql_client.make_qualified_table_name(NOTES)
        client.initialize_storage()
        if not client.get_storage_table(NOTES)[0]:
            text = client.type_mapper.to_destination_type(
                cast("TColumnSchema", {"name": "run", "data_type": "text"}),
                cast("PreparedTableSchema", {"name": NOTES, "columns": {}}),
            )
            columns = ", ".join(f"{name} {text}" for name in _COLUMNS)
            self._execute(f"CREATE TABLE {self._notes} ({columns})")

    def _execute(
        self, statement: str, values: Sequence[str] = ()
    ) -> Sequence[Sequence[Any]] | None:
        assert self._tables.sql is not None  # noqa: S101
        return self._tables.sql.sql_client.execute_sql(statement, *values)
