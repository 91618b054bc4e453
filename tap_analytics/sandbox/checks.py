"""Whether options make sense, alone and together."""

from __future__ import annotations

import codecs
import ipaddress
import math
import re
from typing import TYPE_CHECKING

from tap_analytics.sandbox.announcements import ANNOUNCEMENTS
from tap_analytics.sandbox.data import STREAMS
from tap_analytics.sandbox.envelopes import EMPTY_LISTS
from tap_analytics.sandbox.faults import KINDS
from tap_analytics.sandbox.limits import LIMIT_HEADERS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tap_analytics.sandbox.options import SandboxOptions

DATA = ("agency", "everhour")
PAGINATION_STYLES = ("none", "link", "next_url", "cursor", "page", "offset")
STYLES_IN_THE_BODY = ("next_url", "cursor")
ENVELOPE = re.compile(r"none|[^.\[\]]+(\.[^.\[\]*]+)*(\[\*\]\.[^.\[\]]+|\.\*)?")
HIGHEST_PORT = 65_535
COUNTS = (
    *("projects", "tasks", "time_records", "clients", "users", "team_time"),
    *("accounts", "first_page", "total_cap", "faults_in_a_row"),
)
NAMES: dict[str, Collection[str]] = {
    "page_sizes": STREAMS,
    "since_streams": STREAMS,
    "ignores_pages": STREAMS,
    "totals": ANNOUNCEMENTS,
    "total_headers": ANNOUNCEMENTS,
    "limit_headers": LIMIT_HEADERS,
    "fault_kinds": KINDS,
}
"""Options that are names, and the names that are known."""
CHOICES = {
    "data": DATA,
    "pagination": PAGINATION_STYLES,
    "empty_list": EMPTY_LISTS,
}


def problems(options: SandboxOptions) -> Iterator[str]:
    """Finds what is wrong with options.

    Args:
        options: The options.

    Yields:
        A line for each problem.
    """
    for name in COUNTS:
        if getattr(options, name) < 0:
            yield f"{name} must not be negative"
    for name, choices in CHOICES.items():
        if getattr(options, name) not in choices:
            yield f"{name} must be one of {', '.join(choices)}"
    for option, known in NAMES.items():
        given = getattr(options, option)
        for name in dict(given) if option == "page_sizes" else given:
            if name not in known:
                yield f"{option} has {name!r}; known are {', '.join(known)}"
    yield from _of_the_host(options)
    yield from _of_pages(options)
    yield from _of_faults(options)


def _of_the_host(options: SandboxOptions) -> Iterator[str]:
    if not _is_loopback(options.host):
        yield f"host must be a loopback address, not {options.host!r}"
    if not 0 <= options.port <= HIGHEST_PORT:
        yield f"port must be between 0 and {HIGHEST_PORT}"
    if not options.api_key:
        yield "api_key must not be empty"
    if options.path_prefix and not options.path_prefix.startswith("/"):
        yield f"path_prefix must start with a slash: {options.path_prefix!r}"
    if options.path_prefix.endswith("/"):
        yield f"path_prefix must not end with a slash: {options.path_prefix!r}"
    for name in ("rate_limit", "host_rate_limit"):
        requests, seconds = getattr(options, name) or (1, 1.0)
        if requests < 1 or not 0 < seconds < math.inf:
            yield f"{name} must be at least one request in some seconds"
    if not 0 <= options.latency < math.inf:
        yield "latency must be some seconds, or 0"


def _of_pages(options: SandboxOptions) -> Iterator[str]:
    if not ENVELOPE.fullmatch(options.envelope):
        yield (
            "envelope must be like data, a.b, data.* or data[*].node: "
            f"{options.envelope!r}"
        )
    if options.envelope == "none" and options.pagination in STYLES_IN_THE_BODY:
        yield (
            f"pagination {options.pagination} needs an envelope; "
            "a top-level array can have link, page or offset"
        )
    if options.page_size < 1:
        yield "page_size must be at least 1"
    if any(size < 0 for _, size in options.page_sizes):
        yield "page_sizes must not be negative"
    if options.short_pages and options.page_size == 1:
        yield "short_pages needs a page_size of at least 2"
    try:
        codecs.lookup(options.charset)
    except LookupError:
        yield f"charset: Python knows none that is called {options.charset!r}"


def _of_faults(options: SandboxOptions) -> Iterator[str]:
    if not 0 <= options.faults <= 1:
        yield "faults must be between 0 and 1"
    if options.faults and not options.fault_kinds:
        yield "fault_kinds must not be empty"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
