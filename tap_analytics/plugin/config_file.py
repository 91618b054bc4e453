"""Settings from a config file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tap_analytics.plugin.errors import ConfigError
from tap_analytics.plugin.wording import kind_of, refuse_constant


def settings_in(path: str) -> dict[str, Any]:
    """Return the settings that a file holds.

    Args:
        path: The file.

    Raises:
        ConfigError: If the file can't be read, or does not hold a JSON object.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        msg = f"The config file {path} can't be read: {error.strerror}."
        raise ConfigError(msg) from error
    try:
        settings = json.loads(content, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        msg = f"The config file {path} is not valid JSON: {error}."
        raise ConfigError(msg) from error
    if not isinstance(settings, dict):
        kind = kind_of(settings)
        msg = f"The config file {path} must hold a JSON object, not {kind}."
        raise ConfigError(msg)
    return settings
