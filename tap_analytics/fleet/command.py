"""The command `analytics-fleet`: one line for every failure."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tap_analytics.fleet import names
from tap_analytics.fleet.errors import FleetError, UsageError
from tap_analytics.fleet.fleet_file import read_fleet
from tap_analytics.fleet.state_place import open_state
from tap_analytics.fleet.status import show_status
from tap_analytics.plugin.stopping import stopping_signals

if TYPE_CHECKING:
    from collections.abc import Iterator

WRONG_USAGE = 2

_KEPT = " What is done is kept: {} goes on."

ENGINES = ("local", "dask")

_FILE = click.argument("fleet_file", type=click.Path(path_type=Path))
_RUN = click.option(
    "--run",
    required=True,
    callback=lambda _, __, name: _valid_run(name),
    help="The run's name; the same for all shards of a run and for load.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tap-analytics")
def main() -> None:
    """Read many accounts, each with a key of its own, into one warehouse."""


@main.command()
@_FILE
def check(fleet_file: Path) -> None:
    """Ask for one page of each account, and say which keys work."""
    with _one_line_per_failure():
        from tap_analytics.fleet.checking import check_fleet  # noqa: PLC0415

        sys.exit(check_fleet(read_fleet(fleet_file)))


@main.command()
@_FILE
@click.option("--only", default="", help="Just these accounts: a,b,c")
@click.option("--failed", is_flag=True, help="Just those that the last run left.")
@click.option("--fresh", is_flag=True, help="Forget a run that was interrupted.")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="local",
    show_default=True,
    help="Where the accounts are read.",
)
@click.option(
    "--scheduler", default="", help="Address of Dask's scheduler: tcp://host:8786"
)
def run(  # noqa: PLR0913 - an option each
    fleet_file: Path,
    *,
    only: str,
    failed: bool,
    fresh: bool,
    engine: str,
    scheduler: str,
) -> None:
    """Read and load all accounts, or the rest of a run that was interrupted."""
    with _one_line_per_failure(_KEPT.format("`run`")):
        names = tuple(name.strip() for name in only.split(",") if name.strip())
        if sum((bool(only), failed, fresh)) > 1:
            msg = "--only, --failed and --fresh exclude one another."
            raise UsageError(msg)
        if only and not names:
            msg = "--only names no account."
            raise UsageError(msg)
        if scheduler and engine != "dask":
            msg = "--scheduler is for --engine dask."
            raise UsageError(msg)
        from tap_analytics.fleet.engines import engine_named  # noqa: PLC0415
        from tap_analytics.fleet.fleet_run import run_fleet  # noqa: PLC0415
        from tap_analytics.fleet.plan import Choice  # noqa: PLC0415

        fleet = read_fleet(fleet_file)
        places_work = engine_named(engine, scheduler)
        choice = Choice(names, failed=failed, fresh=fresh)
        status = run_fleet(fleet, choice, places_work, beats=engine != "local")
        sys.exit(status)


@main.command()
@_FILE
@click.argument("part")
@_RUN
def shard(fleet_file: Path, part: str, run: str) -> None:
    """Read one shard, such as 3/16, into the staging place of a run."""
    with _one_line_per_failure(_KEPT.format("the same command")):
        from tap_analytics.fleet.fleet_run import read_shard  # noqa: PLC0415
        from tap_analytics.fleet.shards import Shard  # noqa: PLC0415

        chosen = Shard.parsed(part)
        sys.exit(read_shard(read_fleet(fleet_file), chosen, run))


@main.command()
@_FILE
@_RUN
def load(fleet_file: Path, run: str) -> None:
    """Load what the shards of a run have read."""
    with _one_line_per_failure(_KEPT.format("the same command")):
        from tap_analytics.fleet.fleet_run import load_run  # noqa: PLC0415

        sys.exit(load_run(read_fleet(fleet_file), run))


@main.command()
@_FILE
@click.argument("account")
def forget(fleet_file: Path, account: str) -> None:
    """Remove an account's rows and state."""
    with _one_line_per_failure():
        from tap_analytics.fleet.fleet_run import forget_account  # noqa: PLC0415

        forget_account(read_fleet(fleet_file), account)


@main.command()
@_FILE
def status(fleet_file: Path) -> None:
    """Show what the last run did, account by account."""
    with _one_line_per_failure():
        show_status(open_state(fleet_file), as_table=sys.stdout.isatty())


def _valid_run(name: str) -> str:
    """Return the name of a run, which becomes that of a folder."""
    if not names.is_valid(name):
        msg = f"The name of a run must {names.RULE}."
        raise click.BadParameter(msg)
    return name


class _Stopped(Exception):  # noqa: N818 - it is no error
    """A signal has come."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _stop(number: int, _: object) -> None:
    raise _Stopped(number)


@contextmanager
def _one_line_per_failure(then: str = "") -> Iterator[None]:
    """End with one line if the command fails or is stopped.

    Args:
        then: What follows once it is stopped.
    """
    for number in stopping_signals():
        signal.signal(number, _stop)
    try:
        yield
    except FleetError as error:
        for line in str(error).splitlines():
            _echo(f"Error: {line}")
        _leave(WRONG_USAGE if isinstance(error, UsageError) else 1)
    except _Stopped as stopped:
        name = signal.Signals(stopped.number).name
        _echo(f"Stopped by {name}.{then}")
        _leave(128 + stopped.number)


def _echo(text: str) -> None:
    with suppress(OSError):  # Nobody can be told, but the status tells.
        click.echo(text, err=True)


def _leave(status: int) -> None:
    """End without waiting for threads: other processes end with this one."""
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)
