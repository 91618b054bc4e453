"""How rows are loaded, as far as the reading has to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_analytics.plugin.declared import DeclaredSettings
from tap_analytics.target_dlt.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

DECLARED = DeclaredSettings(SETTINGS, "TARGET_DLT_")
"""The settings of target-dlt, without those that the SDK adds."""

_A_YEAR = 365 * 24 * 3600


def target_settings(path: str | None, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of target-dlt, as given.

    Args:
        path: Its config file, if there is one.
        environ: The environment, which wins over the file.

    Raises:
        ConfigError: If they are not valid, or can't be read.
    """
    settings = DECLARED.read([path] if path else [], environ)
    DECLARED.require_valid(settings)
    return settings


def merges(settings: Mapping[str, Any]) -> bool:
    """Return whether rows that are loaded again do not double, and none is dropped."""
    disposition = settings.get("write_disposition")
    if settings["destination"] == "filesystem" and not settings.get("table_format"):
        return False  # Plain files can't be merged: rows are appended.
    return disposition in {None, "merge"}


def replaces(settings: Mapping[str, Any]) -> bool:
    """Return whether a table keeps nothing but what a run brings."""
    return settings.get("write_disposition") == "replace"


def for_process(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings for the process that loads.

    Where tables are replaced, the first load replaces them. So it waits as long as the
    memory allows: if the reading fails before, the tables are as they were.

    Args:
        settings: The settings as given.
    """
    waits = {"batch_wait_limit_seconds": _A_YEAR} if replaces(settings) else {}
    return {**waits, **settings}
