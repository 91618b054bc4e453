"""What can go wrong on the way to a client, kind by kind.

A kind turns the answer that was due into another one, or into the steps of something
that is no HTTP response any more. `KINDS` is a registry: `@kind("…")` adds to it. When
a fault strikes is in `rules`.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import msgspec

from tap_analytics.sandbox.answers import (
    JSON,
    Answer,
    Delivery,
    End,
    Step,
    error_answer,
    json_answer,
    unpacked,
)

Fault = Callable[[Answer], Delivery]
KINDS: dict[str, Fault] = {}

DEFAULT_KINDS = ("429", "500", "502", "503", "504", "reset", "cut-off", "invalid-json")
"""The kinds of random faults, unless others are named.

`hang` is left out: each would cost the client's whole time-out.
"""

HUGE_BYTES = 1 << 30
_SPACES = b" " * (1 << 20)

DRIPS = 20
DRIP_SECONDS = 0.05


def kind(name: str) -> Callable[[Fault], Fault]:
    """Registers a kind of fault.

    Args:
        name: Its name in rules and on the command line.

    Returns:
        A decorator.
    """

    def register(fault: Fault) -> Fault:
        KINDS[name] = fault
        return fault

    return register


STATUSES = (
    *(401, 402, 403, 404, 408, 410, 425, 429, 451),
    *(500, 502, 503, 504, 520, 529, 530, 598),
)
"""AnswerErrors and failures; the kind is named after the number."""

VERDICTS: dict[str, dict[str, Any]] = {
    "status-error": {"status": "error", "message": "The database is down."},
    "status-fail": {"status": "fail"},
    "success-0": {"success": 0},
    "success-false-as-text": {"success": "false"},
    "ok-false": {"ok": False, "error": "internal"},
    "code-500": {"code": 500, "message": "Internal error."},
}
"""What says, with status 200 and beside an empty list, that it is no answer."""


def _refusal(status: int) -> Fault:
    answer = error_answer(status, "This fault was injected.")
    return lambda _: answer


def _verdict(verdict: dict[str, Any]) -> Fault:
    def fault(answer: Answer) -> Answer:
        body = _with_lists_of(0.0, msgspec.json.decode(unpacked(answer)))
        return json_answer({**(body if isinstance(body, dict) else {}), **verdict})

    return fault


def _with_lists_of(share: float, value: Any) -> Any:
    """Keeps this share of each list that is not within another one."""
    if isinstance(value, list):
        return value[: int(len(value) * share)]
    if isinstance(value, dict):
        return {name: _with_lists_of(share, one) for name, one in value.items()}
    return value


for _status in STATUSES:
    KINDS[str(_status)] = _refusal(_status)
for _name, _said in VERDICTS.items():
    KINDS[_name] = _verdict(_said)


@kind("202")
def _accepted(_: Answer) -> Answer:
    message = {"message": "The list is being prepared."}
    return json_answer(message, 202, {"Retry-After": "1"})


@kind("204")
def _no_content(_: Answer) -> Answer:
    return Answer(204, b"", {})


@kind("206")
def _partial(answer: Answer) -> Answer:
    body = unpacked(answer)
    half = json_answer(_with_lists_of(0.5, msgspec.json.decode(body)), 206)
    told = {"Content-Range": f"bytes 0-{len(half.body) - 1}/{len(body)}"}
    return replace(half, headers={**half.headers, **told})


@kind("103")
def _early_hints(answer: Answer) -> Iterator[Step]:
    yield b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    yield DRIP_SECONDS
    yield answer


@kind("reset")
def _reset(_: Answer) -> Iterator[Step]:
    yield End.RESET


@kind("cut-off")
def _cut_off(answer: Answer) -> Iterator[Step]:
    yield answer.head(len(answer.body))
    yield answer.body[: len(answer.body) // 2]
    yield End.CLOSE


@kind("invalid-json")
def _invalid_json(answer: Answer) -> Answer:
    # The first half of a JSON object or array is never valid JSON.
    return replace(answer, body=answer.body[: len(answer.body) // 2])


@kind("hang")
def _hang(_: Answer) -> Iterator[Step]:
    yield math.inf


@kind("reset-in-headers")
def _reset_in_headers(answer: Answer) -> Iterator[Step]:
    head = answer.head(len(answer.body))
    yield head[: len(head) // 2]
    yield End.RESET


@kind("reset-after-headers")
def _reset_after_headers(answer: Answer) -> Iterator[Step]:
    yield answer.head(len(answer.body))
    yield End.RESET


@kind("reset-in-body")
def _reset_in_body(answer: Answer) -> Iterator[Step]:
    yield answer.head(len(answer.body))
    yield answer.body[: len(answer.body) // 2]
    yield End.RESET


@kind("cut-off-chunked")
def _cut_off_chunked(answer: Answer) -> Iterator[Step]:
    chunked = {**answer.headers, "Transfer-Encoding": "chunked"}
    half = answer.body[: len(answer.body) // 2]
    yield replace(answer, headers=chunked).head(None)
    yield b"%x\r\n%b\r\n" % (len(half), half) if half else b""
    yield End.CLOSE


@kind("length-too-large")
def _length_too_large(answer: Answer) -> Iterator[Step]:
    yield answer.head(len(answer.body) + 100)
    yield answer.body
    yield End.CLOSE


@kind("length-too-small")
def _length_too_small(answer: Answer) -> Iterator[Step]:
    yield answer.head(len(answer.body) // 2)
    yield answer.body
    yield End.CLOSE


@kind("huge")
def _huge(answer: Answer) -> Iterator[Step]:
    """Send the answer after spaces: it is JSON, for who can hold it."""
    yield answer.head(None)
    for _ in range(HUGE_BYTES // len(_SPACES)):
        yield _SPACES
    yield unpacked(answer)
    yield End.CLOSE


@kind("huge-packed")
def _huge_packed(answer: Answer) -> Answer:
    """Send the same in 1 MB, as a gzip file of many members."""
    packed = gzip.compress(_SPACES) * (HUGE_BYTES // len(_SPACES))
    body = packed + gzip.compress(unpacked(answer))
    headers = {**answer.headers, "Content-Encoding": "gzip"}
    return replace(answer, body=body, headers=headers)


def _dripping(data: bytes) -> Iterator[Step]:
    size = max(1, math.ceil(len(data) / DRIPS))
    for start in range(0, len(data), size):
        yield DRIP_SECONDS
        yield data[start : start + size]


@kind("slow-drip")
def _slow_drip(answer: Answer) -> Iterator[Step]:
    yield answer.head(len(answer.body))
    yield from _dripping(answer.body)
    yield End.CLOSE


@kind("slow-headers")
def _slow_headers(answer: Answer) -> Iterator[Step]:
    yield from _dripping(answer.head(len(answer.body)))
    yield answer.body
    yield End.CLOSE


@kind("endless-drip")
def _endless_drip(answer: Answer) -> Iterator[Step]:
    yield answer.head(None)
    while True:
        yield b" "
        yield DRIP_SECONDS


@kind("broken-gzip")
def _broken_gzip(answer: Answer) -> Answer:
    packed = gzip.compress(answer.body)
    headers = {**answer.headers, "Content-Encoding": "gzip"}
    return replace(answer, body=packed[: len(packed) // 2], headers=headers)


@kind("html")
def _html(_: Answer) -> Answer:
    page = b"<!doctype html><html><title>Maintenance</title><p>Back soon.</p></html>"
    return Answer(200, page, {"Content-Type": "text/html; charset=utf-8"})


@kind("error-envelope")
def _error_envelope(_: Answer) -> Answer:
    return json_answer({"success": False, "error": {"message": "Something broke."}})


@kind("empty")
def _empty(_: Answer) -> Answer:
    return Answer(200, b"", {"Content-Type": JSON})
