"""What ends a fleet, each with the one line that a user reads."""

from __future__ import annotations


class FleetError(Exception):
    """The fleet itself failed; says what happened, where, and what to do."""


class FleetFileError(FleetError):
    """The fleet file is not valid; one line for each mistake."""


class UsageError(FleetError):
    """What was asked for does not exist; the command ends with status 2."""


class ReadTwiceError(FleetError):
    """Another process reads the same account; concerns that account alone."""


class KeySourceError(FleetError):
    """The key of an account can't be had; says why, never the key."""
