"""How the URL of a batch file is shown: without what lets others read the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CHAIN = "::"
"""What fsspec has between a file and the file that holds it."""

_LOCAL = {"file", "local"}

_USER = re.compile(
    # A password may have each of the characters that end a host, a port only digits.
    r"(?P<user>[^/?#@:]*):(?!\d*(?:[/?#]|$))(?P<password>.*)@|(?P<token>[^/?#@]*)@",
    re.DOTALL,
)

_SECRET_NAME = re.compile("password|pwd|secret|token|key|sas", re.IGNORECASE)

_QUERY = re.compile(r"(\w+://[^\s?'\"]*)\?[^\s'\"]*")
"""A query, perhaps with other escapes than the URL was given with."""

_SHORTEST = 4
"""Less is a part of other words."""


def shown(url: str) -> str:
    """Write a path or URL for messages: without user, password and query."""
    return _CHAIN.join(map(_shown, url.split(_CHAIN)))


def _shown(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    if not mark or scheme in _LOCAL:
        return url
    if (user := _USER.match(rest)) is not None:
        rest = rest[user.end() :]
    return f"{scheme}://{re.split('[?#]', rest, maxsplit=1)[0]}"


def explain(error: Exception, url: str, options: Mapping[str, Any]) -> str:
    """Say in one line why a file can't be read.

    Args:
        error: What its storage has raised.
        url: The file's path or URL, of which nothing is shown that `shown` hides.
        options: What its storage was given, of which no secret is shown.
    """
    cause = error.__cause__ if isinstance(error, FileNotFoundError) else None
    text = str(cause or error).strip() or type(error).__name__
    text = text.replace(url, shown(url))
    secrets = {one for one in (*_in_url(url), *_in_options(options)) if one}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "***")
    return _QUERY.sub(r"\1", text.splitlines()[0])


def _in_url(url: str) -> Iterator[str]:
    for one in url.split(_CHAIN):
        scheme, mark, rest = one.partition("://")
        if not mark or scheme in _LOCAL:
            continue
        if (user := _USER.match(rest)) is not None:
            secret = user["password"] or user["token"] or ""
            yield from (secret, unquote(secret))
            rest = rest[user.end() :]
        _, _, query = rest.partition("?")
        yield from (query, unquote(query))
        yield from (value for _, value in parse_qsl(query))


def _in_options(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, dict):
            yield from _in_options(value)
        elif isinstance(value, str) and _SECRET_NAME.search(name):
            yield value
