"""The command `analytics-load`: reads and loads, with one display and one status."""

from __future__ import annotations

import gc
import json
import os
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tap_analytics.errors import ConfigError
from tap_analytics.load.destination import (
    DECLARED as TARGET,
)
from tap_analytics.load.destination import (
    for_process,
    merges,
    replaces,
    target_settings,
)
from tap_analytics.load.kept_state import KeptState, beside, source_of
from tap_analytics.load.target_process import TargetProcess
from tap_analytics.plugin.declared import ENVIRONMENT
from tap_analytics.plugin.logs import ACCOUNT, RUN_ID, name_account, set_up_logs
from tap_analytics.presets import with_preset
from tap_analytics.settings import DECLARED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_analytics.load.waiting_child import WaitingChild

RESUME_HOURS = 12
"""A read that was stopped goes on where it stopped, within so many hours."""

WITHOUT_FILE = "analytics.state.json"
"""The state of a run whose settings are all in the environment."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    *("--config", "configs"),
    multiple=True,
    help="Settings of the tap, as JSON. Environment variables win over them.",
)
@click.option("--target", help="Settings of target-dlt, as JSON. Default: DuckDB.")
@click.option("--state", help="State file. Default: beside the config file.")
@click.option("--catalog", help="Streams and fields to read, from --discover.")
@click.version_option(package_name="tap-analytics")
@click.pass_obj
def main(
    child: WaitingChild,
    configs: tuple[str, ...],
    target: str | None,
    state: str | None,
    catalog: str | None,
) -> None:
    """Read the API and load the rows through target-dlt; keep the state."""
    child.start()
    variables = {RUN_ID: os.environ.get(RUN_ID) or uuid.uuid4().hex[:12]}
    try:
        set_up_logs({**os.environ, **variables}, DECLARED.prefix)
        given = target_settings(target, os.environ)
        loading = TARGET.with_defaults(given)
        settings = DECLARED.read(configs, os.environ)
        _require_valid(settings, loading)
        if account := settings.get("account"):
            name_account(account)
            variables[ACCOUNT] = account
        path = Path(state) if state else _state_beside(configs)
        source = source_of(DECLARED.with_defaults(with_preset(settings)))
        kept = KeptState(path, source)
        click.get_current_context().with_resource(kept)
        selected = _read_catalog(catalog) if catalog else None
    except ConfigError as error:
        sys.exit(f"Error: {error}")
    from tap_analytics.load.loading import load  # noqa: PLC0415 - once it is needed

    gc.freeze()
    gc.enable()
    settings.setdefault("resume_hours", RESUME_HOURS if merges(loading) else 0)
    begins = None if replaces(loading) else kept
    process = TargetProcess(child, for_process(given), kept, variables)
    sys.exit(load(settings, process, begins, selected))


def _state_beside(configs: Sequence[str]) -> Path:
    files = [
        config
        for config in configs
        # A pipe, such as /dev/stdin, is beside nothing.
        if config != ENVIRONMENT and not config.startswith("/dev/")
    ]
    return beside(files[-1]) if files else Path(WITHOUT_FILE)


def _require_valid(settings: Mapping[str, Any], loading: Mapping[str, Any]) -> None:
    """Return if the settings are valid, those of both halves together.

    Raises:
        ConfigError: If they are not.
    """
    DECLARED.require_valid(with_preset(settings))
    if settings.get("incremental") and replaces(loading):
        msg = (
            "incremental must be false where write_disposition is 'replace': the "
            "tables would be left with what is new alone. Set write_disposition to "
            "'merge' instead."
        )
        raise ConfigError(msg)
    if settings.get("resume_hours") and not merges(loading):
        msg = (
            "resume_hours must be 0 where target-dlt does not merge: a run that goes "
            "on where another one stopped would leave the tables with the last part "
            "alone, or with rows twice. Set write_disposition to 'merge' instead."
        )
        raise ConfigError(msg)


def _read_catalog(path: str) -> dict[str, Any]:
    try:
        catalog = json.loads(Path(path).read_bytes())
    except OSError as error:
        msg = f"The catalog {path} can't be read: {error.strerror}."
        raise ConfigError(msg) from error
    except ValueError as error:
        msg = f"The catalog {path} is not valid JSON: {error}."
        raise ConfigError(msg) from error
    if not isinstance(catalog, dict):
        msg = f"The catalog {path} must hold a JSON object. Make it with --discover."
        raise ConfigError(msg)
    return catalog
