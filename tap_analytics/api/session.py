"""Connections to the API: kept open, for one origin, bounded in time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import requests
from requests.cookies import extract_cookies_to_jar
from requests.structures import CaseInsensitiveDict

from tap_analytics.api.answer import Answer
from tap_analytics.api.deadline import DeadlineAdapter
from tap_analytics.errors import TooLargeError

if TYPE_CHECKING:
    from collections.abc import Mapping

MB = 1 << 20


class Session:
    """Sends one request at a time and thread, and reads its whole answer.

    Proxies and certificate authorities are read from the environment once. Else
    `requests` would do so at every request, not know `SSL_CERT_FILE`, and send
    passwords from `~/.netrc`.

    It uses the adapter of `requests`, not its `Session`: that follows redirects by
    itself, past the throttle, and costs as much as all the rest of a request.

    Args:
        api_url: A URL of the API.
        pool_size: How many connections are kept open.
        most_mb: So large a body may be, decompressed; `None` for no limit.
    """

    def __init__(
        self, api_url: str, pool_size: int, most_mb: float | None = None
    ) -> None:
        self._most_mb = most_mb
        self._adapter = DeadlineAdapter(pool_connections=1, pool_maxsize=pool_size)
        self._cookies = requests.cookies.RequestsCookieJar()
        self._has_cookies = False
        settings = requests.Session().merge_environment_settings(
            api_url, {}, None, None, None
        )
        self._proxies = settings["proxies"]
        self._verify: bool | str = settings["verify"] or True
        if self._verify is True and (bundle := os.environ.get("SSL_CERT_FILE")):
            self._verify = bundle

    def get(
        self, url: str, headers: Mapping[str, str], timeout: tuple[float, float]
    ) -> Answer:
        """Send a GET request; a redirect is an answer like any other.

        Args:
            url: The URL, percent-encoded.
            headers: The headers.
            timeout: Seconds to connect, and seconds for the whole answer.

        Raises:
            requests.RequestException: If no answer comes, or not a whole one.
            TooLargeError: If its body is larger than any may be.
        """
        request = requests.PreparedRequest()
        request.method = "GET"
        request.url = url
        request.headers = CaseInsensitiveDict(headers)
        if self._has_cookies:
            request.prepare_cookies(self._cookies)
        response = self._adapter.send(
            request,
            stream=True,
            timeout=timeout,
            verify=self._verify,
            proxies=self._proxies,
        )
        body = self._body(url, response)
        if "Set-Cookie" in response.headers:
            extract: Any = extract_cookies_to_jar  # It has no type hints.
            extract(self._cookies, request, response.raw)
            self._has_cookies = True
        return Answer(
            url, response.status_code, response.reason or "", response.headers, body
        )

    def _body(self, url: str, response: requests.Response) -> bytes:
        # In one piece: `requests` reads 10 kB at a time, and holds all of it twice.
        if self._most_mb is None:
            return b"".join(response.iter_content(None))
        most, size = int(self._most_mb * MB), 0
        pieces = []
        announced = response.headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced) > most:
            size = int(announced)
        else:
            for piece in response.iter_content(most + 1):
                size += len(piece)
                if size > most:
                    break
                pieces.append(piece)
        if size > most:
            response.close()  # What is left of it is not read.
            raise TooLargeError(url, self._most_mb)
        return b"".join(pieces)

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()
