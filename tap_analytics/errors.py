"""What can go wrong, each with the one line that a user reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from singer_sdk.exceptions import (
    ConfigurationError,
    FatalAPIError,
    RetriableAPIError,
    SkippableAPIError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ConfigError",
    "FatalAPIError",
    "InvalidSettingsError",
    "RetriableAPIError",
    "ShiftedError",
    "StoppedError",
    "VanishedError",
    "WaitError",
    "is_missing",
]


_MISSING = re.compile(r"'(\w+)' is a required property")


class ConfigError(ConfigurationError):
    """The settings are not valid; says which, and why."""


class InvalidSettingsError(ConfigError):
    """The settings break their JSON schema.

    Args:
        errors: What the validation says.
    """

    def __init__(self, errors: Iterable[str]) -> None:
        super().__init__("; ".join(map(_explained, errors)) + ".")


def is_missing(error: str) -> bool:
    """Return whether validation says no more than that a setting is not there."""
    return _MISSING.fullmatch(error) is not None


def _explained(error: str) -> str:
    if found := _MISSING.fullmatch(error):
        name = found[1]
        return (
            f"The setting {name} is missing: put it into the file given by --config, "
            f"or into the environment variable TAP_ANALYTICS_{name.upper()}"
        )
    if "config['api_key']" in error:  # The error would show the key.
        return (
            "The setting api_key is no key: it must be text of ASCII characters, "
            "without blanks and line breaks. Check that nothing was copied along"
        )
    return f"The settings are not valid: {error}"


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
