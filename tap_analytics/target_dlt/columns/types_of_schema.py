"""Which column type a JSON schema asks for."""

from __future__ import annotations

import functools
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tap_analytics.target_dlt.columns.column_types import (
    DEFAULT_SCALE,
    INTEGER,
    JSON,
    MAX_DIGITS,
    NUMBER,
    NUMERIC,
    TEXT,
    ColumnType,
    widest_decimal,
)
from tap_analytics.target_dlt.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from tap_analytics.target_dlt.columns.column_types import Kind


_ANYTHING = "anything"
"""Stands for the type where a schema says nothing of it."""


def column_types(schema: Mapping[str, Any]) -> dict[str, ColumnType]:
    """Choose a type for each property of a stream's JSON schema.

    Raises:
        InputError: A reference in the schema leads nowhere.
    """
    return {
        name: column_type(property_schema, schema)
        for name, property_schema in schema["properties"].items()
    }


def column_type(schema: Any, root: Mapping[str, Any] | None = None) -> ColumnType:
    """Choose the type for a property.

    Args:
        schema: The property's JSON schema.
        root: The schema that `#/…` references are looked up in.

    Raises:
        InputError: A reference leads nowhere.
    """
    options = [_scalar_type(option) for option in _options(schema, root or {}, ())]
    types = set(options)
    if len(types) > 1:
        types.discard(None)
    found: list[ColumnType] = [found for found in types if found is not None]
    if not found:
        # Null is all there is to it, or else nothing is said about it.
        return TEXT if types else JSON
    if len(found) == 1 and found[0].kind != "decimal":
        return found[0]
    if all(one.kind in NUMERIC for one in found):
        # Equal ones may differ in whether they take text.
        decimals = [one for one in options if one and one.kind == "decimal"]
        return widest_decimal(*decimals) if decimals else NUMBER
    if any(one.kind == "json" for one in found):
        return JSON
    return ColumnType("literal")


def _options(
    schema: Any, root: Mapping[str, Any], followed: tuple[str, ...]
) -> Iterator[Mapping[str, Any]]:
    """Yield the schemas, one type in each, that a value may have.

    Args:
        schema: The schema of the value.
        root: The schema that references are looked up in.
        followed: The references that led here.
    """
    if not isinstance(schema, dict):  # `true`: whatever it is
        if schema is not False:
            yield {"type": _ANYTHING}
        return
    if isinstance(reference := schema.get("$ref"), str):
        if reference in followed:  # a circle adds nothing
            return
        beside = _without(schema, "$ref")
        for option in _options(_resolve(reference, root), root, (*followed, reference)):
            yield beside | dict(option)
    elif union := [key for key in ("anyOf", "oneOf") if _schemas(schema.get(key))]:
        beside = _without(schema, union[0])
        for option in _schemas(schema[union[0]]):
            # What is said beside a union holds for all of it.
            yield from _options(beside | option, root, followed)
    elif "allOf" in schema:
        beside, parts = _without(schema, "allOf"), _schemas(schema["allOf"])
        yield from _options_of_all(beside, parts, root, followed)
    else:
        for name in _type_names(schema) or [_ANYTHING]:
            yield schema | {"type": name}


def _type_names(schema: Mapping[str, Any]) -> Collection[str]:
    match schema.get("type"):
        case str() as name:
            return [name]
        case list() as names:
            return names
        case _:
            values = [schema["const"]] if "const" in schema else schema.get("enum")
            return {_name_of_type(value) for value in values or ()}


def _schemas(found: Any) -> list[dict[str, Any]]:
    """Leave out of a list what is not a schema, or lets nothing pass."""
    schemas = found if isinstance(found, list) else []
    return [
        {} if one is True else one
        for one in schemas
        if isinstance(one, dict | bool) and one is not False
    ]


def _options_of_all(
    beside: dict[str, Any],
    parts: Sequence[dict[str, Any]],
    root: Mapping[str, Any],
    followed: tuple[str, ...],
) -> Iterator[Mapping[str, Any]]:
    """Yield the options of the one part that says something of the type.

    Where several do, the column takes all there is.
    """
    said = functools.reduce(dict.__or__, (*parts, beside))
    options = [[*_options(part, root, followed)] for part in parts]
    telling = [
        some
        for some in options
        if some and all(option["type"] != _ANYTHING for option in some)
    ]
    if not telling or "type" in beside:
        yield from _options(said, root, followed)
    elif len(telling) == 1:
        for option in telling[0]:
            yield said | dict(option)
    else:
        yield said | {"type": _ANYTHING}


def _without(schema: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


def _resolve(reference: str, root: Mapping[str, Any]) -> Any:
    """Look a JSON pointer up, written as the fragment of a URL.

    Raises:
        InputError: There is nothing in its place.
    """
    head, *path = reference.split("/")
    found: Any = root
    try:
        if head == "#":
            for part in path:
                key = unquote(part).replace("~1", "/").replace("~0", "~")
                found = found[int(key) if isinstance(found, list) else key]
            return found
    except (LookupError, TypeError, ValueError):
        pass
    msg = f"the schema has no {reference}"
    raise InputError(msg)


def _name_of_type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float() | Decimal():
            return "number"
        case str():
            return "string"
        case _:
            return "object"


def _scalar_type(schema: Mapping[str, Any]) -> ColumnType | None:
    """Choose the type for a schema with one type; None for null."""
    match schema["type"]:
        case "null":
            return None
        case "string":
            return _string_type(schema)
        case "integer":
            return _integer_type(schema)
        case "number":
            return _number_type(schema)
        case "boolean":
            return ColumnType("boolean")
        case _:
            return JSON


_FORMATS: dict[str, Kind] = {"date-time": "timestamp", "date": "date", "time": "time"}


def _string_type(schema: Mapping[str, Any]) -> ColumnType:
    declared = schema.get("format")
    if declared in _FORMATS:
        return ColumnType(_FORMATS[declared])
    if declared == "x-singer.decimal":
        return replace(_decimal_type(_number(schema, "scale")), takes_text=True)
    if schema.get("contentEncoding") == "base64":
        return ColumnType("binary")
    limit = _number(schema, "maxLength")
    is_limit = limit is not None and limit >= 0 and limit == limit.to_integral_value()
    return ColumnType("text", int(limit) if limit is not None and is_limit else None)


def _integer_type(schema: Mapping[str, Any]) -> ColumnType:
    bounds = (_number(schema, "minimum"), _number(schema, "maximum"))
    if all(bound is None or -(2**63) <= bound < 2**63 for bound in bounds):
        return INTEGER
    return ColumnType("decimal", MAX_DIGITS, 0)


def _number_type(schema: Mapping[str, Any]) -> ColumnType:
    step = _number(schema, "multipleOf")
    if step is None or step <= 0:
        return NUMBER
    exponent = step.normalize().as_tuple().exponent
    return _decimal_type(Decimal(max(0, -int(exponent))))


def _decimal_type(scale: Decimal | None) -> ColumnType:
    """Choose a decimal; its values tell the scale if the schema's leaves no room."""
    is_scale = scale is not None and 0 <= scale < MAX_DIGITS and scale == int(scale)
    return ColumnType(
        "decimal",
        MAX_DIGITS,
        int(scale) if scale is not None and is_scale else DEFAULT_SCALE,
    )


def _number(schema: Mapping[str, Any], key: str) -> Decimal | None:
    """Get a keyword's number; None if there is none, or another thing in its place."""
    value = schema.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return Decimal(str(value))
