"""Expressions of stream maps: checked before they are used, and named if they fail."""

from __future__ import annotations

import ast
import fnmatch
from typing import TYPE_CHECKING, Any

from tap_analytics.plugin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_PLAIN = frozenset({"__source__", "__key_properties__", "__else__"})
"""Options of a stream map that are not expressions."""


def unmatched(stream_maps: Mapping[str, Any], streams: Collection[str]) -> list[str]:
    """Return the streams that stream maps are for, and that don't exist.

    Args:
        stream_maps: The setting; a name may be a pattern, such as `time*`.
        streams: The names of all streams.
    """
    named = {
        str(fields.get("__source__", name) if isinstance(fields, dict) else name)
        for name, fields in stream_maps.items()
        if not name.startswith("__")
    }
    return sorted(name for name in named if not fnmatch.filter(streams, name))


def check_expressions(stream_maps: Mapping[str, Any]) -> None:
    """Return if all expressions of stream maps can be read.

    Args:
        stream_maps: The setting, as a tap or a target has it.

    Raises:
        ConfigError: If one can't.
    """
    for stream, fields in stream_maps.items():
        for field, text in fields.items() if isinstance(fields, dict) else ():
            if isinstance(text, str) and field not in _PLAIN:
                _check(text, f"stream {stream!r}: stream map of {field!r}, {text!r}")


def _check(text: str, place: str) -> None:
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        msg = f"{place}, can't be read: {reason}. Correct it in stream_maps."
        raise ConfigError(msg) from error
    if not statements or not isinstance(statements[0], ast.Expr):
        msg = f"{place}, is not an expression. Correct it in stream_maps."
        raise ConfigError(msg)


def failed_expression(error: BaseException) -> str | None:
    """Return which expression failed and why, `None` if another thing did.

    The SDK does not say which one it was: a missing name alone would not be understood.

    Args:
        error: What the SDK has raised.
    """
    trace = error.__traceback__
    while trace is not None:
        variables = trace.tb_frame.f_locals
        if variables.keys() >= {"expr", "property_name"}:
            field = variables["property_name"] or "__filter__"
            return f"stream map of {field!r}, {variables['expr']!r}: {reason(error)}"
        trace = trace.tb_next
    return None


def reason(error: BaseException) -> str:
    """Return what went wrong in the SDK's use of a stream map."""
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {cause}"
