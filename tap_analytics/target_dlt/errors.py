"""Errors that end a run, each with one line that says what to do."""

from __future__ import annotations


class TargetError(Exception):
    """A failure that a user can cause or meet; its text is the whole message."""


class LoadError(TargetError):
    """The destination refused a load package or can't be reached."""
