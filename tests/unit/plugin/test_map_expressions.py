"""The streams that stream maps name."""

from __future__ import annotations

from typing import Any

import pytest

from tap_analytics.plugin.map_expressions import unmatched

STREAMS = ("tasks", "time", "time_records", "users")


@pytest.mark.parametrize(
    ("stream_maps", "names"),
    [
        ({}, []),
        ({"tasks": {"name": None}, "users": None, "__else__": None}, []),
        ({"time*": {}, "*_records": {}}, []),
        ({"people": {"__source__": "users"}}, []),
        ({"people": {"__source__": "user"}}, ["user"]),
        ({"task": None, "timer*": {}}, ["task", "timer*"]),
        ({"tasks": {"__alias__": "todos"}}, []),
    ],
)
def test_names_that_no_stream_has_are_found(
    stream_maps: dict[str, Any], names: list[str]
) -> None:
    assert unmatched(stream_maps, STREAMS) == names
