"""Applies stream maps and flattening, as the SDK does it for every target."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.helpers._flattening import flatten_key
from singer_sdk.mapper import PluginMapper, RemoveRecordTransform, StreamMap

from tap_analytics.plugin.map_expressions import failed_expression, reason
from tap_analytics.target_dlt.columns.types_of_schema import column_types
from tap_analytics.target_dlt.errors import InputError, SetupError

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Mapping

# Decimals, because that is what the SDK gives to the maps.
_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def make_mapper(config: Mapping[str, Any], logger: logging.Logger) -> PluginMapper:
    """Make the SDK's mapper.

    Raises:
        SetupError: The setting `stream_maps` says what the SDK doesn't know.
    """
    try:
        # A copy: the mapper takes `__else__` out of what it is given.
        return PluginMapper(deepcopy(dict(config)), logger)
    except Exception as error:  # noqa: BLE001, the SDK raises all kinds
        msg = f"`stream_maps` can't be used: {reason(error)}"
        raise SetupError(msg) from None


def maps_of(mapper: PluginMapper, stream: str) -> list[StreamMap]:
    """Return the maps of a stream, but for those that drop it.

    Raises:
        InputError: The stream has no SCHEMA yet.
    """
    if stream not in mapper.stream_maps:
        msg = f"stream {stream!r} has no SCHEMA yet."
        raise InputError(msg)
    return [
        one
        for one in mapper.stream_maps[stream]
        if not isinstance(one, RemoveRecordTransform)
    ]


def register_schema(
    mapper: PluginMapper, stream: str, schema: dict[str, Any], keys: list[str]
) -> None:
    """Let the SDK's mapper know a stream's schema.

    Raises:
        InputError: The stream's maps are wrong, or don't go with the schema.
    """
    try:
        mapper.register_raw_stream_schema(stream, schema, keys)
    except Exception as error:  # noqa: BLE001, the SDK raises all kinds
        msg = f"stream {stream!r}: its stream map can't be used: {reason(error)}"
        raise InputError(msg) from None
    for stream_map in maps_of(mapper, stream):
        if stream_map.flattening_enabled:
            flatten = _Flattening(stream_map).flatten
            stream_map.flatten_record = flatten  # type: ignore[method-assign]


class _Flattening:
    """Flattens records as the SDK does, but for objects and lists in columns of JSON.

    The SDK makes text of all that it doesn't flatten, which would be JSON in JSON.

    Args:
        stream_map: The stream's map.
    """

    def __init__(self, stream_map: StreamMap) -> None:
        self._map = stream_map
        options = stream_map.flattening_options
        assert options is not None  # noqa: S101, it is enabled
        self._separator, self._longest = options.separator, options.max_key_length
        types = column_types(stream_map.transformed_schema)
        self._json = {name for name, type_ in types.items() if type_.kind == "json"}

    def flatten(self, record: dict[str, Any]) -> dict[str, Any]:
        """Flatten a record."""
        flat = StreamMap.flatten_record(self._map, record)
        if any(isinstance(flat.get(name), str) for name in self._json):
            self._put_back(flat, record, [])
        return flat

    def _put_back(
        self, flat: dict[str, Any], node: Mapping[str, Any], parents: list[str]
    ) -> None:
        """Put objects and lists back in place of their text."""
        for key, value in node.items():
            name = flatten_key(
                key, parents, self._separator, max_key_length=self._longest
            )
            if name in flat:
                if name in self._json and isinstance(value, dict | list):
                    flat[name] = value
            elif isinstance(value, dict):
                self._put_back(flat, value, [*parents, key])


def apply_stream_maps(
    mapper: PluginMapper, stream: str, line: bytes
) -> Iterator[tuple[str, bytes]]:
    """Apply a stream's maps to a RECORD line.

    Args:
        mapper: The SDK's mapper, which knows the stream's schema.
        stream: The stream's name.
        line: The line.

    Yields:
        The name and the line of each record that the maps make of it.

    Raises:
        InputError: The line is not a record, or an expression fails on it.
    """
    for stream_map in mapper.stream_maps[stream]:
        try:
            message = _decoder.decode(line)
            record = stream_map.transform(message["record"])
        except Exception as error:  # noqa: BLE001, expressions raise all kinds
            failed = failed_expression(error) or f"its map fails: {reason(error)}"
            msg = f"stream {stream!r}: {failed}."
            raise InputError(msg) from None
        if record is not None:
            message["record"] = record
            yield stream_map.stream_alias, _encoder.encode(message)
