"""The connection test: what it says of an API, and of one that does not fit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.helpers.running import Outcome, run_tap, settings
from tests.helpers.terminals import run as run_in_terminal
from tests.helpers.terminals import terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

SMALL = {"projects": 3, "tasks": 2, "time_records": 2, "clients": 4, "users": 2}


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(**SMALL)


def check(api: Sandbox, folder: Path, **config: Any) -> Outcome:
    return run_tap(settings(api, **config), "--test", folder=folder, log_level="INFO")


def verdict(outcome: Outcome) -> list[str]:
    lines = [
        line.partition("| tap-analytics                  | ")[2]
        for line in outcome.err.splitlines()
        if "INFO" in line
    ]
    heads = [n for n, line in enumerate(lines) if line.startswith(("It ", "The key"))]
    return lines[heads[0] :]


def advice(outcome: Outcome) -> dict[str, Any]:
    line = verdict(outcome)[-1]
    assert line.startswith("Put this into the config: ")
    settings: dict[str, Any] = json.loads(line.partition(": ")[2])
    return settings


def test_it_tells_what_was_found_out(sandbox: SandboxFactory, tmp_path: Path) -> None:
    api = sandbox(**SMALL, pagination="page", page_size=2)
    outcome = check(api, tmp_path)
    assert outcome.status == 0
    page = "pagination page (meta.page 1, meta.total_pages {}, meta.total {}, {})"
    per_page = "meta.per_page 2"
    assert verdict(outcome)[:8] == [
        "It works: all 6 streams can be read.",
        "  key           accepted, sent in X-Api-Key",
        "  records       found by data_selector 'data'",
        "  limit         none announced; it is learned if the API refuses a request",
        "  if stopped    off: a run that was stopped is begun anew. See resume_hours",
        "  date filter   time has one, 'since', for since_param",
        f"  clients       2 of 4 rows, {page.format(2, 4, per_page)}, first page 1",
        f"  projects      2 of 3 rows, {page.format(2, 3, per_page)}, first page 1",
    ]
    assert "2 of 2 rows of one project" in verdict(outcome)[8]


def test_it_ends_the_output_of_a_terminal(api: Sandbox, tmp_path: Path) -> None:
    with terminal(columns=100) as screen:
        text = run_in_terminal(settings(api), screen, tmp_path, "--test")
    assert text.startswith("It works: all 6 streams can be read.\n  key ")
    assert text.splitlines()[-1].startswith("  users         2 rows")


@pytest.mark.parametrize("level", ["WARNING", "INFO", "ERROR"])
def test_a_terminal_shows_the_verdict_alone_whatever_the_level(
    api: Sandbox, tmp_path: Path, level: str
) -> None:
    with terminal(columns=100) as screen:
        env = {"TAP_ANALYTICS_LOGLEVEL": level}
        text = run_in_terminal(settings(api), screen, tmp_path, "--test", **env)
    headline, *lines = text.splitlines()
    assert headline == "It works: all 6 streams can be read."
    assert len(lines) == 5 + 6
    assert all(line.startswith("  ") for line in lines)
    assert (tmp_path / "out.jsonl").read_bytes() == b""


@pytest.mark.parametrize("first_page", [0, 1])
def test_it_finds_out_which_page_is_the_first(
    sandbox: SandboxFactory, tmp_path: Path, first_page: int
) -> None:
    paged = {"pagination": "page", "page_size": 2, "totals": "", "clients": 5}
    api = sandbox(**{**SMALL, **paged}, first_page=first_page)
    lines = verdict(check(api, tmp_path, pagination="page", page_size=2))
    (clients,) = (line for line in lines if line.startswith("  clients"))
    assert clients.endswith(f"rows, pagination page (as set), first page {first_page}")


def test_the_date_filter_that_is_set_is_tried(api: Sandbox, tmp_path: Path) -> None:
    works, ignored = (
        verdict(check(api, tmp_path, since_param=name))[5] for name in ("since", "from")
    )
    assert works == "  date filter   since_param 'since' works for time"
    assert ignored.startswith(
        "  date filter   since_param 'from' has no effect on time: "
    )


def test_a_date_filter_is_advised_to_incremental_runs(
    api: Sandbox, tmp_path: Path
) -> None:
    assert advice(check(api, tmp_path, incremental=True)) == {"since_param": "since"}


def test_that_no_date_filter_was_found_is_said(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    outcome = check(sandbox(**SMALL, since_param="newer"), tmp_path, incremental=True)
    assert verdict(outcome)[5] == (
        "  date filter   none found for time (since, from, start_date were tried)"
    )


def test_projects_that_the_key_may_not_read_are_passed_over(
    api: Sandbox, tmp_path: Path
) -> None:
    first = quote(api.truth("projects")[0]["id"], safe="")
    api.fault(f"/v1/projects/{first}/tasks", status=403)
    outcome = check(api, tmp_path)
    assert outcome.status == 0
    assert verdict(outcome)[0] == "It works: all 6 streams can be read."
    (tasks,) = (line for line in verdict(outcome) if line.startswith("  tasks"))
    assert "2 rows of one project" in tasks
    assert tasks.endswith("; the key may not read 1 of 2 projects tried")


def test_projects_none_of_which_the_key_may_read_are_counted(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault("/v1/projects/*/tasks", status=403)
    outcome = check(api, tmp_path)
    assert verdict(outcome)[0] == "The key is accepted, but tasks can't be read."
    (tasks,) = (line for line in verdict(outcome) if line.startswith("  tasks"))
    assert tasks.endswith("Forbidden, as for all 3 projects that were tried")


def test_a_limit_that_is_announced_is_advised(api: Sandbox, tmp_path: Path) -> None:
    limit = {"RateLimit-Policy": '"default";q=20;w=10', "RateLimit": '"default";r=19'}
    api.fault("/v1/clients", status=200, headers=limit, body='{"data": []}')
    outcome = check(api, tmp_path)
    assert (
        '  limit         RateLimit-Policy: "default";q=20;w=10' in verdict(outcome)[3]
    )
    assert advice(outcome) == {"rate_limit_requests": 20, "rate_limit_seconds": 10}
    known = check(api, tmp_path, rate_limit_requests=20)
    assert "20 requests in 10 s, as set; the API says " in verdict(known)[3]
    assert "config" not in verdict(known)[-1]


def test_records_elsewhere_are_found(sandbox: SandboxFactory, tmp_path: Path) -> None:
    outcome = check(sandbox(**SMALL, envelope="result.items"), tmp_path)
    assert outcome.status == 1
    assert verdict(outcome)[:2] == [
        "It does not work yet.",
        "  key           accepted, sent in X-Api-Key",
    ]
    assert advice(outcome) == {"data_selector": "result.items"}


def test_another_prefix_is_found(sandbox: SandboxFactory, tmp_path: Path) -> None:
    outcome = check(sandbox(**SMALL, path_prefix="/api/v2"), tmp_path)
    assert outcome.status == 1
    assert advice(outcome) == {"path_prefix": "/api/v2"}


def test_a_refused_key_is_one_request(api: Sandbox, tmp_path: Path) -> None:
    outcome = check(api, tmp_path, api_key="wrong")
    assert outcome.status == 1
    assert api.stats().requests == 1
    assert verdict(outcome) == [
        "It does not work yet.",
        "  key           refused, sent in X-Api-Key",
        f"  clients       not read: GET {api.url}/v1/clients answered 401 Unauthorized",
    ]


def test_a_key_that_belongs_in_another_header_is_advised(
    api: Sandbox, tmp_path: Path
) -> None:
    asked = {"WWW-Authenticate": 'Bearer realm="api"'}
    api.fault("/v1/clients", status=401, headers=asked)
    assert advice(check(api, tmp_path)) == {
        "api_key_header": "Authorization",
        "api_key": "Bearer your-key",
    }


def test_a_stream_that_fails_hides_no_other(api: Sandbox, tmp_path: Path) -> None:
    api.fault("/v1/projects", status=403)
    outcome = check(api, tmp_path)
    assert outcome.status == 1
    headline, *lines = verdict(outcome)
    assert headline == "The key is accepted, but projects can't be read."
    assert any(line.startswith("  users         2 rows") for line in lines)
    assert outcome.errors[0].startswith(f"GET {api.url}/v1/projects answered 403")


def test_the_pagination_is_told_of_what_is_read_after_a_failure(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(**SMALL, pagination="page", page_size=2)
    api.fault("/v1/projects", status=403)
    lines = [line.split(maxsplit=1) for line in verdict(check(api, tmp_path))]
    told = {line[0]: line[1] for line in lines}
    for name in ("clients", "time", "users"):  # Before the failure, and after.
        assert "pagination page (meta.page 1, " in told[name]
        assert told[name].endswith("), first page 1")


def test_all_failures_are_in_the_error(api: Sandbox, tmp_path: Path) -> None:
    api.fault("/v1/team/*", status=404)
    (error,) = check(api, tmp_path).errors
    assert "/v1/team/time answered 404" in error
    assert "/v1/team/users answered 404" in error


def test_a_resource_that_no_project_has_is_named(api: Sandbox, tmp_path: Path) -> None:
    api.fault("/v1/projects/*/tasks", status=404)
    headline, *lines = verdict(check(api, tmp_path))
    assert headline == "The key is accepted, but tasks can't be read."
    assert "does a project have such a resource?" in lines[7]


def test_an_api_without_projects_works(sandbox: SandboxFactory, tmp_path: Path) -> None:
    outcome = check(sandbox(**{**SMALL, "projects": 0}), tmp_path)
    assert outcome.status == 0
    headline, *lines = verdict(outcome)
    assert headline == "It works, but tasks, time_records could not be tested."
    assert lines[7] == "  tasks         not asked for: there is no project"


def test_what_is_no_api_tests_no_key(api: Sandbox, tmp_path: Path) -> None:
    api.fault("/v1/clients", status=200, body="<html>Log in</html>")
    outcome = check(api, tmp_path)
    assert verdict(outcome)[1] == "  key           not tested, sent in X-Api-Key"
    assert "a body that is not JSON" in outcome.errors[0]


def test_columns_are_not_inferred_for_it(api: Sandbox, tmp_path: Path) -> None:
    assert check(api, tmp_path, undeclared_fields="infer").status == 0
    assert api.stats().requests == 6 + 1  # Is there a date filter?


def test_where_all_tables_are_dropped_there_is_nothing_to_test(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    config = settings(sandbox(), stream_maps={"__else__": None})
    outcome = run_tap(config, "--test", folder=tmp_path)
    assert outcome.error == "No stream is selected, so there is nothing to test."


def test_children_are_tested_without_their_parent_s_table(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    maps: dict[str, Any] = {"tasks": {}, "__else__": None}
    config = settings(sandbox(projects=2, tasks=2), stream_maps=maps)
    outcome = run_tap(config, "--test", folder=tmp_path)
    assert outcome.status == 0, outcome.err
    assert "2 rows of one project" in outcome.err


def test_a_stream_that_the_catalog_leaves_out_is_not_tested_after_a_failure(
    api: Sandbox, tmp_path: Path
) -> None:
    catalog = json.loads(run_tap({}, "--discover", folder=tmp_path).out)
    for entry in catalog["streams"]:
        (root,) = (item for item in entry["metadata"] if not item["breadcrumb"])
        root["metadata"]["selected"] = entry["stream"] in {"tasks", "time", "users"}
    (tmp_path / "catalog.json").write_text(json.dumps(catalog))
    api.fault(api.path("time"), status=403)
    file = str(tmp_path / "catalog.json")
    run_tap(settings(api), "--test", "--catalog", file, folder=tmp_path)
    paths = api.stats().by_path
    assert api.path("users") in paths
    assert not [path for path in paths if path.endswith("/clients")]
    assert len([path for path in paths if path.endswith("/team/time")]) == 1
