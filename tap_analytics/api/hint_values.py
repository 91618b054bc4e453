"""What single values say, in fields that speak of pages."""

from __future__ import annotations

import re
from decimal import Decimal

_URL_REFERENCE = re.compile(r"(?i:https?:)|\.{0,2}/|[^?\s]*\?[^=\s]+=")
_NUMBER = re.compile(
    r"([0-9]{1,18}|[0-9]{1,3}(?P<by>[,'_ \u00a0\u2009\u202f])[0-9]{3}"
    r"(?:(?P=by)[0-9]{3}){0,4})(?:\.0*)?"
)
_NOTHING = frozenset({"", "0", "null", "none", "true", "false"})

_LONGEST_TEXT = 100
_OF_OTHER_THINGS = re.compile(r"[0-9]-[0-9]+-[0-9]|[0-9]:[0-9]|://")
_IN_A_TEXT = re.compile(
    r"(?<![\w.])([0-9]{1,3}(?:[,.'\u00a0\u202f][0-9]{3})+|[0-9]{1,18})(?![\w.]*[0-9])"
)


def whole(value: object) -> int | None:
    """Return a whole number, not negative, also from a string or with a point.

    Args:
        value: Such as 130, 130.0, "130", "130.0" or "1,184".
    """
    if isinstance(value, bool) or not isinstance(value, int | str | float | Decimal):
        return None
    found = _NUMBER.fullmatch(str(value))
    return int("".join(filter(str.isdecimal, found[1]))) if found else None


def numbers_in(text: str) -> list[int]:
    """Return the whole numbers in a short text, such as "1/3" or "130 records".

    Times, dates, versions, decimals and addresses have none that count anything.
    """
    if len(text) > _LONGEST_TEXT or _OF_OTHER_THINGS.search(text):
        return []
    found = _IN_A_TEXT.findall(text)
    return [int("".join(filter(str.isdecimal, number))) for number in found]


def is_url(value: object) -> bool:
    """Return whether a value looks like a URL, absolute or relative."""
    return isinstance(value, str) and bool(_URL_REFERENCE.match(value))


def leads_on(value: object) -> bool:
    """Return whether a value may be where a next page is."""
    if isinstance(value, str):
        return value.strip().lower() not in _NOTHING
    return bool(whole(value))


def says(value: object, word: str) -> bool:
    """Return whether a value is a word, such as "true", or the Boolean of that name."""
    return isinstance(value, bool | str) and str(value).strip().lower() == word
