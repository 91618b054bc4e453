"""A path in, a page out: one GET with its retries.

get                 tries again, until there is a page or no hope
└── _follow         through the throttle, and after redirects
├── _send       one request, and why it failed if it did
└── _judge      what its answer means
"""

from __future__ import annotations

import random
import weakref
from datetime import datetime, timezone
from importlib.metadata import version
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import backoff
import requests

from tap_analytics.api.answer_errors import AnswerErrors, Asker
from tap_analytics.api.answer_meaning import Meaning, meaning_of
from tap_analytics.api.experience import Experience
from tap_analytics.api.failures import reason
from tap_analytics.api.origin import (
    check_api_url,
    encoded,
    warn_if_readable,
    within_origin,
)
from tap_analytics.api.page import Page
from tap_analytics.api.rate_limit import RateLimit
from tap_analytics.api.session import Session
from tap_analytics.api.throttle import Throttle
from tap_analytics.api.waits import wait_of
from tap_analytics.errors import (
    ExhaustedError,
    FatalAPIError,
    RetriableAPIError,
    WaitError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_analytics.api.answer import Answer
    from tap_analytics.run import Run

CONNECT_TIMEOUT = 10
"""Seconds that connecting may take, if the whole request may take longer."""

MOST_REDIRECTS = 10

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TOO_MANY_REQUESTS = 429


class Client:
    """Reads the API for one run; all threads share it.

    Args:
        settings: The tap's settings, defaults included.
        run: What belongs to the run.

    Attributes:
        url: Origin and path prefix of the API.
        started_at: When the run began, in UTC.
        on_answer: Called with each answer, and the stream that it is for.
        experience: What the run has found out about the API and its key.

    Raises:
        ConfigError: If `api_url` is not the address of an API.
    """

    def __init__(self, settings: Mapping[str, Any], run: Run) -> None:
        check_api_url(settings["api_url"])
        url = settings["api_url"].rstrip("/") + _prefix(settings["path_prefix"])
        self.url = encoded(url).rstrip("/")
        self.started_at = datetime.now(timezone.utc)
        self.on_answer: Callable[[str, Answer], None] = lambda _, __: None
        self._settings = settings
        self._run = run
        self.experience = Experience()
        self._errors = AnswerErrors(settings, run.redaction)
        self._throttle = Throttle(
            RateLimit(
                settings.get("rate_limit_requests"),
                float(settings["rate_limit_seconds"]),
            ),
            held=run.progress.held,
            stop=run.stop,
        )
        timeout = float(settings["request_timeout"])
        self._timeout = min(CONNECT_TIMEOUT, timeout), timeout
        self._max_tries = int(settings["max_retries"]) + 1
        self._headers = _headers(settings)
        self._session = Session(
            self.url, settings["concurrency"], settings.get("max_response_mb")
        )
        weakref.finalize(self, self._session.close)
        warn_if_readable(self.url, run.logger)

    @property
    def has_answered(self) -> bool:
        """Whether the API has answered once: it is there, and the key works."""
        return self.experience.key_has_worked

    def can_read(self, stream: str) -> None:
        """Take note that an earlier run has read rows of a stream."""
        self.experience.can_read(stream)

    def get(
        self,
        path: str,
        params: Sequence[tuple[str, str]] = (),
        asker: Asker = Asker(),  # noqa: B008 - it never changes
    ) -> Page:
        """Get one page, with all retries.

        Args:
            path: The path below `url`, percent-encoded; or the whole URL of a next
                page, as the API sent it.
            params: Query parameters, as pairs of name and value.
            asker: For whom it is.

        Raises:
            LeftOutError: If only what is below one parent can't be had.
            StoppedError: If the run is to end.
            FatalAPIError: If the API refuses, or retries are used up.
        """
        url = self._url_of(path, params)
        answers_before = None
        waits = backoff.expo(base=2, factor=float(self._settings["backoff_factor"]))
        next(waits)  # There is none before the first try.
        for tries in count(1):
            self._run.stop.check()
            try:
                page = self._follow(url, asker)
            except RetriableAPIError as error:
                if answers_before is None:
                    answers_before = self.experience.answers
                if tries >= self._max_tries:
                    raise self._given_up(error, asker, answers_before) from error
                self._pause(error, tries, next(waits))
            else:
                self.experience.answered(asker.stream)
                return page
        raise AssertionError  # `count` has no end.

    def close(self) -> None:
        """Close all connections; it is for the end of the run."""
        if "_session" in vars(self):
            self._session.close()

    def _url_of(self, path: str, params: Sequence[tuple[str, str]]) -> str:
        url = (
            self.url + path
            if path.startswith("/")
            else within_origin(path, self.url, "a next-page link")
        )
        if not params:
            return url
        return f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"

    def _follow(self, url: str, asker: Asker) -> Page:
        for _ in range(MOST_REDIRECTS):
            with self._throttle.request() as sent_at:
                answer = self._send(url)
                self.on_answer(asker.stream, answer)
                wait = wait_of(answer)
                if answer.status == _TOO_MANY_REQUESTS:
                    self._throttle.refused(sent_at, wait or 0)
            target = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or target is None:
                return self._judge(answer, wait, asker)
            source = f"the redirect of {answer.url}"
            url = within_origin(_as_utf_8(target), answer.url, source)
        msg = f"GET {url}: redirected in a circle. Check api_url."
        raise FatalAPIError(msg)

    def _send(self, url: str) -> Answer:
        run = self._run

        def send() -> Answer:
            run.progress.sent()
            return self._session.get(url, self._headers, self._timeout)

        try:
            answer = run.host.send(send, run.stop)
        except requests.exceptions.SSLError as error:
            msg = (
                f"GET {url}: no secure connection: {reason(error)}. If the API has a "
                "certificate of your own, name its authority in REQUESTS_CA_BUNDLE."
            )
            raise FatalAPIError(msg) from error
        except requests.RequestException as error:
            msg = (
                f"GET {url}: {reason(error)}. Check api_url, and that the API can be "
                "reached from here"
            )
            raise RetriableAPIError(msg) from error
        except OSError as error:  # A file of authorities that can't be read.
            msg = (
                f"GET {url}: {error}. Check REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and "
                "SSL_CERT_FILE."
            )
            raise FatalAPIError(msg) from error
        run.logger.debug("%s %s", answer.status, answer.url)
        return answer

    def _judge(self, answer: Answer, wait: float | None, asker: Asker) -> Page:
        experience = self.experience
        meaning = meaning_of(
            answer,
            asks_to_wait=wait is not None,
            has_worked=experience.key_has_worked,
            is_child=asker.is_child,
        )
        if meaning is Meaning.ANSWER:
            return Page(answer, self._settings["data_selector"], self._run.redaction)
        if meaning is Meaning.EMPTY:
            return Page.empty(answer)
        if meaning is Meaning.NOT_YET:
            raise self._errors.not_yet(answer, wait)
        if meaning is Meaning.FORBIDDEN_BELOW:
            is_hopeless = not experience.forbidden(asker.stream)
            raise self._errors.forbidden(answer, asker, is_hopeless=is_hopeless)
        raise self._errors.error(meaning, answer, asker)

    def _pause(self, error: RetriableAPIError, tries: int, wait: float) -> None:
        run = self._run
        run.stop.check()  # Nobody wants to know, or to wait, any more.
        # Up to an eighth longer, so that threads do not march in step.
        wait *= random.uniform(1, 1.125)  # noqa: S311 - it is not a secret
        is_told = isinstance(error, WaitError) and error.seconds is not None
        if isinstance(error, WaitError):
            wait = max(wait, error.seconds or 0)
            self._throttle.hold(wait)
        run.progress.retried()
        run.logger.warning(
            "%s; try %d of %d follows %s",
            error,
            tries + 1,
            self._max_tries,
            "when the API's wait is over" if is_told else f"in {wait:.1f} s",
            extra={"kind": "limit" if is_told else "retry"},
        )
        if not isinstance(error, WaitError):
            run.stop.wait(wait)

    def _given_up(
        self, error: RetriableAPIError, asker: Asker, answers_before: int
    ) -> FatalAPIError:
        tries = "1 try" if self._max_tries == 1 else f"{self._max_tries} tries"
        msg = f"{error}. Given up after {tries}."
        if asker.is_child and self.experience.others_answer(answers_before):
            return ExhaustedError(msg)
        return FatalAPIError(msg)


def _headers(settings: Mapping[str, Any]) -> dict[str, str]:
    ours = f"tap-analytics/{version('tap-analytics')}"
    return {
        "User-Agent": settings.get("user_agent") or ours,
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
        "Connection": "keep-alive",
        # Discovery needs no key, and asks for nothing.
        settings["api_key_header"]: settings.get("api_key", ""),
    }


def _prefix(path: str) -> str:
    return "/" + path.strip("/") if path.strip("/") else ""


def _as_utf_8(header: str) -> str:
    """Return a header's text, which `http.client` reads as ISO 8859-1."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header
