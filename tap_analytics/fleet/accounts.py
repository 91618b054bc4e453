"""The accounts of a fleet: from the fleet file's list, or from a CSV file."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from tap_analytics.fleet.errors import FleetFileError
from tap_analytics.fleet.mistakes import unknown
from tap_analytics.fleet.schema import NOT_FOR_ACCOUNTS, TAP_SETTINGS
from tap_analytics.plugin.wording import refuse_constant, types_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tap_analytics.fleet.yaml_document import Document

_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True)
class Entry:
    """An account as it is listed, not checked yet.

    Attributes:
        name: Its name, as it is written.
        settings: The settings beside the name.
        place: The file and line.
    """

    name: str
    settings: Mapping[str, Any]
    place: str


def listed(document: Document, key: str = "accounts") -> Iterator[Entry]:
    """Yield the accounts of a list in the fleet file.

    Args:
        document: The file.
        key: Where the list is.
    """
    node = document.node_at(key)
    for item in node.value if isinstance(node, yaml.SequenceNode) else ():
        place = f"{document.name}, line {item.start_mark.line + 1}"
        if isinstance(item, yaml.ScalarNode):
            yield Entry(item.value, {}, place)
        elif isinstance(item, yaml.MappingNode):
            settings = document.value_of(item)
            names = [
                value.value
                for key_node, value in item.value
                if key_node.value == "account" and isinstance(value, yaml.ScalarNode)
            ]
            settings.pop("account", None)
            yield Entry(names[0] if names else "", settings, place)
        else:
            msg = f"{place}: an account must be a name, or an object with `account`."
            raise FleetFileError(msg)


def in_csv(path: Path) -> Iterator[Entry]:
    """Yield the accounts of a CSV file.

    Args:
        path: The file.

    Raises:
        FleetFileError: If the file can't be read, or has a column that can't be.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        msg = f"The file {path}, which accounts names, can't be read: {error.strerror}."
        raise FleetFileError(msg) from None
    except UnicodeDecodeError as error:
        msg = f"{path.name}: the text is not UTF-8, from byte {error.start} on."
        raise FleetFileError(msg) from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = [name.strip() for name in next(rows, [])]
        _require_columns(columns, path.name)
        for cells in rows:
            place = f"{path.name}, line {rows.line_num}"
            if any(cells):
                yield _entry(columns, cells, place)
    except csv.Error as error:
        msg = f"{path.name}, line {rows.line_num}: this is not CSV: {error}."
        raise FleetFileError(msg) from None


def _require_columns(columns: list[str], file: str) -> None:
    for wrong in _wrong_columns(columns):
        msg = f"{file}, line 1: {wrong}."
        raise FleetFileError(msg)


def _wrong_columns(columns: list[str]) -> Iterator[str]:
    if "account" not in columns:
        hint = " (commas separate columns)" if len(columns) == 1 else ""
        yield f"there is no column `account`{hint}"
    for name in columns:
        if name == "api_key":
            yield (
                "keys must not be in a CSV file. Remove the column, and say in the "
                "fleet file where they are, as in api_key: 'env:KEY_{ACCOUNT}'"
            )
        elif name in NOT_FOR_ACCOUNTS - {"account"}:
            yield f"{name} can't be a column: the fleet sets it itself"
        elif columns.count(name) > 1:
            yield f"there are two columns {name!r}"
        elif name != "account" and name not in TAP_SETTINGS:
            yield unknown(name, [*TAP_SETTINGS, "account"], "setting for a column")


def _entry(columns: list[str], cells: list[str], place: str) -> Entry:
    if len(cells) != len(columns):
        msg = (
            f"{place}: there are {len(cells)} values for {len(columns)} columns. Put "
            'values with commas into "quotes".'
        )
        raise FleetFileError(msg)
    row = dict(zip(columns, (cell.strip() for cell in cells), strict=True))
    name = row.pop("account")
    settings = {setting: _value(setting, text) for setting, text in row.items() if text}
    return Entry(name, settings, place)


def _value(setting: str, text: str) -> Any:
    """Return a cell as its setting's type; the text itself if it is not of that."""
    types = types_of(TAP_SETTINGS[setting])
    if "string" in types:
        return text
    if "boolean" in types:
        return _BOOLEANS.get(text.lower(), text)
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return text
