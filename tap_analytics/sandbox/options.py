"""Everything that can be set on the sandbox, in one frozen dataclass.

The command line is derived from it, so that a test and a shell say the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from tap_analytics.sandbox.announcements import ANNOUNCEMENTS
from tap_analytics.sandbox.checks import DATA, PAGINATION_STYLES, problems
from tap_analytics.sandbox.envelopes import EMPTY_LISTS
from tap_analytics.sandbox.faults import DEFAULT_KINDS, KINDS
from tap_analytics.sandbox.limits import LIMIT_HEADERS

if TYPE_CHECKING:
    from collections.abc import Callable

# Here and not in the annotations, which are strings that can't hold f-strings.
WORDS = f'out of {", ".join(ANNOUNCEMENTS)}; "" for none'
TOTALS_HELP = f"sent with page and offset, {WORDS}"
LIMIT_HELP = f"how a rate limit says when to come again, of {', '.join(LIMIT_HEADERS)}"
KINDS_HELP = f"how they go wrong, out of {', '.join(KINDS)}"


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
    accounts: Annotated[
        int,
        Flag("accounts, by the keys sandbox-key-1, sandbox-key-2, …; 0 for one key"),
    ] = 0
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
            "where records are in a response: data, result.items, data[*].node, data.* "
            "by their ids; none for a top-level array"
        ),
    ] = "data"
    pagination: Annotated[
        str, Flag("how lists are divided", choices=PAGINATION_STYLES)
    ] = "none"
    first_page: Annotated[int, Flag("number of the first page")] = 1
    page_size: Annotated[int, Flag("records per page: default and maximum")] = 100
    page_sizes: Annotated[
        tuple[tuple[str, int], ...],
        Flag(
            "the same for single streams: tasks=250,users=0; 0 sends the whole list, "
            "whatever page is asked for",
            parse_sizes,
        ),
    ] = ()
    page_param: Annotated[str, Flag("parameter of the page")] = "page"
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
    total_headers: Annotated[
        tuple[str, ...], Flag("the same words, in headers", parse_names)
    ] = ()
    total_cap: Annotated[int, Flag("no total is said to be more; 0 for no cap")] = 0
    page_status: Annotated[
        int, Flag("status of a page that is not the whole list: 200, 206")
    ] = 200
    cursor_when_asked: Annotated[
        bool, Flag("the next cursor only for clients that send one, if empty")
    ] = False
    short_pages: Annotated[
        bool, Flag("each second page has a record less, in the middle of a list, too")
    ] = False
    ignores_pages: Annotated[
        tuple[str, ...],
        Flag("streams that send their first page, whatever is asked for", parse_names),
    ] = ()
    volatile_field: Annotated[
        str, Flag("a field of each record that differs each time; none if not given")
    ] = ""
    empty_list: Annotated[
        str, Flag("what is sent where there is no record", choices=EMPTY_LISTS)
    ] = "list"
    charset: Annotated[str, Flag("of the bodies: utf-8, iso-8859-1, utf-16, …")] = (
        "utf-8"
    )
    trailing_slash: Annotated[
        bool, Flag("redirect each path to the same with a slash at its end")
    ] = False
    since_param: Annotated[str, Flag("parameter: created at or after")] = "since"
    until_param: Annotated[str, Flag("parameter: created at or before")] = "until"
    since_field: Annotated[str, Flag("the field that both look at")] = "createdAt"
    since_streams: Annotated[
        tuple[str, ...], Flag("streams that know both; all if not given", parse_names)
    ] = ()

    latency: Annotated[float, Flag("seconds before each answer")] = 0.0
    rate_limit: Annotated[
        tuple[int, float] | None,
        Flag("of a key, REQUESTS/SECONDS: 20/10, in a sliding window", parse_rate),
    ] = None
    host_rate_limit: Annotated[
        tuple[int, float] | None, Flag("the same of all keys together", parse_rate)
    ] = None
    limit_headers: Annotated[tuple[str, ...], Flag(LIMIT_HELP, parse_names)] = (
        "retry-after",
    )
    limit_status: Annotated[int, Flag("status of what a rate limit refuses")] = 429
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
        for problem in problems(self):
            raise ValueError(problem)

    def page_size_of(self, stream: str) -> int:
        """Finds the page size of a stream: default and maximum, 0 for no pages."""
        return dict(self.page_sizes).get(stream, self.page_size)

    def is_filtered(self, stream: str) -> bool:
        """Says whether a stream can be filtered by time."""
        return not self.since_streams or stream in self.since_streams

    def key_of(self, account: int) -> str:
        """Finds the key of an account.

        Args:
            account: Its number; 0 where there are no accounts.

        Returns:
            The key.
        """
        return f"{self.api_key}-{account}" if account else self.api_key
