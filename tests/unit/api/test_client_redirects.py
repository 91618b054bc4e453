"""Redirects: followed one by one, and never away from the API with the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_analytics.api.client import MOST_REDIRECTS
from tests.helpers.clients import (
    CLIENTS,
    USERS,
    client_of,
    failure,
    gaps,
)
from tests.helpers.keeping import answer_with, keeping

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(clients=2, projects=3)


def redirect(api: Sandbox, location: str, status: int = 302, times: int = 1) -> None:
    headers = {"Location": location}
    api.fault("/v1/clients", status=status, headers=headers, times=times)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_within_the_origin_is_followed_with_the_key(
    api: Sandbox, status: int
) -> None:
    redirect(api, f"{api.url}/v1/team/users", status)
    client_of(api.url).get(CLIENTS)
    assert [request.has_key for request in api.requests()] == [True, True]


@pytest.mark.parametrize(
    "location", ["/v1/team/users", "team/users", "./clients?x=1", "?q=größe", ""]
)
def test_a_relative_redirect_is_followed(api: Sandbox, location: str) -> None:
    redirect(api, location)
    client_of(api.url).get(CLIENTS)
    assert len(api.requests()) == 2


def test_a_location_in_utf_8_is_read_as_such() -> None:
    moved = answer_with(b"", "Location: /v1/größe", status="302 Found")
    found = answer_with(b'{"data": []}')
    asked = []

    def respond(path: str) -> list[bytes]:
        asked.append(path)
        return [moved if path == "/v1/clients" else found]

    with keeping(respond) as (url, _):
        client_of(url).get(CLIENTS)
    assert asked == ["/v1/clients", "/v1/gr%C3%B6%C3%9Fe"]


@pytest.mark.parametrize(
    "location",
    [
        "{other}/v1/clients",
        "//{other_host}/v1/clients",
        "http://{host}@{other_host}/v1/clients",
        "http://{other_host}\\@{host}/v1/clients",
        "//{other_host}\\@{host}/v1/clients",
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
    line = str(failure(client_of(api.url)))
    assert f"the redirect of {api.url}/v1/clients leads to {other.url}" in line
    assert "set api_url to it" in line
    assert other.requests() == []
    assert len(api.requests()) == 1


@pytest.mark.parametrize(
    "location",
    [
        "http://{host}\\@{other_host}/v1/clients",
        "http:///{other_host}/",
        "\\\\{other_host}/",
        "/\\{other_host}/",
    ],
)
def test_a_redirect_that_only_looks_like_another_origin_stays_at_home(
    api: Sandbox, sandbox: SandboxFactory, location: str
) -> None:
    other = sandbox()
    redirect(api, location.format(other_host=other.url[7:], host=api.url[7:]))
    failure(client_of(api.url))
    assert other.requests() == []
    assert len(api.requests()) == 2


def test_a_redirect_to_https_is_another_origin(api: Sandbox) -> None:
    redirect(api, f"https{api.url[4:]}/v1/clients")
    assert "another origin than api_url" in str(failure(client_of(api.url)))


def test_the_second_redirect_is_checked_too(
    api: Sandbox, sandbox: SandboxFactory
) -> None:
    other = sandbox()
    redirect(api, "/v1/team/users")
    api.fault("/v1/team/users", status=302, headers={"Location": other.url})
    assert "/v1/team/users leads to" in str(failure(client_of(api.url)))
    assert other.requests() == []


@pytest.mark.parametrize(
    "location", ["http://h:port/", "http://[::1", "http://h:99999/", "http://.h/"]
)
def test_a_redirect_to_what_is_not_a_url_is_refused(
    api: Sandbox, location: str
) -> None:
    redirect(api, location)
    assert "is not a valid URL" in str(failure(client_of(api.url)))


def test_a_circle_of_redirects_ends(api: Sandbox) -> None:
    redirect(api, "/v1/clients", times=1_000)
    assert "redirected in a circle" in str(failure(client_of(api.url)))
    assert len(api.requests()) == MOST_REDIRECTS


def test_each_redirect_passes_the_throttle(api: Sandbox) -> None:
    redirect(api, "/v1/clients?again", times=3)
    client = client_of(api.url, rate_limit_requests=1, rate_limit_seconds=0.1)
    client.get(CLIENTS)
    assert len(api.requests()) == 4
    assert min(gaps(api)) >= 0.09


def test_an_answer_after_a_redirect_is_tried_again_from_the_start(
    api: Sandbox,
) -> None:
    redirect(api, "/v1/team/users", times=9)
    api.fault("/v1/team/users", status=503, times=1)
    client_of(api.url).get(CLIENTS)
    paths = [request.path.removeprefix("/v1") for request in api.requests()]
    assert paths == [CLIENTS, USERS] * 2


@pytest.mark.parametrize("status", [300, 301, 302, 307])
def test_a_redirect_that_leads_nowhere_is_a_refusal(api: Sandbox, status: int) -> None:
    api.fault(status=status)
    assert "no retry will change that" in str(failure(client_of(api.url)))
