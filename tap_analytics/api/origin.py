"""Where the API key may go: to one origin only."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests

from tap_analytics.errors import ConfigError, FatalAPIError

if TYPE_CHECKING:
    import logging
    from urllib.parse import SplitResult

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NOT_IN_AN_ORIGIN = re.compile(r"[\s\x00-\x20\x7f?#\\]")


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of a URL, the default port filled in.

    Raises:
        ValueError: If it is not a URL.
    """
    parts = urlsplit(_in_ascii(url))
    return parts.scheme, _host(parts), parts.port or _DEFAULT_PORTS.get(parts.scheme)


def _in_ascii(url: str) -> str:
    # A host may be written in two ways: take that of requests.
    return url if url.isascii() else encoded(url)


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").rstrip(".")


def check_api_url(api_url: str) -> None:
    """Refuse an `api_url` that is not the address of an API.

    Raises:
        ConfigError: It says what is wrong, and shows no password.
    """
    try:
        scheme, host, _ = origin(api_url)
        parts = urlsplit(api_url)
        is_http = scheme in _DEFAULT_PORTS and bool(host)
        is_plain = is_http and not _NOT_IN_AN_ORIGIN.search(api_url)
        if is_plain:
            encoded(api_url)
            host.encode("idna")
    except (ValueError, requests.RequestException) as error:
        msg = f"api_url is not a valid URL: {error}."
        raise ConfigError(msg) from error
    if parts.username is not None or parts.password is not None:
        msg = "api_url has a user name in it. Put your API key into api_key."
        raise ConfigError(msg)
    if not is_plain:
        msg = (
            f"api_url {api_url!r} is not the address of an API. Write scheme and host, "
            "and a port if the API needs one, as in https://api.example.com."
        )
        raise ConfigError(msg)


def warn_if_readable(api_url: str, logger: logging.Logger) -> None:
    """Warn if whoever is on the way to the API can read the key."""
    scheme, host, _ = origin(api_url)
    if scheme == "http" and not _is_loopback(host):
        logger.warning(
            "api_url begins with http://, so the API key and all data go to %s "
            "unencrypted. Use https:// if the API has it.",
            host,
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def encoded(url: str) -> str:
    """Return a URL as it is sent: its host in ASCII, the rest percent-encoded.

    Raises:
        requests.RequestException: If it is not a URL that can be asked for.
    """
    request = requests.PreparedRequest()
    request.prepare_url(url, None)
    return request.url or url


def within_origin(url: str, home: str, source: str) -> str:
    """Return a URL that may be asked for with the key.

    A link with `http://` to the API's own host is taken as `https://`: many APIs stand
    behind a proxy and do not know that they are reached by `https`.

    Args:
        url: Where a request is about to go, absolute or seen from `home`.
        home: A URL of the API.
        source: What named the URL, as the error says it.

    Returns:
        The URL, absolute, as it is to be sent.

    Raises:
        FatalAPIError: If it leads to another scheme, host or port.
    """
    try:
        # What is checked is what is sent: two readers of one text may see two hosts.
        url = urljoin(home, url)
        if urlsplit(url).scheme in _DEFAULT_PORTS:
            url = encoded(url)
        here, there = origin(home), origin(url)
        if here == there:
            return _without_user(url)
        if here[:2] == ("https", there[1]) and _has_lost_https(url, here[2]):
            return "https:" + _without_user(url).partition(":")[2]
    except (ValueError, requests.RequestException) as error:
        msg = f"{source} is not a valid URL: {error}."
        raise FatalAPIError(msg) from error
    parts = urlsplit(url)
    msg = (
        f"{source} leads to {parts.scheme}://{parts.netloc.rpartition('@')[2]}, "
        "another origin than api_url: not followed, since the API key would go "
        "there too. If it is the API's address, set api_url to it."
    )
    raise FatalAPIError(msg)


def _has_lost_https(url: str, port: int | None) -> bool:
    """Return whether a URL of the right host differs from the API's by `http` only."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.username is not None:
        return False
    return parts.port == port or (parts.port in {None, 80} and port in {None, 443})


def _without_user(url: str) -> str:
    """Return a URL without a password, which logs would show, and without port 80."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].removesuffix(":80")
    return parts._replace(netloc=host, fragment="").geturl()
