"""The API itself: from a request to an answer, without a word about sockets."""

from __future__ import annotations

import gzip
import hmac
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from tap_analytics.sandbox.answers import Answer, Delivery, error_answer
from tap_analytics.sandbox.data import timestamp
from tap_analytics.sandbox.faults import KINDS, Chance, Rule
from tap_analytics.sandbox.meter import Meter, RateLimit
from tap_analytics.sandbox.pages import BadParameterError, Pager
from tap_analytics.sandbox.store import Store, UnknownRecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_analytics.sandbox.meter import LoggedRequest
    from tap_analytics.sandbox.options import SandboxOptions

TOP_LEVEL = {
    ("projects",): "projects",
    ("clients",): "clients",
    ("team", "time"): "time",
    ("team", "users"): "users",
}
CHILDREN = {"tasks": "tasks", "time": "time_records"}
WORTH_COMPRESSING = 1_000
DAY_SECONDS = 86_400
WHOLE_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Request:
    """What the API looks at in a request.

    Attributes:
        method: The method.
        path: The raw path, percent-encoded.
        query: The raw query.
        headers: The headers, found whatever their case.
        connection: The client's port.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    connection: int

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(frozen=True)
class Reply:
    """What to send.

    Attributes:
        delivery: An answer, or the steps of something that is none.
        delay: Seconds to wait before it.
        fault: The kind of fault in it, or None.
    """

    delivery: Delivery
    delay: float
    fault: str | None = None


class Api:
    """The API with its data, its limits and its faults.

    A request passes the rate limit first, then the scripted faults, then the API: an
    unknown path gets 404, a wrong or missing key 401, an unknown project 404. Random
    faults strike last.

    Args:
        options: How it behaves.
        clock: A clock in seconds that never goes back.
    """

    def __init__(
        self, options: SandboxOptions, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.options = options
        self.store = Store(options)
        _, window = options.rate_limit or (0, 1.0)
        self.meter = Meter(window, options.api_key_header, clock, time.time())
        self.rules: list[Rule] = []
        self.chance = Chance(
            options.faults, options.fault_kinds, options.seed, options.faults_in_a_row
        )
        self._limit = (
            RateLimit(*options.rate_limit, clock) if options.rate_limit else None
        )
        self._pager = Pager(options)

    def arrive(self, request: Request) -> LoggedRequest:
        """Notes a request in the log.

        Args:
            request: The request.

        Returns:
            Its entry, which is to be handed to `meter.leave` in the end.
        """
        return self.meter.arrive(
            request.method,
            request.path,
            request.query,
            request.headers,
            request.connection,
        )

    def reply(self, request: Request) -> Reply:
        """Decides what a request gets.

        Args:
            request: The request.

        Returns:
            What to send, and when.
        """
        latency = self.options.latency
        wait = self._limit.refuses_for() if self._limit else 0
        if wait:
            self.meter.refuse()
            headers = {"Retry-After": str(wait)}
            return Reply(error_answer(429, "Too many requests.", headers), latency)
        rule = self._rule(request)
        if rule is None:
            kind = self.chance.draw(request.target)
            return self._strike(self._answer(request), kind, latency)
        literal = rule.literal()
        answer = literal or self._answer(request)
        for edit in rule.edits:
            self.store.edit(edit)
        reply = self._strike(answer, rule.kind, latency + rule.delay)
        return replace(reply, fault=rule.kind or "literal") if literal else reply

    def _rule(self, request: Request) -> Rule | None:
        path, target = request.path, request.target
        return next((rule for rule in self.rules if rule.strikes(path, target)), None)

    @staticmethod
    def _strike(answer: Answer, kind: str | None, delay: float) -> Reply:
        if kind is None:
            return Reply(answer, delay)
        return Reply(KINDS[kind](answer), delay, kind)

    def _answer(self, request: Request) -> Answer:
        route = self._route(request.path)
        if route is None:
            return error_answer(404, "There is nothing at this path.")
        if not self._is_authorized(request.headers):
            return error_answer(401, "The API key is missing or wrong.")
        if request.method not in {"GET", "HEAD"}:
            return error_answer(405, "This API is read-only.", {"Allow": "GET, HEAD"})
        stream, parent = route
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        try:
            since = self._moment(query, self.options.since_param, until=False)
            until = self._moment(query, self.options.until_param, until=True)
            records = self.store.created_between(stream, parent, since, until)
            origin = f"http://{request.headers.get('Host', self.options.host)}"
            answer = self._pager.answer(stream, records, query, origin, request.path)
        except BadParameterError as error:
            return error_answer(400, str(error))
        except UnknownRecordError:
            return error_answer(404, "There is no such project.")
        return self._compressed(answer, request.headers)

    def _route(self, path: str) -> tuple[str, str | None] | None:
        prefix = self.options.path_prefix
        if not path.startswith(f"{prefix}/"):
            return None
        # Split before decoding: an encoded slash belongs to an id.
        segments = tuple(unquote(part) for part in path[len(prefix) + 1 :].split("/"))
        if segments in TOP_LEVEL:
            return TOP_LEVEL[segments], None
        match segments:
            case ("projects", parent, child) if child in CHILDREN:
                return CHILDREN[child], parent
            case _:
                return None

    def _is_authorized(self, headers: Mapping[str, str]) -> bool:
        key = headers.get(self.options.api_key_header, "")
        expected = self.options.api_key
        return hmac.compare_digest(
            key.encode(errors="surrogateescape"), expected.encode()
        )

    @staticmethod
    def _moment(query: dict[str, str], name: str, *, until: bool) -> float | None:
        text = query.get(name, "")
        if not text:
            return None
        moment = timestamp(text)
        if moment is None:
            message = f"{name} must be a date or a time in ISO 8601, not {text!r}."
            raise BadParameterError(message)
        if until and WHOLE_DAY.fullmatch(text):
            return moment + DAY_SECONDS - 1e-6
        return moment

    def _compressed(self, answer: Answer, headers: Mapping[str, str]) -> Answer:
        accepted = headers.get("Accept-Encoding", "")
        small = len(answer.body) < WORTH_COMPRESSING
        if not self.options.gzip or small or "gzip" not in accepted:
            return answer
        packed = gzip.compress(answer.body, compresslevel=1)
        return Answer(200, packed, {**answer.headers, "Content-Encoding": "gzip"})
