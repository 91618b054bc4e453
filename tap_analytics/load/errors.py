"""The errors of this room."""

from __future__ import annotations

from tap_analytics.errors import FatalAPIError


class OtherTablesError(Exception):
    """The tables are not those that the state belongs to."""


class LoadError(FatalAPIError):
    """The rows, or the state, did not arrive.

    Args:
        text: One line that says why; empty if the target has said so itself.
        status: The exit status that the command ends with.
    """

    def __init__(self, text: str = "", status: int = 1) -> None:
        super().__init__(text)
        self.status = status
