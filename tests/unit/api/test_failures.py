"""Why no answer came, in a few words."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest
import requests

from tap_analytics.api.failures import reason
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from tests.conftest import SandboxFactory


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
