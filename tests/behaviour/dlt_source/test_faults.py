"""What goes wrong: the dlt source sends the tap's requests, and says its words."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.dlt_extract.errors import SourceError
from tests.behaviour.dlt_source.conftest import SMALL
from tests.helpers.dlt_loading import source
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


# Siblings: the same in other words


def each_once(api: Sandbox, *faults: dict[str, Any]) -> None:
    """Let each path go wrong once, in another way."""
    project = api.truth("projects")[0]["id"]
    below = [api.path(stream, parent=project) for stream in ("tasks", "time_records")]
    paths = [CLIENTS, "/v1/projects", "/v1/team/users", "/v1/team/time", *below]
    for path, fault in zip(paths, faults, strict=False):
        api.fault(path, times=1, **fault)


def statuses_that_pass(api: Sandbox) -> None:
    statuses = ("408", "425", "520", "529", "530", "598")
    each_once(api, *({"kind": status} for status in statuses))


def connections_that_break(api: Sandbox) -> None:
    kinds = ("reset", "reset-in-headers", "reset-in-body", "cut-off-chunked")
    each_once(api, *({"kind": kind} for kind in (*kinds, "broken-gzip", "html")))


def verdicts_that_pass(api: Sandbox) -> None:
    kinds = ("status-error", "status-fail", "success-0", "success-false-as-text")
    each_once(api, *({"kind": kind} for kind in (*kinds, "ok-false", "code-500")))


def limits_in_other_words(api: Sandbox) -> None:
    past = {
        "Date": "Wed, 01 Jan 2020 00:00:00 GMT",
        "Retry-After": "Wed, 01 Jan 2020 00:00:00 GMT",
    }
    soon = {"Retry-After": "0"}
    each_once(
        api,
        *({"status": status, "headers": soon} for status in (402, 403, 429, 202)),
        {"status": 429, "headers": past},
        {"kind": "206"},
    )


def an_interim_answer(api: Sandbox) -> None:
    each_once(api, *[{"kind": "103"}] * 6)


def no_content(api: Sandbox) -> None:
    api.fault("/v1/team/users", kind="204")


def one_project_is_to_be_paid_for(api: Sandbox) -> None:
    api.fault(second_project(api), status=402)
    api.fault(second_project(api, "time_records"), status=451)


def all_projects_are_gone(api: Sandbox) -> None:
    for project in api.truth("projects"):
        api.fault(api.path("tasks", parent=project["id"]), status=404)


def refused_for_a_reason(api: Sandbox) -> None:
    body = '{"message": "Your plan has no API."}'
    api.fault(CLIENTS, status=403, body=body)


def not_acceptable(api: Sandbox) -> None:
    api.fault(CLIENTS, status=406)


def forced_compression(api: Sandbox) -> None:
    api.fault(CLIENTS, status=200, body="?", headers={"Content-Encoding": "br"})


PAGES: dict[str, Any] = {"pagination": "page", "page_size": 2}

SIBLINGS: list[tuple[Callable[[Sandbox], None] | None, dict[str, Any]]] = [
    *(
        (fault, {})
        for fault in (
            *(statuses_that_pass, connections_that_break, verdicts_that_pass),
            *(limits_in_other_words, an_interim_answer, no_content),
            *(one_project_is_to_be_paid_for, all_projects_are_gone),
            *(refused_for_a_reason, not_acceptable, forced_compression),
        )
    ),
    (None, PAGES | {"totals": (), "total_headers": ("total",)}),
    (None, PAGES | {"page_status": 206}),
    (None, PAGES | {"total_cap": 3}),
    (None, PAGES | {"short_pages": True, "totals": ()}),
    (None, PAGES | {"first_page": 0}),
    (None, PAGES | {"ignores_pages": ("clients",), "volatile_field": "nonce"}),
    (None, PAGES | {"pagination": "cursor", "cursor_when_asked": True}),
    (None, {"envelope": "data.*", "clients": 0}),
    (None, {"charset": "iso-8859-1", "trailing_slash": True}),
]


@pytest.mark.parametrize(
    ("fault", "options"),
    SIBLINGS,
    ids=lambda one: one.__name__ if callable(one) else str(one),
)
def test_a_kind_of_answer_is_met_as_by_the_tap(
    sandbox: SandboxFactory,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fault: Callable[[Sandbox], None] | None,
    options: dict[str, Any],
) -> None:
    selector = {"data_selector": options.get("envelope", "data")}
    taps, dlts = (sandbox(**SMALL | options) for _ in range(2))
    for api in (taps, dlts):
        if fault is not None:
            fault(api)
    tap = run_tap(settings(taps, **selector), folder=tmp_path)
    caplog.clear()
    if tap.status:
        with pytest.raises(SourceError) as failure:
            list(source(dlts, **selector))
        for error in tap.errors:
            assert one_line(error, taps) in one_line(str(failure.value), dlts)
    else:
        ids = [row["id"] for row in source(dlts, **selector)]
        assert sorted(ids) == sorted(id_ for name in STREAMS for id_ in tap.ids(name))
    assert said(caplog, dlts) == warnings_in(tap.err, taps)
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
