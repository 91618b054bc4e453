"""The API key: one header, for one origin only."""

from __future__ import annotations

import os
import sys
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from singer_sdk.authenticators import APIKeyAuthenticator

from tap_analytics.deadline import DeadlineAdapter
from tap_analytics.errors import FatalAPIError

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

_DEFAULT_PORTS = {"http": 80, "https": 443}


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
        # The environment is read once here, not at every request.
        settings = self.merge_environment_settings(api_url, {}, None, None, None)
        self.proxies.update(settings["proxies"])
        self.verify = settings["verify"]
        if self.verify is True and (bundle := os.environ.get("SSL_CERT_FILE")):
            self.verify = bundle
        self.trust_env = False

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
