"""Takes NUL characters out of text for databases that can't hold them.

PostgreSQL and its relatives refuse U+0000 in text:
https://www.postgresql.org/docs/current/datatype-character.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from tap_analytics.target_dlt.columns.misfits import MisfitError

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Mapping

    import pyarrow as pa

    from tap_analytics.target_dlt.columns.column_types import ColumnType

REFUSED_BY = {"postgres", "redshift"}
"""SQL dialects of such databases."""


def remove_nul_characters(
    rows: pa.Table,
    columns: Mapping[str, ColumnType],
    keys: Collection[str],
    logger: logging.Logger,
) -> pa.Table:
    """Remove NUL characters from text columns, saying so.

    Raises:
        MisfitError: There is one in a key: two rows might become one.
    """
    for index, name in enumerate(rows.column_names):
        if columns[name].kind not in {"text", "literal"}:
            continue
        if pc.any(pc.match_substring(rows[name], "\0")).as_py():
            if name in keys:
                msg = (
                    f"the key {name!r} has a NUL character (U+0000), which the "
                    "destination can't hold"
                )
                raise MisfitError(0, msg)
            logger.warning("Column %r: NUL characters (U+0000) are removed.", name)
            cleaned = pc.replace_substring(rows[name], "\0", "")
            rows = rows.set_column(index, name, cleaned)
    return rows
