"""Delta and Iceberg tables: what dlt 1.31 leaves undone in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dlt.common.destination.exceptions import DestinationUndefinedEntity

from tap_analytics.target_dlt.columns.sdc_columns import DELETED_AT, TABLE_VERSION
from tap_analytics.target_dlt.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from tap_analytics.target_dlt.loading.tables import Tables


def check_path(kind: str | None, path: str) -> None:
    """Refuse a path that the format's library would take for another one.

    Args:
        kind: `delta`, `iceberg` or another format.
        path: The dataset's path.

    Raises:
        SetupError: There is a character in it that the library escapes.
    """
    if kind == "iceberg":
        odd = [one for one in path if quote(one, safe="/:@+,=;!$&'()*") != one]
    elif kind == "delta":
        odd = re.findall("%[0-9A-Fa-f]{2}", path)
    else:
        return
    if odd:
        msg = (
            f"{kind.capitalize()} tables can't be written to {path!r}: because of "
            f"{odd[0]!r} they would end in another folder. Choose a path of letters "
            "from A to Z, digits, `-`, `_` and `.`."
        )
        raise SetupError(msg)


def add_columns(tables: Tables, table: str, columns: pa.Schema) -> None:
    """Add the columns that an Iceberg table lacks, before rows are merged into it.

    dlt adds them, too. But a merge compares rows as the last snapshot has them, without
    the columns that are newer, and fails. So a snapshot is made, of no rows.
    """
    kind, found = _open(tables, table)
    if kind != "iceberg":
        return
    from dlt.common.libs.pyiceberg import (  # noqa: PLC0415, it may be missing
        ensure_iceberg_compatible_arrow_schema,
    )

    with found.update_schema() as update:
        update.union_by_name(ensure_iceberg_compatible_arrow_schema(columns))
    snapshot = found.current_snapshot()
    if snapshot is not None and snapshot.schema_id != found.schema().schema_id:
        found.append(found.schema().as_arrow().empty_table())


def remove_deleted(tables: Tables, table: str) -> None:
    """Remove the rows that came with a mark that they are deleted."""
    kind, found = _open(tables, table)
    if kind is not None:
        found.delete(f"{DELETED_AT} IS NOT NULL")


def remove_older(
    tables: Tables,
    table: str,
    version: int,
    whose: Sequence[Mapping[str, str | None]],
    *,
    hard_delete: bool,
) -> bool:
    """Remove or mark the rows that are older than a version.

    Args:
        tables: The tables.
        table: The table's name.
        version: The version.
        whose: The values, as text, that rows must have in some columns.
        hard_delete: Whether to remove the rows, or to mark them.

    Returns:
        Whether that can be done in such a table.
    """
    kind, found = _open(tables, table)
    if kind == "delta":
        for some in whose:
            _update_delta(found, version, some, hard_delete=hard_delete)
        return True
    if kind == "iceberg" and hard_delete:
        for some in whose:
            _delete_from_iceberg(found, version, some)
        return True
    return False


def _open(tables: Tables, table: str) -> tuple[str | None, Any]:
    if not tables.columns(table):
        return None, None
    try:
        return tables.open_table(table)
    except DestinationUndefinedEntity:
        return None, None


def _update_delta(
    found: Any, version: int, whose: Mapping[str, str | None], *, hard_delete: bool
) -> None:
    columns = {field.name for field in found.schema().fields}
    conditions = []
    if TABLE_VERSION in columns:
        conditions.append(f"({TABLE_VERSION} < {version:d} OR {TABLE_VERSION} IS NULL)")
    for name, value in whose.items():
        if value is None:
            conditions.append(f"{name} IS NULL")
        else:
            literal = value.replace("'", "''")
            conditions.append(f"CAST({name} AS VARCHAR) = '{literal}'")
    if hard_delete:
        found.delete(" AND ".join(conditions) or None)
        return
    if DELETED_AT not in columns:
        from deltalake import Field  # noqa: PLC0415, it may be missing
        from deltalake.schema import PrimitiveType  # noqa: PLC0415

        found.alter.add_columns([Field(DELETED_AT, PrimitiveType("timestamp"))])
        found.update_incremental()
    conditions.append(f"{DELETED_AT} IS NULL")
    found.update(predicate=" AND ".join(conditions), updates={DELETED_AT: "now()"})


def _delete_from_iceberg(
    found: Any, version: int, whose: Mapping[str, str | None]
) -> None:
    from pyiceberg import expressions  # noqa: PLC0415, it may be missing

    # Its type hints know only of arguments by their names.
    of: Any = expressions
    condition = of.AlwaysTrue()
    if TABLE_VERSION in found.schema().column_names:
        condition = of.Or(of.LessThan(TABLE_VERSION, version), of.IsNull(TABLE_VERSION))
    for name, value in whose.items():
        same = of.IsNull(name) if value is None else of.EqualTo(name, value)
        condition = of.And(condition, same)
    found.delete(condition)
