"""The command `analytics-fleet`: one line for every failure."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tap_analytics.fleet.errors import FleetError, UsageError
from tap_analytics.fleet.state_place import open_state
from tap_analytics.fleet.status import show_status

if TYPE_CHECKING:
    from collections.abc import Iterator

WRONG_USAGE = 2

_FILE = click.argument("fleet_file", type=click.Path(path_type=Path))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tap-analytics")
def main() -> None:
    """Read many accounts, each with a key of its own, into one warehouse."""


@main.command()
@_FILE
def status(fleet_file: Path) -> None:
    """Show what the last run did, account by account."""
    with _one_line_per_failure():
        show_status(open_state(fleet_file), as_table=sys.stdout.isatty())


@contextmanager
def _one_line_per_failure() -> Iterator[None]:
    try:
        yield
    except FleetError as error:
        for line in str(error).splitlines():
            click.echo(f"Error: {line}", err=True)
        sys.exit(WRONG_USAGE if isinstance(error, UsageError) else 1)
