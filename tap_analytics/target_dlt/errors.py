"""Errors that end a run; the text of each is the one line that is shown."""

from __future__ import annotations


class TargetError(Exception):
    """A failure that a user can cause or meet."""


class InputError(TargetError):
    """The input breaks the Singer specification, or a value doesn't fit its column."""


class SetupError(TargetError):
    """A setting is wrong, or a package that a destination needs is missing."""


class LoadError(TargetError):
    """The destination can't be reached, or refused a load."""


class FullError(LoadError):
    """A disk is full, here or where the destination is: other rows would not fit."""


class OutputError(TargetError):
    """A STATE can't be written to standard output."""
