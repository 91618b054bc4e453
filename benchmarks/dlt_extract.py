"""Reads the API with the dlt source, as far as a tap goes: to rows in files.

Usage: python dlt_extract.py CONFIG

Prints, as JSON, how many rows of each stream there are and how many bytes they take.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import dlt

from tap_analytics.dlt_source import analytics_source


def main(config: Path) -> None:
    """Extract everything into a folder that is removed again.

    Args:
        config: A JSON file with `api_url` and `api_key`.
    """
    settings = json.loads(config.read_text(encoding="utf-8"))
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    with TemporaryDirectory() as folder:
        pipeline = dlt.pipeline("benchmark", pipelines_dir=folder, destination="duckdb")
        extracted = pipeline.extract(analytics_source(**settings))
        files = [path for path in Path(folder).rglob("*") if path.is_file()]
        written = sum(path.stat().st_size for path in files)
    rows = {
        name: table.items_count
        for metrics in extracted.metrics.values()
        for metric in metrics
        for name, table in metric["table_metrics"].items()
        if not name.startswith("_dlt")
    }
    print(json.dumps([rows, written]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
