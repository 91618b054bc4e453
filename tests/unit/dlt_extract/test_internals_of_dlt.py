"""What the source leans on that dlt does not promise: it fails when dlt changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.destination.capabilities import DestinationCapabilitiesContext
from dlt.common.schema.typing import MERGE_DISPOSITION_HINTS, MERGE_STRATEGY_OPTIONS
from dlt.common.schema.utils import has_table_seen_data
from dlt.extract.items import DataItemWithMeta
from dlt.extract.items_transform import FilterItem, LimitItem, MapItem
from dlt.extract.pipe import ForkPipe
from dlt.extract.source import SourceInjectableContext

from tap_analytics.dlt_extract.last_step import LastStep, current_steps, goes_only_to

if TYPE_CHECKING:
    from pathlib import Path

Seen = list[Any]


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dlt.Pipeline:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    return dlt.pipeline(
        "internals",
        pipelines_dir=str(tmp_path / "pipelines"),
        destination=dlt.destinations.duckdb(str(tmp_path / "x.duckdb")),
        dataset_name="rows",
    )


def extracted(pipeline: dlt.Pipeline, look: Any) -> Seen:
    """Return what is seen while dlt extracts two resources, one below the other."""
    seen: Seen = []

    @dlt.resource
    def parents() -> Any:
        seen.append(look())
        yield [{"id": "a"}]

    @dlt.transformer
    def children(rows: list[Any]) -> Any:
        seen.append(look())
        yield rows

    def both() -> Any:
        return parents, parents | children

    pipeline.extract(dlt.source(both, name="both")())
    return seen


def test_each_extraction_has_a_source_context_of_its_own(
    pipeline: dlt.Pipeline,
) -> None:
    contexts = [
        *extracted(pipeline, lambda: Container()[SourceInjectableContext]),
        *extracted(pipeline, lambda: Container()[SourceInjectableContext]),
    ]
    assert contexts[0] is contexts[1]
    assert contexts[2] is contexts[3]
    assert contexts[0] is not contexts[2]


def test_a_destinations_capabilities_are_known_while_dlt_extracts(
    pipeline: dlt.Pipeline,
) -> None:
    def look() -> Any:
        return Container()[DestinationCapabilitiesContext].supported_loader_file_formats

    assert "parquet" in extracted(pipeline, look)[0]


def test_a_pipe_has_its_steps_and_forks_last(pipeline: dlt.Pipeline) -> None:
    (parents, children) = extracted(pipeline, current_steps)
    assert isinstance(parents[-1], ForkPipe)
    assert not isinstance(children[-1], ForkPipe)


def test_a_fork_knows_where_items_go(pipeline: dlt.Pipeline) -> None:
    names = ["parents", "children"]
    assert extracted(pipeline, lambda: goes_only_to(names)) == [True, True]
    assert extracted(pipeline, lambda: goes_only_to(["parents"])) == [False, True]


def test_steps_are_of_these_kinds() -> None:
    rows: Any = dlt.resource([1], name="rows")
    rows.add_step(LastStep(lambda: None))
    rows.add_map(lambda row: row).add_filter(lambda row: row > 0).add_limit(1)
    kinds = [type(one) for one in rows._pipe.steps[1:]]  # noqa: SLF001
    assert kinds == [MapItem, FilterItem, LimitItem, LastStep]


def test_the_hints_of_a_resource_have_its_file_format() -> None:
    resource: Any = dlt.resource([1], name="x", file_format="parquet")
    assert resource._hints["file_format"] == "parquet"  # noqa: SLF001 - it is about it
    resource.apply_hints(file_format="")
    assert "file_format" not in resource._hints  # noqa: SLF001


def test_none_lets_others_go_on_and_is_no_item() -> None:
    order: Seen = []

    def waiting() -> Any:
        yield None
        order.append("waited")
        yield {"id": "waited"}

    def ready() -> Any:
        order.append("ready")
        yield {"id": "ready"}

    resources = [dlt.resource(one, name=one.__name__) for one in (waiting, ready)]
    source: Any = dlt.source(lambda: resources, name="two")()
    assert sorted(row["id"] for row in source) == ["ready", "waited"]
    assert order == ["ready", "waited"]


def test_items_do_not_inherit_what_came_with_their_parents() -> None:
    metas: Seen = []

    @dlt.resource
    def parents() -> Any:
        yield dlt.mark.with_table_name([{"id": "a"}], "elsewhere")

    @dlt.transformer
    def children(rows: Any) -> Any:
        return DataItemWithMeta(None, iter([rows]))

    def keep(item: Any, meta: Any = None) -> Any:
        metas.append(meta)
        return item

    below: Any = parents | children
    list(below.add_step(keep))
    assert metas == [None]


def test_a_merges_scope_is_a_hint_of_the_table() -> None:
    assert MERGE_DISPOSITION_HINTS["destination_scope"] == "x-merge-destination-scope"
    assert MERGE_DISPOSITION_HINTS["strategy"] == "x-merge-strategy"
    assert "delete-insert" in MERGE_STRATEGY_OPTIONS["destination_scope"]


def test_a_scope_in_the_schema_decides_what_a_merge_deletes(
    pipeline: dlt.Pipeline,
) -> None:
    @dlt.resource(primary_key="id", write_disposition="merge")
    def rows(ids: str) -> Any:
        yield [{"id": id_} for id_ in ids]
        everything = "1 = 1 OR id IN (SELECT id FROM {staging_table})"
        hints = {"x-merge-destination-scope": everything}
        partial: Any = {"name": "rows", "columns": {}, **hints}
        dlt.current.source_schema().update_table(partial)

    for ids in ("abc", "bd"):
        pipeline.run(rows(ids))
    with pipeline.sql_client() as client:
        assert client.execute_sql("SELECT id FROM rows ORDER BY id") == [("b",), ("d",)]


def test_a_table_remembers_whether_it_had_rows(pipeline: dlt.Pipeline) -> None:
    pipeline.run([{"id": 1}], table_name="rows")
    tables = pipeline.default_schema.tables
    assert has_table_seen_data(tables["rows"])
    assert not has_table_seen_data({})


def test_a_load_is_named_while_dlt_extracts(pipeline: dlt.Pipeline) -> None:
    def look() -> str:
        return dlt.current.load_package_state()["load_id"]

    first, second = extracted(pipeline, look)
    assert first == second
    pipeline.normalize()
    assert pipeline.load().loads_ids == [first]
