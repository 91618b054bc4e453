"""The API key: where it is sent, and where it is not."""

from __future__ import annotations

import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
import requests

from tap_analytics.api.session import (
    HeaderAuthenticator,
    OneOriginSession,
    check_origin,
    origin,
)
from tap_analytics.errors import FatalAPIError
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

HOME = "https://api.example.com/v1"
CLIENTS = "/v1/clients"
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


def get(url: str, *, home: str, key: str = KEY) -> requests.Response:
    """Request a URL with the API key, as streams do."""
    with OneOriginSession(home, pool_size=1) as session:
        auth = HeaderAuthenticator("X-Api-Key", key, home)
        request = session.prepare_request(requests.Request("GET", url, auth=auth))
        return session.send(request, timeout=10)


# Origins


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/v1/users?page=2",
        "https://api.example.com:443/",
        "HTTPS://API.example.com/",
        "https://api.example.com./",
        "https://api.example.com",
        "//api.example.com/",
        "/v1/users",
        "?page=2",
    ],
)
def test_an_origin_is_scheme_host_and_port_however_they_are_written(url: str) -> None:
    check_origin(url, HOME, "a link")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://api.example.com/", "http://api.example.com"),
        ("https://api.example.com:8443/", "https://api.example.com:8443"),
        ("https://example.com/", "https://example.com"),
        ("https://api.example.com.evil.net/", "https://api.example.com.evil.net"),
        ("https://api.example.com@evil.net/", "https://evil.net"),
        ("https://evil.net#api.example.com", "https://evil.net"),
        ("https://evil.net\\@api.example.com.net", "https://api.example.com.net"),
        ("ftp://api.example.com/", "ftp://api.example.com"),
        ("//evil.net/v1", "https://evil.net"),
    ],
)
def test_what_differs_is_another_origin(url: str, shown: str) -> None:
    with pytest.raises(FatalAPIError) as caught:
        check_origin(url, HOME, "a link")
    assert f"a link leads to {shown}, another origin than api_url" in str(caught.value)


def test_the_default_ports_are_filled_in() -> None:
    assert origin("http://h") == ("http", "h", 80)
    assert origin("https://h") == ("https", "h", 443)
    assert origin("http://[::1]:8080/x") == ("http", "::1", 8080)


@pytest.mark.parametrize("host", ["zeit.bücher.example", "BÜCHER.example", "straße.de"])
def test_a_host_beyond_ascii_is_the_same_origin_as_its_encoding(host: str) -> None:
    home = f"https://{host}/v1"
    sent = requests.Request("GET", home).prepare().url or ""
    assert sent.isascii()
    check_origin(sent, home, "a link")
    check_origin(home, sent, "a link")


def test_a_password_in_a_link_is_not_shown() -> None:
    with pytest.raises(FatalAPIError) as caught:
        check_origin("https://user:secret@evil.net/", HOME, "a link")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://h:port/", "https://h:99999/", "https://[::1"])
def test_a_link_that_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(FatalAPIError, match="a link is no valid URL"):
        check_origin(url, HOME, "a link")


# The header


def test_the_key_is_sent_in_its_header(api: Sandbox) -> None:
    assert get(f"{api.url}{CLIENTS}", home=api.url).status_code == 200
    assert get(f"{api.url}{CLIENTS}", home=api.url, key="wrong").status_code == 401


def test_the_key_is_not_put_into_a_request_to_another_origin(
    api: Sandbox, sandbox: SandboxFactory
) -> None:
    other = sandbox()
    with pytest.raises(FatalAPIError, match=f"a next-page link leads to {other.url}"):
        get(f"{other.url}{CLIENTS}", home=api.url)
    assert other.requests() == []


# Redirects


def redirect(api: Sandbox, location: str, status: int = 302) -> None:
    api.fault(CLIENTS, status=status, headers={"Location": location}, times=1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_within_the_origin_is_followed_with_the_key(
    api: Sandbox, status: int
) -> None:
    redirect(api, f"{api.url}/v1/team/users", status)
    assert get(f"{api.url}{CLIENTS}", home=api.url).status_code == 200
    assert [request.has_key for request in api.requests()] == [True, True]


@pytest.mark.parametrize("location", ["/v1/team/users", "team/users", "./clients?x=1"])
def test_a_relative_redirect_is_followed(api: Sandbox, location: str) -> None:
    redirect(api, location)
    assert get(f"{api.url}{CLIENTS}", home=api.url).status_code == 200
    assert len(api.requests()) == 2


@pytest.mark.parametrize(
    "location",
    [
        "{other}/v1/clients",
        "//{other_host}/v1/clients",
        "http://{host}@{other_host}/v1/clients",
        "http://{host}\\@{other_host}/v1/clients",
        "http://{other_host}#@{host}/v1/clients",
        "http://{other_host}?@{host}/v1/clients",
        "ht\ttp://{other_host}/v1/clients",
    ],
)
def test_nothing_is_sent_to_another_origin_that_a_redirect_leads_to(
    api: Sandbox, sandbox: SandboxFactory, location: str
) -> None:
    other = sandbox()
    hosts = {"other": other.url, "other_host": other.url[7:], "host": api.url[7:]}
    redirect(api, location.format(**hosts))
    with pytest.raises(FatalAPIError) as caught:
        get(f"{api.url}{CLIENTS}", home=api.url)
    assert f"the redirect of {api.url}{CLIENTS} leads to {other.url}" in str(
        caught.value
    )
    assert "set api_url to it" in str(caught.value)
    assert other.requests() == []


@pytest.mark.parametrize(
    "location",
    ["http://{other_host}\\@{host}/", "http:///{other_host}/", "\\\\{other_host}/"],
)
def test_a_redirect_that_only_looks_like_another_origin_stays_at_home(
    api: Sandbox, sandbox: SandboxFactory, location: str
) -> None:
    other = sandbox()
    redirect(api, location.format(other_host=other.url[7:], host=api.url[7:]))
    get(f"{api.url}{CLIENTS}", home=api.url)
    assert other.requests() == []
    assert len(api.requests()) == 2


def test_a_redirect_to_https_is_another_origin(api: Sandbox) -> None:
    redirect(api, f"https{api.url[4:]}{CLIENTS}")
    with pytest.raises(FatalAPIError, match="another origin than api_url"):
        get(f"{api.url}{CLIENTS}", home=api.url)


def test_the_second_redirect_is_checked_too(
    api: Sandbox, sandbox: SandboxFactory
) -> None:
    other = sandbox()
    redirect(api, "/v1/team/users")
    api.fault("/v1/team/users", status=302, headers={"Location": other.url})
    with pytest.raises(FatalAPIError, match=r"the redirect of .*/v1/team/users leads"):
        get(f"{api.url}{CLIENTS}", home=api.url)
    assert other.requests() == []


@pytest.mark.parametrize(
    "location", ["http://h:port/", "http://[::1", "http://h:99999/"]
)
def test_a_redirect_to_what_is_no_url_is_refused(api: Sandbox, location: str) -> None:
    redirect(api, location)
    with pytest.raises(FatalAPIError, match="is no valid URL"):
        get(f"{api.url}{CLIENTS}", home=api.url)


# Connections


def test_connections_are_kept(api: Sandbox) -> None:
    with OneOriginSession(api.url, pool_size=1) as session:
        for _ in range(3):
            session.get(f"{api.url}{CLIENTS}", timeout=10)
    assert api.stats().connections == 1


def test_compressed_answers_are_asked_for_and_read(sandbox: SandboxFactory) -> None:
    api = sandbox(gzip=True)
    response = get(f"{api.url}{CLIENTS}", home=api.url)
    assert "gzip" in api.requests()[0].headers["Accept-Encoding"]
    assert len(response.json()["data"]) == api.counts()["clients"]


# The environment


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_proxy_of_the_environment_is_used(
    api: Sandbox, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, api.url)
    home = "http://api.example.com"
    assert get(f"{home}{CLIENTS}", home=home).status_code == 200
    assert api.requests()[0].headers["Host"] == "api.example.com"


def test_the_proxy_is_not_used_for_hosts_that_are_excepted(
    api: Sandbox, sandbox: SandboxFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = sandbox()
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert get(f"{api.url}{CLIENTS}", home=api.url).status_code == 200
    assert proxy.requests() == []


def test_a_netrc_file_adds_no_password(
    api: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with OneOriginSession(api.url, pool_size=1) as session:
        redirect(api, "/v1/team/users")
        session.get(f"{api.url}{CLIENTS}", timeout=10)
    for request in api.requests():
        assert "Authorization" not in request.headers


class Greeting(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def secure_url(certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with serving(context) as port:
        yield f"https://127.0.0.1:{port}"


@contextmanager
def serving(context: ssl.SSLContext) -> Iterator[int]:
    class Server(HTTPServer):
        def handle_error(self, *args: object) -> None:
            """Say nothing of clients that refuse the certificate."""

    server = Server(("127.0.0.1", 0), Greeting)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_certificate_that_nobody_vouches_for_is_refused(secure_url: str) -> None:
    with pytest.raises(requests.exceptions.SSLError, match="certificate verify failed"):
        get(secure_url, home=secure_url)


@pytest.mark.parametrize(
    "variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"]
)
def test_the_authorities_of_the_environment_are_trusted(
    secure_url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(certificate))
    assert get(secure_url, home=secure_url).status_code == 200


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_file_of_authorities_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "/nowhere/authorities.pem")
    with pytest.raises(OSError, match=r"/nowhere/authorities\.pem"):
        get("https://127.0.0.1:9/", home="https://127.0.0.1:9")


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_no_value_of_the_environment_switches_verification_off(
    secure_url: str, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(variable, value)
    with pytest.raises(OSError, match=r"certificate verify failed|TLS CA certificate"):
        get(secure_url, home=secure_url)
