"""What a run has loaded, where to, and what it removed, as one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def summary(
    config: Mapping[str, Any], loaded: Mapping[str, int], removed: Mapping[str, int]
) -> str:
    """Return what a run did.

    Args:
        config: The target's settings.
        loaded: Rows by stream.
        removed: Rows that are no longer current, by table.
    """
    line = f"Loaded {_rows(loaded)} into {_place(config)}{_listed(loaded)}."
    if any(removed.values()):
        verb = "Removed" if config["hard_delete"] else "Marked as deleted"
        line += f" {verb} {_rows(removed)}{_listed(removed)}."
    return line


def _place(config: Mapping[str, Any]) -> str:
    place = f"{config['destination']}, dataset {config['dataset_name']}"
    if config["destination"] == "duckdb" and not config.get("credentials"):
        place = f"{config['pipeline_name']}.duckdb, dataset {config['dataset_name']}"
    return place


def _rows(counts: Mapping[str, int]) -> str:
    rows = sum(counts.values())
    return f"{rows:,} {'row' if rows == 1 else 'rows'}"


def _listed(counts: Mapping[str, int]) -> str:
    parts = [f"{name} {count:,}" for name, count in counts.items() if count]
    return f": {', '.join(parts)}" if parts else ""
