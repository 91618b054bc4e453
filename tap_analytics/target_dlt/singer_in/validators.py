"""Checks of whole records against a stream's JSON schema."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import InvalidJSONSchema
from singer_sdk.sinks.core import JSONSchemaValidator

from tap_analytics.target_dlt.columns.misfits import SHOWN_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMITS = {"exclusiveMaximum": "maximum", "exclusiveMinimum": "minimum"}

_VALUES = frozenset({"const", "default", "enum", "examples"})
"""Keywords that hold values, not schemas."""

# Decimals, to go with those of the records that are validated.
_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def make_validator(schema: Mapping[str, Any]) -> JSONSchemaValidator:
    """Make the validator of a stream's records.

    Raises:
        ValueError: The schema is none.
    """
    copy = _decoder.decode(msgspec.json.encode(schema))
    try:
        return JSONSchemaValidator(_newer(copy))
    except InvalidJSONSchema as error:
        # The SDK's message has several lines.
        text = str(getattr(error.__cause__, "message", error)).partition("\n")[0]
        msg = f"its JSON schema is not valid: {text[: 2 * SHOWN_CHARACTERS]}"
        raise ValueError(msg) from None


def _newer(schema: Any) -> Any:
    """Write limits as later drafts do; in draft 4, `exclusiveMaximum` is a boolean."""
    if isinstance(schema, list):
        return [_newer(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    newer = {
        key: value if key in _VALUES else _newer(value) for key, value in schema.items()
    }
    for exclusive, inclusive in _LIMITS.items():
        if isinstance(newer.get(exclusive), bool):
            is_exclusive = newer.pop(exclusive)
            if is_exclusive and inclusive in newer:
                newer[exclusive] = newer.pop(inclusive)
    return newer
