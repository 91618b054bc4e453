"""Connections: kept open, for one origin, with the proxies and authorities set."""

from __future__ import annotations

import ssl
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import requests

from tap_analytics.api.session import MB, Session
from tap_analytics.errors import TooLargeError
from tap_analytics.sandbox.faults import HUGE_BYTES
from tests.helpers.keeping import answer_with, keeping
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_analytics.api.answer import Answer
    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

CLIENTS = "/v1/clients"
HEADERS = {"X-Api-Key": KEY, "Accept-Encoding": "gzip, deflate"}
TIMEOUT = 10, 10
ENVIRONMENT = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(clients=2)


def get(url: str, times: int = 1) -> Answer:
    """Send a request with the API key so many times, on one session."""
    with closing(Session(url, 1)) as session:
        for _ in range(times - 1):
            session.get(url, HEADERS, TIMEOUT)
        return session.get(url, HEADERS, TIMEOUT)


# One request


def test_an_answer_is_read_whole(api: Sandbox) -> None:
    url = f"{api.url}{CLIENTS}"
    answer = get(url)
    assert (answer.url, answer.status, answer.reason) == (url, 200, "OK")
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.body.startswith(b"{")


def test_the_headers_are_sent_as_they_are_given(api: Sandbox) -> None:
    get(f"{api.url}{CLIENTS}")
    (request,) = api.requests()
    assert request.has_key
    assert request.headers["Accept-Encoding"] == "gzip, deflate"


def test_a_refusal_is_an_answer_too(api: Sandbox) -> None:
    api.fault(status=503, body="Busy")
    answer = get(f"{api.url}{CLIENTS}")
    assert (answer.status, answer.body) == (503, b"Busy")
    assert len(api.requests()) == 1


def test_a_redirect_is_an_answer_too(api: Sandbox) -> None:
    api.fault(status=302, headers={"Location": "/v1/team/users"})
    answer = get(f"{api.url}{CLIENTS}")
    assert (answer.status, answer.headers["Location"]) == (302, "/v1/team/users")
    assert len(api.requests()) == 1


def test_a_compressed_answer_is_unpacked(sandbox: SandboxFactory) -> None:
    api = sandbox(gzip=True)
    assert get(f"{api.url}{CLIENTS}").body.startswith(b"{")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_can_not_be_unpacked_is_a_failure(
    api: Sandbox, encoding: str
) -> None:
    api.fault(headers={"Content-Encoding": encoding}, body="plain")
    with pytest.raises(requests.exceptions.ContentDecodingError):
        get(f"{api.url}{CLIENTS}")


@pytest.mark.parametrize("kind", ["huge", "huge-packed"])
def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    api: Sandbox, kind: str
) -> None:
    api.fault(kind=kind)
    tracemalloc.start()
    with closing(Session(api.url, 1, most_mb=2)) as session:
        with pytest.raises(TooLargeError, match="more than 2 MB"):
            session.get(f"{api.url}{CLIENTS}", HEADERS, TIMEOUT)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        # The sandbox is in this process: what it has not sent counts, too.
        assert peak < HUGE_BYTES / 50
        api.clear_faults()
        assert session.get(f"{api.url}{CLIENTS}", HEADERS, TIMEOUT).status == 200


def test_an_answer_that_says_it_is_too_large_is_not_read(api: Sandbox) -> None:
    api.fault(body=" " * 3_000)
    with (
        closing(Session(api.url, 1, most_mb=0.002)) as session,
        pytest.raises(TooLargeError, match=r"more than 0\.002 MB"),
    ):
        session.get(f"{api.url}{CLIENTS}", HEADERS, TIMEOUT)


@pytest.mark.parametrize("is_packed", [False, True])
def test_an_answer_may_be_as_large_as_the_limit(
    sandbox: SandboxFactory, *, is_packed: bool
) -> None:
    api = sandbox(clients=20, gzip=is_packed)
    whole = get(f"{api.url}{CLIENTS}").body
    with closing(Session(api.url, 1, most_mb=len(whole) / MB)) as session:
        assert session.get(f"{api.url}{CLIENTS}", HEADERS, TIMEOUT).body == whole


# Cookies


def test_a_cookie_is_sent_back(api: Sandbox) -> None:
    api.fault(headers={"Set-Cookie": "balancer=7; Path=/"}, body="{}", times=1)
    get(f"{api.url}{CLIENTS}", times=3)
    cookies = [request.headers.get("Cookie") for request in api.requests()]
    assert cookies == [None, "balancer=7", "balancer=7"]


def test_a_cookie_of_another_domain_is_not_kept(api: Sandbox) -> None:
    api.fault(headers={"Set-Cookie": "a=7; Domain=example.com"}, body="{}")
    get(f"{api.url}{CLIENTS}", times=2)
    assert all("Cookie" not in request.headers for request in api.requests())


def test_many_threads_may_get_cookies_at_once() -> None:
    body = answer_with(b"{}", "Set-Cookie: {0}=1; Path=/{0}")

    def respond(path: str) -> list[bytes]:
        return [body.replace(b"{0}", path.strip("/").encode())]

    with (
        keeping(respond) as (url, _),
        closing(Session(url, 8)) as session,
        ThreadPoolExecutor(8) as pool,
    ):
        urls = [f"{url}/p{number}" for number in range(400)]
        answers = pool.map(lambda one: session.get(one, {}, TIMEOUT), urls)
        assert {answer.body for answer in answers} == {b"{}"}


# Connections


def test_connections_are_kept(api: Sandbox) -> None:
    get(f"{api.url}{CLIENTS}", times=3)
    assert api.stats().connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        answer_with(b""),
        answer_with(b"busy", status="503 Service Unavailable"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_a_connection_is_kept_whatever_the_answer(answer: bytes) -> None:
    with keeping(lambda _: [answer]) as (url, ports):
        get(url, times=3)
    assert len(ports) == 3
    assert len(set(ports)) == 1


def test_what_comes_after_the_end_of_an_answer_is_given_to_nobody() -> None:
    smuggled = answer_with(b"smuggled")
    with keeping(lambda _: [answer_with(b"mine") + smuggled]) as (url, _):
        assert get(url, times=3).body == b"mine"


# The environment


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_proxy_of_the_environment_is_used(
    api: Sandbox, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, api.url)
    assert get(f"http://api.example.com{CLIENTS}").status == 200
    assert api.requests()[0].headers["Host"] == "api.example.com"


def test_the_proxy_is_not_used_for_hosts_that_are_excepted(
    api: Sandbox, sandbox: SandboxFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = sandbox()
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert get(f"{api.url}{CLIENTS}").status == 200
    assert proxy.requests() == []


def test_a_netrc_file_adds_no_password(
    api: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    get(f"{api.url}{CLIENTS}")
    (request,) = api.requests()
    assert "Authorization" not in request.headers


def test_the_password_of_a_proxy_goes_to_the_proxy(
    api: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@{api.url[7:]}")
    get(f"http://api.example.com{CLIENTS}")
    (request,) = api.requests()
    assert request.headers["Proxy-Authorization"].startswith("Basic ")


@pytest.fixture
def secure_url(certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with keeping(lambda _: [answer_with(b"{}")], tls=context) as (url, _):
        yield url


def test_a_certificate_that_nobody_vouches_for_is_refused(secure_url: str) -> None:
    with pytest.raises(requests.exceptions.SSLError, match="certificate verify failed"):
        get(secure_url)


@pytest.mark.parametrize(
    "variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"]
)
def test_the_authorities_of_the_environment_are_trusted(
    secure_url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(certificate))
    assert get(secure_url).status == 200


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_file_of_authorities_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "/nowhere/authorities.pem")
    with pytest.raises(OSError, match=r"/nowhere/authorities\.pem"):
        get("https://127.0.0.1:9/")


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_no_value_of_the_environment_switches_verification_off(
    secure_url: str, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(variable, value)
    with pytest.raises(OSError, match=r"certificate verify failed|TLS CA certificate"):
        get(secure_url)
