"""Settings from the environment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from tap_analytics.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_READ_AS: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "integer": (int,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
}


def settings_from(
    environ: Mapping[str, str], prefix: str, schema: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings that environment variables give.

    The SDK's own reading knows no numbers with decimals, and stops with a traceback
    at a value that it can't read.

    Args:
        environ: The environment.
        prefix: What every variable's name begins with, such as `TAP_ANALYTICS_`.
        schema: JSON schema of the settings.

    Raises:
        ConfigError: If a value is not of its setting's type.
    """
    settings = {}
    for name, setting in schema["properties"].items():
        variable = prefix + name.upper()
        if variable in environ:
            try:
                settings[name] = _value(environ[variable], setting)
            except ValueError as error:
                kind = " or ".join(name for name in _types(setting) if name != "null")
                msg = f"The environment variable {variable} is no {kind}."
                raise ConfigError(msg) from error
    return settings


def _types(setting: Mapping[str, Any]) -> list[str]:
    types = setting.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def _value(text: str, setting: Mapping[str, Any]) -> Any:
    types = _types(setting)
    if "string" in types:
        return text
    if "boolean" in types:
        if text.lower() not in _TRUE | _FALSE:
            raise ValueError(text)
        return text.lower() in _TRUE
    value = json.loads(text, parse_constant=_refuse)
    if types and not any(type(value) in _READ_AS[name] for name in types):
        raise ValueError(text)
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and Infinity are no JSON.
