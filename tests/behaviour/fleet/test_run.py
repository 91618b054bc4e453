"""`analytics-fleet run`: many accounts into one warehouse."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.behaviour.fleet.conftest import FleetFactory

LOADED, SOME_FAILED, FAILED, WRONG_USAGE = 0, 3, 1, 2


def test_all_rows_of_all_accounts_arrive_and_a_wrong_key_costs_one_request(
    fleet: FleetFactory,
) -> None:
    some = fleet(6)
    some.keys["a3"] = "wrong-key"
    before = some.api.stats().requests
    first = some.run()
    assert first.status == SOME_FAILED
    good = [name for name in some.accounts if name != "a3"]
    assert some.wrong_rows(good) == []
    assert list(first.failed) == ["a3"]
    assert "The API key was refused" in first.failed["a3"]
    assert first.lines["a3"]["requests"] == 1
    assert {name: first.lines[name]["requests"] for name in good} == dict.fromkeys(
        good, 10
    )
    assert some.api.stats().requests - before == 1 + 10 * len(good)
    assert (first.whole["loaded"], first.whole["failed"]) == (5, 1)
    assert "Failed: 1 account (a3): " in first.err
    table = some.database.rows("account, status, rows", "_fleet_accounts")
    assert table[0] == ("a1", "loaded", 25)
    assert table[2] == ("a3", "failed", 0)

    # The key is mended, and a client is gone meanwhile.
    del some.keys["a3"]
    client = some.api.account(1).truth("clients")[0]["id"]
    some.api.account(1).delete("clients", client)
    assert some.run("run", "--failed").status == LOADED
    assert some.requests_of("a1") == 10
    assert some.run("run").status == LOADED
    assert some.wrong_rows(some.accounts) == []
    assert len(some.database.rows("id", "clients")) == 2 * some.size - 1
    some.look_for_keys()


def test_two_accounts_with_the_same_key_are_noticed_night_after_night(
    fleet: FleetFactory,
) -> None:
    some = fleet(2)
    some.keys["a2"] = some.environment["KEY_A1"]
    some.write(runners=1, accounts_at_once=1)
    for _ in range(2):
        # The second time, the one that was never loaded comes first.
        outcome = some.run()
        assert outcome.status == SOME_FAILED
        assert outcome.failed == {
            "a2": "The key is that of account a1, too: each needs a key of its own."
            " Check where the key of a2 is from. Only if a1 was renamed, or had this "
            "key by mistake, remove its rows and give the key free: analytics-fleet "
            "forget fleet.yml a1"
        }
        assert outcome.lines["a2"]["requests"] == 0
    assert some.wrong_rows(["a1"]) == []

    # What the error says helps.
    forgotten = some.run("forget", "a1")
    assert forgotten.status == LOADED
    assert "The rows and the state of account a1 are removed." in forgotten.err
    assert "has loaded no account a9" in some.run("forget", "a9").err
    assert some.run("run", "--only", "a2").status == LOADED
    assert {name for (name,) in some.database.rows("account", "users")} == {"a2"}


def test_the_columns_are_inferred_once_for_all(fleet: FleetFactory) -> None:
    some = fleet(2)
    some.write(defaults={"api_url": some.api.url, "undeclared_fields": "infer"})
    assert some.run().status == LOADED
    assert (some.folder / "state" / "catalog.json").exists()
    assert "email" in some.database.types("users")
    assert some.wrong_rows(some.accounts) == []


def test_each_account_may_have_a_dataset_of_its_own(fleet: FleetFactory) -> None:
    some = fleet(2)
    some.write(target={**some.database.config, "dataset_name": "agency_{account}"})
    assert some.run().status == LOADED
    for name in some.accounts:
        rows = some.database.query(f"SELECT account, id FROM agency_{name}.users")
        assert {account for account, _ in rows} == {name}


def make_older(state: Path, hours: float) -> None:
    """Let the read that an account's state is of have begun so much earlier."""
    text = state.read_text()
    then = text.partition('began_at\\":\\"')[2].partition("\\")[0]
    earlier = datetime.fromisoformat(then) - timedelta(hours=hours)
    state.write_text(text.replace(then, earlier.isoformat()))


def test_an_account_over_its_time_is_stopped_and_goes_on_in_the_next_night(
    fleet: FleetFactory,
) -> None:
    some = fleet(2, latency=0.05)
    # Were the account read a second time, it would come to its end.
    last = some.api.account(1).truth("projects")[-1]["id"][-1]
    some.api.account(1).fault(f"/v1/projects/*{last}/tasks*", "hang", times=1)
    some.write(max_minutes=0.05, tries=1)
    outcome = some.run()
    assert outcome.status == SOME_FAILED
    assert list(outcome.failed) == ["a1"]
    assert "Stopped after 0.05 minutes (max_minutes)" in outcome.failed["a1"]
    make_older(some.folder / "state" / "accounts" / "a1.json", hours=24)
    some.write()
    second = some.run()
    assert second.status == LOADED
    assert second.lines["a1"]["requests"] < second.lines["a2"]["requests"]
    assert some.wrong_rows(some.accounts) == []


NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.mark.parametrize(
    ("target", "error"),
    [
        (
            {"destination": "postgres", "credentials": NOWHERE},
            "Error: Destination 'postgres': ",
        ),
        (
            {"destination": "duckdbb"},
            "Error: fleet.yml, line 1: target.destination is wrong: dlt has no desti",
        ),
    ],
)
def test_what_can_t_be_reached_is_one_line_and_status_1_and_nothing_is_read(
    fleet: FleetFactory, target: dict[str, str], error: str
) -> None:
    some = fleet(1)
    some.write(target=target)
    outcome = some.run()
    assert outcome.status == FAILED
    [line] = [line for line in outcome.err.splitlines() if line.startswith("Error")]
    assert line.startswith(error)
    assert some.api.requests() == []


def test_an_account_that_does_not_exist_is_wrong_usage(fleet: FleetFactory) -> None:
    outcome = fleet(1).run("run", "--only", "a9")
    assert outcome.status == WRONG_USAGE
    assert outcome.err.startswith("Error: ")


def test_an_account_is_forgotten(fleet: FleetFactory) -> None:
    some = fleet(2)
    assert some.run().status == LOADED
    assert some.run("forget", "a1").status == LOADED
    assert some.wrong_rows(["a2"]) == []
    assert not (some.folder / "state" / "accounts" / "a1.json").exists()


def test_check_asks_once_for_each_account(fleet: FleetFactory) -> None:
    some = fleet(4)
    some.keys |= {"a2": "wrong-key", "a4": some.key_of("a3")}
    outcome = some.run("check")
    assert outcome.status == SOME_FAILED
    assert outcome.failed.keys() == {"a2", "a3"} or outcome.failed.keys() == {
        "a2",
        "a4",
    }
    assert "The key is that of account a" in outcome.err
    assert some.requests_of("a1") == some.requests_of("a3") == 1
    assert some.requests_of("a4") == 0
    assert not (some.folder / "analytics.duckdb").exists()
