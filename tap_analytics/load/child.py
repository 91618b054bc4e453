"""Starts target-dlt as the child of `analytics-load`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_analytics.target_dlt.__main__ import main

if TYPE_CHECKING:
    from tap_analytics.target_dlt.target import TargetDlt


def fed_target() -> type[TargetDlt]:
    """Import the target."""
    from tap_analytics.load.fed_target import FedTarget  # noqa: PLC0415

    return FedTarget


if __name__ == "__main__":
    main(fed_target)
