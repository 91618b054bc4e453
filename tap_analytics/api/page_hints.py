"""What a response says of the pages around it, whatever the API calls it."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_analytics.api.page import Page

_DEPTH = 4
_LINK = re.compile(r"<([^>]*)>([^<]*)")
_RELATION = re.compile(r";\s*rel\s*=\s*[\"']?([^\"';,]*)", re.IGNORECASE)
_URL_REFERENCE = re.compile(r"(?i:https?:)|\.{0,2}/|[^?\s]*\?[^=\s]+=")
_NUMBER = re.compile(r"[0-9]{1,18}")
_BOOLEANS = {"true": True, "false": False}

# Names that mean pages only where pages are the subject.
_HERE = r"(^|(meta(data)?|pag(e|es|ing|ination|eable)|results?|data|response)\.)"
_ROLES = {
    role: re.compile(rf"(.*\.)?({names})")
    for role, names in {
        "link": r"linkheader",
        "next_url": r"next(page)?\.?(url|uri|link|href)",
        "next": r"next(page)?(number)?",
        "next_offset": r"nextoffset",
        "next_cursor": r"(next(page)?\.?|end)(cursor|token|key|marker|after)"
        r"|(cursors?|paging)\.(next|after)|continuation(token)?",
        "cursor": r"cursor",
        "more": r"(has)?(more|next)(page|pages|items|records|results)?",
        "last": r"(is)?last(page)?",
        "page": r"(current)?page(\.?(number|num|no|index|current))?",
        "pages": r"total\.?pages|(num)?pages|pages?\.?(count|total)",
        "last_page": r"lastpage",
        "rows": rf"total(count|rows|records|results|items|elements)|{_HERE}total",
        "size": rf"(per)?page\.?size|perpage|itemsperpage|{_HERE}limit",
        "offset": rf"startat|startindex|{_HERE}(offset|skip)",
    }.items()
}
"""What fields that speak of pages are called: paths without `_` and `-`."""


class Signs:
    """What a response says of the pages around it, in envelope and headers.

    Args:
        page: The response.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self._fields: dict[str, dict[str, Any]] = defaultdict(dict)
        for path, value in _fields(page):
            for role in _roles(path):
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
        """Return whether more follows, if the response says so in a word."""
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

    def __str__(self) -> str:
        """Return the numbers, and where they are."""
        found = self.of("page", "pages", "last_page", "rows", "size", "offset", "next")
        numbers = {path: whole(value) for path, value in found.items()}
        return ", ".join(f"{path} {n}" for path, n in numbers.items() if n is not None)


def _fields(page: Page) -> Iterator[tuple[str, Any]]:
    level = [("", page.envelope)]
    for _ in range(_DEPTH):
        below = []
        for above, fields in level:
            for key, value in fields.items():
                yield above + key, value
                if isinstance(value, dict):
                    below.append((f"{above}{key}.", value))
                elif isinstance(value, list) and key.strip("_") == "links":
                    links = [link for link in value if isinstance(link, dict)]
                    by_relation = {str(link.get("rel")): link for link in links}
                    below.append((f"{above}{key}.", by_relation))
        level = below
    for name, value in page.headers.items():
        if name.lower().startswith("x-"):
            yield name, value
    for url, parameters in _LINK.findall(page.headers.get("Link", "")):
        if "next" in " ".join(_RELATION.findall(parameters)).lower().split():
            yield "Link header", url


@lru_cache(maxsize=1024)
def _roles(path: str) -> tuple[str, ...]:
    name = re.sub(r"^x-|[^a-z0-9.]", "", path.lower())
    return tuple(role for role, names in _ROLES.items() if names.fullmatch(name))


def whole(value: object) -> int | None:
    """Return a whole number, not negative, also from a string."""
    text = str(value) if isinstance(value, int | str) else ""
    return int(text) if _NUMBER.fullmatch(text) else None


def is_url(value: object) -> bool:
    """Return whether a value looks like a URL, absolute or relative."""
    return isinstance(value, str) and bool(_URL_REFERENCE.match(value))
