"""Stream maps, and what of the SDK they lean on."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from singer_sdk import Tap
from singer_sdk.mapper import PluginMapper, RemoveRecordTransform

from tap_analytics.plugin.map_expressions import failed_expression
from tap_analytics.tap import TapAnalytics
from tests.helpers.running import STREAMS
from tests.helpers.scanning import KEY

CONFIG = {"api_key": KEY, "api_url": "http://127.0.0.1:9"}
LOGGER = logging.getLogger("tap-analytics.test")


def tap(catalog: dict[str, Any] | None = None, **config: Any) -> TapAnalytics:
    return TapAnalytics(config={**CONFIG, **config}, catalog=catalog)


def registered(one: TapAnalytics) -> dict[str, Any]:
    """Return what a tap's mapper knows of each stream."""
    return {
        name: (
            [(type(a), a.stream_alias, a.raw_key_properties) for a in maps],
            maps[0].transformed_schema,
        )
        for name, maps in one.mapper.stream_maps.items()
    }


# What the SDK does: if one of these fails, look at singer/stream_maps.py


def test_the_sdk_registers_the_same_where_nothing_is_deselected() -> None:
    catalog = tap().catalog_dict
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if item["breadcrumb"][-1:] == ["name"]:
                item["metadata"]["selected"] = False
    maps = {"users": {"label": "status"}, "people": {"__source__": "users"}}
    one = tap(catalog, stream_maps=maps)
    ours = registered(one)
    Tap.setup_mapper(one)
    assert ours == registered(one)
    assert "name" not in ours["users"][1]["properties"]


def test_the_sdk_does_not_register_what_is_not_in_the_catalog() -> None:
    catalog = {"streams": tap().catalog_dict["streams"][2:]}
    one = tap(catalog)
    assert one.mapper.stream_maps.keys() == {*STREAMS}
    Tap.setup_mapper(one)
    assert one.mapper.stream_maps.keys() == {*STREAMS} - {"clients", "projects"}


def test_the_sdk_takes_else_out_of_what_it_is_given() -> None:
    maps: dict[str, Any] = {"__else__": None}
    PluginMapper({"stream_maps": maps}, LOGGER)
    assert maps == {}
    assert tap(stream_maps={"__else__": None}).config["stream_maps"] == {
        "__else__": None
    }


@pytest.mark.parametrize("dropped", [None, "__NULL__"])
def test_the_sdk_filters_all_rows_of_a_table_that_is_dropped(dropped: Any) -> None:
    (first,) = tap(stream_maps={"users": dropped}).streams["users"].stream_maps
    assert isinstance(first, RemoveRecordTransform)
    assert not first.get_filter_result({"id": "1"})


def test_the_sdk_evaluates_an_expression_in_variables_that_name_it() -> None:
    (first,) = tap(stream_maps={"users": {"a": "1 / 0"}}).streams["users"].stream_maps
    with pytest.raises(ZeroDivisionError) as caught:
        first.transform({"id": "1"})
    assert failed_expression(caught.value) == (
        "stream map of 'a', '1 / 0': ZeroDivisionError: division by zero"
    )


def test_an_error_elsewhere_is_not_that_of_an_expression() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    assert failed_expression(caught.value) is None


# A table that is dropped


def test_a_table_that_is_dropped_is_not_selected() -> None:
    one = tap(
        stream_maps={"users": {}, "people": {"__source__": "clients"}, "c*": None}
    )
    selected = {name for name, stream in one.streams.items() if stream.selected}
    assert selected == {*STREAMS}
    one = tap(stream_maps={"users": {}, "__else__": None})
    selected = {name for name, stream in one.streams.items() if stream.selected}
    assert selected == {"users"}
