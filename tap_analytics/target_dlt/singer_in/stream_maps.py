"""Applies stream maps and flattening, as the SDK does it for every target."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.mapper import PluginMapper

# Decimals, because that is what the SDK gives to the maps.
_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


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
    """
    for stream_map in mapper.stream_maps[stream]:
        message = _decoder.decode(line)
        if (record := stream_map.transform(message["record"])) is not None:
            message["record"] = record
            yield stream_map.stream_alias, _encoder.encode(message)
