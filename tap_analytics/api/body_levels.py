"""A JSON text, decoded level by level: records stay as they came."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw

from tap_analytics.json_text import glanced_at

PLAIN_KEY = re.compile(r"[\w-]+")
"""What the key of an object may be, to be part of a selector."""

_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_array = msgspec.json.Decoder(list[Raw]).decode


def opened(raw: Raw) -> dict[str, Raw] | list[Raw] | Any:
    """Decode one level of a JSON text."""
    first = bytes(memoryview(raw)[:1])
    if first == b"{":
        return _decode_object(raw)
    if first == b"[":
        return _decode_array(raw)
    return glanced_at(raw)


def without(top: dict[str, Raw], keys: tuple[str, ...] | None) -> dict[str, Any]:
    """Return an object, decoded, but for what the keys lead to."""
    rest = {}
    for key, raw in top.items():
        if keys and key == keys[0]:
            if bytes(memoryview(raw)[:1]) == b"{":
                rest[key] = without(_decode_object(raw), keys[1:])
        else:
            rest[key] = glanced_at(raw)
    return rest


def lists_in(top: dict[str, Raw], above: str = "", depth: int = 3) -> list[str]:
    """Return the selectors of the lists in an object, the outermost first."""
    found, below = [], []
    for key, raw in top.items():
        value = opened(raw)
        if not PLAIN_KEY.fullmatch(key):
            continue
        if isinstance(value, list):
            found.append(above + key)
        elif isinstance(value, dict) and depth > 1:
            below += lists_in(value, f"{above}{key}.", depth - 1)
    return found + below
