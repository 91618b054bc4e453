"""Reads the settings: config files, and over them the environment."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tap_analytics.target_dlt.errors import SetupError

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping

ENVIRONMENT = "ENV"
"""What Singer's users pass for the environment, in the place of a file."""

_PREFIX = "TARGET_DLT_"

_DECODED: dict[str, Any] = {
    "array": list[Any],
    "boolean": bool,
    "integer": int,
    "number": float,
    "object": dict[str, Any],
}
_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def read_settings(
    paths: Iterable[str], environ: Mapping[str, str], schema: Mapping[str, Any]
) -> dict[str, Any]:
    """Read all settings; a later file wins over an earlier one.

    Args:
        paths: The config files.
        environ: The environment.
        schema: JSON schema of the settings.

    Raises:
        SetupError: A file can't be read, or a variable is not of its setting's type.
    """
    settings: dict[str, Any] = {}
    for path in paths:
        if path != ENVIRONMENT:
            settings |= _from_file(path)
    settings |= _from_environment(environ, schema)
    if not isinstance(settings.get("credentials"), str | dict | None):
        # The SDK's check would show them.
        msg = "`credentials` is neither a text nor an object."
        raise SetupError(msg)
    return settings


def _from_file(path: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError) as error:
        # An error of the system has the path in it; here it is said once.
        reason = getattr(error, "strerror", None) or error
        msg = f"The config file {path} can't be read: {reason}."
        raise SetupError(msg) from None


def _from_environment(
    environ: Mapping[str, str], schema: Mapping[str, Any]
) -> dict[str, Any]:
    settings = {}
    for name, setting in schema["properties"].items():
        variable = f"{_PREFIX}{name.upper()}"
        if variable in environ:
            try:
                settings[name] = _value(environ[variable], setting)
            except msgspec.DecodeError:
                msg = f"The environment variable {variable} is no {_kind(setting)}."
                raise SetupError(msg) from None
    return settings


def _kind(setting: Mapping[str, Any]) -> str:
    kinds = setting.get("type", "string")
    [kind, *_] = [kinds] if isinstance(kinds, str) else kinds
    return str(kind)


def _value(text: str, setting: Mapping[str, Any]) -> Any:
    match _DECODED.get(_kind(setting)):
        case None:
            return text
        case type() as simple:
            text = _BOOLEANS.get(text.lower(), text)
            return msgspec.convert(text, simple, strict=False)
        case decoded:
            return msgspec.json.decode(text, type=decoded)


def warn_of_unknown(
    settings: Iterable[str], schema: Mapping[str, Any], logger: logging.Logger
) -> None:
    """Warn of settings that don't exist, which is most often a slip of the pen."""
    known = schema["properties"]
    for name in sorted(set(settings) - known.keys()):
        [*close] = difflib.get_close_matches(name, known, n=1)
        hint = f" Do you mean {close[0]!r}?" if close else ""
        logger.warning("There is no setting %r; it is left out.%s", name, hint)
