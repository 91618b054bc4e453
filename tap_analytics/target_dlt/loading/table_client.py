"""What the clients of DuckDB and PostgreSQL have in common.

A table's rows are put in place by one job, in one transaction, with no staging dataset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlt.destinations.job_client_impl import SqlJobClientWithStagingDataset

from tap_analytics.compat import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlt.common.destination.client import FollowupJobRequest, RunnableLoadJob
    from dlt.common.destination.typing import PreparedTableSchema
    from dlt.common.schema import TSchemaTables
    from dlt.destinations.sql_client import SqlClientBase


class TableClient(SqlJobClientWithStagingDataset):
    """A dlt client whose load jobs do all that is to be done with a table."""

    def definitions(self, table: PreparedTableSchema, names: Iterable[str]) -> str:
        """Write the columns of a load file, with their types, as SQL has them."""
        return ", ".join(
            f"{self.sql_client.escape_column_name(name)} "
            + self.type_mapper.to_destination_type(table["columns"][name], table)
            for name in names
        )

    @override
    def should_load_data_to_staging_dataset(self, table_name: str) -> bool:
        return False

    @override
    def should_truncate_table_before_load(self, table_name: str) -> bool:
        return False

    @override
    def create_table_chain_completed_followup_jobs(
        self, table_chain: object, completed_table_chain_jobs: object = None
    ) -> list[FollowupJobRequest]:
        return []  # they would merge from the staging dataset

    @override
    def update_stored_schema(
        self,
        only_tables: Any = None,
        expected_update: Any = None,
        force: bool = False,
    ) -> TSchemaTables | None:
        """Make the tables and columns that are missing in the database.

        dlt looks at the schema that it stored. The tables themselves may be gone, or
        others may have made them meanwhile.
        """
        del force
        return super().update_stored_schema(only_tables, expected_update, force=True)


def client_of(job: RunnableLoadJob) -> TableClient:
    """Get the client of a job that is being run."""
    return job._job_client  # type: ignore[return-value]  # noqa: SLF001, dlt sets it for the job alone


def sql_client_of(job: RunnableLoadJob) -> SqlClientBase[Any]:
    """Get the open connection of a job that is being run."""
    return client_of(job).sql_client
