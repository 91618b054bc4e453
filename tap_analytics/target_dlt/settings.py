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
                "A dlt destination: duckdb, postgres, snowflake, bigquery, filesystem, "
                "sqlalchemy and so on, or the name of one configured in dlt."
            ),
        },
        "credentials": {
            # No list of types, which the SDK would take for JSON in the environment.
            "anyOf": [{"type": "string"}, {"type": "object"}, {"type": "null"}],
            "secret": True,
            "title": "Credentials",
            "description": (
                "What the destination needs to connect: a connection string, a path, "
                "or an object. Without it dlt's own configuration is used."
            ),
        },
        "destination_config": {
            "type": ["object", "null"],
            "title": "Destination options",
            "description": (
                "Options of the destination's factory in dlt, such as bucket_url for "
                "filesystem."
            ),
        },
        "dataset_name": {
            "type": "string",
            "default": "analytics",
            "title": "Dataset",
            "description": "The schema, dataset or folder that holds the tables.",
        },
        "pipeline_name": {
            "type": "string",
            "default": "analytics",
            "title": "Pipeline",
            "description": (
                "The dlt pipeline's name. The DuckDB file is called after it, unless "
                "credentials say otherwise."
            ),
        },
        "pipelines_dir": {
            "type": ["string", "null"],
            "title": "Working directory",
            "description": (
                "Where dlt keeps load files and the state of pipelines. Without it, a "
                "temporary directory that goes with the run."
            ),
        },
        "loader_file_format": {
            "type": ["string", "null"],
            "title": "Load file format",
            "description": (
                "parquet, csv, insert_values and so on, as far as the destination "
                "takes it. Parquet where it does."
            ),
        },
        "table_format": {
            "type": ["string", "null"],
            "enum": ["delta", "iceberg", "hive", "native", None],
            "title": "Table format",
            "description": (
                "The open table format of filesystem and others: delta, iceberg."
            ),
        },
        "write_disposition": {
            "type": ["string", "null"],
            "enum": ["merge", "append", "replace", None],
            "title": "Write disposition",
            "description": (
                "merge updates rows by their key, append adds rows, replace empties a "
                "table before a run's first rows. Without it, streams with key "
                "properties are merged and others appended."
            ),
        },
        "batch_size_rows": {
            "type": ["integer", "null"],
            "minimum": 1,
            "title": "Batch size in rows",
            "description": (
                "Rows of a stream after which all streams are loaded. Without it, only "
                "their bytes and their wait count."
            ),
        },
        "batch_size_bytes": {
            "type": "integer",
            "minimum": 1,
            "default": 64 << 20,
            "title": "Batch size in bytes",
            "description": (
                "Bytes of input after which all streams are loaded. Memory grows with "
                "it; larger batches load faster."
            ),
        },
        "batch_wait_limit_seconds": {
            "type": "integer",
            "minimum": 1,
            "default": 300,
            "title": "Longest wait",
            "description": "Seconds after which a row is loaded, however few wait.",
        },
        "hard_delete": {
            "type": "boolean",
            "default": True,
            "title": "Hard delete",
            "description": (
                "Remove deleted rows: those of older versions, and those that come "
                "with _sdc_deleted_at. If false they stay, with _sdc_deleted_at set."
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
                "Check each record against the whole JSON schema. Types are always "
                "checked; this takes some twenty times as long."
            ),
        },
    },
}
