"""The same resources as a dlt source: `pipeline.run(analytics_source())`.

What reads the API, and what a record becomes, is the tap's. Here the streams are put
into dlt's words.
"""

from __future__ import annotations

from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any, cast

try:
    import dlt
except ModuleNotFoundError:
    msg = "analytics_source needs dlt: pip install 'tap-analytics[dlt]'"
    raise ModuleNotFoundError(msg, name="dlt") from None
from dlt.extract.items import DataItemWithMeta

from tap_analytics.api.origin import check_api_url
from tap_analytics.dlt_extract.declared import Choices, DeclaredStream
from tap_analytics.dlt_extract.extraction import LOGGER, Extractions
from tap_analytics.dlt_extract.last_step import LastStep
from tap_analytics.dlt_extract.stream_items import ChildItems, ListItems
from tap_analytics.errors import ConfigError
from tap_analytics.presets import PRESET_SETTINGS, with_preset
from tap_analytics.selection import chosen_streams
from tap_analytics.settings import DECLARED, DEFAULTS
from tap_analytics.singer.configuration import warn_of_unknown_streams
from tap_analytics.streams import STREAM_NAMES, STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dlt.extract import DltResource

    from tap_analytics.dlt_extract.declared import RowKind
    from tap_analytics.dlt_extract.extraction import Extraction
    from tap_analytics.dlt_extract.last_step import DictForm

SINGER_ONLY = frozenset(
    {"emit_activate_version_messages", "infer_sample_size", "resume_hours"}
)
"""Settings of the tap about messages, discovery and states of a read that stopped."""

_TYPES: dict[str, type] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "number": float,
    "object": dict,
    "string": str,
}


def _with_settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function the tap's settings as parameters, which is where dlt looks."""
    given = Signature.from_callable(function).parameters.values()
    own = [one for one in given if one.kind is not Parameter.VAR_KEYWORD]
    names = {one.name for one in own}
    settings = [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            # Only a default that is not given leaves room for a preset's.
            default=None if name in PRESET_SETTINGS else DEFAULTS.get(name),
            annotation=_TYPES[setting["type"][0]],
        )
        for name, setting in DECLARED.schema["properties"].items()
        if name not in SINGER_ONLY | names
    ]
    function.__signature__ = Signature(  # type: ignore[attr-defined]
        [*own, *settings], return_annotation=list
    )
    return function


@dlt.source(name="analytics", section="analytics", max_table_nesting=0)
@_with_settings
def analytics_source(
    api_key: str = dlt.secrets.value,
    *,
    rows: str = "dicts",
    deletions: bool = False,
    **settings: Any,
) -> list[DltResource]:
    """Return the streams of the tap as dlt resources, merged on `id`.

    dlt looks up what isn't given, in the section `sources.analytics`.

    Args:
        api_key: The key.
        rows: What the resources yield: `dicts`, or `arrow` for Arrow tables.
        deletions: Whether a load that proves a stream whole deletes the rows that are
            gone at the source.
        settings: Settings of the tap, with the same names and defaults. With
            `undeclared_fields="infer"`, it is dlt that makes columns.

    Raises:
        ConfigError: If an argument is not valid.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    given["api_key"] = api_key
    completed = DEFAULTS | with_preset(given)
    DECLARED.require_valid(completed)
    check_api_url(completed["api_url"])
    warn_of_unknown_streams(given, STREAM_NAMES, LOGGER)
    account = completed.get("account")
    choices = Choices(
        cast("RowKind", rows),
        deletions,
        infer=completed["undeclared_fields"] == "infer",
        names=STREAM_NAMES,
        bounds={completed["account_column"]: account} if account else {},
    )
    extractions = Extractions(completed)
    chosen = chosen_streams(completed.get("streams"), STREAM_NAMES)
    resources: dict[str, DltResource] = {}
    for declared in STREAMS:
        stream = DeclaredStream(declared, STREAMS, completed)
        parent = resources.get(stream.parent)
        resource = _resource(stream, choices, extractions, parent)
        resource.selected = stream.name in chosen
        resources[stream.name] = resource
    return list(resources.values())


def _resource(
    stream: DeclaredStream,
    choices: Choices,
    extractions: Extractions,
    parent: DltResource | None,
) -> DltResource:
    def read() -> Iterator[Any]:
        extraction = extractions.current()
        with extraction.reading():
            yield from ListItems(stream, choices, extraction).items()

    def read_below(parents: Any) -> DataItemWithMeta | None:
        extraction = extractions.current()
        with extraction.reading():
            return begun_below(parents, extraction)

    def begun_below(parents: Any, extraction: Extraction) -> DataItemWithMeta | None:
        name = dlt.current.pipe().name
        child = extraction.children.get(name)
        if child is not None and not child.is_over:
            child.add(_ids(parents))
            return None
        child = extraction.children[name] = ChildItems(stream, choices, extraction)
        child.add(_ids(parents))

        def items() -> Iterator[Any]:
            with extraction.reading():
                yield  # From here on the extraction waits for it.
                yield from child.items()

        begun = items()
        next(begun)
        # Hints that came with the parents are not for their children.
        return DataItemWithMeta(None, begun)

    def form() -> DictForm | None:
        return extractions.current().forms.get(dlt.current.pipe().name)

    hints: dict[str, Any] = {
        "name": stream.name,
        "primary_key": stream.keys,
        "write_disposition": "merge",
        "columns": stream.columns,
    }
    resource: DltResource
    if parent is None:
        resource = dlt.resource(read, **hints)
    else:
        resource = dlt.transformer(read_below, data_from=parent, **hints)
    if choices.rows == "dicts":
        resource.add_step(LastStep(form))
    return resource


def _ids(parents: Any) -> list[str]:
    """Return the ids of what dlt hands over: an item of the parents' resource.

    Raises:
        ConfigError: If something has taken them away.
    """
    try:
        if hasattr(parents, "column"):
            ids: list[str] = parents.column("id").to_pylist()
            return ids
        rows = [parents] if isinstance(parents, dict) else parents
        return [row["id"] for row in rows]
    except (KeyError, TypeError) as error:
        msg = (
            "the parents of a resource have no 'id' any more: a step that was added to "
            "their resource took it away. Add it after their children were read."
        )
        raise ConfigError(msg) from error
