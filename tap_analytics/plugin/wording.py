"""What a JSON schema asks for, and what it got instead, in plain words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_KINDS = {
    "array": "a JSON array",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a JSON object",
    "string": "text",
}
_LONGEST = 60
"""Characters of a value that a message shows."""


def types_of(schema: Mapping[str, Any]) -> list[str]:
    """Return the names of the JSON types that a schema allows."""
    if "type" in schema:
        types = schema["type"]
        return [types] if isinstance(types, str) else list(types)
    return [name for one in _alternatives(schema) for name in types_of(one)]


def requirement(schema: Mapping[str, Any], meanings: Mapping[str, str]) -> str:
    """Return what a value must do to fit, such as `be a whole number of at least 1`.

    Args:
        schema: JSON schema of the value.
        meanings: The same for texts that must match a pattern, by pattern.
    """
    if pattern := schema.get("pattern"):
        return meanings.get(pattern, f"match the pattern {pattern}")
    wanted = dict.fromkeys(_wanted(schema))
    return f"be {_listed(wanted)}" if wanted else "fit the JSON schema that --about has"


def _wanted(schema: Mapping[str, Any]) -> list[str]:
    """Return what may be there; null is left out, since it means not set."""
    if "const" in schema:
        return [repr(schema["const"])]
    if "enum" in schema:
        return [repr(value) for value in schema["enum"] if value is not None]
    if alternatives := _alternatives(schema):
        return [wanted for one in alternatives for wanted in _wanted(one)]
    return [
        _KINDS[name] + _bound(name, schema)
        for name in types_of(schema)
        if name != "null"
    ]


def _bound(kind: str, schema: Mapping[str, Any]) -> str:
    if kind == "string":
        return " that is not empty" if schema.get("minLength") else ""
    most = schema.get("maximum")
    if "minimum" in schema:
        least = schema["minimum"]
        return f" of at least {least}" if most is None else f" from {least} to {most}"
    if "exclusiveMinimum" in schema:
        above = f" above {schema['exclusiveMinimum']}"
        return above if most is None else f"{above}, at most {most}"
    return ""


def _alternatives(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*schema.get("anyOf", ()), *schema.get("oneOf", ())]


def _listed(words: Iterable[str]) -> str:
    *all_but_last, last = words
    return f"{', '.join(all_but_last)} or {last}" if all_but_last else last


def instead_of(value: Any, schema: Mapping[str, Any], *, hidden: bool) -> str:
    """Return what there is instead, as the end of a sentence.

    Args:
        value: The value, which does not fit.
        schema: JSON schema that it should fit.
        hidden: Whether the value must not be shown.
    """
    if hidden:
        return " (the value is not shown, since it may be secret)"
    types = {*types_of(schema)} - {"null"}
    if types and types <= {"array", "object"}:
        # A text that was meant to be one may have a secret anywhere in it.
        return f", not {kind_of(value)}"
    return f", not {_shown(value)}"


def similar_to(value: Any, schema: Mapping[str, Any]) -> str:
    """Return which of the values that a schema allows may have been meant.

    Args:
        value: The value, which does not fit.
        schema: JSON schema that it should fit.

    Returns:
        The value as it is written in Python; empty if none is similar.
    """
    known = [one for one in schema.get("enum", ()) if isinstance(one, str)]
    if not isinstance(value, str):
        return ""
    return "".join(map(repr, closest(value.lower(), known)))


def closest(name: str, known: Iterable[str]) -> list[str]:
    """Return the name that may have been meant, none if none is similar.

    Args:
        name: What was given.
        known: What could have been given.
    """
    from difflib import get_close_matches  # noqa: PLC0415 - for a mistake alone

    return get_close_matches(name, known, n=1)


def kind_of(value: Any) -> str:
    """Return the kind of a JSON value, or a value that is a kind of its own."""
    match value:
        case None | True | False:
            return json.dumps(value)
        case str():
            return _KINDS["string"]
        case dict():
            return _KINDS["object"]
        case list():
            return _KINDS["array"]
        case _:
            return _KINDS["number"]


def _shown(value: Any) -> str:
    if isinstance(value, str):
        # Before an @ there may be a password.
        before, at, after = value.rpartition("@")
        text = f"***@{after}" if at else before + after
        return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value}"
    return kind_of(value)


def refuse_constant(constant: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python's reading of JSON would take.

    Raises:
        ValueError: Always.
    """
    msg = f"{constant} is not a JSON value"
    raise ValueError(msg)
