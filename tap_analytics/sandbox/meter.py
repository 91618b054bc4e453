"""What the sandbox saw: every request, and the counts for benchmarks and tests."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_analytics.sandbox.request import Request

REMEMBERED_REQUESTS = 100_000


@dataclass(slots=True)
class LoggedRequest:
    """A request to the API, as it came in and as it was answered.

    Attributes:
        at: When it came, in Unix seconds.
        method: Its method.
        path: Its raw path.
        query: Its raw query, empty without one.
        headers: Its headers, without the one that carries the key.
        has_key: Whether it carried the key's header.
        connection: The client's port: the same for requests on one connection.
        account: The number of the key's account; 0 if there are none, or the key is
            wrong.
        status: The status sent; None while it is under way, or if none was sent.
        fault: The kind of fault that struck it, or None.
        seconds: How long it took; None while it is under way.
    """

    at: float
    method: str
    path: str
    query: str
    headers: dict[str, str]
    has_key: bool
    connection: int
    account: int = 0
    status: int | None = None
    fault: str | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Stats:
    """Counts since the start or the last reset.

    Attributes:
        requests: All requests to the API, refused ones too; not those to `/_sandbox`.
        refused: Requests refused by the rate limit.
        faults: Injected faults by kind; `literal` for scripted answers.
        statuses: Answers by status; `none` for connections that broke before one.
        connections: Connections that requests came on.
        bytes_sent: Bytes of all bodies of whole answers.
        peak_concurrency: The most requests under way at the same time.
        peak_rate: The most requests, refused ones too, in any window.
        rate_window: The window in seconds: that of the rate limit, else 1.
        by_path: Requests by raw path.
        by_target: Requests by raw path and query.
        by_account: Requests by the account's number, where there are accounts.
        refused_by_account: Those refused by the rate limits, likewise.
    """

    requests: int
    refused: int
    faults: dict[str, int]
    statuses: dict[str, int]
    connections: int
    bytes_sent: int
    peak_concurrency: int
    peak_rate: int
    rate_window: float
    by_path: dict[str, int]
    by_target: dict[str, int]
    by_account: dict[str, int]
    refused_by_account: dict[str, int]


class Meter:
    """Counts and logs requests.

    Args:
        window: The window of the peak rate, in seconds.
        key_header: The header that carries the key, which is not logged.
        clock: A clock in seconds that never goes back.
        now: The time of day when the meter is made, in Unix seconds.
    """

    def __init__(
        self, window: float, key_header: str, clock: Callable[[], float], now: float
    ) -> None:
        self._window = window
        self._key_header = key_header.lower()
        self._clock = clock
        self._epoch = now - clock()
        self._under_way = 0
        self.reset()

    def reset(self) -> None:
        """Starts from zero; requests under way stay under way."""
        self._log: deque[LoggedRequest] = deque(maxlen=REMEMBERED_REQUESTS)
        self._recent: deque[float] = deque()
        self._targets: Counter[tuple[str, str]] = Counter()
        self._statuses: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._connections: set[int] = set()
        self._accounts: Counter[int] = Counter()
        self._refused: Counter[int] = Counter()
        self._bytes_sent = 0
        self._peak_concurrency = self._under_way
        self._peak_rate = 0

    def arrive(self, request: Request, account: int = 0) -> LoggedRequest:
        """Notes a request that came in.

        Args:
            request: The request.
            account: The number of the key's account.

        Returns:
            The entry in the log, for `leave`.
        """
        now = self._clock()
        shown = {
            name: value
            for name, value in request.headers.items()
            if name.lower() != self._key_header
        }
        logged = LoggedRequest(
            at=now + self._epoch,
            method=request.method,
            path=request.path,
            query=request.query,
            headers=shown,
            has_key=len(shown) < len(request.headers),
            connection=request.connection,
            account=account,
        )
        self._log.append(logged)
        self._targets[request.path, request.query] += 1
        self._accounts[account] += 1
        self._connections.add(request.connection)
        self._recent.append(now)
        while self._recent[0] <= now - self._window:
            self._recent.popleft()
        self._peak_rate = max(self._peak_rate, len(self._recent))
        self._under_way += 1
        self._peak_concurrency = max(self._peak_concurrency, self._under_way)
        return logged

    def refuse(self, account: int = 0) -> None:
        """Notes that a rate limit refused a request.

        Args:
            account: The number of the key's account.
        """
        self._refused[account] += 1

    def strike(self, request: LoggedRequest, fault: str) -> None:
        """Notes that a fault struck a request.

        Args:
            request: The request.
            fault: The kind of fault.
        """
        request.fault = fault
        self._faults[fault] += 1

    def leave(self, request: LoggedRequest, status: int | None, size: int) -> None:
        """Notes that a request was answered or given up.

        Args:
            request: The request.
            status: The status sent, None for none.
            size: Bytes of the body of a whole answer, else 0.
        """
        request.status = status
        request.seconds = self._clock() + self._epoch - request.at
        self._statuses["none" if status is None else str(status)] += 1
        self._bytes_sent += size
        self._under_way -= 1

    def stats(self) -> Stats:
        """Reads the counts.

        Returns:
            A copy of them.
        """
        paths: Counter[str] = Counter()
        for (path, _), count in self._targets.items():
            paths[path] += count
        return Stats(
            requests=sum(self._targets.values()),
            refused=self._refused.total(),
            faults=dict(self._faults),
            statuses=dict(self._statuses),
            connections=len(self._connections),
            bytes_sent=self._bytes_sent,
            peak_concurrency=self._peak_concurrency,
            peak_rate=self._peak_rate,
            rate_window=self._window,
            by_path=dict(paths),
            by_target={
                f"{path}?{query}" if query else path: count
                for (path, query), count in self._targets.items()
            },
            by_account=_by_number(self._accounts),
            refused_by_account=_by_number(self._refused),
        )

    def requests(self) -> list[LoggedRequest]:
        """Reads the log.

        Returns:
            The requests in the order they came, the last 100,000 at most.
        """
        return list(self._log)


def _by_number(counts: Counter[int]) -> dict[str, int]:
    return {str(number): count for number, count in sorted(counts.items()) if number}
