"""Catalogs as users have them: of this tap, edited by hand, or of another tap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib import Catalog

from tap_analytics.errors import ConfigError
from tap_analytics.plugin.declared import hint

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import TextIO

    from singer_sdk.singerlib import CatalogEntry

_ADVICE = "Make it again with --discover."


class _Schema(msgspec.Struct):
    properties: dict[str, dict[str, Any]] = {}


class _Metadata(msgspec.Struct):
    breadcrumb: list[str]
    metadata: dict[str, Any]


class _Entry(msgspec.Struct):
    tap_stream_id: str
    stream: str | None = None
    schema: _Schema = msgspec.field(default_factory=_Schema)
    metadata: list[_Metadata] = []
    key_properties: list[str] | None = None


class _Form(msgspec.Struct):
    """What a catalog has to look like."""

    streams: list[_Entry] = []


def read_catalog(file: TextIO, streams: Collection[str]) -> Catalog:
    """Read the catalog of a file.

    Args:
        file: The file, open; it is closed.
        streams: The names of the tap's streams.

    Raises:
        ConfigError: If it is not a catalog of this tap.
    """
    source = f"The catalog {file.name}"
    try:
        with file:
            catalog = msgspec.json.decode(file.read())
    except ValueError as error:
        msg = f"{source} is not valid JSON: {error}. {_ADVICE}"
        raise ConfigError(msg) from error
    return checked_catalog(catalog, streams, source)


def checked_catalog(
    catalog: Any, streams: Collection[str], source: str = "The catalog"
) -> Catalog:
    """Return a catalog as the SDK takes it.

    Args:
        catalog: What was given as the catalog.
        streams: The names of the tap's streams.
        source: Where it comes from, as the error says it.

    Raises:
        ConfigError: If it is not a catalog of this tap.
    """
    try:
        msgspec.convert(catalog, _Form)
    except msgspec.ValidationError as error:
        msg = f"{source} is not a catalog: {error}. {_ADVICE}"
        raise ConfigError(msg) from error
    checked = Catalog.from_dict(catalog)
    for entry in checked.streams:
        _check_names(entry, streams, source)
    if checked.keys().isdisjoint(streams):
        msg = (
            f"{source} has none of the streams of this tap, which are "
            f"{', '.join(streams)}. {_ADVICE}"
        )
        raise ConfigError(msg)
    for entry in checked.streams:
        if entry.metadata.resolve_selection().get((), True):
            _check_selected(entry, streams, source)
    return checked


def _check_names(entry: CatalogEntry, streams: Collection[str], source: str) -> None:
    """Return if an entry has one name.

    Raises:
        ConfigError: If it has two: the SDK would look for the stream by both.
    """
    id_, name = entry.tap_stream_id, entry.stream or entry.tap_stream_id
    if id_ != name and not {id_, name}.isdisjoint(streams):
        known, other = (id_, name) if id_ in streams else (name, id_)
        msg = (
            f"{source} calls the stream {known!r} {other!r}, too: tap_stream_id and "
            "stream must be the same. For another table's name set __alias__ in "
            "stream_maps."
        )
        raise ConfigError(msg)


def _check_selected(entry: CatalogEntry, streams: Collection[str], source: str) -> None:
    """Return if a stream that is selected can be read.

    Raises:
        ConfigError: If there is no such stream, or a column that it needs is not
            declared.
    """
    name = entry.tap_stream_id
    if name not in streams:
        msg = (
            f"{source} selects the stream {name!r}, which this tap does not have."
            f"{hint(name, streams)} {_ADVICE}"
        )
        raise ConfigError(msg)
    columns = entry.schema.properties or {}
    keys = entry.key_properties or entry.metadata.root.table_key_properties or ["id"]
    for key in keys:
        if key not in columns:
            msg = (
                f"{source} declares no column {key!r} for the stream {name!r}, which "
                f"is its key. {_ADVICE}"
            )
            raise ConfigError(msg)
