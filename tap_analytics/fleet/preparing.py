"""What is made ready before a run: target, salt, and the catalog of all accounts."""

from __future__ import annotations

import logging
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import msgspec

from tap_analytics.fleet.errors import FleetError, KeySourceError
from tap_analytics.fleet.key_source import KeySource
from tap_analytics.fleet.messages import Load
from tap_analytics.fleet.schema import KEY_SOURCE
from tap_analytics.target_dlt.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_analytics.fleet.fleet_file import Account, Fleet
    from tap_analytics.fleet.places import Place

CATALOG = "catalog.json"
SALT = "salt"

SAMPLED = 5
"""So many accounts are tried until one can be sampled."""

_silent = logging.getLogger(__name__)
_silent.addFilter(lambda _: False)


def salt_of(state: Place) -> str:
    """Return what makes a digest of a key of no use elsewhere; the same in all runs.

    Raises:
        FleetError: If the state can't be read or written.
    """
    found = state.read(SALT)
    if found is None:
        state.create(SALT, token_hex(16).encode())
        found = state.read(SALT)
    return (found or b"").decode()


def target_of(fleet: Fleet, run: str) -> Load:
    """Return what a loader is told: the target's settings, with credentials looked up.

    Raises:
        FleetError: If the credentials can't be had.
    """
    given = {name: value for name, value in fleet.target.items() if value is not None}
    defaults = {
        name: setting["default"]
        for name, setting in SETTINGS["properties"].items()
        if "default" in setting
    }
    target: dict[str, Any] = {**defaults, **given}
    credentials = target.get("credentials")
    if isinstance(credentials, str) and _is_reference(credentials):
        target["credentials"] = KeySource(credentials, fleet.folder).secret("")
    elif _is_file(target, credentials):
        # Paths are seen from the fleet file.
        path = credentials or f"{target['pipeline_name']}.duckdb"
        target["credentials"] = str(fleet.folder / path)
    return Load(
        run=run,
        folder=str(fleet.folder),
        state=fleet.state,
        staging=fleet.staging,
        account_column=fleet.account_column,
        target=target,
    )


def _is_reference(text: str) -> bool:
    import re  # noqa: PLC0415

    return re.match(KEY_SOURCE, text) is not None


def _is_file(target: Mapping[str, Any], credentials: object) -> bool:
    if target["destination"] != "duckdb":
        return False
    return credentials is None or (
        isinstance(credentials, str)
        and "://" not in credentials
        and not credentials.startswith((":", "md:", "{"))
    )


def catalog_of(fleet: Fleet, state: Place) -> dict[str, Any] | None:
    """Return the catalog of all accounts, if their columns are to be inferred.

    It is made once, of the first account that can be sampled, and kept in the state.

    Raises:
        FleetError: If no account can be sampled.
    """
    inferring = [
        account
        for account in fleet.accounts.values()
        if account.settings.get("undeclared_fields") == "infer"
    ]
    if not inferring:
        return None
    if (kept := state.read(CATALOG)) is None:
        made = msgspec.json.encode(_sampled(fleet, inferring[:SAMPLED]))
        state.create(CATALOG, made)
        kept = state.read(CATALOG) or made
    catalog: dict[str, Any] = msgspec.json.decode(kept)
    return catalog


def _sampled(fleet: Fleet, accounts: list[Account]) -> dict[str, Any]:
    # Importing them takes a while, and few fleets infer.
    from tap_analytics.account_run import message_for  # noqa: PLC0415
    from tap_analytics.fleet.account_reading import OF_THE_FLEET  # noqa: PLC0415
    from tap_analytics.run import Run  # noqa: PLC0415
    from tap_analytics.tap import TapAnalytics  # noqa: PLC0415

    errors = []
    for account in accounts:
        run = Run.logging_to(_silent)
        try:
            tap = TapAnalytics(
                config={
                    **OF_THE_FLEET,
                    **account.settings,
                    "account": account.name,
                    "account_column": fleet.account_column,
                    "api_key": account.key.look_up(account.name),
                },
                run=run,
            )
            try:
                catalog: dict[str, Any] = tap.catalog_dict
            finally:
                tap.close()
        except KeySourceError as error:
            errors.append(f"{account.name}: {error}")
        except Exception as error:  # noqa: BLE001 - the next account may do
            text = run.redaction.redacted(message_for(error))
            errors.append(f"{account.name}: {text}")
        else:
            return catalog
    msg = f"No account could be sampled for its columns. {errors[0]}"
    raise FleetError(msg)
