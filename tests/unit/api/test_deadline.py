"""The time-out: it bounds the whole answer, from the first byte to the last."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from tap_analytics.api.deadline import READ_BYTES, DeadlineAdapter
from tests.helpers.answering import answering

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


@pytest.mark.parametrize("kind", ["slow-drip", "slow-headers", "hang"])
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
