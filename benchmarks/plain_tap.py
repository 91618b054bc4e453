"""The same tap as the Singer SDK's own template and guides lead one to write it.

Nothing is tuned, and nothing is made slower: the SDK's defaults everywhere. The rows
are the same too: undeclared fields go into a column of their own, or are dropped.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import APIKeyAuthenticator

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

COLUMNS = (
    th.Property("id", th.StringType, required=True),
    th.Property("name", th.StringType),
    th.Property("createdAt", th.DateTimeType),
    th.Property("status", th.StringType),
    th.Property("additional_fields", th.ObjectType(additional_properties=True)),
)
DECLARED = {"id", "name", "createdAt", "status", "project_id"}


class PlainStream(RESTStream[Any]):
    """A resource of the API."""

    primary_keys = ("id",)
    records_jsonpath = "$.data[*]"
    schema = th.PropertiesList(*COLUMNS).to_dict()

    @property
    @override
    def url_base(self) -> str:
        return f"{self.config['api_url']}/v1"

    @property
    @override
    def authenticator(self) -> APIKeyAuthenticator:
        return APIKeyAuthenticator(
            key="X-Api-Key", value=self.config["api_key"], location="header"
        )

    @override
    def get_url(self, context: Context | None) -> str:
        # The SDK encodes slashes only; the API's ids hold other characters too.
        ids = {
            key: quote(str(value), safe="") for key, value in (context or {}).items()
        }
        return self.url_base + self.path.format(**ids)

    @override
    def post_process(self, row: Record, context: Context | None = None) -> Record:
        if self.config["undeclared_fields"] == "ignore":
            return row  # The SDK itself drops what the schema doesn't declare.
        declared = {key: value for key, value in row.items() if key in DECLARED}
        rest = {key: value for key, value in row.items() if key not in DECLARED}
        return {**declared, "additional_fields": rest or None}


class Clients(PlainStream):
    """Whom the company works for."""

    name = "clients"
    path = "/clients"


class Projects(PlainStream):
    """What the company works on."""

    name = "projects"
    path = "/projects"

    @override
    def get_child_context(self, record: Record, context: Context | None) -> Context:
        return {"project_id": record["id"]}


class ProjectStream(PlainStream):
    """A resource that every project has its own of."""

    parent_stream_type = Projects
    schema = th.PropertiesList(
        *COLUMNS, th.Property("project_id", th.StringType)
    ).to_dict()


class Tasks(ProjectStream):
    """The tasks of a project."""

    name = "tasks"
    path = "/projects/{project_id}/tasks"


class TimeRecords(ProjectStream):
    """The time booked on a project."""

    name = "time_records"
    path = "/projects/{project_id}/time"


class Time(PlainStream):
    """The time booked by the whole team."""

    name = "time"
    path = "/team/time"


class Users(PlainStream):
    """The people of the company."""

    name = "users"
    path = "/team/users"


class PlainTap(Tap):
    """The tap."""

    name = "tap-plain"
    config_jsonschema = th.PropertiesList(
        th.Property("api_url", th.StringType, required=True),
        th.Property("api_key", th.StringType, required=True, secret=True),
        th.Property("undeclared_fields", th.StringType, default="collect"),
    ).to_dict()

    @override
    def discover_streams(self) -> list[PlainStream]:
        streams = (Clients, Projects, Tasks, TimeRecords, Time, Users)
        return [stream(self) for stream in streams]


if __name__ == "__main__":
    PlainTap.cli()
