"""The same resources as a dlt source: `pipeline.run(analytics_source())`.

dlt's REST source sends the requests. What the streams declare, how pages follow one
another and how a record becomes a row is the tap's, so that the same rows arrive.
"""

from __future__ import annotations

import logging
import sys
from http import HTTPStatus
from importlib.metadata import version
from string import Formatter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from requests.adapters import HTTPAdapter

from tap_analytics.api.answers import retry_after
from tap_analytics.api.page import Page
from tap_analytics.api.pagination import Pagination
from tap_analytics.api.session import (
    check_home,
    check_origin,
    read_environment,
    warn_if_readable,
)
from tap_analytics.api.throttle import Throttle
from tap_analytics.errors import FatalAPIError, RetriableAPIError
from tap_analytics.presets import with_preset
from tap_analytics.redaction import redaction
from tap_analytics.rows.fields import ADDITIONAL_FIELDS, Fields
from tap_analytics.settings import (
    DECLARED,
    DEFAULTS,
    PaginationStyle,
    UndeclaredFields,
)
from tap_analytics.singer.configuration import warn_of_unknown_streams
from tap_analytics.singer.stream import CONNECT_TIMEOUT, GONE, KEY_REFUSED, RETRIED
from tap_analytics.streams import STREAM_NAMES, STREAMS

try:
    import dlt
except ModuleNotFoundError:
    msg = "analytics_source needs dlt: pip install 'tap-analytics[dlt]'"
    raise ModuleNotFoundError(msg, name="dlt") from None
from dlt.sources.helpers.requests import Client
from dlt.sources.helpers.requests.retry import DEFAULT_RETRY_EXCEPTIONS
from dlt.sources.helpers.rest_client.exceptions import IgnoreResponseException
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from dlt.sources.rest_api import rest_api_resources

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlt.common.data_types import TDataType
    from dlt.common.schema.typing import TColumnSchema
    from dlt.extract import DltResource
    from dlt.sources.rest_api.typing import ClientConfig, EndpointResource
    from requests import PreparedRequest, Request, Response, Session

    from tap_analytics.api.pagination import NextRequest
    from tap_analytics.singer.stream import AnalyticsStream

_DATA_TYPES: dict[str, TDataType] = {
    "array": "json",
    "boolean": "bool",
    "date": "date",
    "date-time": "timestamp",
    "integer": "bigint",
    "number": "double",
    "object": "json",
    "string": "text",
}
"""dlt's data types by the format, or else the type, in a JSON schema."""

_CONNECTIONS = 50
"""Kept open at most, as dlt does it."""

_TEXT = "text"
"""Where in an item a record is, as the API sent it."""

_logger = logging.getLogger(__name__)


@dlt.source(name="analytics", section="analytics", max_table_nesting=0)
def analytics_source(  # noqa: PLR0913 - dlt reads the settings from the signature
    api_key: str = dlt.secrets.value,
    *,
    preset: str | None = None,
    api_url: str | None = None,
    api_key_header: str | None = None,
    path_prefix: str | None = None,
    data_selector: str | None = None,
    pagination: PaginationStyle | None = None,
    pagination_by_stream: dict[str, PaginationStyle] | None = None,
    page_size: int | None = None,
    page_size_by_stream: dict[str, int] | None = None,
    page_param: str | None = None,
    page_size_param: str | None = None,
    offset_param: str = "offset",
    cursor_param: str = "cursor",
    max_retries: int = 3,
    backoff_factor: float = 2,
    request_timeout: float = 60,
    rate_limit_requests: int | None = None,
    rate_limit_seconds: float | None = None,
    undeclared_fields: UndeclaredFields = "collect",
    user_agent: str | None = None,
) -> list[DltResource]:
    """Return the streams of the tap as dlt resources, merged on `id`.

    The arguments are the tap's settings of the same names, with the same defaults;
    dlt looks those up that aren't given, in the section `sources.analytics`. With
    `infer`, it is dlt that makes columns of undeclared fields.

    Raises:
        ConfigError: If an argument is not valid.
    """
    given = {name: value for name, value in locals().items() if value is not None}
    settings = DEFAULTS | with_preset(given)
    DECLARED.require_valid(settings)
    check_home(settings["api_url"])
    warn_of_unknown_streams(given, STREAM_NAMES, _logger)
    redaction.hide(api_key)
    url = f"{settings['api_url'].rstrip('/')}/{settings['path_prefix'].strip('/')}"
    agent = user_agent or f"tap-analytics/{version('tap-analytics')}"
    client: ClientConfig = {
        "base_url": url,
        "headers": {"User-Agent": agent},
        "auth": {
            "type": "api_key",
            "name": settings["api_key_header"],
            "api_key": api_key,
            "location": "header",
        },
        "session": _session(url, settings),
    }
    resources: dict[str, DltResource] = {}
    for stream in STREAMS:
        resource = _Resource(stream, settings)
        parents = [resource.parents(resources[name]) for name in resource.parent_names]
        resources[resource.name] = rest_api_resources(
            {"client": client, "resources": [*parents, resource.declared()]}
        )[-1]
    return list(resources.values())


def _session(url: str, settings: Mapping[str, Any]) -> Session:
    timeout = settings["request_timeout"]
    session = Client(
        request_timeout=(min(CONNECT_TIMEOUT, timeout), timeout),
        raise_for_status=False,
        status_codes=tuple(RETRIED),
        exceptions=(*DEFAULT_RETRY_EXCEPTIONS, RetriableAPIError),
        request_max_attempts=settings["max_retries"] + 1,
        request_backoff_factor=settings["backoff_factor"],
    ).session
    throttle = Throttle(
        settings.get("rate_limit_requests"), settings["rate_limit_seconds"]
    )
    warn_if_readable(url, _logger)
    read_environment(session, url)
    gate = _Gate(url, throttle)
    session.mount("http://", gate)
    session.mount("https://", gate)
    return session


class _Gate(HTTPAdapter):
    """What each request goes through, redirected ones and next pages too.

    Args:
        url: A URL of the API; no request leaves its origin.
        throttle: Says when a request may be sent.
    """

    def __init__(self, url: str, throttle: Throttle) -> None:
        super().__init__(pool_maxsize=_CONNECTIONS)
        self._url = url
        self._throttle = throttle

    @override
    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        check_origin(request.url or "", self._url, "a redirect or a next-page link")
        with self._throttle.request() as sent_at:
            response = super().send(request, *args, **kwargs)
            seconds = retry_after(response.headers.get("Retry-After", ""))
            if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                self._throttle.refused(sent_at, seconds or 0)
            elif seconds is not None:
                self._throttle.hold(seconds)
        return response


class _Resource:
    """One stream class, in the words of dlt's REST source.

    dlt puts a parent's id into a path as it is. So a child is resolved not from its
    parent, but from a resource between the two, which encodes the id.

    Args:
        stream: The stream class.
        settings: The arguments of `analytics_source`.
    """

    def __init__(
        self, stream: type[AnalyticsStream], settings: Mapping[str, Any]
    ) -> None:
        declared: Any = stream  # The SDK declares name and path for instances only.
        parent = declared.parent_stream_type
        self.name: str = declared.name
        self.parent_names: list[str] = [parent.name] if parent else []
        self._path: str = declared.path
        self._keys = [key for _, key, _, _ in Formatter().parse(self._path) if key]
        self._between = f"parents_of_{self.name}"
        self._schema: dict[str, Any] = stream.properties.to_dict()
        self._settings = settings
        self._undeclared = settings["undeclared_fields"]
        self._fields = Fields(
            self.name,
            self._schema,
            ("id",),
            collect=self._undeclared != "ignore",
            logger=_logger,
        )

    def declared(self) -> EndpointResource:
        """Return the resource, as `rest_api_resources` takes it."""
        selector = self._settings["data_selector"]
        pagination = Pagination(self._settings, self.name, _logger)
        parent_id = f"{{resources.{self._between}.in_path}}"
        declared: EndpointResource = {
            "name": self.name,
            "primary_key": "id",
            "write_disposition": "merge",
            "columns": self._columns(),
            "endpoint": {
                "path": self._path.format_map(dict.fromkeys(self._keys, parent_id)),
                "data_selector": selector,
                "paginator": _Pages(pagination, selector),
                "response_actions": [self._check],
            },
            "processing_steps": [{"map": self._fit}],
        }
        if self.parent_names:
            declared |= {"include_from_parent": ["id"], "parallelized": True}
        return declared

    def parents(self, parent: DltResource) -> DltResource:
        """Return the resource between this one and its parent; it is not loaded."""

        def parents(records: list[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
            ids = [record["id"] for record in records]
            for odd in {".", ".."}.intersection(ids):
                msg = f"stream {self.name!r}: the id {odd!r} can't stand in a URL."
                raise FatalAPIError(msg)
            yield [{"id": id_, "in_path": quote(id_, safe="")} for id_ in ids]

        return dlt.transformer(parents, data_from=parent, name=self._between)

    def _columns(self) -> dict[str, TColumnSchema]:
        return {
            name: {
                "data_type": _DATA_TYPES[column.get("format", column["type"][0])],
                "nullable": name not in self._schema["required"],
                "description": column["description"],
            }
            for name, column in self._schema["properties"].items()
        }

    def _check(self, response: Response) -> None:
        """Stop where dlt would go on without rows, or would not say what to do."""
        status = response.status_code
        answer = f"GET {response.url} answered {status}"
        if status in KEY_REFUSED:
            msg = (
                f"{answer}: the API key was refused. Check api_key, and that "
                f"api_key_header ({self._settings['api_key_header']}) is the header "
                "that the API reads it from."
            )
            raise FatalAPIError(msg)
        if status in GONE and self.parent_names:
            _logger.warning("%s: %s, gone since it was listed", self.name, answer)
            raise IgnoreResponseException
        if status == HTTPStatus.NOT_FOUND:
            msg = f"{answer}: no such resource. Check api_url and path_prefix."
            raise FatalAPIError(msg)
        if response.ok and not response.is_redirect:
            _ = Page(response, self._settings["data_selector"]).records

    def _fit(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the row that the tap makes of a record."""
        parent_id = msgspec.json.encode(record.get(f"_{self._between}_id"))
        context = dict.fromkeys(self._keys, msgspec.Raw(parent_id))
        fitting = self._fields.fit(record[_TEXT], context)
        row: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(fitting))
        if self._undeclared == "infer":
            kept = row[ADDITIONAL_FIELDS] or {}
            row |= {name: kept.pop(name) for name in [*kept] if name not in row}
            row[ADDITIONAL_FIELDS] = kept or None
        return row


class _Pages(BasePaginator):
    """The tap's pagination, as dlt asks for it.

    dlt's own detection reads the first page twice and the last one not at all where
    pages count from 1, knows no offsets, and warns at every request.

    Args:
        pagination: How the pages of the resource follow one another.
        selector: JSONPath of the records.
    """

    def __init__(self, pagination: Pagination, selector: str) -> None:
        super().__init__()
        self._pagination = pagination
        self._selector = selector
        self._paginator = pagination.paginator()

    def __deepcopy__(self, memo: dict[int, Any]) -> _Pages:
        """Return a paginator of its own for each parent, which dlt copies it for."""
        return _Pages(self._pagination, self._selector)

    @override
    def init_request(self, request: Request) -> None:
        self._paginator = self._pagination.paginator()
        self.update_request(request)

    @override
    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        page = Page(response, self._selector)
        self._paginator.advance(page)
        self._has_next_page = not self._paginator.finished
        if data is not None:
            # As they came, which `Fields` wants: dlt's decoding changes digits.
            records = [] if self._paginator.repeated else page.records
            data[:] = [{_TEXT: record} for record in records]

    @override
    def update_request(self, request: Request) -> None:
        following: NextRequest | None = self._paginator.current_value
        if following and following.url:
            request.url, request.params = following.url, {}
        elif following:
            request.params = dict(following.params)
