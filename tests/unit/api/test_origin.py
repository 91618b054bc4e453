"""Where the API key may go: to one origin, however that is written."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tap_analytics.api.origin import (
    check_api_url,
    encoded,
    origin,
    warn_if_readable,
    within_origin,
)
from tap_analytics.errors import ConfigError, FatalAPIError

HOME = "https://api.example.com/v1/users"


def refusal(url: str, home: str = HOME) -> str:
    with pytest.raises(FatalAPIError) as caught:
        within_origin(url, home, "a link")
    return str(caught.value)


def config_error(api_url: str) -> str:
    with pytest.raises(ConfigError) as caught:
        check_api_url(api_url)
    return str(caught.value)


# What an origin is


def test_the_default_ports_are_filled_in() -> None:
    assert origin("http://h") == ("http", "h", 80)
    assert origin("https://h") == ("https", "h", 443)
    assert origin("http://[::1]:8080/x") == ("http", "::1", 8080)


@pytest.mark.parametrize(
    ("url", "goes_to"),
    [
        ("https://api.example.com/v1/users?page=2", "/v1/users?page=2"),
        ("https://api.example.com:443/", "/"),
        ("HTTPS://API.example.com/", "/"),
        ("https://api.example.com./", "/"),
        ("https://api.example.com", "/"),
        ("//api.example.com/", "/"),
        ("/v1/users", "/v1/users"),
        ("?page=2", "/v1/users?page=2"),
        ("tasks", "/v1/tasks"),
        ("", "/v1/users"),
        ("?q=1 2&name=ü", "/v1/users?q=1%202&name=%C3%BC"),
    ],
)
def test_an_origin_is_scheme_host_and_port_however_they_are_written(
    url: str, goes_to: str
) -> None:
    sent = within_origin(url, HOME, "a link")
    assert origin(sent) == origin(HOME)
    assert sent.endswith(goes_to)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://api.example.com:8080/", "http://api.example.com:8080"),
        ("https://api.example.com:8443/", "https://api.example.com:8443"),
        ("https://example.com/", "https://example.com"),
        ("https://api.example.com.evil.net/", "https://api.example.com.evil.net"),
        ("https://api.example.com@evil.net/", "https://evil.net"),
        ("https://api.example.com:443@evil.net/", "https://evil.net"),
        ("https://evil.net#api.example.com", "https://evil.net"),
        ("ftp://api.example.com/", "ftp://api.example.com"),
        ("//evil.net/v1", "https://evil.net"),
        ("https://api.example.com%2eevil.net/", "https://api.example.com.evil.net"),
        ("https://api.example.com\n.evil.net/", "https://api.example.com.evil.net"),
    ],
)
def test_what_differs_is_another_origin(url: str, shown: str) -> None:
    assert f"a link leads to {shown}, another origin than api_url" in refusal(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.net\\@api.example.com/",
        "//evil.net\\@api.example.com/v1/users",
        "https://evil.net:443\\@api.example.com:443/",
        "https://evil.net\\\\@api.example.com/",
        "\thttps://evil.net\\@api.example.com/",
    ],
)
def test_a_host_that_two_readers_read_in_two_ways_is_that_which_is_asked(
    url: str,
) -> None:
    assert "leads to https://evil.net" in refusal(url)


@pytest.mark.parametrize(
    "url", ["https://api.example.com\\@evil.net/", "/\\evil.net/", "\\\\evil.net/"]
)
def test_what_only_looks_like_another_host_stays_at_home(url: str) -> None:
    sent = within_origin(url, HOME, "a link")
    assert urlsplit(sent).netloc == "api.example.com"


PIECES = st.sampled_from(
    [
        "https:",
        "http:",
        "//",
        "/",
        "\\",
        "@",
        ":",
        "443",
        "#",
        "?",
        "%2e",
        ".",
        "\n",
        "api.example.com",
        "evil.net",
        "x",
        "[",
        "]",
        ";",
        "ü",
        "\x00",
        " ",
    ]
)


@given(st.lists(PIECES, max_size=9).map("".join))
def test_no_link_leads_the_key_away(url: str) -> None:
    try:
        sent = within_origin(url, HOME, "a link")
    except FatalAPIError:
        return
    prepared = requests.Request("GET", sent).prepare().url or ""
    for read in (sent, prepared):
        assert origin(read) == origin(HOME)


@pytest.mark.parametrize("host", ["zeit.bücher.example", "BÜCHER.example", "straße.de"])
def test_a_host_beyond_ascii_is_the_same_origin_as_its_encoding(host: str) -> None:
    home = f"https://{host}/v1"
    sent = encoded(home)
    assert sent.isascii()
    assert within_origin(sent, home, "a link") == sent
    assert within_origin(home, sent, "a link") == sent


def test_a_password_in_a_link_is_neither_shown_nor_kept() -> None:
    assert "secret" not in refusal("https://user:secret@evil.net/")
    own = within_origin("https://user:secret@api.example.com/x#y", HOME, "a link")
    assert own == "https://api.example.com/x"


@pytest.mark.parametrize(
    "url", ["https://h:port/", "https://h:99999/", "https://[::1", "https://.h/"]
)
def test_a_link_that_is_not_a_url_is_refused(url: str) -> None:
    assert "a link is not a valid URL" in refusal(url)


# An API that does not know that it is reached by https


@pytest.mark.parametrize(
    ("url", "home", "sent"),
    [
        ("http://h/v1?p=2", "https://h/v1", "https://h/v1?p=2"),
        ("http://h:80/v1?p=2", "https://h/v1", "https://h/v1?p=2"),
        ("http://h:80?p=2", "https://h/v1", "https://h/?p=2"),
        ("http://h:443/v1", "https://h/v1", "https://h:443/v1"),
        ("http://H./v1", "https://h/v1", "https://h./v1"),
        ("http://h:8443/v1", "https://h:8443/v1", "https://h:8443/v1"),
        ("http://h/?u=http://x:80/", "https://h/v1", "https://h/?u=http://x:80/"),
        ("http://[::1]:80/v1", "https://[::1]/v1", "https://[::1]/v1"),
    ],
)
def test_an_http_link_of_an_https_apis_own_host_is_followed_as_https(
    url: str, home: str, sent: str
) -> None:
    assert origin(within_origin(url, home, "a link")) == origin(home)
    assert within_origin(url, home, "a link").lower() == sent


@pytest.mark.parametrize(
    ("url", "home"),
    [
        ("https://h/v1", "http://h/v1"),
        ("http://h:8080/v1", "https://h/v1"),
        ("http://h/v1", "https://h:8443/v1"),
        ("http://user@h/v1", "https://h/v1"),
        ("http://other/v1", "https://h/v1"),
        ("http://h.other/v1", "https://h/v1"),
        ("ws://h/v1", "https://h/v1"),
    ],
)
def test_other_schemes_and_ports_stay_other_origins(url: str, home: str) -> None:
    assert "another origin than api_url" in refusal(url, home)


# api_url


@pytest.mark.parametrize(
    "api_url",
    [
        "https://api.example.com",
        "https://api.example.com/",
        "https://api.example.com/rest",
        "HTTPS://API.example.com",
        "http://localhost:8080",
        "http://[::1]:8080",
        "https://bücher.example/größe",
    ],
)
def test_the_address_of_an_api_is_taken(api_url: str) -> None:
    check_api_url(api_url)


@pytest.mark.parametrize(
    "api_url",
    [
        "api.example.com",
        "localhost:8080",
        "",
        "https://",
        "ftp://h",
        "mailto:me@h",
        "https://h?x=1",
        "https://h#x",
        "https://a b",
        "https://h\\x",
        "https://h\n",
    ],
)
def test_what_is_not_the_address_of_an_api_is_refused(api_url: str) -> None:
    assert "is not the address of an API" in config_error(api_url)


@pytest.mark.parametrize(
    "api_url",
    [
        "https://h:port",
        "https://h:99999",
        "https://[::1",
        "https://.h",
        "https://a..b",
        f"https://{'a' * 64}.example",
    ],
)
def test_what_is_not_a_url_is_refused(api_url: str) -> None:
    assert "api_url is not a valid URL" in config_error(api_url)


def test_a_password_in_api_url_is_refused_and_not_shown() -> None:
    error = config_error("https://user:secret@api.example.com")
    assert "api_url has a user name in it" in error
    assert "secret" not in error


@pytest.mark.parametrize(
    ("api_url", "warned"),
    [
        ("http://api.example.com", True),
        ("http://10.0.0.1", True),
        ("https://api.example.com", False),
        ("http://127.0.0.1:8080", False),
        ("http://[::1]:8080", False),
        ("http://localhost", False),
        ("http://api.localhost", False),
        ("http://localhost.example.com", True),
    ],
)
def test_a_key_that_others_can_read_on_its_way_is_warned_of(
    api_url: str, *, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    warn_if_readable(api_url, logging.getLogger("test"))
    assert ("unencrypted" in caplog.text) is warned
