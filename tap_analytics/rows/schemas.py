"""The columns of a stream, as settings and a sample complete those that it declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_analytics.errors import ConfigError
from tap_analytics.rows.fields import ADDITIONAL_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping


def account_columns(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of the column that tells whose a record is, by its name.

    Args:
        settings: The settings, defaults included.
    """
    if settings.get("account") is None:
        return {}
    column = {"type": ["string"], "description": "Whose record it is."}
    return {settings["account_column"]: column}


def completed_schema(
    declared: Mapping[str, Any],
    settings: Mapping[str, Any],
    inferred: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the JSON schema of a stream, its account in front.

    Args:
        declared: The JSON schema that the stream declares.
        settings: The settings, defaults included.
        inferred: The JSON schemas of further columns, by name.

    Raises:
        ConfigError: If the account's column is called as another one.
    """
    columns = dict(declared["properties"])
    rest = columns.pop(ADDITIONAL_FIELDS)
    columns |= {**(inferred or {}), ADDITIONAL_FIELDS: rest}
    whose = account_columns(settings)
    if clash := next((name for name in whose if name in columns), None):
        msg = f"account_column can't be {clash!r}: that is a column already."
        raise ConfigError(msg)
    schema = {name: value for name, value in declared.items() if name != "$schema"}
    schema["properties"] = {**whose, **columns}
    schema["required"] = [*whose, *declared.get("required", [])]
    return schema
