"""When faults strike: scripted ones, and random ones.

Random faults are drawn from the seed, the request (path and query) and how many times
this request has been made, so that they are independent of each other and a run can be
repeated whatever the order of its requests. Independent faults of 15 % hit the same
request four times in a row once in 2,000 requests; `faults_in_a_row` (3) forbids it, so
that a client with three retries gets through and a run is never doomed by chance.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from dataclasses import dataclass, field

from tap_analytics.sandbox.answers import JSON, Answer
from tap_analytics.sandbox.faults import KINDS
from tap_analytics.sandbox.store import Edit


@dataclass
class Rule:
    """A scripted fault: what happens to which requests, and how often.

    Attributes:
        path: The requests it is for: a raw path (as sent, percent-encoded), where `*`
            stands for anything; with a `?` in it, path and query.
        kind: A kind of fault to apply to the answer.
        status: Status of a literal answer, sent instead of the real one.
        headers: Headers of the literal answer.
        body: Body of the literal answer; bytes that are no UTF-8 as surrogate escapes.
        times: How often it strikes; None for every time.
        after: How many requests it lets through first.
        delay: Seconds to wait before answering.
        account: The number of the account that it is for; None for all.
        ignores: Names of query parameters that the API does not look at.
        edits: Changes to make once the answer is known: a record that is deleted
            right after it was listed, say.
        seen: Requests that it was for so far, not counting those that an earlier rule
            struck.
    """

    path: str = "*"
    kind: str | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    times: int | None = None
    after: int = 0
    delay: float = 0.0
    account: int | None = None
    ignores: tuple[str, ...] = ()
    edits: list[Edit] = field(default_factory=list[Edit])
    seen: int = 0

    def __post_init__(self) -> None:
        """Checks the kind.

        Raises:
            ValueError: The kind is not registered.
        """
        if self.kind is not None and self.kind not in KINDS:
            message = f"unknown fault kind {self.kind!r}; known: {', '.join(KINDS)}"
            raise ValueError(message)
        parts = (re.escape(part) for part in self.path.split("*"))
        self._matches = re.compile(".*".join(parts), re.DOTALL).fullmatch

    def strikes(self, path: str, target: str, account: int = 0) -> bool:
        """Counts a request, if the rule is for it, and says whether it strikes.

        Args:
            path: The raw path.
            target: The raw path with the query.
            account: The number of the key's account.

        Returns:
            Whether the rule applies to this request.
        """
        if self.account not in {None, account}:
            return False
        if not self._matches(target if "?" in self.path else path):
            return False
        self.seen += 1
        number = self.seen - self.after
        return number > 0 and (self.times is None or number <= self.times)

    def literal(self) -> Answer | None:
        """Makes the literal answer.

        Returns:
            The answer, or None if the rule has none and the real one is due.
        """
        if self.status is None and not self.headers and not self.body:
            return None
        body = self.body.encode(errors="surrogateescape")
        return Answer(self.status or 200, body, {"Content-Type": JSON, **self.headers})


class Chance:
    """Random faults, as the module describes them.

    Args:
        rate: The share of requests that go wrong.
        kinds: The kinds to draw from, all as likely.
        seed: The seed.
        in_a_row: Faults in a row for the same request at most; 0 for no limit.
    """

    def __init__(
        self, rate: float, kinds: tuple[str, ...], seed: int, in_a_row: int
    ) -> None:
        self._rate = rate
        self._kinds = kinds
        self._seed = seed
        self._in_a_row = in_a_row or math.inf
        self._tries: Counter[str] = Counter()
        self._row: Counter[str] = Counter()

    def draw(self, target: str) -> str | None:
        """Draws for one request.

        Args:
            target: Its path and query.

        Returns:
            A kind of fault, or None if all goes well.
        """
        if not self._rate:
            return None
        self._tries[target] += 1
        key = f"{self._seed} {self._tries[target]} {target}".encode()
        digest = hashlib.blake2b(key, digest_size=16).digest()
        luck = int.from_bytes(digest[:8], "big") / 2**64
        if luck >= self._rate or self._row[target] >= self._in_a_row:
            self._row[target] = 0
            return None
        self._row[target] += 1
        return self._kinds[int.from_bytes(digest[8:], "big") % len(self._kinds)]

    def reset(self) -> None:
        """Starts over, as after a start of the server."""
        self._tries.clear()
        self._row.clear()
