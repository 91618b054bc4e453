"""Where a dataset is: a text that is the same as long as the tables are the same."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlt.common.configuration.exceptions import ConfigurationException

if TYPE_CHECKING:
    from dlt import Pipeline

IN_FILES = ("duckdb", "sqlite")
"""How the drivers are called whose databases are files."""

_OF_CREDENTIALS = ("host", "port", "database", "catalog", "project_id")
_OF_DESTINATION = ("bucket_url", "project_id", "location", "aws_data_catalog")


def database_file(config: Any) -> Path | None:
    """Return the file of a database that is one.

    Args:
        config: The configuration of a client, with all that dlt knows of it.
    """
    credentials = getattr(config, "credentials", None)
    driver = str(getattr(credentials, "drivername", None) or "")
    file = str(getattr(credentials, "database", None) or "")
    is_file = driver.startswith(IN_FILES) and file not in {"", ":memory:"}
    return Path(file) if is_file else None


def place_of(pipeline: Pipeline) -> str:
    """Return a text that stands for a pipeline's dataset, without any secret.

    Args:
        pipeline: A pipeline with a schema. What counts is what dlt has found, in the
            settings, in the environment or in its own files.
    """
    client: Any = pipeline.destination_client()
    kind = client.config.destination_type.rpartition(".")[2]
    dataset = pipeline.dataset_name
    where = [kind, dataset, *_location(client.config)]
    digest = hashlib.sha256(json.dumps(where).encode()).hexdigest()[:32]
    return f"{kind} {dataset} {digest}"


def has_tables(pipeline: Pipeline) -> bool:
    """Return whether there is one of the tables at least that were loaded before."""
    names = pipeline.default_schema.data_table_names(seen_data_only=True)
    client: Any = pipeline.destination_client()
    if not names or not hasattr(client, "get_storage_tables"):
        return bool(names)
    with client:
        return any(columns for _, columns in client.get_storage_tables(names))


def _location(config: Any) -> list[str]:
    if (file := database_file(config)) is not None:
        return [str(file.resolve())]
    location = ""
    with suppress(ConfigurationException):
        location = str(config.data_location())
    credentials = getattr(config, "credentials", None)
    return [
        location,
        *(_text(getattr(credentials, name, None)) for name in _OF_CREDENTIALS),
        *(_text(getattr(config, name, None)) for name in _OF_DESTINATION),
    ]


def _text(value: Any) -> str:
    """Return a text or a number as text; a path of this machine is no text."""
    if isinstance(value, str) and "/" in value and "://" not in value:
        return ""
    return str(value) if isinstance(value, str | int) else ""
