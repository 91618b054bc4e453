"""The fields that a sample showed: others have no column in this run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_analytics.rows.fields import ADDITIONAL_FIELDS

if TYPE_CHECKING:
    import logging

    from tap_analytics.rows.fields import Row


class SampledFields:
    """The fields that a sample of this run showed, which decided on its columns.

    Args:
        stream: Name of the stream, for messages.
        names: The fields' names.
        logger: Takes the warnings, one per field.
    """

    def __init__(
        self, stream: str, names: frozenset[str], logger: logging.Logger
    ) -> None:
        self._stream = stream
        self._known = names
        self._logger = logger

    def seen(self, row: Row) -> Row:
        """Return a row, and warn once of each field that the sample did not show."""
        kept = row[ADDITIONAL_FIELDS]
        if isinstance(kept, dict) and (new := kept.keys() - self._known):
            self._known |= new
            self._logger.warning(
                "%s: the sample did not show the fields %s, so they have no column in "
                "this run and stay in %r. If an earlier run made columns of them, the "
                "target empties these. Keep a catalog: run --discover, and pass its "
                "output with --catalog.",
                self._stream,
                ", ".join(map(repr, sorted(new))),
                ADDITIONAL_FIELDS,
                extra={"kind": "no column"},
            )
        return row
