"""Everything that can be set on the sandbox, in one frozen dataclass.

The command line is derived from it, so that a test and a shell say the same thing.
"""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from tap_analytics.sandbox.data import STREAMS
from tap_analytics.sandbox.faults import DEFAULT_KINDS, KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATA = ("agency", "everhour")
PAGINATION_STYLES = ("none", "link", "next_url", "cursor", "page", "offset")
STYLES_IN_THE_BODY = ("next_url", "cursor")
TOTALS = (
    "page",
    "current_page",
    "per_page",
    "limit",
    "offset",
    "total",
    "total_pages",
    "last_page",
)
# Here and not in the annotations, which are strings that can't hold f-strings.
TOTALS_HELP = f'sent with page and offset, out of {", ".join(TOTALS)}; "" for none'
KINDS_HELP = f"how they go wrong, out of {', '.join(KINDS)}"
ENVELOPE = re.compile(r"none|[^.\[\]]+(\.[^.\[\]]+)*(\[\*\]\.[^.\[\]]+)?")
HIGHEST_PORT = 65_535
SIZES = ("projects", "tasks", "time_records", "clients", "users", "team_time")


@dataclass(frozen=True)
class Flag:
    """How the command line shows an option.

    Attributes:
        help: What its help says.
        parse: Reads the value; by default the type of the option's default.
        choices: The only values, if it has no others.
    """

    help: str
    parse: Callable[[str], Any] | None = None
    choices: tuple[str, ...] | None = None


def parse_names(text: str) -> tuple[str, ...]:
    """Reads names with commas between them."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def parse_sizes(text: str) -> tuple[tuple[str, int], ...]:
    """Reads sizes such as `tasks=250,time=1000`.

    Raises:
        ValueError: They are none.
    """
    try:
        pairs = [name.split("=") for name in parse_names(text)]
        return tuple((stream, int(size)) for stream, size in pairs)
    except ValueError:
        message = f"expected STREAM=SIZE,… such as tasks=250,time=1000, not {text!r}"
        raise ValueError(message) from None


def parse_date(text: str) -> date:
    """Reads a date in ISO 8601."""
    return date.fromisoformat(text)


def parse_rate(text: str) -> tuple[int, float]:
    """Reads a rate such as `20/10`: requests, seconds.

    Raises:
        ValueError: It is none.
    """
    requests, _, seconds = text.partition("/")
    try:
        return int(requests), float(seconds)
    except ValueError:
        message = f"expected REQUESTS/SECONDS such as 20/10, not {text!r}"
        raise ValueError(message) from None


@dataclass(frozen=True, kw_only=True)
class SandboxOptions:
    """How the sandbox behaves; each field is also an option of `analytics-sandbox`.

    Raises:
        ValueError: Options that make no sense, alone or together, in one line.
    """

    host: Annotated[str, Flag("loopback address to listen on")] = "127.0.0.1"
    port: Annotated[int, Flag("port to listen on; 0 takes a free one")] = 0
    api_key: Annotated[str, Flag("the key that requests must carry")] = "sandbox-key"
    api_key_header: Annotated[str, Flag("the header that carries it")] = "X-Api-Key"
    path_prefix: Annotated[str, Flag('before every path; "" for none')] = "/v1"

    data: Annotated[str, Flag("whose records", choices=DATA)] = "agency"
    seed: Annotated[int, Flag("makes the same data and faults again")] = 0
    today: Annotated[
        date | None, Flag("last day of the data; today if not given", parse_date)
    ] = None
    projects: Annotated[int, Flag("number of projects")] = 20
    tasks: Annotated[int, Flag("tasks per project")] = 8
    time_records: Annotated[int, Flag("time records per project")] = 30
    clients: Annotated[int, Flag("number of clients")] = 12
    users: Annotated[int, Flag("number of users")] = 15
    team_time: Annotated[int, Flag("time cards of the team")] = 120
    eager: Annotated[
        bool, Flag("make all data at the start, so that no request waits for it")
    ] = False

    envelope: Annotated[
        str,
        Flag(
            "where records are in a response: data, result.items, data[*].node; "
            "none for a top-level array"
        ),
    ] = "data"
    pagination: Annotated[
        str, Flag("how lists are divided", choices=PAGINATION_STYLES)
    ] = "none"
    page_size: Annotated[int, Flag("records per page: default and maximum")] = 100
    page_sizes: Annotated[
        tuple[tuple[str, int], ...],
        Flag(
            "the same for single streams: tasks=250,users=0; 0 sends the whole list, "
            "whatever page is asked for",
            parse_sizes,
        ),
    ] = ()
    page_param: Annotated[str, Flag("parameter of the page, from 1")] = "page"
    limit_param: Annotated[str, Flag("parameter of a smaller page size")] = "limit"
    offset_param: Annotated[str, Flag("parameter of the offset")] = "offset"
    cursor_param: Annotated[str, Flag("parameter of the cursor")] = "cursor"
    next_field: Annotated[
        str,
        Flag("where a body has its next URL or cursor: links.next, next_cursor, …"),
    ] = ""
    relative_next: Annotated[bool, Flag("next URLs without scheme and host")] = False
    totals: Annotated[
        tuple[str, ...],
        Flag(TOTALS_HELP, parse_names),
    ] = ("page", "per_page", "total", "total_pages")
    totals_in: Annotated[str, Flag('object of the body that has them; "" for none')] = (
        "meta"
    )
    since_param: Annotated[str, Flag("parameter: created at or after")] = "since"
    until_param: Annotated[str, Flag("parameter: created at or before")] = "until"
    since_field: Annotated[str, Flag("the field that both look at")] = "createdAt"
    since_streams: Annotated[
        tuple[str, ...], Flag("streams that know both; all if not given", parse_names)
    ] = ()

    latency: Annotated[float, Flag("seconds before each answer")] = 0.0
    rate_limit: Annotated[
        tuple[int, float] | None,
        Flag("REQUESTS/SECONDS, such as 20/10, in a sliding window", parse_rate),
    ] = None
    gzip: Annotated[bool, Flag("compress bodies for clients that accept it")] = False
    faults: Annotated[float, Flag("share of requests that go wrong, 0 to 1")] = 0.0
    fault_kinds: Annotated[tuple[str, ...], Flag(KINDS_HELP, parse_names)] = (
        DEFAULT_KINDS
    )
    faults_in_a_row: Annotated[
        int, Flag("for the same request at most; 0 for no limit")
    ] = 3

    def __post_init__(self) -> None:
        """Checks what the types can't say.

        Raises:
            ValueError: See the class.
        """
        for problem in self._problems():
            raise ValueError(problem)

    def _problems(self) -> Iterator[str]:
        if not _is_loopback(self.host):
            yield f"host must be a loopback address, not {self.host!r}"
        if not 0 <= self.port <= HIGHEST_PORT:
            yield f"port must be between 0 and {HIGHEST_PORT}"
        if not self.api_key:
            yield "api_key must not be empty"
        if self.path_prefix and not self.path_prefix.startswith("/"):
            yield f"path_prefix must start with a slash: {self.path_prefix!r}"
        if self.path_prefix.endswith("/"):
            yield f"path_prefix must not end with a slash: {self.path_prefix!r}"
        for name in SIZES:
            if getattr(self, name) < 0:
                yield f"{name} must not be negative"
        yield from self._problems_of_data()
        yield from self._problems_of_pages()
        yield from self._problems_of_faults()

    def page_size_of(self, stream: str) -> int:
        """Finds the page size of a stream: default and maximum, 0 for no pages."""
        return dict(self.page_sizes).get(stream, self.page_size)

    def is_filtered(self, stream: str) -> bool:
        """Says whether a stream can be filtered by time."""
        return not self.since_streams or stream in self.since_streams

    def _problems_of_data(self) -> Iterator[str]:
        if self.data not in DATA:
            yield f"data must be one of {', '.join(DATA)}"
        for name in (*dict(self.page_sizes), *self.since_streams):
            if name not in STREAMS:
                yield f"no stream {name!r}; known are {', '.join(STREAMS)}"
        if any(size < 0 for _, size in self.page_sizes):
            yield "page_sizes must not be negative"

    def _problems_of_pages(self) -> Iterator[str]:
        if self.pagination not in PAGINATION_STYLES:
            yield f"pagination must be one of {', '.join(PAGINATION_STYLES)}"
        if not ENVELOPE.fullmatch(self.envelope):
            yield f"envelope must be like data, a.b or data[*].node: {self.envelope!r}"
        if self.envelope == "none" and self.pagination in STYLES_IN_THE_BODY:
            yield (
                f"pagination {self.pagination} needs an envelope; "
                "a top-level array can have link, page or offset"
            )
        if self.page_size < 1:
            yield "page_size must be at least 1"
        for name in self.totals:
            if name not in TOTALS:
                yield f"totals has {name!r}; known are {', '.join(TOTALS)}"

    def _problems_of_faults(self) -> Iterator[str]:
        requests, seconds = self.rate_limit or (1, 1.0)
        if requests < 1 or not 0 < seconds < math.inf:
            yield "rate_limit must be at least one request in some seconds"
        if not 0 <= self.latency < math.inf:
            yield "latency must be some seconds, or 0"
        if not 0 <= self.faults <= 1:
            yield "faults must be between 0 and 1"
        if self.faults and not self.fault_kinds:
            yield "fault_kinds must not be empty"
        for kind in self.fault_kinds:
            if kind not in KINDS:
                yield f"fault_kinds has {kind!r}; known are {', '.join(KINDS)}"
        if self.faults_in_a_row < 0:
            yield "faults_in_a_row must not be negative"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
