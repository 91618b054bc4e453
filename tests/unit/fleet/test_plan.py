"""What a run is to do."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from tap_analytics.compat import override
from tap_analytics.fleet.errors import UsageError
from tap_analytics.fleet.folder import Folder
from tap_analytics.fleet.ledger import Began, Ended, Ledger, Read, Receipt
from tap_analytics.fleet.plan import Choice, Plan, plan
from tap_analytics.fleet.staging import Totals

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from tap_analytics.fleet.places import Place

NOW = datetime(2025, 6, 18, 1, tzinfo=timezone.utc)
ALL = ("a", "b", "c", "d")


def past(
    place: Place,
    *loaded: str,
    hours: float = 1,
    failed: Collection[str] = (),
    seconds: dict[str, float] | None = None,
    kind: str = "all",
    accounts: Collection[str] = ALL,
    is_over: bool = False,
) -> str:
    """Write what a run did that was alive so many hours ago."""
    then = NOW - timedelta(hours=hours)
    name = then.strftime("%Y%m%dT%H%M%SZ")
    one = Ledger(place, name, "run", clock=lambda: then)
    one.add(Began(time=then, kind=kind, accounts=list(accounts)))
    for account in failed:
        one.add(Read(time=then, account=account, ending="failed", error="No."))
    took = {
        account: Totals(seconds=(seconds or {}).get(account, 1)) for account in loaded
    }
    one.add(
        *(
            Read(time=then, account=account, ending="complete", manifest="m", totals=of)
            for account, of in took.items()
        ),
        *(
            Receipt(time=then, account=account, manifest="m", load="1")
            for account in loaded
        ),
    )
    if is_over:
        one.add(Ended(time=then))
    one.close()
    return name


def planned(
    place: Place,
    *,
    only: Collection[str] = (),
    failed: bool = False,
    fresh: bool = False,
    accounts: Collection[str] = ALL,
) -> Plan:
    return plan(place, accounts, Choice(tuple(only), failed, fresh), NOW)


def test_the_first_run_does_all_accounts_in_the_order_of_the_file(
    folder: Place,
) -> None:
    found = planned(folder)
    assert (found.run, found.kind) == ("20250618T010000Z", "all")
    assert list(found.todo) == list(found.accounts) == list(ALL)


def test_accounts_that_took_longest_come_first_and_new_ones_before_them(
    folder: Place,
) -> None:
    seconds = {"a": 1.0, "b": 30.0, "c": 2.0}
    past(folder, "a", "b", "c", seconds=seconds, is_over=True)
    assert list(planned(folder).todo) == ["d", "b", "c", "a"]


def test_how_long_an_account_took_is_known_from_the_last_run_that_loaded_it(
    folder: Place,
) -> None:
    past(folder, *ALL, seconds={"a": 50}, hours=24, is_over=True)
    past(folder, "b", "c", "d", failed=["a"], is_over=True)
    assert list(planned(folder).todo) == ["a", "b", "c", "d"]


def test_an_interrupted_run_goes_on_with_what_has_no_receipt(folder: Place) -> None:
    name = past(folder, "a", "c", failed=["b"])
    found = planned(folder)
    assert found.run == name
    assert list(found.todo) == ["b", "d"]
    assert list(found.accounts) == list(ALL)
    assert found.note == (
        f"Goes on with the run {name}, which was interrupted: 2 of 4 accounts were "
        "done already."
    )


def test_a_run_that_was_interrupted_long_ago_is_not_gone_on_with(folder: Place) -> None:
    past(folder, "a", hours=12)
    found = planned(folder)
    assert found.run == "20250618T010000Z"
    assert "is closed: all accounts begin anew" in found.note
    assert sorted(found.todo) == list(ALL)


def test_a_run_that_is_over_is_not_gone_on_with(folder: Place) -> None:
    past(folder, "a", is_over=True)
    assert sorted(planned(folder).todo) == list(ALL)


def test_an_interrupted_run_is_forgotten_when_asked_for(folder: Place) -> None:
    past(folder, "a")
    assert sorted(planned(folder, fresh=True).todo) == list(ALL)


def test_an_interrupted_run_that_a_newer_one_followed_is_not_gone_on_with(
    folder: Place,
) -> None:
    past(folder, "a", hours=3)
    past(folder, *ALL, hours=2, is_over=True)
    assert planned(folder).note == ""


def test_a_run_of_some_accounts_does_not_stand_in_the_way(folder: Place) -> None:
    name = past(folder, "a", hours=3)
    past(folder, "b", hours=2, kind="some", accounts=["b"], is_over=True)
    assert planned(folder).run == name


def test_an_interrupted_run_is_found_however_many_runs_of_some_followed(
    folder: Place,
) -> None:
    name = past(folder, "a", hours=3)
    for hours in range(1, 10):
        one = {"kind": "some", "accounts": ["b"], "hours": hours / 4, "is_over": True}
        past(folder, "b", **one)  # type: ignore[arg-type]
    assert planned(folder).run == name


def test_what_a_newer_run_has_loaded_is_stale_in_the_one_that_goes_on(
    folder: Place,
) -> None:
    past(folder, "d", hours=4, kind="some", is_over=True)
    past(folder, "a", hours=3)
    some = ["b", "c"]
    past(folder, "b", failed=["c"], hours=2, kind="some", accounts=some, is_over=True)
    past(folder, "c", hours=1, kind="some", accounts=["c"], is_over=True)
    assert sorted(planned(folder).stale) == ["b", "c"]


def test_a_run_keeps_its_list(folder: Place) -> None:
    past(folder, "a")
    found = planned(folder, accounts=("a", "b", "c", "new"))
    assert list(found.accounts) == ["a", "b", "c"]
    assert list(found.todo) == ["b", "c"]


def test_only_the_accounts_that_are_named_are_done(folder: Place) -> None:
    past(folder, "a")
    found = planned(folder, only=["c", "b", "c"])
    assert (found.kind, list(found.todo)) == ("some", ["c", "b"])


def test_an_account_that_does_not_exist_can_not_be_named(folder: Place) -> None:
    with pytest.raises(UsageError, match=r"There is no account 'acne' \(did you mean"):
        planned(folder, only=["acne"], accounts=("acme", "beta"))


def test_the_accounts_that_the_last_run_did_not_load_are_tried_again(
    folder: Place,
) -> None:
    past(folder, "a", "c", failed=["b", "d"], is_over=True)
    assert sorted(planned(folder, failed=True).todo) == ["b", "d"]


def test_what_failed_before_a_run_of_others_is_tried_again_too(folder: Place) -> None:
    past(folder, "a", "c", failed=["b", "d"], hours=3, is_over=True)
    past(folder, "d", hours=2, kind="some", accounts=["d"], is_over=True)
    past(folder, failed=["c"], hours=1, kind="some", accounts=["c"], is_over=True)
    assert sorted(planned(folder, failed=True).todo) == ["b", "c"]


def test_without_a_run_none_has_failed(folder: Place) -> None:
    with pytest.raises(UsageError, match="There was no run yet"):
        planned(folder, failed=True)


def test_two_runs_in_a_second_have_two_names(folder: Place) -> None:
    past(folder, *ALL, hours=0, is_over=True)
    assert planned(folder).run == "20250618T010000Z-2"


def test_ten_thousand_accounts_with_receipts_are_passed_over_in_three_seconds(
    folder: Place,
) -> None:
    accounts = {f"account-{number}": None for number in range(10_000)}
    past(folder, *accounts, accounts=list(accounts), hours=24, is_over=True)
    past(folder, *accounts, accounts=list(accounts))
    began = time.process_time()
    assert not planned(folder, accounts=accounts).todo
    assert time.process_time() - began < 3


class CountingFolder(Folder):
    """A folder that counts how often one of its files is read."""

    reads = 0

    @override
    def read(self, name: str) -> bytes | None:
        self.reads += 1
        return super().read(name)


def test_going_on_reads_the_ledger_of_that_run_alone(tmp_path: Path) -> None:
    place = CountingFolder(tmp_path)
    for hours in (50, 26):
        past(place, *ALL, hours=hours, is_over=True)
    past(place, "a", "b", hours=1)
    found = plan(place, ALL, Choice(), NOW)
    assert list(found.todo) == ["c", "d"]
    assert place.reads == 1


def test_a_new_run_reads_no_ledger_beyond_those_that_tell_all_times(
    tmp_path: Path,
) -> None:
    place = CountingFolder(tmp_path)
    for hours in (74, 50, 26):
        past(place, *ALL, hours=hours, is_over=True)
    plan(place, ALL, Choice(), NOW)
    assert place.reads == 1
