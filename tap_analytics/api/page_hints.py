"""What an answer says of the pages around it, whatever the API calls it."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from tap_analytics.api.hint_values import is_url, leads_on, numbers_in, says, whole
from tap_analytics.api.page import plain_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_analytics.api.page import Page

_DEPTH = 4
_LONGEST_NAME = 100
_MOST_FIELDS = 500
"""Of so many fields at most is asked what they mean; the rest is rather data."""

_LINK = re.compile(r"<([^>]*)>([^<]*)")
_RELATION = re.compile(r";\s*rel\s*=\s*[\"']?([^\"';,]*)", re.IGNORECASE)
_CONTENT_RANGE = re.compile(
    r"\s*(?:([a-z][\w-]*)[ =]+)?(?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)\s*",
    re.IGNORECASE,
)
_BOOLEANS = {"true": True, "false": False}

# Names that mean pages only where pages are the subject.
_HERE = r"(^|(meta(data)?|pag(e|es|ing|ination|eable)|results?|data|response)\.)"
_ROLES = {
    role: re.compile(rf"(.*\.)?({names})")
    for role, names in {
        "link": r"linkheader",
        "next_url": r"next(page|records)?\.?(url|uri|link|href)",
        "next": r"next(page)?(number)?",
        "next_offset": r"next(page)?(offset|start|skip|index|position)",
        "next_cursor": r"(next(page)?\.?|end|after)(cursor|token|key|marker|after)"
        r"|next(page)?(start)?id|(cursors?|paging)\.(next|after)"
        r"|continuation(token)?",
        "cursor": r"cursor",
        "more": r"(has|is)?(more|next)(page|pages|items|records|results|rows|data)?"
        r"|more(items|records|results|rows|pages|data)(incollection|available|exist)?"
        r"|(has)?moreavailable|istruncated",
        "cut": r"(is)?(truncated|incomplete)(results|items|records|rows|data|list)?",
        "position": r"(end|after)(cursor|token|key|marker|after)"
        r"|(cursors?|paging)\.after",
        "last": r"(is)?last(page)?|done|endof(records|stream)",
        "page": r"(current)?page(\.?(number|num|no|index|current))?",
        "pages": r"total\.?pages|(num)?pages|page(count|total)|pages\.?(count|total)",
        "last_page": r"lastpage",
        "rows": rf"total(count|rows|records|results|items|elements|size)|{_HERE}total"
        r"|totalnumberof(rows|records|results|items)",
        "size": rf"(per)?page\.?size|perpage|itemsperpage|{_HERE}limit",
        "offset": rf"startat|startindex|{_HERE}(offset|skip|start)",
    }.items()
}
"""What fields that speak of pages are called: paths without `_` and `-`."""

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SIGNS = frozenset(
    {"page", "pages", "next", "more", "total", "totals", "count", "offset"}
    | {"cursor", "cursors"}
)
_PAGING = frozenset({"pagination", "paging"})
_LEAD_ON = frozenset({"next", "more", "cursor", "cursors", "offset"})
_RECORDS = frozenset({"entries", "items", "records", "results", "rows"})
_OF_OTHER_THINGS = frozenset(
    {"amount", "billing", "budget", "bytes", "cache", "cost", "days", "duration"}
    | {"error", "errors", "gmt", "hours", "invoice", "minutes", "ms", "payment"}
    | {"price", "rate", "ratelimit", "request", "requests", "retry", "revenue"}
    | {"seconds", "sync", "time", "timezone", "title", "tz", "utc", "warning"}
    | {"warnings", "xss"}
)
"""Words beside which a total is none of rows, and a next none of a page."""


class PageHints:
    """What an answer says of the pages around it, in envelope and headers.

    Args:
        page: The page.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self._all = dict(_fields(page))
        self._above = _above(page.selector)
        self._fields: dict[str, dict[str, Any]] = defaultdict(dict)
        for path, value in self._all.items():
            for role in _roles(path.removeprefix(self._above)):
                self._fields[role][path] = value

    def of(self, *roles: str) -> dict[str, Any]:
        """Return the fields in these roles by path, the outermost first."""
        return {p: v for role in roles for p, v in self._fields.get(role, {}).items()}

    def number(self, *roles: str) -> int | None:
        """Return the first whole number in these roles."""
        numbers = map(whole, self.of(*roles).values())
        return next((number for number in numbers if number is not None), None)

    def second_page(self) -> int | None:
        """Return the number of the page after the first, if that is what is next."""
        number = self.number("next")
        return number if number in {1, 2} else None  # Others are rather cursors.

    def flag(self) -> bool | None:
        """Return whether more follows, if the answer says so in a word."""
        for role, yes in (("more", True), ("last", False)):
            for value in self.of(role).values():
                if isinstance(value, bool | str) and str(value).lower() in _BOOLEANS:
                    return _BOOLEANS[str(value).lower()] is yes
        return None

    def more(self) -> bool | None:
        """Return whether more follows, if a next page or a flag says so."""
        following = self.of("link", "next_url", "next", "next_offset").values()
        if any(is_url(value) or whole(value) for value in following):
            return True
        return False if None in following or "" in following else self.flag()

    def announced(self, *, positions: bool) -> list[str]:
        """Return which fields say that more follows, unless a word denies it.

        Args:
            positions: Whether a cursor of the last record is one of them.
        """
        cut = self._cut()
        if self.flag() is False:
            return cut
        roles = ("link", "next_url", "next", "next_offset", "next_cursor")
        fields = self.of(*roles)
        words = [*cut]
        if self.flag():
            words += [path for path, v in self.of("more").items() if says(v, "true")]
            words += [path for path, v in self.of("last").items() if says(v, "false")]
        known = () if positions else self.of("position")
        leading = [path for path, v in fields.items() if leads_on(v)]
        return list(dict.fromkeys(words + [one for one in leading if one not in known]))

    def _cut(self) -> list[str]:
        """Return which fields say that rows are missing, on whatever page."""
        return [path for path, value in self.of("cut").items() if says(value, "true")]

    def unexplained(self, received: int) -> dict[str, Any]:
        """Return what may mean that more follows, by path.

        It is for an answer of which no style of pages was recognised.

        Args:
            received: How many records came so far.
        """
        return {
            path: value
            for path, value in self._all.items()
            if _is_sign(name := path.removeprefix(self._above))
            and not _is_explained(name, value, received)
        } | dict.fromkeys(self._cut(), True)

    def __str__(self) -> str:
        """Return the numbers, and where they are."""
        found = self.of("page", "pages", "last_page", "rows", "size", "offset", "next")
        numbers = {path: whole(value) for path, value in found.items()}
        return ", ".join(f"{path} {n}" for path, n in numbers.items() if n is not None)


@lru_cache(maxsize=64)
def _above(selector: str) -> str:
    """Return the path of what holds the records: its name says nothing of pages."""
    keys = plain_path(selector) or ()
    return "".join(f"{key}." for key in keys[:-1])


def _fields(page: Page) -> Iterator[tuple[str, Any]]:
    headers = page.answer.headers.items()
    of_pages = [_header(name, value) for name, value in headers if _is_of_pages(name)]
    yield from islice(_walk([("", page.envelope)]), _MOST_FIELDS)
    yield from _walk(of_pages)
    for url, parameters in _LINK.findall(page.answer.headers.get("Link", "")):
        if "next" in " ".join(_RELATION.findall(parameters)).lower().split():
            yield "Link header", url


def _walk(level: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[str, Any]]:
    """Yield all fields with their paths, the outermost first."""
    for _ in range(_DEPTH):
        below: list[tuple[str, Mapping[str, Any]]] = []
        for above, fields in level:
            for key, value in fields.items():
                if len(key) > _LONGEST_NAME:
                    continue
                yield above + key, value
                if isinstance(value, dict):
                    below.append((f"{above}{key}.", value))
                elif isinstance(value, list) and key.strip("_") == "links":
                    links = [link for link in value if isinstance(link, dict)]
                    by_relation = {str(link.get("rel")): link for link in links}
                    below.append((f"{above}{key}.", by_relation))
        level = below


def _header(name: str, value: str) -> tuple[str, dict[str, Any]]:
    """Return a header as fields, with what their paths begin with."""
    if name.lower() == "content-range":
        return "", _content_range(value)
    if value.lstrip().startswith("{"):
        try:
            return f"{name}.", msgspec.json.decode(value, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            pass
    return "", {name: value}


def _content_range(value: str) -> dict[str, Any]:
    found = _CONTENT_RANGE.fullmatch(value)
    if found is None or (found[1] or "").lower() == "bytes":
        return {}
    first, last = int(found[2] or 0), int(found[3] or -1)
    size = {"page_size": last - first + 1} if last >= first else {}
    return {"offset": first, **size, "total_count": found[4]}


@lru_cache(maxsize=1024)
def _is_of_pages(header: str) -> bool:
    """Return whether a header may speak of pages; most do not, at every request."""
    is_named = header.lower() == "content-range" or _PAGING & _words(header)
    return bool(is_named or _roles(header) or _is_sign(header))


@lru_cache(maxsize=1024)
def _roles(path: str) -> tuple[str, ...]:
    name = re.sub(r"^x-((ms|wp)-)?", "", path.lower())
    name = re.sub(r"^(pagination|paging)-", r"\1.", name)
    name = re.sub(r"[^a-z0-9.]", "", name)
    return tuple(role for role, names in _ROLES.items() if names.fullmatch(name))


@lru_cache(maxsize=1024)
def _words(path: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(path))


def _is_sign(path: str) -> bool:
    words = _words(path)
    is_token = bool(_PAGING & words) and "token" in words
    return (is_token or bool(_SIGNS & words)) and not _OF_OTHER_THINGS & words


def _is_explained(path: str, value: Any, received: int) -> bool:
    """Return whether a field may well say that there are no other records."""
    words = _words(path)
    number = whole(value)
    if number is None and isinstance(value, str) and not words & _LEAD_ON:
        number = max(numbers_in(value), default=None)
    if number is not None:
        if "size" in _roles(path):
            return number != received  # A full page may have been cut.
        if _LEAD_ON & words:
            return number == 0
        is_of_pages = words & {"page", "pages"} and not words & _RECORDS
        return number <= (1 if is_of_pages else received)
    if isinstance(value, str | bool):
        is_no = str(value).strip().lower() in {"", "false", "null", "none"}
        return is_no or not words & (_LEAD_ON | {"token"})
    return True
