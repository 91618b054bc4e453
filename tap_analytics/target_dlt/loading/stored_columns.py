"""The columns that a table really has, whoever made it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_analytics.target_dlt.columns.column_types import (
    ALL_DIGITS,
    INTEGER,
    JSON,
    MAX_DIGITS,
    NUMBER,
    TEXT,
    TIMESTAMP,
    ColumnType,
)

if TYPE_CHECKING:
    from dlt.destinations.job_client_impl import SqlJobClientBase

_QUERIES = {
    "duckdb": (
        "SELECT column_name, data_type, is_nullable = 'YES'"
        " FROM information_schema.columns WHERE table_catalog = current_database()"
        " AND lower(table_schema) = lower(%s) AND lower(table_name) = lower(%s)"
    ),
    # A domain counts for the type that it is based on.
    "postgres": (
        "SELECT a.attname, CASE t.typtype WHEN 'd'"
        " THEN format_type(t.typbasetype, t.typtypmod)"
        " ELSE format_type(a.atttypid, a.atttypmod) END, NOT a.attnotnull"
        " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
        " JOIN pg_class c ON c.oid = a.attrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s"
        " AND a.attnum > 0 AND NOT a.attisdropped"
    ),
}

_BIG_INTEGER = ColumnType("decimal", MAX_DIGITS, 0)

_EXACT = {
    "bigint": INTEGER,
    "integer": ColumnType("integer", 32),
    "smallint": ColumnType("integer", 16),
    "tinyint": ColumnType("integer", 8),
    "hugeint": _BIG_INTEGER,
    "double": NUMBER,
    "double precision": NUMBER,
    "float": ColumnType("number", 32),
    "real": ColumnType("number", 32),
    "numeric": ALL_DIGITS,
    "varchar": TEXT,
    "character varying": TEXT,
    "text": TEXT,
    "json": JSON,
    "jsonb": JSON,
    "boolean": ColumnType("boolean"),
    "date": ColumnType("date"),
    "timestamp with time zone": TIMESTAMP,
    "time": ColumnType("time"),
    "time without time zone": ColumnType("time"),
    "blob": ColumnType("binary"),
    "bytea": ColumnType("binary"),
}
"""Types of databases that hold just what the column type does."""

_INEXACT = {
    "utinyint": INTEGER,
    "usmallint": INTEGER,
    "uinteger": INTEGER,
    "ubigint": _BIG_INTEGER,
    "character": TEXT,  # blanks are added or dropped
    # The session's time zone would decide which moment is meant.
    "timestamp": TIMESTAMP,
    "timestamp without time zone": TIMESTAMP,
    "timestamp_s": TIMESTAMP,
    "timestamp_ms": TIMESTAMP,
    "timestamp with time zone(n)": TIMESTAMP,
    "timestamp without time zone(n)": TIMESTAMP,
    "time without time zone(n)": ColumnType("time"),
    "character(n)": TEXT,
}
"""Types whose values a column type holds, but not the other way round."""

_DATABASE_TYPE = re.compile(r"([a-z_ ]+)(?:\((\d+)(?:,(\d+))?\))?([a-z ]*)")


@dataclass(frozen=True)
class StoredColumn:
    """A column of a table.

    Attributes:
        type: The column type that holds its values; None if there is none.
        is_exact: Whether it holds all values of that type, and just as they are.
        is_nullable: Whether null may be in it.
        name_of_type: The type as the database calls it.
    """

    type: ColumnType | None
    is_exact: bool = True
    is_nullable: bool = True
    name_of_type: str = ""

    @property
    def has_time_zone(self) -> bool:
        """Whether the database's type says "with time zone"."""
        return "with time zone" in self.name_of_type.lower()

    def takes_binary_copies_of(self, type_: ColumnType) -> bool:
        """Tell whether a type's values have the binary form that the column's have."""
        if self.type is None or self.type.kind != type_.kind or not self.is_exact:
            return False
        has_64_bits = type_.kind not in {"integer", "number"} or not self.type.precision
        return has_64_bits and self.name_of_type != "jsonb"

    def holds(self, type_: ColumnType) -> bool:
        """Tell whether all values of a type can be in it just as they are."""
        has_all_digits = self.type == ALL_DIGITS and type_.kind == "decimal"
        return self.is_exact and (self.type == type_ or has_all_digits)


def fold(client: SqlJobClientBase, name: str) -> str:
    """Write a column's name as `read_columns` does."""
    return name if client.capabilities.has_case_sensitive_identifiers else name.lower()


def read_columns(client: SqlJobClientBase, table: str) -> dict[str, StoredColumn]:
    """Read the columns of a table by their names; none if there is no table."""
    query = _QUERIES[str(client.capabilities.sqlglot_dialect)]
    found = client.sql_client.execute_sql(query, client.sql_client.dataset_name, table)
    return {
        fold(client, name): _stored(type_name, is_nullable=is_nullable)
        for name, type_name, is_nullable in found or ()
    }


def _stored(type_name: str, *, is_nullable: bool) -> StoredColumn:
    type_, is_exact = _column_type(type_name.lower())
    return StoredColumn(type_, is_exact, is_nullable, type_name)


def _column_type(type_name: str) -> tuple[ColumnType | None, bool]:
    """Find the column type, and whether the database's type is as good."""
    if (parsed := _DATABASE_TYPE.fullmatch(type_name)) is None:
        return None, False
    name, size, scale = parsed[1] + parsed[4], parsed[2], parsed[3]
    if size is None:
        return _EXACT.get(name) or _INEXACT.get(name), name in _EXACT
    if name == "character varying":
        return ColumnType("text", int(size)), True
    if name in {"decimal", "numeric"}:
        digits, places = min(int(size), MAX_DIGITS), int(scale or 0)
        is_known = places <= digits
        return ColumnType("decimal", digits, places) if is_known else None, is_known
    return _INEXACT.get(f"{name}(n)"), False
