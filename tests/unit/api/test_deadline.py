"""The time-out: it bounds the whole answer, from the first byte to the last."""

from __future__ import annotations

import ssl
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from tap_analytics.api.deadline import READ_BYTES, DeadlineAdapter
from tests.helpers.answering import answering
from tests.helpers.keeping import answer_with, keeping

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

CLIENTS = "/v1/clients"
TIMEOUT = 0.3
"""Seconds: less than the sandbox's slow answers take, and more than each drop does."""


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(clients=50)


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", DeadlineAdapter())
        session.mount("https://", DeadlineAdapter())
        yield session


def get(session: requests.Session, api: Sandbox, **options: Any) -> Any:
    headers = {api.options.api_key_header: api.options.api_key}
    options = {"timeout": TIMEOUT, **options}
    return session.get(api.url + CLIENTS, headers=headers, **options).json()["data"]


@pytest.mark.parametrize("kind", ["slow-drip", "slow-headers", "endless-drip", "hang"])
def test_an_answer_that_takes_longer_is_given_up(
    api: Sandbox, session: requests.Session, kind: str
) -> None:
    api.fault(kind=kind)
    with pytest.raises(requests.RequestException, match="timed out"):
        get(session, api)


def test_requests_itself_would_wait_for_it(api: Sandbox) -> None:
    api.fault(kind="slow-drip")
    with requests.Session() as plain:
        plain.mount("http://", HTTPAdapter())
        assert len(get(plain, api)) == 50


def test_without_a_time_out_there_is_no_limit(
    api: Sandbox, session: requests.Session
) -> None:
    api.fault(kind="slow-drip")
    assert len(get(session, api, timeout=None)) == 50


def test_the_time_out_begins_anew_with_each_request_of_a_connection(
    api: Sandbox, session: requests.Session
) -> None:
    ends = time.monotonic() + 2 * TIMEOUT
    while time.monotonic() < ends:
        get(session, api)
    assert len({request.connection for request in api.requests()}) == 1


def test_an_answer_larger_than_what_is_read_at_a_time_is_whole(
    api: Sandbox, session: requests.Session
) -> None:
    note = "ü" * 2 * READ_BYTES
    api.add("clients", {"id": "large", "note": note})
    assert get(session, api, timeout=30)[-1]["note"] == note


@pytest.mark.parametrize("cut", ["cut-off", "cut-off-chunked", "length-too-large"])
def test_an_answer_that_is_cut_off_is_seen_to_be(
    api: Sandbox, session: requests.Session, cut: str
) -> None:
    api.fault(kind=cut)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get(session, api)


def test_it_bounds_answers_over_tls_too(
    session: requests.Session, certificate: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    session.verify = str(certificate)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"
    with answering(head, *(b"x" for _ in range(20)), tls=context) as url:
        with pytest.raises(requests.RequestException, match="timed out"):
            session.get(url, timeout=TIMEOUT)
        assert session.get(url, timeout=30).text == "x" * 20


# Interim answers

EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
ODD = b"HTTP/1.1 199 \r\nContent-Length: 2\r\nSet-Cookie: a=b\r\n\r\n"


@pytest.mark.parametrize(
    "interim",
    [
        [],
        [CONTINUE],
        [PROCESSING],
        [EARLY_HINTS],
        [ODD],
        [EARLY_HINTS, EARLY_HINTS],
        [CONTINUE, PROCESSING, PROCESSING, EARLY_HINTS],
        [PROCESSING] * 200,
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_interim_answers_are_read_past(
    session: requests.Session, interim: list[bytes], *, at_once: bool
) -> None:
    pieces = [*interim, answer_with(b"the answer", "X-Page: 7")]
    sent = [b"".join(pieces)] if at_once else pieces
    with keeping(lambda _: sent) as (url, ports):
        for _ in range(3):
            answer = session.get(url, timeout=30)
            assert (answer.status_code, answer.text) == (200, "the answer")
            assert answer.headers == {"X-Page": "7", "Content-Length": "10"}
    assert len(set(ports)) == 1


@pytest.mark.parametrize(
    "status", ["204 No Content", "304 Not Modified", "404 Not Found", "503 Busy"]
)
def test_an_interim_answer_may_come_before_any_status(
    session: requests.Session, status: str
) -> None:
    with keeping(lambda _: [EARLY_HINTS + answer_with(b"", status=status)]) as (url, _):
        assert session.get(url, timeout=30).status_code == int(status[:3])


def test_no_answer_goes_to_another_request() -> None:
    interim = [b"", EARLY_HINTS, PROCESSING + EARLY_HINTS, CONTINUE, PROCESSING * 3]

    def respond(path: str) -> list[bytes]:
        own = interim[int(path.strip("/")) % len(interim)]
        return (
            [own, answer_with(path.encode())] if own else [answer_with(path.encode())]
        )

    with requests.Session() as session, keeping(respond) as (url, ports):
        session.trust_env = False
        session.mount("http://", DeadlineAdapter(pool_maxsize=8))

        def answered(number: int) -> bool:
            return session.get(f"{url}/{number}", timeout=30).text == f"/{number}"

        with ThreadPoolExecutor(8) as pool:
            right = Counter(pool.map(answered, range(400)))
    assert right == {True: 400}
    assert len(set(ports)) <= 8


def test_switching_protocols_is_never_an_answer_nor_is_its_connection_used_again(
    session: requests.Session,
) -> None:
    switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
    answers = [[switching + answer_with(b"of the other protocol")], [answer_with(b"x")]]
    with keeping(lambda _: answers.pop(0)) as (url, ports):
        with pytest.raises(requests.ConnectionError, match="101 Switching Protocols"):
            session.get(url, timeout=30)
        assert session.get(url, timeout=30).text == "x"
    assert len(set(ports)) == 2


def test_interim_answers_without_end_are_a_time_out(session: requests.Session) -> None:
    with (
        answering(*[PROCESSING] * 40) as url,
        pytest.raises(requests.RequestException, match="timed out"),
    ):
        session.get(url, timeout=TIMEOUT)


@pytest.mark.parametrize(
    "garbage", [b"nonsense\r\n\r\n", b"HTTP/1.1 099 Odd\r\n\r\n", b"{}", b"\x16\x03"]
)
def test_what_is_not_http_is_never_an_answer(
    session: requests.Session, garbage: bytes
) -> None:
    with answering(garbage) as url, pytest.raises(requests.ConnectionError):
        session.get(url, timeout=30)


@pytest.mark.parametrize(
    "headers", [b"X: y\r\n" * 101, b"X: " + b"y" * 70_000 + b"\r\n"]
)
def test_headers_without_measure_are_a_failure(
    session: requests.Session, headers: bytes
) -> None:
    with (
        answering(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n{}") as url,
        pytest.raises(requests.ConnectionError),
    ):
        session.get(url, timeout=30)
