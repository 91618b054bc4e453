"""The API itself: from a request to an answer, without a word about sockets."""

from __future__ import annotations

import gzip
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from tap_analytics.sandbox.accounts import Accounts
from tap_analytics.sandbox.answers import Answer, Delivery, error_answer
from tap_analytics.sandbox.faults import KINDS
from tap_analytics.sandbox.limits import RateLimit, limit_headers
from tap_analytics.sandbox.meter import Meter
from tap_analytics.sandbox.pages import BadParameterError, Pager
from tap_analytics.sandbox.records import timestamp
from tap_analytics.sandbox.store import UnknownRecordError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_analytics.sandbox.meter import LoggedRequest
    from tap_analytics.sandbox.options import SandboxOptions
    from tap_analytics.sandbox.request import Request
    from tap_analytics.sandbox.rules import Rule

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

    A request passes the rate limits first, then the scripted faults, then the API: an
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
        self.accounts = Accounts(options, clock)
        limit = options.host_rate_limit
        self._limit = RateLimit(*limit, clock) if limit else None
        _, window = options.rate_limit or limit or (0, 1.0)
        self.meter = Meter(window, options.api_key_header, clock, time.time())
        self.rules: list[Rule] = []
        self._pager = Pager(options)

    def arrive(self, request: Request) -> LoggedRequest:
        """Notes a request in the log.

        Args:
            request: The request.

        Returns:
            Its entry, which is to be handed to `meter.leave` in the end.
        """
        return self.meter.arrive(request, self._account(request) or 0)

    def reply(self, request: Request) -> Reply:
        """Decides what a request gets.

        Args:
            request: The request.

        Returns:
            What to send, and when.
        """
        options, number = self.options, self._account(request)
        account = self.accounts[number or 0]
        quota: dict[str, str] = {}
        for limit in (self._limit, account.limit):
            if limit is None:
                continue
            is_used_up = limit.refuses_for() > 0
            said = limit.quota(is_used_up=is_used_up, now=time.time())
            quota = limit_headers(options.limit_headers, said)
            if is_used_up:
                self.meter.refuse(number or 0)
                refusal = error_answer(
                    options.limit_status, "Too many requests.", quota
                )
                return Reply(refusal, options.latency)
        rule = self._rule(request, number or 0)
        if rule is None:
            kind = account.chance.draw(request.target)
            answer = self._answer(request, number).with_headers(quota)
            return self._strike(answer, kind, options.latency)
        literal = rule.literal()
        seen = request.without(rule.ignores) if rule.ignores else request
        answer = literal or self._answer(seen, number)
        for edit in rule.edits:
            self.accounts.store_to_edit(number or 0).edit(edit)
        reply = self._strike(answer, rule.kind, options.latency + rule.delay)
        return replace(reply, fault=rule.kind or "literal") if literal else reply

    def _account(self, request: Request) -> int | None:
        return self.accounts.number_of(
            request.headers.get(self.options.api_key_header, "")
        )

    def _rule(self, request: Request, account: int) -> Rule | None:
        path, target = request.path, request.target
        rules = (rule for rule in self.rules if rule.strikes(path, target, account))
        return next(rules, None)

    @staticmethod
    def _strike(answer: Answer, kind: str | None, delay: float) -> Reply:
        if kind is None:
            return Reply(answer, delay)
        return Reply(KINDS[kind](answer), delay, kind)

    def _answer(self, request: Request, account: int | None) -> Answer:
        route = self._route(request.path)
        if route is None:
            return error_answer(404, "There is nothing at this path.")
        if account is None:
            return error_answer(401, "The API key is missing or wrong.")
        if request.method not in {"GET", "HEAD"}:
            return error_answer(405, "This API is read-only.", {"Allow": "GET, HEAD"})
        if self.options.trailing_slash and not request.path.endswith("/"):
            place = replace(request, path=f"{request.path}/").target
            return error_answer(
                308, "It is at the same path and /.", {"Location": place}
            )
        return self._list(request, account, *route)

    def _list(
        self, request: Request, account: int, stream: str, parent: str | None
    ) -> Answer:
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        store = self.accounts.store(account)
        try:
            since = self._moment(query, self.options.since_param, until=False)
            until = self._moment(query, self.options.until_param, until=True)
            records = store.created_between(stream, parent, since, until)
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
        path = path[len(prefix) + 1 :]
        if self.options.trailing_slash:
            path = path.removesuffix("/")
        # Split before decoding: an encoded slash belongs to an id.
        segments = tuple(unquote(part) for part in path.split("/"))
        if segments in TOP_LEVEL:
            return TOP_LEVEL[segments], None
        match segments:
            case ("projects", parent, child) if child in CHILDREN:
                return CHILDREN[child], parent
            case _:
                return None

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
        return Answer(
            answer.status, packed, {**answer.headers, "Content-Encoding": "gzip"}
        )
