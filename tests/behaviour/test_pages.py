"""Every pagination style, envelope and page boundary, over HTTP: all ids once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.running import STREAMS, Outcome, run_tap, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

PAGE = 5
BOUNDARIES = {"none": 0, "one": 1, "a page": PAGE, "one more": PAGE + 1, "many": 23}
IN_THE_BODY = ("next_url", "cursor")


def api_with(sandbox: SandboxFactory, rows: int, **options: Any) -> Sandbox:
    """Return an API in which every list is of this length."""
    sizes = dict.fromkeys(
        ("projects", "tasks", "time_records", "clients", "users", "team_time"), rows
    )
    return sandbox(page_size=PAGE, **{**sizes, "projects": min(rows, 6), **options})


def check(api: Sandbox, outcome: Outcome) -> None:
    assert outcome.status == 0, outcome.err
    for stream in STREAMS:
        assert outcome.ids(stream) == [record["id"] for record in api.truth(stream)]


@pytest.mark.parametrize("pagination", ["auto", "as set"])
@pytest.mark.parametrize("rows", BOUNDARIES.values(), ids=BOUNDARIES)
@pytest.mark.parametrize("envelope", ["data", "none", "result.items", "data[*].node"])
@pytest.mark.parametrize(
    "style", ["none", "link", "next_url", "cursor", "page", "offset"]
)
def test_all_ids_arrive_once(
    sandbox: SandboxFactory,
    tmp_path: Path,
    style: str,
    envelope: str,
    rows: int,
    pagination: str,
) -> None:
    if envelope == "none" and style in IN_THE_BODY:
        return  # There is no room for it in a list.
    if envelope == "none" and style in {"page", "offset"} and pagination == "auto":
        return  # Nothing in the response speaks of pages.
    totals = (
        ("offset", "limit", "total") if style == "offset" else ("page", "total_pages")
    )
    api = api_with(sandbox, rows, pagination=style, envelope=envelope, totals=totals)
    config = settings(
        api,
        data_selector="$" if envelope == "none" else envelope,
        pagination="auto" if pagination == "auto" else style,
    )
    check(api, run_tap(config, folder=tmp_path))


@pytest.mark.parametrize("style", ["link", "next_url", "cursor", "page", "offset"])
@pytest.mark.parametrize("concurrency", [1, 16])
def test_a_smaller_page_size_is_asked_for(
    sandbox: SandboxFactory, tmp_path: Path, style: str, concurrency: int
) -> None:
    api = api_with(sandbox, 7, pagination=style)
    config = settings(api, page_size=2, pagination=style, concurrency=concurrency)
    check(api, run_tap(config, folder=tmp_path))
    assert api.stats().by_path["/v1/clients"] in {4, 5}


def test_a_page_size_for_one_stream(sandbox: SandboxFactory, tmp_path: Path) -> None:
    api = api_with(sandbox, 4, pagination="page")
    config = settings(api, page_size_by_stream={"users": 1})
    check(api, run_tap(config, folder=tmp_path))
    # One more finds out that the count, on which the list ended, is right.
    assert api.stats().by_path["/v1/team/users"] == 5
    assert api.stats().by_path["/v1/clients"] == 1


def test_parameters_of_other_names(sandbox: SandboxFactory, tmp_path: Path) -> None:
    names = {"page_param": "p", "limit_param": "per_page"}
    api = api_with(sandbox, 7, pagination="page", **names)
    config = settings(
        api, pagination="page", page_size=3, page_param="p", page_size_param="per_page"
    )
    check(api, run_tap(config, folder=tmp_path))


def test_an_api_that_ignores_the_page_is_read_once_with_a_warning(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = api_with(sandbox, 4)
    outcome = run_tap(settings(api, pagination="page"), folder=tmp_path)
    check(api, outcome)
    warnings = [line for line in outcome.err.splitlines() if "'clients'" in line]
    assert len(warnings) == 1
    assert "had been read before" in warnings[0]


def test_a_link_to_another_origin_is_not_followed(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api, other = sandbox(), sandbox()
    api.fault(
        "/v1/clients",
        status=200,
        headers={"Link": f'<{other.url}/v1/clients?page=2>; rel="next"'},
        body='{"data": [{"id": "1"}]}',
    )
    outcome = run_tap(settings(api), folder=tmp_path)
    assert f"leads to {other.url}" in outcome.error
    assert other.stats().requests == 0


def test_the_style_that_was_seen_is_logged_once_per_stream(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = api_with(sandbox, 7, pagination="cursor")
    outcome = run_tap(settings(api), folder=tmp_path, log_level="DEBUG")
    lines = [line for line in outcome.err.splitlines() if "pagination cursor" in line]
    assert len(lines) == len(STREAMS)


@pytest.mark.parametrize("rows", [0, 3, 5, 7])
def test_pages_from_0_that_are_shorter_than_a_page_are_read(
    sandbox: SandboxFactory, tmp_path: Path, rows: int
) -> None:
    api = api_with(sandbox, rows, pagination="page", totals=(), first_page=0)
    outcome = run_tap(settings(api, pagination="page"), folder=tmp_path)
    assert outcome.status == 0, outcome.err
    for stream in STREAMS:
        expected = sorted(record["id"] for record in api.truth(stream))
        assert sorted(outcome.ids(stream)) == expected


def test_empty_lists_below_parents_cost_one_look_at_page_0(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = api_with(sandbox, 3, pagination="page", tasks=0, totals=())
    check(api, run_tap(settings(api, pagination="page"), folder=tmp_path))
    paths = api.stats().by_path
    asked = [number for path, number in paths.items() if path.endswith("/tasks")]
    assert sorted(asked) == [1, 1, 2]


def test_lists_that_are_cut_without_a_word_are_read_on(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    lists = {"projects": 0, "team_time": 0, "users": 3, "clients": 27}
    api = sandbox(**lists, page_size=25, pagination="page", totals=())
    outcome = run_tap(settings(api), folder=tmp_path)
    assert outcome.ids("clients") == [one["id"] for one in api.truth("clients")]
    assert api.stats().by_path["/v1/team/users"] == 1


def test_lists_of_a_usual_length_cost_one_look_per_stream(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = api_with(sandbox, 3, tasks=20)
    check(api, run_tap(settings(api), folder=tmp_path))
    paths = api.stats().by_path
    asked = [number for path, number in paths.items() if path.endswith("/tasks")]
    assert sorted(asked) == [1, 1, 2]
