"""`shard` and `load`: for any scheduler that can count."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.behaviour.fleet.conftest import FleetFactory

LOADED, SOME_FAILED, WRONG_USAGE = 0, 3, 2


def test_shards_read_and_load_loads(fleet: FleetFactory) -> None:
    some = fleet(5)
    first = some.run("shard", "1/2", "--run", "night")
    assert first.status == LOADED
    assert {line["status"] for line in first.lines.values()} == {"staged"}

    # The other shard has not come, so that much is missing, and said so.
    part = some.run("load", "--run", "night")
    assert part.status == SOME_FAILED
    assert "Shards without an end mark: 2 of 2." in part.err
    assert some.wrong_rows(first.lines) == []

    second = some.run("shard", "2/2", "--run", "night")
    assert second.status == LOADED
    assert set(first.lines) | set(second.lines) == set(some.accounts)
    assert some.run("load", "--run", "night").status == LOADED
    assert some.wrong_rows(some.accounts) == []
    assert {some.requests_of(name) for name in some.accounts} == {10}


def test_a_shard_that_does_not_exist_is_refused(fleet: FleetFactory) -> None:
    for wrong in ("0/16", "17/16"):
        outcome = fleet(1).run("shard", wrong, "--run", "night")
        assert outcome.status == WRONG_USAGE
        assert "is not a shard" in outcome.err
