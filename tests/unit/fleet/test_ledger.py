"""What happened in a run, and what is put together from it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from tap_analytics.fleet import ledger
from tap_analytics.fleet.bucket import LOG_BYTES
from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.folder import Folder
from tap_analytics.fleet.history import FAILED, LOADED, STAGED, WAITING, last_run
from tap_analytics.fleet.ledger import (
    Alive,
    Began,
    Ended,
    Event,
    Ledger,
    NotLoaded,
    Read,
    Receipt,
)
from tap_analytics.fleet.staging import Totals

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.fleet.history import RunRecord
    from tap_analytics.fleet.places import Place

NIGHT = datetime(2025, 6, 18, 1, tzinfo=timezone.utc)
TOTALS = Totals({"users": 3}, 44, 4.5)


def at(minute: float) -> datetime:
    return NIGHT + timedelta(minutes=minute)


def write(
    place: Place, *events: Event, run: str = "night", writer: str = "run"
) -> None:
    one = Ledger(place, run, writer, clock=lambda: events[0].time)
    one.add(*events)
    one.close()


def began(minute: float = 0, *accounts: str, goes_on: bool = False) -> Began:
    names = list(accounts)
    return Began(time=at(minute), kind="all", accounts=names, goes_on=goes_on)


def read(
    account: str, minute: float = 1, manifest: str = "m1", error: str = ""
) -> Read:
    ending = "failed" if error and not manifest else "complete"
    return Read(
        time=at(minute),
        account=account,
        ending=ending,
        totals=TOTALS,
        manifest=manifest,
        error=error,
    )


def receipt(account: str, minute: float = 2, manifest: str = "m1") -> Receipt:
    return Receipt(time=at(minute), account=account, manifest=manifest, load="17.5")


def last(place: Place) -> RunRecord:
    found = last_run(place)
    assert found is not None
    return found


def test_what_is_written_is_read(place: Place) -> None:
    events: list[Event] = [
        began(0, "acme"),
        read("acme"),
        receipt("acme"),
        Ended(time=at(3)),
    ]
    write(place, *events)
    (file,) = ledger.files(place)
    assert (file.run, file.writer, file.began) == ("night", "run", NIGHT)
    assert list(ledger.events(place, file)) == events


def test_a_writer_has_one_file_however_many_accounts_there_are(place: Place) -> None:
    one = Ledger(place, "night", "run")
    for number in range(5):
        one.add(read(f"account-{number}"))
    one.close()
    assert len(ledger.files(place)) == 1


def test_a_large_ledger_in_a_bucket_goes_on_in_further_files(bucket: Place) -> None:
    accounts = [f"account-{number}" for number in range(100)]
    one = Ledger(bucket, "night", "run", clock=lambda: NIGHT)
    one.add(began(0, *accounts))
    error = "x" * (LOG_BYTES // 40)
    for name in accounts:
        one.add(read(name, error=error))
    one.add(Ended(time=at(3)))
    one.close()
    files = ledger.files(bucket)
    assert len(files) == 3
    assert {(file.run, file.writer, file.began) for file in files} == {
        ("night", "run", NIGHT)
    }
    for file in files:
        assert len(bucket.read(file.name) or b"") <= LOG_BYTES
    found = last(bucket)
    assert {one.error for one in found.accounts.values()} == {error}
    assert (list(found.accounts), found.is_over) == (accounts, True)


@pytest.mark.parametrize("lost", [1, 5, 20, 60])
def test_a_torn_last_line_counts_as_not_written(tmp_path: Path, lost: int) -> None:
    place = Folder(tmp_path)
    write(place, began(0, "acme"), read("acme"), receipt("acme"))
    (file,) = ledger.files(place)
    path = tmp_path / file.name
    path.write_bytes(path.read_bytes()[:-lost])
    assert last(place).accounts["acme"].status == STAGED


def test_a_line_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    write(place, began(0, "acme"))
    (file,) = ledger.files(place)
    with (tmp_path / file.name).open("ab") as out:
        out.write(b'{"event":"from the future"}\n')
    with pytest.raises(FleetError, match=r"runs/night/.* can't be read: Invalid value"):
        last_run(place)


def test_what_is_no_ledger_is_passed_over(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    place.write("runs/night/notes.txt", b"")
    assert ledger.files(place) == []


def test_without_a_run_there_is_no_last_one(folder: Place) -> None:
    assert last_run(folder) is None


def test_a_run_that_died_before_its_plan_was_written_is_none(folder: Place) -> None:
    write(folder, began(0, "acme"), run="first")
    Ledger(folder, "second", "run").close()
    assert last(folder).name == "first"


def test_the_last_run_is_the_one_that_began_last(folder: Place) -> None:
    write(folder, began(10), run="b")
    write(folder, began(20), run="a")
    write(folder, began(5), run="c")
    assert last(folder).name == "a"


def test_an_account_goes_from_waiting_by_staged_to_loaded(folder: Place) -> None:
    write(
        folder,
        began(0, "waiting", "staged", "loaded"),
        read("staged"),
        read("loaded"),
        receipt("loaded"),
    )
    accounts = last(folder).accounts
    assert {name: one.status for name, one in accounts.items()} == {
        "waiting": WAITING,
        "staged": STAGED,
        "loaded": LOADED,
    }
    assert accounts["loaded"].has_receipt
    assert accounts["loaded"].rows == {"users": 3}
    assert last(folder).not_loaded == ["waiting", "staged"]


def test_an_account_that_could_not_be_read_has_failed(folder: Place) -> None:
    write(folder, began(0, "acme"), read("acme", manifest="", error="No key."))
    account = last(folder).accounts["acme"]
    assert (account.status, account.error) == (FAILED, "No key.")


def test_an_account_that_could_not_be_loaded_has_failed(folder: Place) -> None:
    no = NotLoaded(time=at(2), account="acme", manifest="m1", error="No column.")
    write(folder, began(0, "acme"), read("acme"), no)
    account = last(folder).accounts["acme"]
    assert (account.status, account.error) == (FAILED, "No column.")


def test_an_account_that_was_stopped_is_loaded_but_not_done(folder: Place) -> None:
    stopped = read("acme", error="Stopped after 600 min.")
    write(folder, began(0, "acme"), stopped, receipt("acme"))
    account = last(folder).accounts["acme"]
    assert (account.status, account.has_receipt) == (FAILED, True)


def test_a_second_try_that_succeeds_makes_up_for_the_first(folder: Place) -> None:
    write(
        folder,
        began(0, "acme"),
        read("acme", 1, manifest="", error="It is down."),
        read("acme", 2, manifest="m2"),
        receipt("acme", 3, manifest="m2"),
    )
    account = last(folder).accounts["acme"]
    assert (account.status, account.error, account.requests) == (LOADED, "", 88)


def test_a_receipt_is_for_what_was_loaded_alone(folder: Place) -> None:
    write(
        folder,
        began(0, "acme"),
        read("acme", 1),
        receipt("acme", 2),
        read("acme", 3, manifest="m2"),
    )
    assert last(folder).accounts["acme"].status == STAGED


def test_the_clocks_of_machines_may_differ(folder: Place) -> None:
    write(folder, began(0, "acme"), read("acme", 30), writer="shard-1-of-1")
    write(folder, began(1), receipt("acme", 2), writer="load")
    assert last(folder).accounts["acme"].status == LOADED


def test_a_run_is_over_when_its_writer_has_ended(folder: Place) -> None:
    write(folder, began(0, "acme"), Alive(time=at(10)))
    assert (last(folder).is_over, last(folder).last) == (False, at(10))
    write(folder, began(20, "acme", goes_on=True), Ended(time=at(30)))
    assert last(folder).is_over
    assert last(folder).began == NIGHT


def test_shards_without_an_end_mark_are_missing(folder: Place) -> None:
    for number in (1, 3):
        shard = Began(time=at(number), kind="shard", shard=(number, 4))
        end = [Ended(time=at(10))] if number == 1 else []
        write(folder, shard, *end, writer=f"shard-{number}-of-4")
    assert last(folder).missing_shards == [2, 3, 4]
    assert not last(folder).is_over


def test_old_runs_are_removed(place: Place) -> None:
    for number in range(4):
        write(place, began(number), run=f"run-{number}")
    for run in ledger.newest_runs(place)[2:]:
        ledger.remove_run(place, run)
    assert [file.run for file in ledger.files(place)] == ["run-2", "run-3"]
