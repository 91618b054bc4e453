"""A response body, decoded once: its records, and what is said around them."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from email.message import Message
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from jsonpath_ng.exceptions import JSONPathError
from msgspec import Raw

from tap_analytics.api.judgement import failure_in
from tap_analytics.errors import FatalAPIError, RetriableAPIError
from tap_analytics.json_text import SHOWN_CHARACTERS, decoded, glanced_at, shown
from tap_analytics.redaction import HIDDEN, Redaction

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from jsonpath_ng import JSONPath

    from tap_analytics.api.answer import Answer

    _Repair = tuple[Callable[[bytes], bytes], str]
    """How a body becomes JSON, and what is said of that."""

SHOWN_NAMES = 20
"""So many keys of an object are shown in an error; some have an id as each key."""

_PLAIN_KEY = re.compile(r"[\w-]+")
_PLAIN_PATH = re.compile(r"(?:\$\.?)?((?:[\w-]+\.)*[\w-]+)?(?:\[\*\])?")
_BEGINS_TO_SEARCH = re.compile(r"\.\.|\.?\*|\[")
_ESCAPE = re.compile(
    rb"\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""An escaped character, or the first group: a surrogate without the other half."""

_KEY = f"the API key, for which {HIDDEN!r} is written"
_HALF = "half a character, for which U+FFFD is written"

_MESSAGES = frozenset({"message", "detail"})
_OF_SEVERAL_BYTES = ("utf-16", "utf_16", "utf16", "utf-32", "utf_32", "utf32")

_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_array = msgspec.json.Decoder(list[Raw]).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


@lru_cache(maxsize=64)
def plain_path(selector: str) -> tuple[str, ...] | None:
    """Return the keys that a selector names, or `None` if it is a real JSONPath.

    Args:
        selector: A JSONPath such as `data`, `$.result.items` or `$`.

    Returns:
        The keys from the top down, none for a top-level array. A path of keys is
        walked without a JSONPath engine, and without decoding the records.
    """
    found = _PLAIN_PATH.fullmatch(selector.strip())
    if found is None:
        return None
    return tuple(found[1].split(".")) if found[1] else ()


@lru_cache(maxsize=64)
def _jsonpath(selector: str) -> JSONPath:
    # Few need it, and it takes a while.
    from jsonpath_ng.ext.parser import parse  # noqa: PLC0415

    return parse(selector)


class Page:
    """An answer whose body is read as JSON, once.

    Args:
        answer: The answer as it came, with a status of success.
        selector: JSONPath of the records in the body.
        redaction: Hides the secrets of the run.

    Attributes:
        answer: The answer, its body made one line of UTF-8.
        changes: What was not taken as the API sent it, and what stands for it.

    Raises:
        RetriableAPIError: If the body is not JSON (cut off, or not what was asked
            for), or says that it is not an answer, whatever the status says.
        FatalAPIError: If it is nested more deeply than can be read.
    """

    def __init__(
        self,
        answer: Answer,
        selector: str = "data",
        redaction: Redaction | None = None,
    ) -> None:
        self.answer = answer
        self.selector = selector
        self.changes: list[str] = []
        self._redaction = redaction or Redaction()
        self._keys = plain_path(selector)
        try:
            self._top = self._read(
                (self._in_utf_8, ""), (_with_whole_characters, _HALF)
            )
            self._refuse_failure()
        except RecursionError as error:
            msg = f"{answer}, with JSON that is nested too deeply."
            raise FatalAPIError(msg) from error

    @classmethod
    def empty(cls, answer: Answer) -> Page:
        """Return the page that stands for an empty list, whatever the body."""
        answer.body = b"[]"
        return cls(answer, "$")

    @property
    def url(self) -> str:
        """Where the page came from."""
        return self.answer.url

    @property
    def received_at(self) -> datetime:
        """When the page was there, in UTC."""
        return self.answer.received_at

    @property
    def size(self) -> int:
        """How many bytes the body has."""
        return len(self.answer.body)

    @cached_property
    def records(self) -> list[Raw]:
        """The records, each as the JSON text that the API sent, on one line.

        Raises:
            FatalAPIError: If the selector finds no list of records.
        """
        if self._keys is None:
            return self._search()
        return self._walk(self._keys)

    @cached_property
    def envelope(self) -> dict[str, Any]:
        """The body without its records; empty for a top-level array."""
        return _without(self._top, self._keys) if isinstance(self._top, dict) else {}

    def _read(self, *repairs: _Repair) -> dict[str, Raw] | list[Raw] | Any:
        self._change(self._redaction.redacted_body, _KEY)
        answer = self.answer
        try:
            answer.body = _on_one_line(answer.body)
            return _open(Raw(answer.body))
        except (UnicodeDecodeError, msgspec.DecodeError) as error:
            for used, (repair, reason) in enumerate(repairs, start=1):
                if self._change(repair, reason):
                    return self._read(*repairs[used:])
            raise self._not_json(error) from error

    def _change(self, change: Callable[[bytes], bytes], reason: str) -> bool:
        changed = change(self.answer.body)
        if changed == self.answer.body:
            return False
        self.answer.body = changed
        if reason:
            self.changes.append(reason)
        return True

    def _in_utf_8(self, body: bytes) -> bytes:
        """Return a body that was written in the charset that its header declares.

        Many programs declare ISO 8859-1 and send UTF-8: so this is only for a body
        that is not UTF-8.
        """
        charset = self._content_type.get_content_charset("utf-8")
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

    @property
    def _content_type(self) -> Message:
        message = Message()
        message["Content-Type"] = self.answer.headers.get("Content-Type", "")
        return message

    def _not_json(self, error: Exception) -> RetriableAPIError:
        body = self.answer.body
        encoding = self.answer.headers.get("Content-Encoding", "")
        declared = self.answer.headers.get("Content-Type", "")
        about = [
            f"Content-Type {declared!r:.{SHOWN_CHARACTERS}}" * bool(declared),
            f"Content-Encoding {encoding!r:.{SHOWN_CHARACTERS}}" * bool(encoding),
        ]
        what = ", ".join(filter(None, about))
        return RetriableAPIError(
            f"{self.answer} with a body that is not JSON ({error}"
            f"{'; ' if what else ''}{what}): {shown(body, self._redaction)}. Check "
            "that api_url is the address of an API, and path_prefix its path"
        )

    def _refuse_failure(self) -> None:
        """Take no rows beside an error: some may be missing, if not all."""
        if failure := failure_in(self.envelope):
            msg = (
                f"{self.answer}, but reports an error ({failure}): "
                f"{shown(self.answer.body, self._redaction)}"
            )
            raise RetriableAPIError(msg)

    def _walk(self, keys: tuple[str, ...]) -> list[Raw]:
        here = self._at(keys)
        if isinstance(here, list):
            return here
        # Some APIs write null for no rows; others write it beside what went wrong.
        if here is None and keys and not _MESSAGES.intersection(self._top):
            return []
        raise self._nothing_found()

    def _at(self, keys: tuple[str, ...]) -> Any:
        here: Any = self._top
        for key in keys:
            if not isinstance(here, dict) or key not in here:
                raise self._nothing_found()
            here = _open(here[key])
        return here

    def _search(self) -> list[Raw]:
        try:
            matches = _jsonpath(self.selector).find(decoded(self.answer.body))
        except JSONPathError as error:
            msg = f"data_selector {self.selector!r} is not a JSONPath: {error}."
            raise FatalAPIError(msg) from error
        found = [match.value for match in matches]
        if len(found) == 1 and isinstance(found[0], list):
            found = found[0]
        elif not found and not self._may_find_nothing():
            raise self._nothing_found()
        return [Raw(_encode(record)) for record in found]

    def _may_find_nothing(self) -> bool:
        """Return whether what is searched is there, and empty or filtered."""
        above = _BEGINS_TO_SEARCH.split(self.selector, maxsplit=1)[0]
        keys = plain_path(above)
        return keys is not None and (not self._at(keys) or "?" in self.selector)

    def lists(self) -> list[str]:
        """Return the selectors of all lists in the body, the outermost first."""
        if isinstance(self._top, list):
            return ["$"]
        return _lists(self._top) if isinstance(self._top, dict) else []

    def _nothing_found(self) -> FatalAPIError:
        if isinstance(self._top, list):
            what = "is a top-level array"
        elif isinstance(self._top, dict):
            what = f"has the keys {_named(self._top)}"
        else:
            what = f"is {shown(self.answer.body, self._redaction)}"
        proposals = self.lists()
        advice = (
            "set data_selector to " + " or ".join(map(repr, proposals[:SHOWN_NAMES]))
            if proposals
            else "set data_selector to where the records are"
        )
        return FatalAPIError(
            f"GET {self.url}: data_selector {self.selector!r} finds no list of "
            f"records; the response {what}: {advice}."
        )


def _named(keys: Iterable[str]) -> str:
    """Return the first of an object's keys, on one line."""
    names = [key if _PLAIN_KEY.fullmatch(key) else repr(key) for key in keys]
    cut = [name[:SHOWN_CHARACTERS] for name in names[:SHOWN_NAMES]]
    more = ["…"] * (len(names) > SHOWN_NAMES)
    return ", ".join(cut + more) or "none"


def _on_one_line(body: bytes) -> bytes:
    """Return a JSON text without the line ends that would end a Singer message."""
    body = body.removeprefix(BOM_UTF8).lstrip()
    body.decode()
    # The last two bytes are not within a record.
    if body.find(b"\n", 0, -2) == body.find(b"\r", 0, -2) == -1:
        return body
    return msgspec.json.format(body, indent=-1)


def _with_whole_characters(body: bytes) -> bytes:
    """Return a JSON text with U+FFFD where half of a character is escaped.

    Some programs cut text within an emoji, which is two code units in JSON: RFC 8259,
    section 8.2. No database takes the half that is left.
    """
    if b"\\ud" not in body and b"\\uD" not in body:
        return body
    return _ESCAPE.sub(lambda found: b"\\ufffd" if found[1] else found[0], body)


def _open(raw: Raw) -> dict[str, Raw] | list[Raw] | Any:
    """Decode one level of a JSON text."""
    first = bytes(memoryview(raw)[:1])
    if first == b"{":
        return _decode_object(raw)
    if first == b"[":
        return _decode_array(raw)
    return glanced_at(raw)


def _without(top: dict[str, Raw], keys: tuple[str, ...] | None) -> dict[str, Any]:
    rest = {}
    for key, raw in top.items():
        if keys and key == keys[0]:
            if bytes(memoryview(raw)[:1]) == b"{":
                rest[key] = _without(_decode_object(raw), keys[1:])
        else:
            rest[key] = glanced_at(raw)
    return rest


def _lists(top: dict[str, Raw], above: str = "", depth: int = 3) -> list[str]:
    """Return the selectors of the lists in an object, the outermost first."""
    found, below = [], []
    for key, raw in top.items():
        value = _open(raw)
        if not _PLAIN_KEY.fullmatch(key):
            continue
        if isinstance(value, list):
            found.append(above + key)
        elif isinstance(value, dict) and depth > 1:
            below += _lists(value, f"{above}{key}.", depth - 1)
    return found + below
