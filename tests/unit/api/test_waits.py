"""What a failed try says."""

from __future__ import annotations

import email.utils
import socket
import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tap_analytics.api.failures import reason
from tap_analytics.api.waits import seconds_of
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from tests.conftest import SandboxFactory

NOW = datetime(2025, 6, 18, 12, 0, 0, tzinfo=timezone.utc)


# Retry-After


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("1", 1),
        (" 120 ", 120),
        ("1.5", 1.5),
        ("Wed, 18 Jun 2025 12:01:30 GMT", 90),
        ("Wednesday, 18-Jun-25 12:01:30 GMT", 90),
        ("Wed Jun 18 12:01:30 2025", 90),
        ("Wed, 18 Jun 2025 14:01:30 +0200", 90),
        ("Wed, 18 Jun 2025 12:01:30", 90),
        ("2025-06-18T12:01:30Z", 90),
        ("1750248090", 90),
        ("1750248090000", 90),
        ("Wed, 18 Jun 2025 11:59:59 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(
    header: str, seconds: float
) -> None:
    assert seconds_of(header, NOW) == seconds


@pytest.mark.parametrize(
    "header",
    [
        "",
        "soon",
        "-1",
        "1e3",
        "inf",
        "nan",
        "1, 2",
        "99999999999",
        "Wed, 18 Jun 99999999999 12:01:30 GMT",
        "Wed, 18 Jun 2025 99:01:30 GMT",
        "Wed, 18 Jun 2025 12:01:30 +9999",
    ],
)
def test_a_header_that_makes_no_sense_says_nothing(header: str) -> None:
    assert seconds_of(header, NOW) is None


@given(st.integers(0, 999_999_999))
def test_any_number_of_seconds_is_taken(seconds: int) -> None:
    assert seconds_of(str(seconds)) == seconds


@given(st.datetimes(datetime(1000, 1, 1)))  # noqa: DTZ001 - hypothesis wants it so
def test_any_date_is_taken(date: datetime) -> None:
    until = date.replace(microsecond=0, tzinfo=timezone.utc)
    header = email.utils.format_datetime(until, usegmt=True)
    assert seconds_of(header, NOW) == max(0, (until - NOW).total_seconds())


@given(st.text() | st.text("0123456789:, -+.GMTJanWed"))
def test_no_header_is_an_error(header: str) -> None:
    seconds = seconds_of(header, NOW)
    assert seconds is None or seconds >= 0


def test_the_present_counts_if_no_other_time_is_given() -> None:
    in_an_hour = datetime.now(timezone.utc) + timedelta(hours=1)
    seconds = seconds_of(email.utils.format_datetime(in_an_hour))
    assert seconds is not None
    assert 0 < seconds <= 3600


# Why no response came


def reason_of(url: str) -> str:
    with pytest.raises(requests.RequestException) as caught:
        requests.get(url, headers={"X-Api-Key": KEY}, timeout=0.2)
    return reason(caught.value)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("reset", "Connection reset by peer"),
        ("reset-in-headers", "Connection reset by peer"),
        ("reset-after-headers", "Connection reset by peer"),
        ("reset-in-body", "Connection reset by peer"),
        ("cut-off", "the answer was cut off"),
        ("cut-off-chunked", "the answer was cut off"),
        ("length-too-large", "the answer was cut off"),
        ("hang", "no answer within the time-out"),
    ],
)
def test_a_fault_on_the_way_is_told_in_a_few_words(
    sandbox: SandboxFactory, kind: str, says: str
) -> None:
    api = sandbox(clients=2)
    api.fault("*", kind)
    assert reason_of(f"{api.url}/v1/clients") == says


def test_a_host_that_is_not_there_is_told_in_a_few_words() -> None:
    assert reason_of("http://127.0.0.1:9/") == "Connection refused"
    assert "object at 0x" not in reason_of("http://nowhere.invalid/")


def test_a_proxy_that_is_not_there_is_told_in_a_few_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    assert reason_of("http://api.example.com/") == "Connection refused"


def test_tls_where_there_is_none_is_told_in_a_few_words(
    sandbox: SandboxFactory,
) -> None:
    assert "SSL" in reason_of(f"https{sandbox().url[4:]}/v1/clients")


def test_a_body_that_stops_coming_is_a_time_out() -> None:
    is_over = threading.Event()

    def send_half() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{")
            is_over.wait()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=send_half)
        thread.start()
        says = reason_of(f"http://127.0.0.1:{server.getsockname()[1]}/")
        is_over.set()
        thread.join()
    assert says == "no answer within the time-out"


def test_a_connection_that_does_not_come_about_is_a_time_out() -> None:
    error = requests.ConnectTimeout("something technical")
    assert reason(error) == "no connection within the time-out"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (requests.RequestException(), "RequestException"),
        (requests.RequestException("two\nlines"), "two lines"),
    ],
)
def test_any_other_error_speaks_for_itself(
    error: requests.RequestException, says: str
) -> None:
    assert reason(error) == says
