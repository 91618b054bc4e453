"""A response body, decoded once: its records, and what is said around them."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from datetime import datetime, timezone
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import requests
from jsonpath_ng.exceptions import JSONPathError
from msgspec import Raw
from singer_sdk.helpers.jsonpath import extract_jsonpath

from tap_analytics.errors import FatalAPIError, RetriableAPIError
from tap_analytics.json_text import decoded, glanced_at
from tap_analytics.redaction import HIDDEN, redaction

if TYPE_CHECKING:
    from collections.abc import Callable

SHOWN_CHARACTERS = 200
"""So much of a body is shown in an error."""

_PLAIN_KEY = re.compile(r"[\w-]+")
_PLAIN_PATH = re.compile(r"(?:\$\.?)?((?:[\w-]+\.)*[\w-]+)?(?:\[\*\])?")
_ESCAPE = re.compile(
    rb"\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""An escaped character, or the first group: a surrogate without the other half."""

_KEY = f"the API key, for which {HIDDEN!r} is written"
_HALF = "half a character, for which U+FFFD is written"

_ERRORS = frozenset({"error", "errors"})
_MESSAGES = frozenset({"message", "detail"})
_SUCCESSES = frozenset({"success", "ok"})

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


class Page(requests.Response):
    """A response whose body is read as JSON, once.

    It is a `requests.Response`, so that it fits the SDK's paginators.

    Args:
        response: The response as it came, with a successful status.
        selector: JSONPath of the records in the body.
        place: What was asked for, as errors name it.

    Attributes:
        received_at: When it came.
        changes: What was not taken as the API sent it, and what stands for it.

    Raises:
        RetriableAPIError: If the body is no JSON (cut off, or not what was asked for),
            or reports an error, whatever the status says.
        FatalAPIError: If it is nested more deeply than can be read.
    """

    def __init__(
        self, response: requests.Response, selector: str = "data", place: str = ""
    ) -> None:
        super().__init__()
        self.__dict__.update(response.__dict__)
        self.selector = selector
        self.place = place or response.url
        self.received_at = datetime.now(timezone.utc)
        self.changes: list[str] = []
        self._keys = plain_path(selector)
        self._top = self._read()
        self._refuse_error()

    @classmethod
    def of(cls, response: requests.Response) -> Page:
        """Return a response as a page, itself if it is one."""
        return response if isinstance(response, cls) else cls(response)

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

    def _read(self) -> dict[str, Raw] | list[Raw] | Any:
        self._change(redaction.redacted_body, _KEY)
        try:
            self._content = _on_one_line(self.content)
            return _open(Raw(self.content))
        except (UnicodeDecodeError, msgspec.DecodeError) as error:
            if self._change(_with_whole_characters, _HALF):
                return self._read()
            msg = (
                f"{self.place} answered {self.status_code} with a body that is no "
                f"JSON ({error}): {shown(self.content)}. Is api_url the address of "
                "an API, and path_prefix its path?"
            )
            raise RetriableAPIError(msg, self) from error
        except RecursionError as error:
            msg = f"{self.place} answered with JSON that is nested too deeply."
            raise FatalAPIError(msg) from error

    def _change(self, change: Callable[[bytes], bytes], reason: str) -> bool:
        changed = change(self.content)
        if changed == self.content:
            return False
        self._content = changed
        self.changes.append(reason)
        return True

    def _refuse_error(self) -> None:
        """Take no rows beside an error: some may be missing, if not all."""
        if isinstance(self._top, dict) and _reports_error(self._top):
            msg = (
                f"{self.place} answered {self.status_code}, but reports an error: "
                f"{shown(self.content)}"
            )
            raise RetriableAPIError(msg, self)

    def _walk(self, keys: tuple[str, ...]) -> list[Raw]:
        here: Any = self._top
        for key in keys:
            if not isinstance(here, dict) or key not in here:
                raise self._nothing_found()
            here = _open(here[key])
        if isinstance(here, list):
            return here
        # Some APIs write null for no rows; others write it beside what went wrong.
        if here is None and keys and not _MESSAGES.intersection(self._top):
            return []
        raise self._nothing_found()

    def _search(self) -> list[Raw]:
        try:
            found = list(extract_jsonpath(self.selector, decoded(self.content)))
        except JSONPathError as error:
            msg = f"data_selector {self.selector!r} is no JSONPath: {error}."
            raise FatalAPIError(msg) from error
        if len(found) == 1 and isinstance(found[0], list):
            found = found[0]
        elif not found and not self._may_find_nothing():
            raise self._nothing_found()
        return [Raw(_encode(record)) for record in found]

    def _may_find_nothing(self) -> bool:
        """Return whether the list that is searched is there, and empty or filtered."""
        above, _, search = self.selector.partition("[")
        keys = plain_path(above)
        return keys is not None and (not self._walk(keys) or "?" in search)

    def lists(self) -> list[str]:
        """Return the selectors of all lists in the body, the outermost first."""
        if isinstance(self._top, list):
            return ["$"]
        return _lists(self._top) if isinstance(self._top, dict) else []

    def _nothing_found(self) -> FatalAPIError:
        if isinstance(self._top, list):
            what = "is a top-level array"
        elif isinstance(self._top, dict):
            what = f"has the keys {', '.join(self._top) or 'none'}"
        else:
            what = f"is {shown(self.content)}"
        proposals = self.lists()
        advice = (
            "set data_selector to " + " or ".join(map(repr, proposals))
            if proposals
            else "set data_selector to where the records are"
        )
        return FatalAPIError(
            f"{self.place}: data_selector {self.selector!r} finds no list of records; "
            f"the response {what}: {advice}."
        )


def shown(body: bytes) -> str:
    """Return the beginning of a body as one line of text, quoted, without the key."""
    text = body[: 4 * SHOWN_CHARACTERS].decode(errors="replace")
    # Before it is cut: half a key would not be recognised any more.
    text = " ".join(redaction.redacted(text).split())
    return repr(text[:SHOWN_CHARACTERS]) if text else "an empty body"


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


def _reports_error(top: dict[str, Raw]) -> bool:
    return any(_is_said(glanced_at(top.get(key, b"null"))) for key in _ERRORS) or any(
        bytes(top.get(key, b"")) == b"false" for key in _SUCCESSES
    )


def _is_said(error: Any) -> bool:
    """Return whether there is anything in an error, such as a code that is not 0."""
    if isinstance(error, dict):
        return any(map(_is_said, error.values()))
    if isinstance(error, list):
        return any(map(_is_said, error))
    return bool(error)


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
