"""Keeps secrets, such as the API key, out of all that a run logs.

A secret may be written in many ways: in a URL, in JSON, in HTML, as Python shows text
or bytes. So a text is searched as it is, then with what is escaped in it taken for
what it stands for, then once more for what was escaped twice.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from base64 import b64encode, urlsafe_b64encode
from bisect import bisect_right
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import quote

from tap_analytics.compat import override

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

HIDDEN = "***"

SURELY_SECRET = 16
"""From this length on it is no chance if a text has a secret in it."""

SECRET_WORD = 8
"""From this length on a word of a secret is one itself, and no `Bearer`."""

TIMES_ESCAPED = 4
"""So often a secret may be escaped one time over another."""

START = 4
"""By so many characters those secrets are chosen that are looked for in a text."""

_WORDS = re.compile(r"[A-Za-z0-9]*")
"""What is written the same everywhere."""

_ESCAPED = re.compile(
    r"%(?P<url>[0-9a-f]{2})|\\x(?P<python>[0-9a-f]{2})|\\u(?P<json>[0-9a-f]{4})"
    r"|\\(?P<letter>[abfnrtv])|\\(?P<sign>[^a-z0-9\s])|(?P<html>&(?:#x?)?[a-z0-9]+;)",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_LETTERS = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_IN_HTML = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}
)
"""As `html.escape` does it. Its module would bring a table of 350 kB into each run."""


class Redaction(logging.Filter):
    """Replaces secrets, in whichever way they are written, in all log records."""

    def __init__(self) -> None:
        super().__init__()
        self._spellings = _Spellings()
        self._traces: frozenset[bytes] = frozenset()

    def hide(self, *secrets: str) -> None:
        """Let secrets appear no more, as a whole or word by word."""
        secrets = tuple(filter(None, secrets))
        for secret in secrets:
            self._spellings.add(_spellings(secret))
        self._traces |= {
            max(_WORDS.findall(secret), key=len).encode()
            for secret in secrets
            if len(secret) >= SURELY_SECRET
        }

    def redacted(self, text: str) -> str:
        """Return a text without the secrets."""
        spans = sorted(self._spellings.found_in(text))
        if not spans:
            return text
        parts, done, last_end = [], 0, -1
        for start, end in spans:
            if start >= last_end:
                parts += [text[done:start], HIDDEN]
            last_end = done = max(end, last_end)
        return "".join([*parts, text[done:]])

    def redacted_body(self, body: bytes) -> bytes:
        """Return a JSON text without the secrets that can't stand in it by chance."""
        if not any(trace in body for trace in self._traces):  # Quick, and the rule.
            return body
        text = body.decode(errors="surrogateescape")
        return self.redacted(text).encode(errors="surrogateescape")

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        message = _message(record)
        texts = {key: text for key, text in vars(record).items() if _is_text(text)}
        trace = ""
        if record.exc_info and record.exc_info[0]:
            trace = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        whole = "\n".join([message, trace, *texts.values()])
        if self.redacted(whole) == whole:  # At one look, and the rule.
            return True
        if self.redacted(trace) != trace:  # No formatter may see the error itself.
            record.exc_info = record.exc_text = None
            message += f"\n{trace}"
        vars(record).update({key: self.redacted(text) for key, text in texts.items()})
        record.msg, record.args = self.redacted(message), ()
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, LookupError):  # Logging itself tells of such a bug.
        record.msg, record.args = f"{record.msg} {record.args}", ()
        return record.msg


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _spellings(secret: str) -> Iterator[str]:
    """Yield, in lower case, as what a secret may stand in a text.

    Of a secret with `%20` in it, that is with a blank, too: what looks escaped in a
    secret goes away with what is escaped in the text. And it is as the whole of it is
    escaped: a text in which a lone `%` or backslash stands before it can't be read as
    one that is escaped throughout.
    """
    for one in {secret, *(word for word in secret.split() if len(word) >= SECRET_WORD)}:
        for text in (*_less_and_less_escaped(one), one.replace(" ", "+")):
            yield _lower(text)
            for encoding in ("utf-8", "latin-1"):  # Byte by byte.
                yield _lower(text.encode(encoding, "replace").decode("latin-1"))
            yield _lower(_in_utf_16(text))
        for text in (one, json.dumps(one)[1:-1]):
            yield _lower(text)
            yield _lower(quote(text, safe="", errors="replace"))
            yield _lower(text.translate(_IN_HTML))
        if len(one) >= SECRET_WORD:
            yield from map(_lower, _in_base64(one))


def _less_and_less_escaped(text: str) -> Iterator[str]:
    yield text
    for _ in range(TIMES_ESCAPED):
        if _ESCAPED.search(text):
            text = _Layer(text).text
            yield text


def _in_utf_16(secret: str) -> str:
    """Return a secret with what JSON makes of characters that need two."""
    units = secret.encode("utf-16-be", errors="surrogatepass")
    pairs = zip(units[::2], units[1::2], strict=True)
    return "".join(chr(high << 8 | low) for high, low in pairs)


def _in_base64(secret: str) -> Iterator[str]:
    """Yield what of a secret's base64 stays the same whatever stands around it."""
    for before in range(3):  # Bytes before it, which shift all that follows.
        text = bytes(before) + secret.encode(errors="replace")
        whole = slice(-(-before * 8 // 6), len(text) * 8 // 6)
        yield b64encode(text).decode()[whole]
        yield urlsafe_b64encode(text).decode()[whole]


def _lower(text: str) -> str:
    """Return a text of the same length in lower case."""
    if text.isascii():
        return text.lower()
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


class _Spellings:
    """Finds many spellings in a text, however often it is escaped."""

    def __init__(self) -> None:
        self._all: set[str] = set()
        self._by_start: dict[str, list[str]] = {}

    def add(self, spellings: Iterable[str]) -> None:
        """Find these too, all in lower case."""
        for spelling in set(spellings) - self._all:
            self._all.add(spelling)
            self._by_start.setdefault(spelling[:START], []).append(spelling)

    def found_in(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield from where to where spellings stand in a text."""
        layers: list[_Layer] = []
        for _ in range(TIMES_ESCAPED):
            for start, end in self._found_as_it_is(_lower(text)):
                span = start, end
                for layer in reversed(layers):
                    span = layer.start(span[0]), layer.start(span[1])
                yield span
            if not self._all or not _ESCAPED.search(text):
                return
            layers.append(_Layer(text))
            text = layers[-1].text

    def _found_as_it_is(self, text: str) -> Iterator[tuple[int, int]]:
        for spelling in self._that_may_stand_in(text):
            start = text.find(spelling)
            while start >= 0:
                yield start, start + len(spelling)
                start = text.find(spelling, start + 1)

    def _that_may_stand_in(self, text: str) -> Collection[str]:
        if len(self._all) <= len(text):  # Few secrets, which is the rule.
            return self._all
        places, lengths = range(len(text)), range(1, START + 1)
        starts = {text[place : place + n] for place in places for n in lengths}
        found = map(self._by_start.__getitem__, starts & self._by_start.keys())
        return [*chain.from_iterable(found)]


class _Layer:
    """A text with what is escaped in it taken for what it stands for.

    Args:
        escaped: The text.
    """

    def __init__(self, escaped: str) -> None:
        parts: list[str] = []
        self._ends = [0]
        self._shifts = [0]
        done = length = 0
        for found in _ESCAPED.finditer(escaped):
            parts += [escaped[done : found.start()], _meant(found)]
            length += len(parts[-2]) + len(parts[-1])
            done = found.end()
            self._ends.append(length)
            self._shifts.append(done - length)
        self.text = "".join([*parts, escaped[done:]])

    def start(self, place: int) -> int:
        """Return where in the escaped text a place in this one begins."""
        index = bisect_right(self._ends, place) - 1
        return place + self._shifts[index]


def _meant(found: re.Match[str]) -> str:
    for kind in ("url", "python", "json"):
        if found[kind]:
            return chr(int(found[kind], 16))
    if found["letter"]:
        return _LETTERS[found["letter"].lower()]
    return found["sign"] or _from_html(found["html"])


def _from_html(entity: str) -> str:
    from html import unescape  # noqa: PLC0415 - few need its table of 2,000 names

    return unescape(entity)
