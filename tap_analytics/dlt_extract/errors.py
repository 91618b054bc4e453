"""The error by which an extraction ends."""

from __future__ import annotations

from dlt.extract.exceptions import DltSourceException


class SourceError(DltSourceException):
    """The API, or the settings, end an extraction.

    dlt puts words of its own before every other error, and its own frames between. Of
    this kind it shows the text as it is, so that the last line is the one that says
    what to do.
    """
