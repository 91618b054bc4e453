"""The target's settings."""

from __future__ import annotations

from typing import Any

SETTINGS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "destination": {
            "type": "string",
            "default": "duckdb",
            "title": "Destination",
            "description": (
                "Name of a dlt destination, such as duckdb, postgres, snowflake, "
                "bigquery, filesystem or sqlalchemy, or of one configured in dlt."
            ),
        },
        "credentials": {
            # Not a list of types: a text in the environment would be read as JSON.
            "anyOf": [{"type": "string"}, {"type": "object"}, {"type": "null"}],
            "secret": True,
            "title": "Credentials",
            "description": (
                "Connection string, path or object with which the destination "
                "connects. If not set, dlt's own configuration is used."
            ),
        },
        "destination_config": {
            "type": ["object", "null"],
            "title": "Destination options",
            "description": (
                "More options of the destination in dlt, such as bucket_url for "
                "filesystem."
            ),
        },
        "dataset_name": {
            "type": "string",
            "default": "analytics",
            "title": "Dataset",
            "description": "Schema, dataset or folder that holds the tables.",
        },
        "pipeline_name": {
            "type": "string",
            "default": "analytics",
            "title": "Pipeline",
            "description": (
                "Name of the dlt pipeline. The DuckDB file has the same name, unless "
                "credentials name a file."
            ),
        },
        "pipelines_dir": {
            "type": ["string", "null"],
            "title": "Working directory",
            "description": (
                "Folder in which dlt keeps load files and the state of pipelines. If "
                "not set, a temporary folder that is deleted after the run."
            ),
        },
        "loader_file_format": {
            "type": ["string", "null"],
            "title": "Load file format",
            "description": (
                "Format of the load files, such as parquet, csv or insert_values. If "
                "not set, parquet where the destination supports it."
            ),
        },
        "table_format": {
            "type": ["string", "null"],
            "enum": ["delta", "iceberg", "hive", "native", None],
            "title": "Table format",
            "description": (
                "Open table format of filesystem and other destinations, such as "
                "delta or iceberg."
            ),
        },
        "write_disposition": {
            "type": ["string", "null"],
            "enum": ["merge", "append", "replace", None],
            "title": "Write disposition",
            "description": (
                "merge updates rows by their key, append adds rows, replace empties a "
                "table before the first rows of a run. If not set, streams with key "
                "properties are merged, and others are appended."
            ),
        },
        "batch_size_rows": {
            "type": ["integer", "null"],
            "minimum": 1,
            "title": "Batch size in rows",
            "description": (
                "When this many rows of a stream wait, all are loaded. If not set, "
                "only bytes and seconds count."
            ),
        },
        "batch_size_bytes": {
            "type": "integer",
            "minimum": 1,
            "default": 64 << 20,
            "title": "Batch size in bytes",
            "description": (
                "When this many bytes of input wait, all are loaded. Memory grows with "
                "this number, and fewer loads are faster."
            ),
        },
        "batch_wait_limit_seconds": {
            "type": "integer",
            "minimum": 1,
            "default": 300,
            "title": "Longest wait",
            "description": "Maximum seconds that a row waits until it is loaded.",
        },
        "hard_delete": {
            "type": "boolean",
            "default": True,
            "title": "Hard delete",
            "description": (
                "Remove deleted rows: rows of older versions, and rows that come with "
                "_sdc_deleted_at. If false, they stay, and _sdc_deleted_at is set."
            ),
        },
        "version_scope": {
            # No list of types, which the SDK would take for JSON in the environment.
            "anyOf": [
                {"type": "object"},
                {"type": "array", "items": {"type": "string"}},
                {"type": "string"},
                {"type": "null"},
            ],
            "title": "Version scope",
            "description": (
                "Whose rows ACTIVATE_VERSION may remove, where accounts share a table: "
                'an object of columns and values, {"account": "acme"}, or a list of '
                "columns, which stands for the values that the run brings."
            ),
        },
        "validate_records": {
            "type": "boolean",
            "default": False,
            "title": "Validate records",
            "description": (
                "Check each record against the whole JSON schema, which takes about "
                "twenty times as long. Types are always checked."
            ),
        },
    },
}
