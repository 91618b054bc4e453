"""How the sandbox divides lists."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import pytest
import requests

from tests.helpers.sandbox_client import TIMEOUT, get
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

STYLES = ("link", "next_url", "cursor", "page", "offset")
SIZES = (0, 1, 3, 4, 10)  # with pages of three: none, short, full, one more, many


def pages(api: Sandbox, **parameters: Any) -> Iterator[list[str]]:
    """Reads page after page, as the style wants it; ends with an empty page at most."""
    style, path = api.options.pagination, api.path("clients")
    response = get(api, path, parameters)
    while True:
        body = response.json()
        ids = [record["id"] for record in body.get("data")]
        yield ids
        following = dict(parameters)
        if style in {"link", "next_url"}:
            url = response.links.get("next", {}).get("url")
            url = url if style == "link" else body["links"]["next"]
            if url is None:
                return
            headers = {"X-Api-Key": KEY}
            url = urljoin(api.url, url)
            response = requests.get(url, headers=headers, timeout=TIMEOUT)
            continue
        if style == "cursor":
            if body["next_cursor"] is None:
                return
            following["cursor"] = body["next_cursor"]
        elif not ids:
            return
        elif style == "page":
            first = api.options.first_page
            following["page"] = parameters.get("page", first) + 1
        else:
            following["offset"] = parameters.get("offset", 0) + len(ids)
        parameters = following
        response = get(api, path, parameters)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", SIZES)
def test_following_the_pages_gives_every_record_once(
    sandbox: SandboxFactory, style: str, size: int
) -> None:
    api = sandbox(pagination=style, page_size=3, clients=size)
    read = list(pages(api))
    ids = [identifier for page in read for identifier in page]
    assert ids == [record["id"] for record in api.truth("clients")]
    assert all(len(page) <= 3 for page in read)


@pytest.mark.parametrize("style", STYLES)
def test_a_client_may_ask_for_less_per_page_but_not_for_more(
    sandbox: SandboxFactory, style: str
) -> None:
    api = sandbox(pagination=style, page_size=5, clients=12)
    assert [len(page) for page in pages(api, limit=4) if page] == [4, 4, 4]
    assert [len(page) for page in pages(api, limit=50) if page] == [5, 5, 2]


@pytest.mark.parametrize("style", ["next_url", "link", "cursor"])
def test_the_last_page_says_so(sandbox: SandboxFactory, style: str) -> None:
    api = sandbox(pagination=style, page_size=3, clients=6)
    assert [len(page) for page in pages(api)] == [3, 3]


def test_without_pagination_page_parameters_mean_nothing(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(page_size=3, clients=10)
    response = get(api, "/v1/clients", {"page": 2, "limit": 1})
    assert list(response.json()) == ["data"]
    assert len(response.json()["data"]) == 10


def test_a_link_header_names_the_neighbours(sandbox: SandboxFactory) -> None:
    api = sandbox(pagination="link", page_size=3, clients=9)
    links = get(api, "/v1/clients", {"page": 2}).links
    urls = {name: link["url"].partition("?")[2] for name, link in links.items()}
    assert urls == {
        "first": "page=1",
        "prev": "page=1",
        "next": "page=3",
        "last": "page=3",
    }
    assert "next" not in get(api, "/v1/clients", {"page": 3}).links


def test_a_next_url_keeps_the_other_parameters(sandbox: SandboxFactory) -> None:
    api = sandbox(pagination="next_url", page_size=5, clients=9)
    body = get(api, "/v1/clients", {"limit": 2, "since": "2020-01-01"}).json()
    url = f"{api.url}/v1/clients?limit=2&since=2020-01-01&page=2"
    assert body["links"]["next"] == url


def test_a_next_url_has_the_host_that_the_client_used(sandbox: SandboxFactory) -> None:
    api = sandbox(pagination="next_url", page_size=5)
    headers = {"Host": "localhost:1234"}
    url = get(api, "/v1/clients", headers=headers).json()["links"]["next"]
    assert url.startswith("http://localhost:1234/v1/clients?")


def test_a_next_url_may_be_relative(sandbox: SandboxFactory) -> None:
    api = sandbox(pagination="next_url", page_size=5, relative_next=True)
    body = get(api, "/v1/clients").json()
    assert body["links"]["next"] == "/v1/clients?page=2"
    assert sum(len(page) for page in pages(api)) == 12


def test_a_next_url_keeps_ids_encoded(sandbox: SandboxFactory) -> None:
    api = sandbox(pagination="next_url", page_size=5, relative_next=True)
    body = get(api, api.path("tasks", "ws/1002")).json()
    assert body["links"]["next"] == "/v1/projects/ws%2F1002/tasks?page=2"


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("next", {"next": "/v1/clients?page=2"}),
        ("paging.next", {"paging": {"next": "/v1/clients?page=2"}}),
        ("links.next.href", {"links": {"next": {"href": "/v1/clients?page=2"}}}),
    ],
)
def test_a_next_url_may_stand_anywhere(
    sandbox: SandboxFactory, field: str, expected: dict[str, Any]
) -> None:
    api = sandbox(
        pagination="next_url", page_size=9, relative_next=True, next_field=field
    )
    body = get(api, "/v1/clients").json()
    del body["data"]
    assert body == expected


def test_metadata_may_share_an_object_with_the_records(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(
        pagination="cursor", page_size=9, envelope="result.items", next_field="result.c"
    )
    assert list(get(api, "/v1/clients").json()["result"]) == ["items", "c"]


def test_totals_come_with_pages(sandbox: SandboxFactory) -> None:
    api = sandbox(pagination="page", page_size=5, clients=12)
    totals = get(api, "/v1/clients", {"page": 2}).json()["meta"]
    assert totals == {"page": 2, "per_page": 5, "total": 12, "total_pages": 3}


def test_totals_may_be_named_placed_and_left_out(sandbox: SandboxFactory) -> None:
    options: dict[str, Any] = {"pagination": "page", "page_size": 5, "clients": 12}
    named = sandbox(**options, totals=("current_page", "last_page"), totals_in="")
    body = get(named, "/v1/clients").json()
    assert (body["current_page"], body["last_page"]) == (1, 3)
    bare = sandbox(**options, totals=())
    assert list(get(bare, "/v1/clients").json()) == ["data"]


def test_totals_of_offsets(sandbox: SandboxFactory) -> None:
    api = sandbox(
        pagination="offset",
        page_size=5,
        clients=12,
        totals=("offset", "limit", "total"),
    )
    totals = get(api, "/v1/clients", {"offset": 10}).json()["meta"]
    assert totals == {"offset": 10, "limit": 5, "total": 12}


@pytest.mark.parametrize("style", ["page", "offset"])
def test_pages_beyond_the_last_are_empty(sandbox: SandboxFactory, style: str) -> None:
    api = sandbox(pagination=style)
    assert get(api, "/v1/clients", {style: 999}).json()["data"] == []


@pytest.mark.parametrize("style", ["link", "page", "offset"])
def test_a_top_level_array_can_have_pages(sandbox: SandboxFactory, style: str) -> None:
    api = sandbox(pagination=style, page_size=5, envelope="none")
    assert len(get(api, "/v1/clients").json()) == 5
    parameter = {"offset": 10} if style == "offset" else {"page": 3}
    assert len(get(api, "/v1/clients", parameter).json()) == 2


def test_the_parameters_may_have_other_names(sandbox: SandboxFactory) -> None:
    names = {"page_param": "p", "limit_param": "per", "since_param": "from"}
    api = sandbox(pagination="page", page_size=5, clients=12, **names)
    assert len(get(api, "/v1/clients", {"p": 2, "per": 4}).json()["data"]) == 4
    assert get(api, "/v1/clients", {"p": 4, "per": 4}).json()["data"] == []
    assert get(api, "/v1/clients", {"from": "2100-01-01"}).json()["data"] == []


@pytest.mark.parametrize(
    ("style", "parameter", "value"),
    [
        ("page", "page", "0"),
        ("page", "page", "two"),
        ("page", "limit", "0"),
        ("page", "limit", "-1"),
        ("offset", "offset", "-1"),
        ("cursor", "cursor", "made-up"),
        ("none", "since", "yesterday"),
        ("none", "until", "2025-02-30"),
    ],
)
def test_a_parameter_that_makes_no_sense_gets_400(
    sandbox: SandboxFactory, style: str, parameter: str, value: str
) -> None:
    response = get(sandbox(pagination=style), "/v1/clients", {parameter: value})
    assert response.status_code == 400
    assert parameter in response.json()["error"]["message"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "options", [{"first_page": 0}, {"first_page": 2}, {"short_pages": True}]
)
def test_pages_may_be_numbered_and_cut_in_other_ways(
    sandbox: SandboxFactory, style: str, options: dict[str, Any]
) -> None:
    api = sandbox(pagination=style, page_size=3, clients=10, **options)
    ids = [identifier for page in pages(api) for identifier in page]
    assert ids == [record["id"] for record in api.truth("clients")]


@pytest.mark.parametrize("style", STYLES)
def test_a_short_page_may_be_in_the_middle(sandbox: SandboxFactory, style: str) -> None:
    api = sandbox(pagination=style, page_size=3, clients=9, short_pages=True)
    assert [len(page) for page in pages(api) if page] == [3, 2, 3, 1]


def test_a_page_below_the_first_gets_400(sandbox: SandboxFactory) -> None:
    api = sandbox(pagination="page", first_page=1)
    assert get(api, "/v1/clients", {"page": 0}).status_code == 400


@pytest.mark.parametrize("style", STYLES)
def test_a_stream_may_ignore_which_page_is_asked_for(
    sandbox: SandboxFactory, style: str
) -> None:
    api = sandbox(pagination=style, page_size=3, clients=9, ignores_pages=("clients",))
    first, second, third = islice(pages(api), 3)
    assert first == second == third == ["cl:1", "cl:2", "cl:3"]


def test_what_comes_next_differs_each_time_where_pages_are_ignored(
    sandbox: SandboxFactory,
) -> None:
    for style, place in (("cursor", "next_cursor"), ("next_url", "links")):
        api = sandbox(pagination=style, page_size=3, ignores_pages=("clients",))
        one, other = (get(api, "/v1/clients").json()[place] for _ in range(2))
        assert one != other


def test_a_field_may_differ_each_time(sandbox: SandboxFactory) -> None:
    api = sandbox(volatile_field="signedUrl", clients=2)
    bodies = [get(api, "/v1/clients").json()["data"] for _ in range(2)]
    values = [record.pop("signedUrl") for body in bodies for record in body]
    assert len(set(values)) == 4
    assert bodies[0] == bodies[1]


def test_a_cursor_may_come_only_for_clients_that_send_one(
    sandbox: SandboxFactory,
) -> None:
    api = sandbox(pagination="cursor", page_size=9, cursor_when_asked=True)
    assert get(api, "/v1/clients").json()["next_cursor"] is None
    assert get(api, "/v1/clients", {"cursor": ""}).json()["next_cursor"]


def test_a_page_may_have_a_status_of_its_own(sandbox: SandboxFactory) -> None:
    api = sandbox(pagination="page", page_size=9, clients=12, page_status=206)
    assert get(api, "/v1/clients").status_code == 206
    whole = sandbox(pagination="page", page_size=12, clients=12, page_status=206)
    assert get(whole, "/v1/clients").status_code == 200


@pytest.fixture
def dated(sandbox: SandboxFactory) -> Sandbox:
    """A sandbox with clients created at known times."""
    api = sandbox(clients=0, pagination="offset", page_size=50)
    for identifier, created in {
        "january": "2025-01-31T23:59:59Z",
        "february": "2025-02-01T00:00:00Z",
        "noon": "2025-02-01T12:00:00+01:00",
        "space": "2025-02-02 00:00:00",
        "unix": 1738540800,  # 2025-02-03
        "never": None,
        "nonsense": "soon",
    }.items():
        api.add("clients", {"id": identifier, "createdAt": created})
    return api


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, "january february noon space unix never nonsense"),
        ({"since": "2025-02-01"}, "february noon space unix"),
        ({"since": "2025-02-01T11:00:00Z"}, "noon space unix"),
        ({"until": "2025-01-31"}, "january"),
        ({"until": "2025-02-01"}, "january february noon"),
        ({"until": "2025-02-01T00:00:00Z"}, "january february"),
        ({"since": "2025-02-01", "until": "2025-02-01"}, "february noon"),
        ({"since": "2025-02-01", "limit": "2", "offset": "1"}, "noon space"),
    ],
)
def test_dates_choose_records_by_their_creation(
    dated: Sandbox, parameters: dict[str, str], expected: str
) -> None:
    data = get(dated, "/v1/clients", parameters).json()["data"]
    assert [record["id"] for record in data] == expected.split()


def test_a_filter_sees_changes(dated: Sandbox) -> None:
    since = {"since": "2025-02-03"}
    assert len(get(dated, "/v1/clients", since).json()["data"]) == 1
    dated.change("clients", "never", {"createdAt": "2025-02-04"})
    assert len(get(dated, "/v1/clients", since).json()["data"]) == 2
