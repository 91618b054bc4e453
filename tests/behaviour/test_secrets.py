"""The API key, as a user's run has it: sent to the API, and shown nowhere."""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.helpers.answering import answering
from tests.helpers.proxying import proxying
from tests.helpers.running import STREAMS, Outcome, run_tap, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

CORE = "s3cr3tc0r3"
KEY = f"{CORE}/plus+equal=and&quote\"apostrophe'percent%20"
SMALL = {"projects": 1, "tasks": 1, "time_records": 1, "clients": 1, "users": 1}

ECHOES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent-encoded": lambda key: quote(key, safe=""),
    "JSON-escaped": lambda key: json.dumps(key)[1:-1],
    "JSON-escaped twice": lambda key: json.dumps(json.dumps(key))[1:-1],
    "in base64": lambda key: b64encode(key.encode()).decode(),
}


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(**SMALL, team_time=1, api_key=KEY)


def run(api: Sandbox, folder: Path, *args: str, **config: Any) -> Outcome:
    """Run the tap as one does who looks for a mistake: it logs all that it can."""
    config = settings(api, **config)
    return run_tap(config, *args, folder=folder, log_level="DEBUG")


def assert_unseen(outcome: Outcome, key: str = KEY) -> None:
    for echo in ECHOES.values():
        assert echo(key) not in outcome.out + outcome.err
    assert CORE not in outcome.out + outcome.err


# Nowhere


def test_a_run_shows_the_key_nowhere(api: Sandbox, tmp_path: Path) -> None:
    outcome = run(api, tmp_path, emit_activate_version_messages=True, incremental=True)
    assert outcome.status == 0
    assert outcome.state
    assert f"200 {api.url}/v1/clients" in outcome.err
    assert_unseen(outcome)


@pytest.mark.parametrize("args", [["--discover"], ["--about", "--format=json"]])
def test_catalog_and_about_show_the_key_nowhere(
    api: Sandbox, tmp_path: Path, args: list[str]
) -> None:
    outcome = run_tap(
        settings(api),
        *args,
        folder=tmp_path,
        env={"TAP_ANALYTICS_API_KEY": KEY},
        log_level="DEBUG",
    )
    assert outcome.status == 0
    assert json.loads(outcome.out)
    assert_unseen(outcome)


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("status", [200, 400, 401, 404, 500])
def test_an_api_that_echoes_the_key_in_an_error_does_not_bring_it_to_light(
    api: Sandbox, tmp_path: Path, echo: str, status: int
) -> None:
    body = f"<p>You sent X-Api-Key: {ECHOES[echo](KEY)}</p>"
    api.fault("/v1/clients", status=status, body=body)
    outcome = run(api, tmp_path, max_retries=1)
    assert outcome.status == 1
    assert_unseen(outcome)


@pytest.mark.parametrize("echo", ["as it is", "percent-encoded", "JSON-escaped"])
def test_an_api_that_echoes_the_key_in_its_data_does_not_bring_it_to_light(
    api: Sandbox, tmp_path: Path, echo: str
) -> None:
    url = json.dumps(f"/v1/clients?page=2&key={ECHOES[echo](KEY)}")
    api.fault(
        "/v1/clients",
        status=200,
        body=f'{{"data":[{{"id":"a","url":{url}}}],"next":{url}}}',
        times=1,
    )
    outcome = run(api, tmp_path)
    assert outcome.records("clients")[0]["additional_fields"]["url"].endswith("***")
    assert_unseen(outcome)


def test_a_redirect_with_the_key_in_it_does_not_bring_it_to_light(
    api: Sandbox, tmp_path: Path
) -> None:
    location = f"http://127.0.0.1:9/?key={quote(KEY, safe='')}"
    api.fault("/v1/clients", status=302, headers={"Location": location})
    outcome = run(api, tmp_path)
    assert "another origin than api_url" in outcome.errors[0]
    assert_unseen(outcome)


# Only to the API


@pytest.mark.parametrize("elsewhere", ["https", "host", "port"])
def test_a_next_page_elsewhere_is_refused(
    api: Sandbox, sandbox: SandboxFactory, tmp_path: Path, elsewhere: str
) -> None:
    other = sandbox(api_key=KEY)
    home = {
        "https": api.url.replace("http:", "https:"),
        "host": api.url.replace("127.0.0.1", "localhost"),
        "port": other.url,
    }[elsewhere]
    body = {"data": [{"id": "a"}], "next": f"{home}/v1/clients?page=2"}
    api.fault("/v1/clients", status=200, body=json.dumps(body))
    error = run_tap(settings(api, pagination="next_url"), folder=tmp_path).error
    assert f"leads to {home}, another origin than api_url" in error
    assert other.requests() == []
    assert api.stats().by_path["/v1/clients"] == 1


# What is no key


@pytest.mark.parametrize("args", [[], ["--discover"], ["--test"]])
@pytest.mark.parametrize(
    "key",
    [
        *(f"{KEY}\n", f" {KEY}", f"{KEY} ", f"{KEY}\t", f"my {KEY}", f"{KEY}\0"),
        *(f"{KEY}\r\nX-Other: 1", f"{KEY}ü", f"“{KEY}”", f"Bearer  {KEY}", [KEY]),
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(
    api: Sandbox, tmp_path: Path, args: list[str], key: Any
) -> None:
    outcome = run(api, tmp_path, *args, api_key=key)
    (error,) = outcome.errors
    assert error.startswith("api_key must be ASCII text without spaces")
    assert_unseen(outcome)
    assert api.requests() == []


def test_a_key_may_begin_with_the_scheme_that_its_header_wants(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    key, header = f"Bearer {KEY}", "Authorization"
    api = sandbox(**SMALL, api_key=key, api_key_header=header)
    api.fault("/v1/team/users", status=400, body=f"What is {KEY}?")
    outcome = run(api, tmp_path, api_key_header=header)
    assert "What is ***?" in outcome.errors[0]
    assert_unseen(outcome)


def test_discovery_without_a_key_has_nothing_to_say_of_it(
    api: Sandbox, tmp_path: Path
) -> None:
    outcome = run_tap({"api_url": api.url}, "--discover", folder=tmp_path)
    assert outcome.status == 0
    assert outcome.err == ""


# What would make another request of it


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *(("api_key_header", value) for value in ("X\n", "X: 1\r\nY", "X Y", "Ü", "")),
        *(("api_key_header", value) for value in ("Host", "transfer-encoding")),
        *(("user_agent", value) for value in ("a\n", "a\r\nX: 1", " a", "a\0", "ü")),
        *(("path_prefix", value) for value in ("/v1\r\n", "/v 1", "/v1?a=1", "/v1#a")),
        *(("page_param", value) for value in ("a\r\nb", "a b", "a\n", "")),
        *(("cursor_param", "\0"), ("offset_param", "\t"), ("page_size_param", " ")),
        *(("since_param", "a\n"), ("until_param", "\x7f")),
    ],
)
def test_a_setting_can_add_no_header_and_no_request(
    api: Sandbox, tmp_path: Path, setting: str, value: str
) -> None:
    error = run_tap(settings(api, **{setting: value}), folder=tmp_path).error
    assert error.startswith(f"{setting} must ")
    assert api.requests() == []


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1\r\nX: 1", "http://a b", "http://h/?a=1", "http://h/#a"),
        *("http://h:99999", "http://h:port", "http://[::1", "http://h\\@g", "http://?"),
        *("http://user:s3cr3tc0r3@127.0.0.1:9", "http://s3cr3tc0r3@127.0.0.1:9"),
    ],
)
def test_an_api_url_that_is_none_is_named_without_its_password(
    api: Sandbox, tmp_path: Path, url: str
) -> None:
    outcome = run_tap(settings(api, api_url=url), folder=tmp_path)
    assert "api_url" in outcome.error
    assert_unseen(outcome)


# Encrypted, or not


@pytest.mark.parametrize(
    ("url", "warnings"),
    [
        ("http://nowhere.invalid", 1),
        ("http://localhost.invalid", 1),
        ("http://127.0.0.1:9", 0),
        ("http://localhost:9", 0),
        ("http://[::1]:9", 0),
        ("https://127.0.0.1:9", 0),
    ],
)
def test_a_key_that_goes_unencrypted_over_a_network_is_warned_of_once(
    tmp_path: Path, url: str, warnings: int
) -> None:
    config = {"api_key": KEY, "api_url": url, "backoff_factor": 0, "max_retries": 1}
    outcome = run_tap(config, folder=tmp_path)
    assert outcome.status == 1
    assert outcome.err.count("api_url begins with http://") == warnings


EMPTY = b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 11\r\n\r\n{"data":[]}'
ENVIRONMENT = (
    *("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def secure_url(certificate: Path) -> Iterator[str]:
    """Serve an API that has nothing, with a certificate that nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with answering(EMPTY, tls=context) as url:
        yield url


def read_securely(url: str, folder: Path, **environ: str) -> Outcome:
    config = {"api_key": KEY, "api_url": url, "concurrency": 1, "max_retries": 0}
    return run_tap(config, folder=folder, env=environ, log_level="INFO")


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"PYTHONHTTPSVERIFY": "0"},
        {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "", "SSL_CERT_FILE": ""},
    ],
)
def test_a_certificate_that_nobody_vouches_for_is_refused(
    secure_url: str, tmp_path: Path, environ: dict[str, str]
) -> None:
    (error,) = read_securely(secure_url, tmp_path, **environ).errors
    assert "no secure connection" in error
    assert "REQUESTS_CA_BUNDLE" in error


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_certificate_that_the_environment_vouches_for_is_taken(
    secure_url: str, certificate: Path, tmp_path: Path, variable: str
) -> None:
    outcome = read_securely(secure_url, tmp_path, **{variable: str(certificate)})
    assert outcome.status == 0, outcome.err
    assert {one["stream"] for one in outcome.of_type("SCHEMA")} == set(STREAMS)


@pytest.mark.parametrize("value", ["false", "0", "/nowhere/authorities.pem"])
def test_a_file_of_authorities_that_is_not_there_is_one_line(
    secure_url: str, tmp_path: Path, value: str
) -> None:
    outcome = read_securely(secure_url, tmp_path, REQUESTS_CA_BUNDLE=value)
    (error,) = outcome.errors
    assert f"invalid path: {value}" in error


def test_a_proxy_of_the_environment_passes_on_what_it_can_not_read(
    secure_url: str, certificate: Path, tmp_path: Path
) -> None:
    with proxying() as proxy:
        outcome = read_securely(
            secure_url,
            tmp_path,
            HTTPS_PROXY=f"http://me:{CORE}@127.0.0.1:{proxy.port}",
            SSL_CERT_FILE=str(certificate),
        )
    assert outcome.status == 0, outcome.err
    assert len(proxy.heads) == 4  # All but those below a project.
    for head in proxy.heads:
        assert head.startswith(f"CONNECT {secure_url.removeprefix('https://')} ")
        assert KEY not in head
    assert_unseen(outcome)


def test_a_proxy_that_is_not_there_is_one_line_without_its_password(
    secure_url: str, tmp_path: Path
) -> None:
    proxy = f"http://me:{CORE}@127.0.0.1:9"
    outcome = read_securely(secure_url, tmp_path, HTTPS_PROXY=proxy)
    (error,) = outcome.errors
    assert "Connection refused" in error
    assert_unseen(outcome)
