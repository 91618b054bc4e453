"""Keeps the API key out of everything that is logged."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from urllib.parse import quote, quote_plus

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

HIDDEN = "***"


class Redaction(logging.Filter):
    """Replaces secrets, in whichever way they are written, in all log records."""

    def __init__(self) -> None:
        super().__init__()
        self._spellings: list[str] = []

    def hide(self, secret: str) -> None:
        """Let a secret appear no more."""
        spellings = {
            secret,
            quote(secret),
            quote(secret, safe=""),
            quote_plus(secret),
            json.dumps(secret)[1:-1],
            repr(secret)[1:-1],
        }
        self._spellings = sorted({*self._spellings, *spellings} - {""}, key=len)[::-1]

    def forget(self) -> None:
        """Hide nothing any more: a new run begins in the same process."""
        self._spellings = []

    def redacted(self, text: str) -> str:
        """Return a text without the secrets."""
        for spelling in self._spellings:
            text = text.replace(spelling, HIDDEN)
        return text

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if (redacted := self.redacted(text)) != text:
            record.msg, record.args = redacted, ()
        if record.exc_info and record.exc_info[0]:
            lines = traceback.format_exception(*record.exc_info)
            record.exc_text = self.redacted("".join(lines).rstrip())
        return True


redaction = Redaction()
"""The process's one; `main` puts it before every log handler."""
