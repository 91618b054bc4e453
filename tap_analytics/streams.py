"""The resources of the API, each declared once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk import typing as th

from tap_analytics.compat import override
from tap_analytics.rows.fields import ADDITIONAL_FIELDS
from tap_analytics.singer.stream import AnalyticsStream

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record


def _columns(*more: th.Property[str]) -> th.PropertiesList:
    return th.PropertiesList(
        th.Property(
            "id",
            th.StringType,
            required=True,
            nullable=False,
            description="Identifies the record; numbers are written as their digits.",
        ),
        th.Property("name", th.StringType, description="What people call it."),
        th.Property(
            "createdAt",
            th.DateTimeType,
            description="When it was created, in UTC.",
        ),
        th.Property("status", th.StringType, description="Where it stands."),
        *more,
        th.Property(
            ADDITIONAL_FIELDS,
            # Without `properties`: flattening drops an object that has none of them.
            th.CustomType({"type": ["object", "null"], "additionalProperties": True}),
            description=(
                "The fields that are no columns of their own, as the API sent them, "
                "and values that don't fit their column."
            ),
        ),
    )


class Clients(AnalyticsStream):
    """Whom the company works for."""

    name = "clients"
    path = "/clients"
    properties = _columns()


class Projects(AnalyticsStream):
    """What the company works on."""

    name = "projects"
    path = "/projects"
    properties = _columns()

    @override
    def get_child_context(self, record: Record, context: Context | None) -> Context:
        return {"project_id": record["id"]}


class ProjectStream(AnalyticsStream):
    """A resource that every project has its own of."""

    parent_stream_type = Projects
    properties = _columns(
        th.Property(
            "project_id",
            th.StringType,
            required=True,
            nullable=False,
            description="The `id` of the project.",
        )
    )


class Tasks(ProjectStream):
    """The tasks of a project."""

    name = "tasks"
    path = "/projects/{project_id}/tasks"


class TimeRecords(ProjectStream):
    """The time booked on a project."""

    name = "time_records"
    path = "/projects/{project_id}/time"
    is_incremental = True


class Time(AnalyticsStream):
    """The time booked by the whole team."""

    name = "time"
    path = "/team/time"
    is_incremental = True
    properties = _columns()


class Users(AnalyticsStream):
    """The people of the company."""

    name = "users"
    path = "/team/users"
    properties = _columns()


STREAMS: tuple[type[AnalyticsStream], ...] = (
    Clients,
    Projects,
    Tasks,
    TimeRecords,
    Time,
    Users,
)

STREAM_NAMES: tuple[str, ...] = tuple(vars(stream)["name"] for stream in STREAMS)
