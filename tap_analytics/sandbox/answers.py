"""What goes back to a client: whole answers, and the steps of broken ones."""

from __future__ import annotations

import enum
import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import msgspec

JSON = "application/json"

_encode = msgspec.json.Encoder(decimal_format="number").encode


class End(enum.Enum):
    """How a connection ends."""

    CLOSE = "close"
    RESET = "reset"


@dataclass(frozen=True)
class Answer:
    """A whole HTTP response.

    Attributes:
        status: The status code.
        body: The body, as sent.
        headers: Headers beside Content-Length and Date.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": JSON})

    def with_headers(self, headers: Mapping[str, str]) -> Answer:
        """Adds headers.

        Args:
            headers: The headers.

        Returns:
            The same answer with them.
        """
        return replace(self, headers={**self.headers, **headers}) if headers else self

    def head(self, length: int | None) -> bytes:
        """Writes status line and headers by hand, for answers that break the rules.

        Args:
            length: The Content-Length to claim, right or wrong; None to send none.

        Returns:
            The bytes up to and including the empty line.
        """
        lines = [f"HTTP/1.1 {self.status} {reason(self.status)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        return "\r\n".join([*lines, "Connection: close", "", ""]).encode()


Step = bytes | float | End | Answer
"""Bytes to send, seconds to wait, the end of the connection, or a whole answer last."""

Delivery = Answer | Iterable[Step]
"""What the server sends: an answer, or step by step something that is none."""


def unpacked(answer: Answer) -> bytes:
    """Reads a body, compressed or not.

    Args:
        answer: The answer.

    Returns:
        The body as it is without compression.
    """
    is_packed = "Content-Encoding" in answer.headers
    return gzip.decompress(answer.body) if is_packed else answer.body


def reason(status: int) -> str:
    """Finds the phrase of a status.

    Args:
        status: Any status code.

    Returns:
        Its standard phrase, or `Unknown`.
    """
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def json_answer(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """Encodes a value; decimals keep their digits.

    Args:
        value: Anything that msgspec encodes.
        status: The status code.
        headers: Further headers.

    Returns:
        The answer.
    """
    return Answer(status, _encode(value), {"Content-Type": JSON, **(headers or {})})


def error_answer(
    status: int, message: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """Says what went wrong, as the API says it.

    Args:
        status: The status code.
        message: A sentence for people.
        headers: Further headers.

    Returns:
        The answer, `{"error": {"status": …, "message": …}}`.
    """
    error = {"error": {"status": status, "message": message}}
    return json_answer(error, status, headers)
