"""What can go wrong, each with the one line that a user reads."""

from __future__ import annotations

from singer_sdk.exceptions import (
    FatalAPIError,
    RetriableAPIError,
    SkippableAPIError,
)

from tap_analytics.plugin.errors import ConfigError

__all__ = [
    "ConfigError",
    "FatalAPIError",
    "RetriableAPIError",
    "ShiftedError",
    "StoppedError",
    "VanishedError",
    "WaitError",
]


class WaitError(RetriableAPIError):
    """The API refused a request and said how long to wait.

    The wait is everybody's: the throttle has been told, so the refused request
    itself goes on without a pause of its own.
    """


class ShiftedError(FatalAPIError):
    """A list shrank while it was read, so that rows may have been passed over."""


class StoppedError(FatalAPIError):
    """The run was told to end while something still waited."""

    def __init__(self) -> None:
        super().__init__("The run was stopped.")


class VanishedError(SkippableAPIError):
    """A parent was gone when its children were asked for."""
