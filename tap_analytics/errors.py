"""What can go wrong, each with the one line that a user reads."""

from __future__ import annotations

from singer_sdk.exceptions import (
    ConfigurationError,
    FatalAPIError,
    RetriableAPIError,
    SkippableAPIError,
)

__all__ = [
    "ConfigError",
    "FatalAPIError",
    "RetriableAPIError",
    "ShiftedError",
    "VanishedError",
    "WaitError",
]


class ConfigError(ConfigurationError):
    """The settings are not valid; says which, and why."""


class WaitError(RetriableAPIError):
    """The API refused a request and said how long to wait.

    The wait is everybody's: the throttle has been told, so the refused request
    itself goes on without a pause of its own.
    """


class ShiftedError(FatalAPIError):
    """A list shrank while it was read, so that rows may have been passed over."""


class VanishedError(SkippableAPIError):
    """A parent was gone when its children were asked for."""
