"""What was read and is not loaded yet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from tap_analytics.fleet.compression import Compressor, decompressed
from tap_analytics.fleet.errors import FleetError, ReadTwiceError
from tap_analytics.fleet.folder import Folder
from tap_analytics.fleet.staged_writer import (
    PART_BYTES,
    PART_SECONDS,
    PART_TEXT_BYTES,
    StagedWriter,
)
from tap_analytics.fleet.staging import Manifest, Staging, StagingError, Totals

if TYPE_CHECKING:
    from tap_analytics.fleet.places import Place

RECORD = b'{"type":"RECORD","stream":"users","record":{"id":"1"}}\n'


def state(number: int) -> bytes:
    return b'{"type":"STATE","value":{"n":%d}}\n' % number


@pytest.fixture
def staging(place: Place) -> Staging:
    return Staging(place, "run-1")


class Clock:
    """A clock that is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def writer(
    staging: Staging, clock: Clock | None = None, began: bytes = b"{}"
) -> StagedWriter:
    return StagedWriter(staging, "acme", Compressor(), began, clock or Clock())


def finish(writer: StagedWriter) -> Manifest:
    return writer.finish(Totals({"users": 1}, 2, 3.0), is_complete=True)


def text(staging: Staging) -> bytes:
    manifest = staging.manifest("acme")
    assert manifest is not None
    return b"".join(staging.lines(manifest))


def incompressible(lines: int) -> bytes:
    random = Path("/dev/urandom").open("rb")  # noqa: SIM115
    with random:
        return b"".join(
            b'{"type":"RECORD","x":"%b"}\n' % random.read(500).hex().encode()
            for _ in range(lines)
        )


def test_what_is_written_is_read(staging: Staging) -> None:
    one = writer(staging)
    for line in (RECORD, RECORD, state(1)):
        one.write(memoryview(line))
    finish(one)
    assert text(staging) == RECORD * 2 + state(1)


def test_an_account_is_whole_when_its_manifest_is_there(staging: Staging) -> None:
    one = writer(staging)
    one.write(RECORD)
    one.write(state(1))
    assert staging.whole() == []
    manifest = finish(one)
    assert staging.whole() == ["acme"]
    assert staging.manifest("acme") == manifest
    size = len(RECORD + state(1))
    assert manifest.totals == Totals({"users": 1}, 2, 3.0, size)


def test_small_accounts_are_one_part(staging: Staging) -> None:
    one = writer(staging)
    for number in range(5):
        one.write(RECORD)
        one.write(state(number))
    assert len(finish(one).parts) == 1


def test_a_part_ends_in_a_state(staging: Staging) -> None:
    one = writer(staging)
    one.write(state(1))
    for _ in range(4):
        one.write(incompressible(PART_BYTES // 1000))
    one.write(state(2))
    manifest = finish(one)
    assert len(manifest.parts) > 1
    for part in staging.lines(manifest):
        assert part.splitlines()[-1].startswith(b'{"type":"STATE"')


def test_a_part_whose_text_is_large_ends_however_well_it_shrinks(
    staging: Staging,
) -> None:
    one = writer(staging)
    lines = RECORD * (PART_TEXT_BYTES // len(RECORD) // 2)
    for _ in range(5):
        one.write(lines)
    manifest = finish(one)
    assert sum(part.size for part in manifest.parts) < PART_BYTES
    longest = max(len(part) for part in staging.lines(manifest))
    assert longest < PART_TEXT_BYTES + len(lines) + 100


def test_a_part_without_a_state_ends_in_the_one_it_began_with(staging: Staging) -> None:
    one = writer(staging, began=b'{"n":7}')
    one.write(RECORD)
    finish(one)
    assert text(staging) == RECORD + state(7)


def test_a_part_ends_with_the_first_state_after_a_minute(staging: Staging) -> None:
    clock = Clock()
    one = writer(staging, clock)
    one.write(RECORD)
    one.write(state(1))
    clock.now = PART_SECONDS
    one.write(RECORD)
    assert staging.place.names("run-1") == []
    one.write(state(2))
    assert len(staging.place.names("run-1")) == 1


def test_an_account_without_messages_is_whole_too(staging: Staging) -> None:
    finish(writer(staging))
    assert text(staging) == b'{"type":"STATE","value":{}}\n'


def test_what_is_left_unfinished_is_gone_on_with(staging: Staging) -> None:
    clock = Clock()
    dead = writer(staging, clock)
    for number in (1, 2):
        clock.now += PART_SECONDS
        dead.write(RECORD)
        dead.write(state(number))
    dead.write(RECORD)  # It is lost with its writer.
    found = staging.unfinished("acme")
    assert json.loads(found[-1].state) == {"n": 2}

    heir = writer(staging, began=found[-1].state)
    heir.go_on_after(found)
    heir.write(RECORD)
    heir.write(state(3))
    manifest = finish(heir)
    assert [part.name[:5] for part in manifest.parts] == ["00001", "00002", "00003"]
    expected = RECORD + state(1) + RECORD + state(2) + RECORD + state(3)
    assert text(staging) == expected


def test_what_is_gone_on_with_is_as_old_as_its_first_part(staging: Staging) -> None:
    clock = Clock()
    dead = writer(staging, clock)
    dead.began_ms = 1
    clock.now = PART_SECONDS
    dead.write(state(1))
    heir = writer(staging)
    heir.go_on_after(staging.unfinished("acme"))
    assert finish(heir).began_ms == 1


def test_the_size_of_what_is_staged_is_that_of_all_parts(staging: Staging) -> None:
    clock = Clock()
    dead = writer(staging, clock)
    clock.now = PART_SECONDS
    dead.write(RECORD + state(1))
    heir = writer(staging)
    heir.go_on_after(staging.unfinished("acme"))
    heir.write(RECORD)
    assert finish(heir).totals.text_bytes == len(text(staging))


def test_parts_whose_age_nobody_knows_are_old(own: Folder) -> None:
    whole = Compressor().compressed(RECORD + state(1))
    own.write("run-1/acme/00001-abc.jsonl.zst", whole)
    [part] = Staging(own, "run-1").unfinished("acme")
    assert part.began_ms == 0


def test_parts_of_two_writers_are_not_mixed(staging: Staging) -> None:
    clock = Clock()
    for _ in range(2):
        one = writer(staging, clock)
        clock.now += PART_SECONDS
        one.write(state(1))
    assert len(staging.unfinished("acme")) == 1


def test_a_writer_that_another_has_overtaken_fails(staging: Staging) -> None:
    clock = Clock()
    slow = writer(staging, clock)
    clock.now += PART_SECONDS
    slow.write(state(1))
    heir = writer(staging)
    heir.go_on_after(staging.unfinished("acme"))
    heir.write(state(2))
    finish(heir)
    with pytest.raises(ReadTwiceError, match="the account is read twice at once"):
        finish(slow_that_goes_on(slow))
    assert text(staging) == state(1) + state(2)


def slow_that_goes_on(slow: StagedWriter) -> StagedWriter:
    slow.write(RECORD)
    return slow


def test_a_removed_account_is_read_anew(staging: Staging) -> None:
    one = writer(staging)
    one.write(state(1))
    finish(one)
    staging.remove("acme")
    assert staging.manifest("acme") is None
    assert staging.unfinished("acme") == []


def test_a_refused_part_is_remembered(staging: Staging) -> None:
    one = writer(staging)
    one.write(RECORD)
    full = FleetError("the disk is full")
    with (
        mock.patch.object(type(staging.place), "create", side_effect=full),
        pytest.raises(FleetError),
    ):
        finish(one)
    assert one.error is full
    assert staging.whole() == []


# What is damaged


def damaged(folder: Folder, change: bytes | None) -> Staging:
    staging = Staging(folder, "run-1")
    one = writer(staging)
    one.write(RECORD)
    one.write(state(1))
    manifest = finish(one)
    part = folder.path / "run-1" / "acme" / manifest.parts[0].name
    if change is None:
        part.unlink()
    else:
        part.write_bytes(change)
    return staging


@pytest.fixture
def own(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_missing_part_is_named(own: Folder) -> None:
    staging = damaged(own, None)
    with pytest.raises(StagingError, match=r"run-1/acme/00001-.* is missing"):
        text(staging)


def test_a_part_that_is_not_what_the_manifest_says_is_named(own: Folder) -> None:
    for change in (b"", b"x", Compressor().compressed(state(1))):
        staging = damaged(own, change)
        with pytest.raises(StagingError, match="is not what the manifest says"):
            text(staging)
        staging.remove("acme")


@pytest.mark.parametrize("kept", [0, 1, 10, -1])
def test_a_torn_part_is_not_gone_on_with(own: Folder, kept: int) -> None:
    whole = Compressor().compressed(RECORD + state(1))
    own.write("run-1/acme/00001-abc.jsonl.zst", whole[:kept])
    assert Staging(own, "run-1").unfinished("acme") == []


def test_a_part_without_a_state_is_not_gone_on_with(own: Folder) -> None:
    own.write("run-1/acme/00001-abc.jsonl.zst", Compressor().compressed(RECORD))
    assert Staging(own, "run-1").unfinished("acme") == []


def test_a_torn_manifest_is_named(own: Folder) -> None:
    own.write("run-1/acme/manifest.json", b'{"account":')
    with pytest.raises(StagingError, match=r"run-1/acme/manifest\.json is damaged"):
        Staging(own, "run-1").manifest("acme")


def test_a_manifest_of_another_format_is_not_read(own: Folder) -> None:
    own.write("run-1/acme/manifest.json", b'{"format":2,"new":true}')
    with pytest.raises(StagingError, match="was written by another version"):
        Staging(own, "run-1").manifest("acme")


def test_a_manifest_of_another_account_is_refused(own: Folder) -> None:
    staging = Staging(own, "run-1")
    finish(writer(staging))
    moved = own.read("run-1/acme/manifest.json")
    assert moved is not None
    own.write("run-1/beta/manifest.json", moved)
    with pytest.raises(StagingError, match="is that of account acme in run run-1"):
        staging.manifest("beta")


def test_a_crash_at_any_moment_leaves_nothing_that_is_taken_for_whole(
    own: Folder,
) -> None:
    staging = Staging(own, "run-1")
    for moment in range(2):  # A file for the part, one for the manifest.
        crash = [None] * moment + [KeyboardInterrupt]
        one = writer(staging)
        one.write(RECORD + state(1))
        with (
            mock.patch("os.fsync", side_effect=crash),
            pytest.raises(KeyboardInterrupt),
        ):
            finish(one)
        assert staging.whole() == []
        assert staging.manifest("acme") is None
        staging.remove("acme")


def test_many_frames_are_read_as_one_text() -> None:
    compressor = Compressor()
    frames = compressor.compressed(b"ab") + compressor.compressed(b"cd")
    assert decompressed(frames) == b"abcd"
