"""The API key: one header, for one origin only."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests
from singer_sdk.authenticators import APIKeyAuthenticator

from tap_analytics.api.deadline import DeadlineAdapter
from tap_analytics.errors import ConfigError, FatalAPIError

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    import logging

# `$` alone would let a line end pass.
KEY = r"^((Bearer|Basic|Token|ApiKey) )?[!-~]+$(?!\n)"
"""What a key looks like; where the header wants a scheme, that is part of it."""

HEADER_NAME = (
    r"^(?![Hh]ost$|[Cc]onnection$|[Cc]ontent-[Ll]ength$|[Tt]ransfer-[Ee]ncoding$)"
    r"[!#$%&'*+.^_`|~0-9A-Za-z-]+$(?!\n)"
)
"""A header that may carry the key: none that says where a request goes, or ends."""

HEADER_VALUE = r"^[!-~]([ -~]*[!-~])?$(?!\n)"

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NOT_IN_HOME = re.compile(r"[\s\x00-\x20\x7f?#\\]")


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port of a URL, the default port filled in.

    Raises:
        ValueError: If it is no URL.
    """
    if not url.isascii():  # A host may be written in two ways: take that of requests.
        url = requests.Request("GET", url).prepare().url or url
    parts = urlsplit(url)
    return (
        parts.scheme,
        (parts.hostname or "").rstrip("."),
        parts.port or _DEFAULT_PORTS.get(parts.scheme),
    )


def check_home(api_url: str) -> None:
    """Refuse an `api_url` that is none.

    Raises:
        ConfigError: It says what is wrong, and shows no password.
    """
    try:
        scheme, host, _ = origin(api_url)
        parts = urlsplit(api_url)
    except (ValueError, requests.RequestException) as error:
        msg = f"api_url is no URL: {error}."
        raise ConfigError(msg) from error
    if parts.username is not None or parts.password is not None:
        msg = "api_url has a user name in it: what the API knows you by is api_key."
        raise ConfigError(msg)
    if scheme not in _DEFAULT_PORTS or not host or _NOT_IN_HOME.search(api_url):
        msg = (
            f"api_url {api_url!r} is no address of an API: it should be scheme and "
            "host, and a port if it needs one, as in https://api.example.com."
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


def check_origin(url: str, home: str, source: str) -> None:
    """Refuse a URL that would carry the key away from its origin.

    Args:
        url: Where a request is about to go, absolute or seen from `home`.
        home: A URL of the API.
        source: What named the URL, as the error says it.

    Raises:
        FatalAPIError: If the two differ in scheme, host or port.
    """
    try:
        url = urljoin(home, url)
        leads_away = origin(url) != origin(home)
    except ValueError as error:
        msg = f"{source} is no valid URL: {error}."
        raise FatalAPIError(msg) from error
    if leads_away:
        parts = urlsplit(url)
        msg = (
            f"{source} leads to {parts.scheme}://{parts.netloc.rpartition('@')[2]}, "
            "another origin than api_url: not followed, since the API key would go "
            "there too. If it is the API's address, set api_url to it."
        )
        raise FatalAPIError(msg)


class HeaderAuthenticator(APIKeyAuthenticator):
    """Puts the key into a request's header, if the request goes to the API.

    Args:
        header: Name of the header.
        api_key: The key.
        api_url: A URL of the API; its origin is the key's.
    """

    def __init__(self, header: str, api_key: str, api_url: str) -> None:
        super().__init__(key=header, value=api_key, location="header")
        self._api_url = api_url
        self._home = urljoin(api_url, "/")

    @override
    def authenticate_request(
        self, request: requests.PreparedRequest
    ) -> requests.PreparedRequest:
        url = request.url or ""
        if not url.startswith(self._home):  # What does needs no closer look.
            check_origin(url, self._api_url, "a next-page link")
        return super().authenticate_request(request)


def read_environment(session: requests.Session, api_url: str) -> None:
    """Read proxies and certificate authorities from the environment, once.

    Else `requests` would do it at every request, not know `SSL_CERT_FILE`, and send
    passwords from `~/.netrc`.
    """
    settings = session.merge_environment_settings(api_url, {}, None, None, None)
    session.proxies.update(settings["proxies"])
    session.verify = settings["verify"]
    if session.verify is True and (bundle := os.environ.get("SSL_CERT_FILE")):
        session.verify = bundle
    session.trust_env = False


class OneOriginSession(requests.Session):
    """A pooled session that follows no redirect to another origin.

    `requests` itself removes only the `Authorization` header on such a redirect;
    a key in any other header would be sent along.

    Args:
        api_url: A URL of the API.
        pool_size: Connections kept open.
    """

    def __init__(self, api_url: str, pool_size: int) -> None:
        super().__init__()
        adapter = DeadlineAdapter(pool_connections=1, pool_maxsize=pool_size)
        self.mount("http://", adapter)
        self.mount("https://", adapter)
        read_environment(self, api_url)

    @override
    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Prepare a request, with nothing to merge but headers."""
        prepared = requests.PreparedRequest()
        prepared.prepare(
            method=request.method,
            url=request.url,
            headers={**self.headers, **request.headers},
            params=request.params,
            auth=request.auth or self.auth,
            cookies=self.cookies,
        )
        return prepared

    @override
    def send(
        self, request: requests.PreparedRequest, **kwargs: Any
    ) -> requests.Response:
        """Send a request, and read its whole answer.

        In one piece: `requests` reads 10 kB at a time, and holds all of it twice.
        """
        options = {"proxies": self.proxies, **kwargs, "stream": True}
        response = super().send(request, **options)
        response._content = b"".join(response.iter_content(None))  # noqa: SLF001
        return response

    @override
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None:
            try:
                check_origin(target, resp.url, f"the redirect of {resp.url}")
            except FatalAPIError:
                resp.close()
                raise
        return target
