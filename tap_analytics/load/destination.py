"""Where rows are loaded to, as far as a state has to know."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_analytics.plugin.declared import DeclaredSettings
from tap_analytics.target_dlt.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

DECLARED = DeclaredSettings(SETTINGS, "TARGET_DLT_")
"""The settings of target-dlt, without those that the SDK adds."""

_CHANGES = ("password", "private_key", "secret", "token")
"""Parts of credentials that change while the destination stays the same."""


def target_settings(path: str | None, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of target-dlt.

    Args:
        path: Its config file, if there is one.
        environ: The environment, which wins over the file.

    Raises:
        ConfigError: If they are not valid, or can't be read.
    """
    settings = DECLARED.read([path] if path else [], environ)
    DECLARED.require_valid(settings)
    return DECLARED.with_defaults(settings)


def merges(settings: Mapping[str, Any]) -> bool:
    """Return whether rows that are loaded again do not double, and none is dropped."""
    disposition = settings.get("write_disposition")
    if settings["destination"] == "filesystem" and not settings.get("table_format"):
        return False  # Plain files can't be merged: rows are appended.
    return disposition in {None, "merge"}


def replaces(settings: Mapping[str, Any]) -> bool:
    """Return whether a table keeps nothing but what a run brings."""
    return settings.get("write_disposition") == "replace"


def place_of(settings: Mapping[str, Any]) -> str:
    """Return a text that is the same as long as the tables are the same.

    Args:
        settings: The settings of target-dlt.
    """
    names = ("destination", "dataset_name", "destination_config")
    where: dict[str, Any] = {name: settings.get(name) for name in names}
    credentials = settings.get("credentials")
    if isinstance(credentials, dict):
        where["credentials"] = {
            name: value
            for name, value in credentials.items()
            if not any(part in name for part in _CHANGES)
        }
    elif credentials:
        scheme, _, rest = str(credentials).rpartition("://")
        where["credentials"] = [scheme, rest.rpartition("@")[2]]
    elif settings["destination"] == "duckdb":
        file = f"{settings['pipeline_name']}.duckdb"
        where["credentials"] = str(Path(file).resolve())
    digest = hashlib.sha256(_text(where)).hexdigest()[:16]
    return f"{settings['destination']} {settings['dataset_name']} {digest}"


def _text(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, default=str).encode()
