"""What records are wrapped in: the places, the forms and the encodings of a body."""

from __future__ import annotations

import codecs
import json
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from tap_analytics.sandbox.answers import JSON, Answer, json_answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_analytics.sandbox.options import SandboxOptions
    from tap_analytics.sandbox.records import Record

EMPTY_LISTS = ("list", "array", "null", "204")
BY_ID = ".*"


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error("json-escapes", _escaped)


class Envelope:
    """Makes a response of records.

    Args:
        options: The envelope, and how its body is written.

    Attributes:
        has_room: Whether there is a place for metadata.
    """

    def __init__(self, options: SandboxOptions) -> None:
        place, _, self._wrapper = options.envelope.partition("[*].")
        self._is_by_id = place.endswith(BY_ID)
        self._place = place.removesuffix(BY_ID)
        self._volatile = options.volatile_field
        self._empty = options.empty_list
        self._charset = options.charset
        self._serial = count(1)
        self.has_room = place != "none"

    def answer(
        self,
        records: Sequence[Record],
        metadata: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Answer:
        """Answers with records.

        Args:
            records: The records.
            metadata: What stands beside them, if there is room.
            headers: Further headers.
            status: The status.

        Returns:
            The response.
        """
        headers = {"Content-Type": JSON, **(headers or {})}
        if not records and self._empty == "204":
            return Answer(204, b"", {})
        rows = self._rows(records)
        if not self.has_room:
            return self._encoded(Answer(status, rows, headers))
        body: dict[str, Any] = {}
        put(body, self._place, msgspec.Raw(rows))
        body = _merge(body, dict(metadata or {}))
        return self._encoded(json_answer(body, status, headers))

    def _rows(self, records: Sequence[Record]) -> bytes:
        if not records and self._empty in {"array", "null"}:
            return b"[]" if self._empty == "array" else b"null"
        bodies = [record.body for record in records]
        if self._volatile:
            field = self._volatile.encode()
            bodies = [
                b'%b,"%b":%d}' % (body[:-1], field, next(self._serial))
                for body in bodies
            ]
        if self._is_by_id:
            ids = [json.dumps(record.id).encode() for record in records]
            pairs = zip(ids, bodies, strict=True)
            return b"{%b}" % b",".join([b"%b:%b" % pair for pair in pairs])
        if self._wrapper:
            before = b'{"%b":' % self._wrapper.encode()
            bodies = [before + body + b"}" for body in bodies]
        return b"[%b]" % b",".join(bodies)

    def _encoded(self, answer: Answer) -> Answer:
        if self._charset == "utf-8":
            return answer
        body = answer.body.decode().encode(self._charset, "json-escapes")
        kind = f"{JSON}; charset={self._charset}"
        return Answer(answer.status, body, {**answer.headers, "Content-Type": kind})


def _merge(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    for name, value in right.items():
        both = isinstance(value, dict) and isinstance(left.get(name), dict)
        left[name] = _merge(left[name], value) if both else value
    return left


def put(target: dict[str, Any], dotted: str, value: Any) -> None:
    """Puts a value where a name with dots says.

    Args:
        target: The object to put it into.
        dotted: The name, such as `links.next`; objects are made on the way.
        value: The value.
    """
    *objects, name = dotted.split(".")
    for key in objects:
        target = target.setdefault(key, {})
    target[name] = value
