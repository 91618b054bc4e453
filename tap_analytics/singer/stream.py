"""The base of all streams: a request becomes pages, a page becomes rows."""

from __future__ import annotations

import logging
import random
import weakref
from datetime import datetime, timedelta, timezone
from functools import cached_property, partial
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

import backoff
import msgspec
import requests
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from singer_sdk.streams.rest import HTTPRequest, PageContext

from tap_analytics.api.answers import reason, retry_after
from tap_analytics.api.page import Page, shown
from tap_analytics.api.pagination import NextRequest, Pagination
from tap_analytics.api.session import (
    HeaderAuthenticator,
    OneOriginSession,
    check_home,
    warn_if_readable,
)
from tap_analytics.api.throttle import Throttle
from tap_analytics.compat import override
from tap_analytics.errors import (
    ConfigError,
    FatalAPIError,
    RetriableAPIError,
    VanishedError,
    WaitError,
)
from tap_analytics.reading.workers import Workers
from tap_analytics.rows.bookmarks import Bookmark, timestamp
from tap_analytics.rows.fields import ADDITIONAL_FIELDS, Fields
from tap_analytics.singer.messages import decoded
from tap_analytics.singer.sync import OrderedStream

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from backoff.types import Details
    from msgspec import Raw
    from singer_sdk import Tap
    from singer_sdk import typing as th
    from singer_sdk.helpers.types import Context, Record, RequestFunc

    from tap_analytics.api.pagination import Paginator
    from tap_analytics.reading.branches import Branch
    from tap_analytics.rows.fields import Row
    from tap_analytics.run import Run

RETRIED = frozenset({429, 500, 502, 503, 504})
KEY_REFUSED = frozenset({401, 403})
GONE = frozenset({404, 410})
DATE_LENGTH = len("2026-01-31")
CONNECT_TIMEOUT = 10
"""Seconds that connecting may take, if the whole request may take longer."""


class Api:
    """What all streams share: one session, one throttle, one set of threads.

    Args:
        config: The tap's settings.
        run: What belongs to the run.
    """

    def __init__(self, config: Mapping[str, Any], run: Run) -> None:
        self.config = config
        self.run = run
        self.url: str = config["api_url"].rstrip("/") + _prefix(config["path_prefix"])
        self.started_at = datetime.now(timezone.utc)
        self.throttle = Throttle(
            config.get("rate_limit_requests"),
            float(config["rate_limit_seconds"]),
            held=run.progress.held,
        )
        self.workers = Workers(config["concurrency"])
        run.stop.on_set(self.workers.stop)
        self.opened: dict[str, Branch[Any]] = {}
        self.on_response: Callable[[str, requests.Response], None] = lambda _, __: None
        """Called with each response, and the name of the stream that it is for."""
        check_home(config["api_url"])

    def close(self) -> None:
        """Let go of threads and connections."""
        self.workers.stop()
        self.session.close()

    @cached_property
    def session(self) -> OneOriginSession:
        """The session that sends every request of the run."""
        warn_if_readable(self.url, self.run.logger)
        session = OneOriginSession(self.url, self.config["concurrency"])
        weakref.finalize(self, session.close)
        return session

    @cached_property
    def authenticator(self) -> HeaderAuthenticator:
        """Adds the API key to requests."""
        return HeaderAuthenticator(
            self.config["api_key_header"], self.config["api_key"], self.url
        )


def _prefix(path: str) -> str:
    return "/" + path.strip("/") if path.strip("/") else ""


class AnalyticsStream(OrderedStream):
    """A resource of the API.

    A resource is a subclass with a name, a path, what its columns are and, for a
    child stream, its parent.

    Args:
        tap: The tap.
        api: What all streams share.
        inferred: JSON schemas of further columns, by name.
    """

    properties: ClassVar[th.PropertiesList]
    """The declared columns."""

    is_incremental: ClassVar[bool] = False
    """Whether the setting `incremental` is for this stream."""

    def __init__(
        self, tap: Tap, api: Api, inferred: Mapping[str, Any] | None = None
    ) -> None:
        self._api = api
        self.workers, self.opened = api.workers, api.opened
        self.progress = api.run.progress
        schema = self.properties.to_dict()
        columns = schema["properties"]
        rest = columns.pop(ADDITIONAL_FIELDS)
        columns |= {**(inferred or {}), ADDITIONAL_FIELDS: rest}
        super().__init__(tap, schema=schema)
        self.primary_keys = ("id",)
        # One bookmark per stream, not one per project.
        self.state_partitioning_keys = ()
        if self.is_incremental and self.config["incremental"]:
            self.replication_key = "createdAt"

    @property
    def api(self) -> Api:
        """What all streams share."""
        return self._api

    @property
    @override
    def url_base(self) -> str:
        return self._api.url

    @property
    @override
    def authenticator(self) -> HeaderAuthenticator:
        return self._api.authenticator

    @property
    @override
    def requests_session(self) -> OneOriginSession:
        return self._api.session

    @cached_property
    @override
    def user_agent(self) -> str:
        return (
            self.config.get("user_agent") or f"tap-analytics/{version(self.tap_name)}"
        )

    @property
    @override
    def records_jsonpath(self) -> str:
        return str(self.config["data_selector"])

    # From a context to pages

    @cached_property
    def pagination(self) -> Pagination:
        """How this stream's pages follow each other."""
        return Pagination(self.config, self.name, self.logger)

    @override
    def get_new_paginator(self) -> Paginator:
        _ = self.bookmark  # It is made on the thread that writes, not by two at once.
        return self.pagination.paginator()

    @override
    def get_url(self, context: Context | None) -> str:
        """Return the URL of the stream, what comes from the context encoded.

        Raises:
            FatalAPIError: If an id can't stand in a path.
        """
        values = {}
        for key, value in (context or {}).items():
            if value in {".", ".."}:
                msg = f"stream {self.name!r}: {key} {value!r} can't stand in a URL."
                raise FatalAPIError(msg)
            values[key] = quote(str(value), safe="")
        return self.url_base + self.path.format(**values)

    @override
    def get_http_request(self, *, page: PageContext[NextRequest | None]) -> HTTPRequest:
        request = super().get_http_request(page=page)
        if token := page.next_page_token:
            if token.url:
                return HTTPRequest(url=token.url, headers=request.headers)
            request.params.update(token.params)
        return request

    @override
    def fetch(self, context: Context | None, request: NextRequest | None) -> Page:
        """Fetch one page, with all retries.

        Args:
            context: The stream's context, `None` for a top-level stream.
            request: What the paginator says of the request, `None` for the first.

        Raises:
            FatalAPIError: If the API refuses, or retries are used up.
            VanishedError: If the parent is gone.
        """
        http = self.get_http_request(
            page=PageContext(stream_context=context, next_page_token=request)
        )
        prepared = self.build_prepared_request(
            method=http.method,
            url=http.url,
            params=http.encode_params(),
            headers=http.headers,
        )
        try:
            page: Page = self._send(prepared, context)
        except RetriableAPIError as error:
            tries = self.backoff_max_tries()
            msg = f"{error}. Given up after {tries} {'try' if tries == 1 else 'tries'}."
            raise FatalAPIError(msg) from error
        return page

    @cached_property
    def _send(self) -> Callable[[requests.PreparedRequest, Context | None], Page]:
        return self.request_decorator(self._try)  # type: ignore[return-value]

    def _try(self, request: requests.PreparedRequest, _: Context | None) -> Page:
        with self._api.throttle.request() as sent_at:
            self.progress.sent()
            response = self._answer(request)
            self.logger.debug("%s %s", response.status_code, response.url)
            self._api.on_response(self.name, response)
            if response.status_code in RETRIED:
                self._heed(response, sent_at)
        self.validate_response(response)
        page = Page(response, self.records_jsonpath, f"GET {request.url}")
        for change in page.changes:
            self.pagination.say(
                logging.WARNING, f"the API sent {change}", kind="changed body"
            )
        return page

    def _answer(self, request: requests.PreparedRequest) -> requests.Response:
        timeout = float(self.config["request_timeout"])
        try:
            return self.requests_session.send(
                request, timeout=(min(CONNECT_TIMEOUT, timeout), timeout)
            )
        except requests.exceptions.SSLError as error:
            msg = (
                f"GET {request.url}: no secure connection: {reason(error)}. If the API "
                "has a certificate of your own, name its authority in "
                "REQUESTS_CA_BUNDLE."
            )
            raise FatalAPIError(msg) from error
        except requests.exceptions.TooManyRedirects as error:
            msg = f"GET {request.url}: redirected in a circle. Check api_url."
            raise FatalAPIError(msg) from error
        except requests.RequestException as error:
            msg = (
                f"GET {request.url}: {reason(error)}. Check api_url, and that the API "
                "can be reached from here"
            )
            raise RetriableAPIError(msg) from error

    def _heed(self, response: requests.Response, sent_at: float) -> None:
        """Let all requests wait, if the API asks for that."""
        seconds = retry_after(response.headers.get("Retry-After", ""))
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            self._api.throttle.refused(sent_at, seconds or 0)
        elif seconds is not None:
            self._api.throttle.hold(seconds)

    @override
    def validate_response(self, response: requests.Response) -> None:
        """Raise what a status other than success stands for.

        Raises:
            WaitError: If all requests have to wait.
            RetriableAPIError: If this one may succeed later.
            VanishedError: If the parent of this stream is gone.
            FatalAPIError: If trying again is of no use.
        """
        status = response.status_code
        if status < HTTPStatus.MULTIPLE_CHOICES:
            return
        answer = (
            f"GET {response.url} answered {status} {response.reason or ''}".rstrip()
        )
        if status in RETRIED:
            if retry_after(response.headers.get("Retry-After", "")) is not None:
                raise WaitError(answer, response)
            raise RetriableAPIError(answer, response)
        if status in KEY_REFUSED:
            msg = (
                f"{answer}: the API key was refused. Check api_key, and that "
                f"api_key_header ({self.config['api_key_header']}) is the header that "
                "the API reads it from."
            )
            raise FatalAPIError(msg)
        if status in GONE and self.parent_stream_type is not None:
            raise VanishedError(answer)
        if status == HTTPStatus.NOT_FOUND:
            msg = (
                f"{answer}: there is no such resource. Check api_url, and that "
                f"path_prefix ({self.config['path_prefix']!r}) is the API's."
            )
            raise FatalAPIError(msg)
        body = shown(response.content)
        msg = f"{answer}, which no retry will change: {body}."
        raise FatalAPIError(msg)

    @override
    def vanished(self, context: Context | None, error: VanishedError) -> None:
        """Take note that there are no rows, since the parent is gone."""
        self.progress.vanished(tuple((context or {}).items()))
        self.logger.warning(
            "%s: %s, gone since it was listed: no rows for %s",
            self.name,
            error,
            ", ".join(f"{key} {value}" for key, value in (context or {}).items()),
            extra={"kind": "vanished"},
        )

    # Retries, by the SDK's hooks

    @override
    def request_decorator(self, func: RequestFunc) -> RequestFunc:
        """Return a request function that tries again; it reports on nothing twice."""
        decorate = backoff.on_exception(
            self.backoff_wait_generator,
            RetriableAPIError,
            max_tries=self.backoff_max_tries,
            jitter=self.backoff_jitter,
            on_backoff=self.backoff_handler,
            logger=None,
        )
        return decorate(func)

    @override
    def backoff_max_tries(self) -> int:
        return int(self.config["max_retries"]) + 1

    @override
    def backoff_wait_generator(self) -> Generator[float, Any, None]:
        """Return the waits in seconds: 2, 4, 8 by default.

        There is none after the API has said how long to wait: that is the throttle's.
        """
        wait = float(self.config["backoff_factor"])
        error = yield 0
        while True:
            error = yield 0 if isinstance(error, WaitError) else wait
            wait *= 2

    @override
    def backoff_jitter(self, value: float) -> float:
        """Return a wait up to an eighth longer, so that threads don't march in step."""
        return value * random.uniform(1, 1.125)  # noqa: S311 - no secret

    @override
    def backoff_handler(self, details: Details) -> None:
        error = details.get("exception")
        refusal = getattr(error, "response", None)
        if getattr(refusal, "status_code", 0) == HTTPStatus.TOO_MANY_REQUESTS:
            # The API didn't say how long, but it is no less for other requests.
            self._api.throttle.hold(details.get("wait", 0))
        self.progress.retried()
        self.logger.warning(
            "%s; try %d of %d follows %s",
            error,
            details["tries"] + 1,
            self.backoff_max_tries(),
            "when the API's wait is over"
            if isinstance(error, WaitError)
            else f"in {details.get('wait', 0):.1f} s",
            extra={"kind": "limit" if isinstance(error, WaitError) else "retry"},
        )

    # From pages to rows

    @cached_property
    def fields(self) -> Fields:
        """What makes records fit the schema."""
        return Fields(
            self.name,
            self.effective_schema,
            self.primary_keys,
            collect=self.config["undeclared_fields"] != "ignore",
            logger=self.logger,
        )

    @override
    def rows(self, page: Page, context: Context | None) -> Iterator[Row]:
        added = {key: _raw(value) for key, value in (context or {}).items()}
        rows = map(partial(self.fields.fit, context=added), page.records)
        if self.bookmark is None:
            return rows
        since = self.bookmark.since(context)
        return filter(partial(self.bookmark.passes, since=since), rows)

    # Increments

    @cached_property
    def bookmark(self) -> Bookmark | None:
        """Where this run starts and how far it comes, `None` for a full table.

        Raises:
            ConfigError: If start_date, or a bookmark, is no date.
        """
        if self.replication_method != REPLICATION_INCREMENTAL:
            return None
        if not self.replication_key:
            msg = f"stream {self.name!r} is INCREMENTAL, but has no replication key."
            raise ConfigError(msg)
        if self.replication_key not in self.effective_schema["properties"]:
            msg = (
                f"stream {self.name!r} has no field {self.replication_key!r} to "
                "replicate it by."
            )
            raise ConfigError(msg)
        start = self.config.get("start_date")
        now = self._api.started_at
        # Not `stream_state`, which makes an entry where there is none.
        state = self.tap_state.get("bookmarks", {}).get(self.name, {})
        if not self.is_timestamp_replication_key:
            return Bookmark(state, self.replication_key, now)
        return Bookmark(
            state,
            self.replication_key,
            now,
            start_date=None if start is None else timestamp(start, "start_date"),
            lookback=timedelta(days=float(self.config["lookback_days"])),
        )

    @override
    def get_url_params(
        self, context: Context | None, next_page_token: NextRequest | None
    ) -> dict[str, Any]:
        """Return the API's own time filter, if it has one and there is a start."""
        if self.bookmark is None or not self.is_timestamp_replication_key:
            return {}
        since = self.bookmark.since(context)
        if since is None:
            return {}
        until = self._api.started_at + timedelta(days=1)
        window = {
            self.config.get("since_param"): since,
            self.config.get("until_param"): timestamp(until.isoformat(), "the present"),
        }
        length = DATE_LENGTH if self.config["since_format"] == "date" else None
        return {name: value[:length] for name, value in window.items() if name}

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Return `None`: the bookmark knows the present by itself."""

    @override
    def finished(self, context: Context) -> None:
        if self.bookmark is not None:
            self.bookmark.parent_is_read(context)

    @override
    def promote(self) -> None:
        if self.bookmark is not None:
            self.bookmark.promote(self.stream_state)

    @override
    def request_records(self, context: Context | None) -> Iterator[Record]:
        """Return the records one page after the other, as Python values."""
        paginator = self.get_new_paginator()
        while not paginator.finished:
            page = self.fetch(context, paginator.current_value)
            paginator.advance(page)
            if not paginator.repeated:
                yield from map(decoded, self.rows(page, context))


def _raw(value: Any) -> Raw:
    return msgspec.Raw(msgspec.json.encode(value))
