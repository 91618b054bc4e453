"""dlt's own REST source, left to detect pages by itself, reads the same ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from dlt.sources.rest_api import rest_api_source

from tap_analytics.streams import STREAMS
from tests.helpers.running import run_tap, settings

if TYPE_CHECKING:
    from pathlib import Path

    from dlt.sources.rest_api.typing import EndpointResource, RESTAPIConfig

    from tests.conftest import SandboxFactory


@pytest.mark.parametrize("style", ["none", "link", "next_url", "cursor"])
def test_the_tap_reads_the_ids_that_dlt_reads(
    sandbox: SandboxFactory, tmp_path: Path, style: str
) -> None:
    # dlt puts ids into paths as they are, so that one without a slash has to do.
    api = sandbox(projects=1, page_size=5, pagination=style)
    resources: list[EndpointResource] = []
    streams: tuple[Any, ...] = STREAMS
    for stream in streams:
        path = stream.path.lstrip("/")
        if stream.parent_stream_type:
            path = path.format(project_id="{resources.projects.id}")
        resources.append(
            {
                "name": stream.name,
                "endpoint": {"path": path, "data_selector": "data"},
            }
        )
    config: RESTAPIConfig = {
        "client": {
            "base_url": f"{api.url}/v1/",
            "auth": {
                "type": "api_key",
                "name": "X-Api-Key",
                "api_key": api.options.api_key,
                "location": "header",
            },
        },
        "resources": [*resources],
    }
    read: dict[str, Any] = {
        name: [record["id"] for record in resource]
        for name, resource in rest_api_source(config).resources.items()
    }
    outcome = run_tap(settings(api), folder=tmp_path)
    assert {stream: outcome.ids(stream) for stream in read} == read
    assert all(read.values())
