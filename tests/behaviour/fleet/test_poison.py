"""Accounts whose answers are poison: only they fail, and their old rows stay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.behaviour.fleet.conftest import FleetFactory
    from tests.helpers.databases import Database
    from tests.helpers.fleets import FleetOfTest

LOADED, SOME_FAILED = 0, 3

CLIENTS = "/v1/clients*"


def answers(*records: Any) -> dict[str, Any]:
    return {"status": 200, "body": json.dumps({"data": records})}


def rows_of(some: FleetOfTest, *accounts: str) -> list[Any]:
    """Return the rows of accounts, of a stream that is poisoned and one that is not."""
    return [
        row
        for stream in ("clients", "users")
        for row in some.database.rows("account, id, name", stream)
        if row[0] in accounts
    ]


def test_accounts_whose_answers_are_poison_fail_alone(
    fleet: FleetFactory, in_postgres: Database
) -> None:
    some = fleet(9, in_postgres)
    assert some.run().status == LOADED
    poison = {
        "a2": "the answer has more than 1 MB",
        "a3": "the answer has more than 1 MB",
        "a4": "no answer within the time-out",
        "a5": "a body that is not JSON",
        "a6": "account",
        "a7": "id",
    }
    some.api.account(2).fault(CLIENTS, "huge")
    some.api.account(3).fault(CLIENTS, "huge-packed")
    some.api.account(4).fault(CLIENTS, "endless-drip")
    some.api.account(5).fault(CLIENTS, "invalid-json")
    theft = {"id": "1", "name": "Stolen", "account": "a1"}
    some.api.account(6).fault(CLIENTS, **answers(theft))
    some.api.account(7).fault(CLIENTS, **answers({"id": "1"}, {"id": {"of": [1]}}))
    before = rows_of(some, *poison)
    news = {"id": "new", "name": "New"}
    some.api.account(1).add("clients", news)
    # Of other types than before, and than one another: they are kept beside.
    odd = [{"id": 7, "name": 1.5}, {"id": "8", "name": ["x\0\ud800"]}]
    some.api.account(8).fault(CLIENTS, **answers(*odd))
    some.write(
        defaults={
            "api_url": some.api.url,
            "backoff_factor": 0.01,
            "max_response_mb": 1,
        },
        overrides={"a4": {"request_timeout": 0.2, "max_retries": 1}},
    )
    outcome = some.run()
    assert outcome.status == SOME_FAILED
    assert {name: poison[name] in text for name, text in outcome.failed.items()} == (
        dict.fromkeys(poison, True)
    ), outcome.failed
    assert rows_of(some, *poison) == before
    assert ("a1", "new", "New") in rows_of(some, "a1")
    assert some.requests_of("a9") == 20
    assert some.database.query(
        "SELECT id, name, additional_fields IS NOT NULL FROM"
        f" {some.database.dataset}.clients WHERE account = 'a8' ORDER BY id"
    ) == [("7", "1.5", False), ("8", None, True)]
