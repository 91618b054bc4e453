"""The JSON schema of a stream: declared columns, inferred ones, and whose they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_analytics.errors import ConfigError
from tap_analytics.rows.fields import ADDITIONAL_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_analytics.rows.inference import Inference


def stream_schema(
    declared: th.PropertiesList,
    config: Mapping[str, Any],
    inferred: Inference | None = None,
) -> dict[str, Any]:
    """Return the JSON schema of a stream.

    Args:
        declared: The declared columns, `additional_fields` among them.
        config: The settings, defaults included.
        inferred: Further columns, from a sample.

    Raises:
        ConfigError: If the account's column has the name of another one.
    """
    schema: dict[str, Any] = declared.to_dict()
    schema.pop("$schema", None)  # Some targets refuse a SCHEMA that has it.
    columns = schema["properties"]
    rest = columns.pop(ADDITIONAL_FIELDS)
    columns |= inferred.columns if inferred else {}
    columns[ADDITIONAL_FIELDS] = rest
    whose = account_columns(config)
    if clash := next((name for name in whose if name in columns), None):
        msg = f"account_column can't be {clash!r}: that is a column already."
        raise ConfigError(msg)
    schema["properties"] = {**whose, **columns}
    schema["required"] = [*whose, *schema.get("required", [])]
    return schema


def account_columns(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of the column that tells whose a record is, by its name.

    Args:
        config: The settings, defaults included.
    """
    if config.get("account") is None:
        return {}
    column = th.Property(
        config["account_column"],
        th.StringType,
        required=True,
        nullable=False,
        description="Whose record it is.",
    )
    properties: dict[str, Any] = th.PropertiesList(column).to_dict()["properties"]
    return properties
