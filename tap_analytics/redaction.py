"""Keeps the API key out of everything that is logged."""

from __future__ import annotations

import html
import json
import logging
import re
import sys
import traceback
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator

HIDDEN = "***"

SURELY_SECRET = 16
"""From this length on it is no chance if a text has a secret in it."""

SECRET_WORD = 8
"""From this length on a word of a secret is one itself, and no `Bearer`."""

_WORDS = re.compile(r"[A-Za-z0-9]*")
"""What is written the same everywhere."""


class Redaction(logging.Filter):
    """Replaces secrets, in whichever way they are written, in all log records."""

    def __init__(self) -> None:
        super().__init__()
        self._secrets: set[str] = set()
        self._spelled: re.Pattern[str] | None = None
        self._traces: list[bytes] = []

    def hide(self, secret: str) -> None:
        """Let a secret appear no more, as a whole or word by word."""
        if not secret:
            return
        self._secrets.add(secret)
        for part in (secret, *secret.split()):
            if len(part) >= SECRET_WORD:
                self._secrets.update((part, *_in_base64(part)))
        longest_first = sorted(self._secrets, key=len, reverse=True)
        patterns = ("".join(map(_spelled, secret)) for secret in longest_first)
        self._spelled = re.compile("|".join(patterns), re.IGNORECASE)
        if len(secret) >= SURELY_SECRET:
            self._traces.append(max(_WORDS.findall(secret), key=len).encode())

    def forget(self) -> None:
        """Hide nothing any more: a new run begins in the same process."""
        self._secrets.clear()
        self._spelled = None
        self._traces.clear()

    def redacted(self, text: str) -> str:
        """Return a text without the secrets."""
        return self._spelled.sub(HIDDEN, text) if self._spelled else text

    def redacted_body(self, body: bytes) -> bytes:
        """Return a JSON text without the secrets that can't stand in it by chance."""
        if not any(trace in body for trace in self._traces):  # Quick, and the rule.
            return body
        text = body.decode(errors="surrogateescape")
        return self.redacted(text).encode(errors="surrogateescape")

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        text = _message(record)
        if record.exc_info and record.exc_info[0]:
            trace = "".join(traceback.format_exception(*record.exc_info)).rstrip()
            if self.redacted(trace) != trace:  # No formatter may see the error itself.
                record.exc_info = record.exc_text = None
                text += f"\n{trace}"
        if (redacted := self.redacted(text)) != text:
            record.msg, record.args = redacted, ()
        for name, value in vars(record).items():
            if isinstance(value, str):
                setattr(record, name, self.redacted(value))
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, LookupError):  # Logging itself tells of such a bug.
        record.msg, record.args = f"{record.msg} {record.args}", ()
        return record.msg


def _in_base64(secret: str) -> Iterator[str]:
    """Yield what of a secret's base64 stays the same whatever stands around it."""
    for before in range(3):  # Bytes before it, which shift all that follows.
        text = bytes(before) + secret.encode()
        whole = slice(-(-before * 8 // 6), len(text) * 8 // 6)
        yield b64encode(text).decode()[whole]
        yield urlsafe_b64encode(text).decode()[whole]


def _spelled(character: str) -> str:
    """Return a pattern for a character as URLs, JSON, HTML or Python may have it."""
    utf_8 = character.encode(errors="replace")
    latin_1 = character.encode("latin-1", errors="replace")
    spellings = {
        character,
        "".join(f"%{byte:02x}" for byte in utf_8),
        quote_plus(utf_8),
        json.dumps(character)[1:-1],
        f"\\u{ord(character):04x}",
        repr(character)[1:-1],
        repr(utf_8)[2:-1],
        repr(latin_1)[2:-1],
        html.escape(character),
    }
    longest_first = sorted(spellings, key=len, reverse=True)
    # JSON within JSON has more than one backslash before what it escapes.
    return rf"\\{{0,3}}(?:{'|'.join(map(re.escape, longest_first))})"


redaction = Redaction()
"""The process's one; `main` puts it before every log handler."""
