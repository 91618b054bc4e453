"""What goes wrong: the dlt source sends the tap's requests, and says its words."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from tests.behaviour.dlt_source.conftest import SMALL
from tests.helpers.running import STREAMS, run_tap, settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory
    from tests.helpers.dlt_loading import Warehouse

CLIENTS = "/v1/clients"


def second_project(api: Sandbox, stream: str = "tasks") -> str:
    return api.path(stream, parent=api.truth("projects")[1]["id"])


def drip(api: Sandbox) -> None:
    api.fault(CLIENTS, kind="slow-drip")


def too_many_requests(api: Sandbox) -> None:
    api.fault(CLIENTS, status=429, times=2)


def too_many_requests_for_ever(api: Sandbox) -> None:
    api.fault(CLIENTS, status=429)


def wrong_key(api: Sandbox) -> None:
    api.fault(CLIENTS, status=401)


def one_project_is_gone(api: Sandbox) -> None:
    api.fault(second_project(api), status=404)


def one_project_is_forbidden(api: Sandbox) -> None:
    api.fault(second_project(api), status=403)


def one_project_fails(api: Sandbox) -> None:
    api.fault(second_project(api), status=500)


def bad_request(api: Sandbox) -> None:
    api.fault(CLIENTS, status=400, body='{"message": "unknown parameter"}')


def redirect(api: Sandbox) -> None:
    api.fault(CLIENTS, status=302, headers={"Location": "http://other.example/x"})


def cut_body(api: Sandbox) -> None:
    api.fault(CLIENTS, kind="cut-off")


def ignored_pages(api: Sandbox) -> None:
    page = {"data": [{"id": f"c{n}"} for n in range(4)], "total": 9, "page": 1}
    api.fault(CLIENTS, status=200, body=json.dumps(page))


def verdict_envelope(api: Sandbox) -> None:
    body = {"success": False, "message": "the report is not ready", "data": []}
    api.fault(CLIENTS, status=200, body=json.dumps(body))


FAULTS = [
    drip,
    too_many_requests,
    too_many_requests_for_ever,
    wrong_key,
    one_project_is_gone,
    one_project_is_forbidden,
    one_project_fails,
    bad_request,
    redirect,
    cut_body,
    ignored_pages,
    verdict_envelope,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_met_as_by_the_tap(
    sandbox: SandboxFactory,
    tmp_path: Path,
    duck: Warehouse,
    caplog: pytest.LogCaptureFixture,
    fault: Callable[[Sandbox], None],
) -> None:
    options: dict[str, Any] = {"max_retries": 2, "request_timeout": 0.4}
    taps, dlts = sandbox(**SMALL), sandbox(**SMALL)
    for api in (taps, dlts):
        fault(api)
    tap = run_tap(settings(taps, **options), folder=tmp_path)
    caplog.clear()
    if tap.status:
        failure = one_line(duck.error(dlts, **options), dlts)
        for error in tap.errors:
            assert one_line(error, taps) in failure
    else:
        duck.load(dlts, **options)
        assert {name: duck.ids(name) for name in STREAMS} == {
            name: sorted(tap.ids(name)) for name in STREAMS
        }
    assert said(caplog, dlts) == warnings_in(tap.err, taps)
    # Where a run fails, what else was under way by then is a matter of chance.
    at_fault = CLIENTS if tap.status else ""
    assert requests(dlts, at_fault) == requests(taps, at_fault)


def one_line(text: str, api: Sandbox) -> str:
    return " ".join(text.split()).replace(api.url, "API")


def requests(api: Sandbox, path: str) -> dict[str, int]:
    return {
        target: count
        for target, count in api.stats().by_target.items()
        if target.startswith(path)
    }


def said(caplog: pytest.LogCaptureFixture, api: Sandbox) -> list[str]:
    return sorted(
        without_seconds(one_line(record.getMessage(), api))
        for record in caplog.records
        if record.levelno == logging.WARNING
    )


def warnings_in(err: str, api: Sandbox) -> list[str]:
    return sorted(
        without_seconds(one_line(line.split("| ")[-1], api))
        for line in err.splitlines()
        if "| WARNING" in line
    )


def without_seconds(text: str) -> str:
    return text.partition(" follows in ")[0]


def test_the_last_line_is_the_one_that_the_tap_would_say(
    api: Sandbox, duck: Warehouse, tmp_path: Path
) -> None:
    wrong_key(api)
    of_the_tap = run_tap(settings(api), folder=tmp_path).error
    assert duck.error(api).splitlines()[-1] == of_the_tap


def test_the_last_line_is_the_same_below_projects(
    api: Sandbox, duck: Warehouse, tmp_path: Path
) -> None:
    api.fault(second_project(api), status=400, body="no")
    of_the_tap = run_tap(settings(api), folder=tmp_path).error
    assert duck.error(api).splitlines()[-1] == of_the_tap
