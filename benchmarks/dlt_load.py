"""Loads the API into a DuckDB file with the dlt source: all steps.

Usage: python dlt_load.py ROWS DATABASE CONFIG

Prints, as JSON, how many rows of each stream there are and how many bytes they take.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt

from tap_analytics.dlt_source import analytics_source


def main(rows: str, database: Path, config: Path) -> None:
    """Load everything into a new file.

    Args:
        rows: What the source yields: `dicts` or `arrow`; or `mapped`, for dicts that a
            function of a user's sees one by one.
        database: The DuckDB file.
        config: A JSON file with `api_url` and `api_key`.
    """
    settings = json.loads(config.read_text(encoding="utf-8"))
    database.unlink(missing_ok=True)
    with TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "benchmark",
            pipelines_dir=folder,
            destination=dlt.destinations.duckdb(str(database)),
            dataset_name="loaded",
        )
        source = analytics_source(
            rows="dicts" if rows == "mapped" else rows, **settings
        )
        if rows == "mapped":
            for resource in source.resources.values():
                resource.add_map(lambda row: row)
        pipeline.run(source)
        counts = pipeline.last_trace.last_normalize_info.row_counts
    loaded = {
        name: count for name, count in counts.items() if not name.startswith("_dlt")
    }
    print(json.dumps([loaded, database.stat().st_size]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
