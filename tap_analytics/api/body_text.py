"""The text of a body: UTF-8, on one line, of whole characters."""

from __future__ import annotations

import re
from codecs import BOM_UTF8, iterdecode
from email.message import Message

import msgspec

_ESCAPE = re.compile(
    rb"\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""An escaped character, or the first group: a surrogate without the other half."""

_OF_SEVERAL_BYTES = ("utf-16", "utf_16", "utf16", "utf-32", "utf_32", "utf32")


_PIECE = 1 << 14
"""So many bytes are decoded at a time, where the text itself is not needed."""


def on_one_line(body: bytes) -> bytes:
    """Return a JSON text without the line ends that would end a Singer message.

    Raises:
        UnicodeDecodeError: If it is not UTF-8.
    """
    body = body.removeprefix(BOM_UTF8).lstrip()
    _check_utf_8(body)
    # The last two bytes are not within a record.
    if body.find(b"\n", 0, -2) == body.find(b"\r", 0, -2) == -1:
        return body
    return msgspec.json.format(body, indent=-1)


def _check_utf_8(body: bytes) -> None:
    """Return if a body is UTF-8.

    Decoded, it takes up to four times its memory. So of a large body there is never
    more than a piece decoded.

    Raises:
        UnicodeDecodeError: If it is not.
    """
    if len(body) > _PIECE:
        pieces = (body[at : at + _PIECE] for at in range(0, len(body), _PIECE))
        try:
            for _ in iterdecode(pieces, "utf-8"):
                pass
        except UnicodeDecodeError:
            pass  # What it says of the place is of a piece.
        else:
            return
    body.decode()


def with_whole_characters(body: bytes) -> bytes:
    """Return a JSON text with U+FFFD where half of a character is escaped.

    Some programs cut text within an emoji, which is two code units in JSON: RFC 8259,
    section 8.2. No database takes the half that is left.
    """
    if b"\\ud" not in body and b"\\uD" not in body:
        return body
    return _ESCAPE.sub(lambda found: b"\\ufffd" if found[1] else found[0], body)


def in_utf_8(body: bytes, content_type: str) -> bytes:
    """Return a body that was written in the charset that its header declares.

    Many programs declare ISO 8859-1 and send UTF-8: so this is only for a body that
    is not UTF-8.

    Args:
        body: The body.
        content_type: The header Content-Type, empty if there is none.
    """
    message = Message()
    message["Content-Type"] = content_type
    charset = message.get_content_charset("utf-8")
    try:
        if not charset.startswith(_OF_SEVERAL_BYTES):
            body.decode()
            return body
    except UnicodeDecodeError:
        pass
    try:
        return body.decode(charset).encode()
    except (ValueError, LookupError):  # There is no such charset, or not here.
        return body
