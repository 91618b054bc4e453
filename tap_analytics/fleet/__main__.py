"""Starts the command `analytics-fleet`."""

from __future__ import annotations

from tap_analytics.fleet.command import main

if __name__ == "__main__":
    main(prog_name="analytics-fleet")
