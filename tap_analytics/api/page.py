"""A response body, decoded once: its records, and what is said around them."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from jsonpath_ng.exceptions import JSONPathError
from msgspec import Raw

from tap_analytics.api.answer_meaning import failure_in
from tap_analytics.api.body_levels import PLAIN_KEY, lists_in, opened, without
from tap_analytics.api.body_text import (
    in_utf_8,
    on_one_line,
    with_whole_characters,
)
from tap_analytics.errors import FatalAPIError, RetriableAPIError
from tap_analytics.json_text import SHOWN_CHARACTERS, decoded, shown
from tap_analytics.redaction import HIDDEN, Redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from jsonpath_ng import JSONPath

    from tap_analytics.api.answer import Answer

    _Repair = tuple[Callable[[bytes], bytes], str]
    """How a body becomes JSON, and what is said of that."""

SHOWN_NAMES = 20
"""So many keys of an object are shown in an error; some have an id as each key."""

_PLAIN_PATH = re.compile(r"(?:\$\.?)?((?:[\w-]+\.)*[\w-]+)?(?:\[\*\])?")
_BEGINS_TO_SEARCH = re.compile(r"\.\.|\.?\*|\[")
_KEY = f"the API key, for which {HIDDEN!r} is written"
_HALF = "half a character, for which U+FFFD is written"

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
        doubt: Why a list may not be as empty as it is, empty if nothing says so.

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
        self.doubt = ""
        self._redaction = redaction or Redaction()
        self._keys = plain_path(selector)
        try:
            self._top = self._read((self._in_utf_8, ""), (with_whole_characters, _HALF))
            self._refuse_failure()
            self._refuse_emptiness()
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
        return without(self._top, self._keys) if isinstance(self._top, dict) else {}

    def _read(self, *repairs: _Repair) -> dict[str, Raw] | list[Raw] | Any:
        self._change(self._redaction.redacted_body, _KEY)
        answer = self.answer
        try:
            answer.body = on_one_line(answer.body)
            return opened(Raw(answer.body))
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
        return in_utf_8(body, self.answer.headers.get("Content-Type", ""))

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

    def _refuse_emptiness(self) -> None:
        """Take no empty list beside words of failure: it would delete all rows."""
        try:
            if self.records:
                return
        except FatalAPIError:  # Whoever reads the records says it.
            return
        from tap_analytics.api.emptiness import suspicion_of  # noqa: PLC0415 - rare

        keys = self._keys or ()
        is_null = bool(keys) and self._at(keys) is None
        suspicion = suspicion_of(self.envelope, keys[:-1], is_null=is_null)
        if suspicion is None:
            return
        said = f"{'null' if is_null else 'an empty list'} beside {suspicion.field}"
        if suspicion.is_failure:
            body = shown(self.answer.body, self._redaction)
            msg = f"{self.answer} with {said}: {body}"
            raise RetriableAPIError(msg)
        self.doubt = f"the API answered with {said}, so that there may be records."

    def _walk(self, keys: tuple[str, ...]) -> list[Raw]:
        here = self._at(keys)
        if isinstance(here, list):
            return here
        if here is None and keys:  # Some APIs write null for no rows.
            return []
        raise self._nothing_found()

    def _at(self, keys: tuple[str, ...]) -> Any:
        here: Any = self._top
        for key in keys:
            if not isinstance(here, dict) or key not in here:
                raise self._nothing_found()
            here = opened(here[key])
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
        return lists_in(self._top) if isinstance(self._top, dict) else []

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
    names = [key if PLAIN_KEY.fullmatch(key) else repr(key) for key in keys]
    cut = [name[:SHOWN_CHARACTERS] for name in names[:SHOWN_NAMES]]
    more = ["…"] * (len(names) > SHOWN_NAMES)
    return ", ".join(cut + more) or "none"
