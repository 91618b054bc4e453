"""A few of the evolutions that `make chaos` tries, and proof that nothing escapes.

A lot has seven streams of some nineteen columns. Each column changes its type, or goes
and comes, for itself, so these four are the equivalent of 500 examples.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.chaos.evolutions import Evolutions, Lot
from tests.chaos.evolving import Sent
from tests.chaos.kinds import Ending

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def evolutions() -> Iterator[Evolutions]:
    with Evolutions() as evolutions:
        yield evolutions


@pytest.mark.parametrize("number", range(4))
def test_what_is_in_the_tables_is_what_was_sent_however_schemas_change(
    evolutions: Evolutions, number: int
) -> None:
    lot = evolutions.lot(number)
    verdicts = lot.judge()
    for verdict in verdicts:
        assert verdict.ending is not None, verdict.reason
    complete = [one for one in verdicts if one.ending is Ending.COMPLETE]
    assert len(complete) > len(verdicts) / 2
    _assert_that_mistakes_are_noticed(lot)


def _assert_that_mistakes_are_noticed(lot: Lot) -> None:
    stream = lot.streams[0]
    key, row = next(iter(stream.rows.items()))
    stream.rows[key] = row | {"c99": Sent("number", Decimal(1), "1")}
    with pytest.raises(AssertionError, match="c99 is None"):
        lot.compare(stream)
    del stream.rows[key]
    with pytest.raises(AssertionError, match="lost or doubled"):
        lot.compare(stream)
