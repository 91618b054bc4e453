"""Finds the mistakes in a fleet file, each a line that names the key and the line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tap_analytics.fleet import names
from tap_analytics.fleet.errors import FleetFileError
from tap_analytics.fleet.mistakes import SettingCheck, mistakes_in, unknown
from tap_analytics.fleet.schema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_analytics.fleet.accounts import Entry
    from tap_analytics.fleet.yaml_document import Document

MOST_SHOWN = 10
"""So many mistakes are shown at once."""

_BRACES = re.compile(r"[{}]")
_EVERYWHERE = frozenset({"duckdb", "postgres"})
"""Destinations that need no look into dlt, which takes long to import."""

_MERGEABLE_FILES = frozenset({"delta", "iceberg"})
_LONGEST_SHOWN = 70
_NOT_MERGED = (
    "must be 'merge': append would double rows, and replace would lose those of other "
    "accounts"
)
_PLAIN_FILES = (
    "must not be plain files, which can't be merged: set target.table_format to delta "
    "or iceberg"
)


def require_no_mistakes(
    document: Document, content: Mapping[str, Any], entries: Iterable[Entry]
) -> None:
    """Return if there are no mistakes.

    Args:
        document: The fleet file.
        content: What the file holds, with its defaults.
        entries: Its accounts, from wherever they are listed.

    Raises:
        FleetFileError: If there are; a line for each.
    """
    accounts = _Accounts()
    lines = [
        *_of_keys(document, content),
        *accounts.mistakes(entries),
        *_of_overrides(document, content.get("overrides"), accounts),
    ]
    if not lines and not accounts.places:
        text = f"there are no accounts in {content['accounts']}"
        lines = [_line(document, ["accounts"], text)]
    if lines:
        more = len(lines) - MOST_SHOWN
        rest = [f"And {more} more mistakes."] if more > 0 else []
        raise FleetFileError("\n".join([*lines[:MOST_SHOWN], *rest]))


def _line(document: Document, path: Iterable[str | int], text: str) -> str:
    return f"{document.name}, line {document.line_of(path)}: {text}."


def _of_keys(document: Document, content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the mistakes in all that is not a single account's."""
    content = {**content}
    if isinstance(content.get("overrides"), dict):
        del content["overrides"]
    if isinstance(content.get("accounts"), list) and content["accounts"]:
        content["accounts"] = [""]
    for mistake in mistakes_in(content, SCHEMA):
        yield _line(document, mistake.path, mistake.text)
    target = content.get("target")
    for key, text in _of_target(target) if isinstance(target, dict) else ():
        yield _line(document, ["target", key], f"target.{key} {text}")


def _of_target(target: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if target.get("write_disposition") in {"append", "replace"}:
        yield "write_disposition", _NOT_MERGED
    destination = target.get("destination")
    files = str(destination).rpartition(".")[2] == "filesystem"
    if files and target.get("table_format") not in _MERGEABLE_FILES:
        yield "destination", _PLAIN_FILES
    elif isinstance(destination, str) and (wrong := _wrong_destination(destination)):
        yield "destination", f"is wrong: {wrong.rstrip('.')}"
    dataset = target.get("dataset_name")
    if isinstance(dataset, str) and _BRACES.search(dataset.replace("{account}", "")):
        yield "dataset_name", "may have {account} in it, but no other braces"


def _wrong_destination(name: str) -> str:
    """Return what is wrong with the name of a destination; empty if nothing is."""
    if name in _EVERYWHERE:
        return ""
    from tap_analytics.target_dlt.errors import SetupError  # noqa: PLC0415
    from tap_analytics.target_dlt.loading.destination import (  # noqa: PLC0415
        make_destination,
    )

    try:
        make_destination({"destination": name})
    except SetupError as error:
        return str(error)
    return ""


class _Accounts:
    """Checks accounts one after the other, and remembers their names."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}
        self.settings = SettingCheck(SCHEMA["$defs"]["settings_of_one"]["properties"])
        self._forms: dict[tuple[str, str], str] = {}

    def mistakes(self, entries: Iterable[Entry]) -> Iterator[str]:
        for entry in entries:
            wrong = self._wrong_name(entry)
            if wrong:
                yield f"{entry.place}: {wrong}."
                continue
            self.places[entry.name] = entry.place
            for name, value in entry.settings.items():
                if wrong := self.wrong_setting(name, value):
                    yield f"{entry.place}: account {entry.name}: {wrong}."

    def wrong_setting(self, name: str, value: Any) -> str:
        """Return what is wrong with a setting, which may be null for not set."""
        return "" if value is None else self.settings.mistake(name, value)

    def _wrong_name(self, entry: Entry) -> str:
        name = entry.name
        if not names.is_valid(name):
            shown = name[:_LONGEST_SHOWN]
            return f"the name of an account must {names.RULE}; this is {shown!r}"
        if name in self.places:
            return f"account {name} is there already, in {self.places[name]}"
        forms = {
            "variable": names.variable_form(name),
            "dataset": names.dataset_form(name),
        }
        for kind, form in forms.items():
            other = self._forms.setdefault((kind, form), name)
            if other != name:
                return (
                    f"accounts {other} and {name} would both be {form} in the name of "
                    f"a {kind}: rename one"
                )
        return ""


def _of_overrides(
    document: Document, overrides: Any, accounts: _Accounts
) -> Iterator[str]:
    if not isinstance(overrides, dict | None):
        return  # The schema says so.
    for account, settings in (overrides or {}).items():
        path = ["overrides", account]
        if account not in accounts.places:
            text = unknown(account, accounts.places, "account")
            yield _line(document, path, f"overrides: {text}")
        if not isinstance(settings, dict | None):
            text = f"overrides.{account} must be an object with settings of the tap"
            yield _line(document, path, text)
            continue
        for name, value in (settings or {}).items():
            if wrong := accounts.wrong_setting(name, value):
                text = f"overrides.{account}: {wrong}"
                yield _line(document, [*path, name], text)
