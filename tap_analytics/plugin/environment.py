"""Settings from the environment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tap_analytics.plugin.errors import ConfigError
from tap_analytics.plugin.wording import (
    instead_of,
    refuse_constant,
    requirement,
    types_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
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

    A variable that is empty counts as one that is not set.

    The SDK's own reading does not know numbers with decimals, and stops with a
    traceback at a value that it can't read.

    Args:
        environ: The environment.
        prefix: The beginning of each variable's name, such as `TAP_ANALYTICS_`.
        schema: JSON schema of the settings.

    Raises:
        ConfigError: If a value is not of its setting's type.
    """
    settings = {}
    for name, setting in schema["properties"].items():
        variable = prefix + name.upper()
        if text := environ.get(variable):
            try:
                settings[name] = _value(text, setting)
            except (ValueError, RecursionError) as error:
                wrong = instead_of(text, setting, hidden=bool(setting.get("secret")))
                msg = (
                    f"The environment variable {variable} must "
                    f"{requirement(setting, {})}{wrong}."
                )
                raise ConfigError(msg) from error
    return settings


def _value(text: str, setting: Mapping[str, Any]) -> Any:
    types = types_of(setting)
    if "string" in types:
        return text
    if "boolean" in types:
        if text.lower() not in _BOOLEANS:
            raise ValueError(text)
        return _BOOLEANS[text.lower()]
    value = json.loads(text, parse_constant=refuse_constant)
    if types and not any(type(value) in _READ_AS[name] for name in types):
        raise ValueError(text)
    return value
